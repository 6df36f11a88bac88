// @ts-check
/** The curves of several runs in the same charts. */
import { get } from "./api.js";
import { Clock } from "./axis.js";
import { theme } from "./chart.js";
import { Figure } from "./figure.js";
import { groups, isEval, labelOf } from "./kinds.js";
import { titleOf } from "./runs.js";
import { wholeRange } from "./smooth.js";
import { Source } from "./source.js";

/** @typedef {import("./runs.js").Run} Run */
/** @typedef {import("./view.js").View} View */

const POINTS = 500; // buckets of a curve
const KNOTS = 100;
const LIVES = 100_000; // process lives of run k are numbered from k times this
const HEIGHTS = { loss: 340, other: 230 };
const SMOOTHED = /^(?!(learning_rate|lr|scale|temperature|epoch|momentum|weight_decay)$)/;

/** The clocks of all runs behind one: which run it is is told by the number of the life. */
class Clocks {
  constructor() {
    /** @type {Map<number, Clock>} */ this.of = new Map();
  }

  /** @param {import("./axis.js").Axis} axis @param {number} seg @param {number} step */
  x(axis, seg, step) {
    if (axis === "step") return step;
    return this.of.get(Math.floor(seg / LIVES))?.x(axis, seg % LIVES, step) ?? NaN;
  }

  has(/** @type {import("./axis.js").Axis} */ axis) {
    return [...this.of.values()].some((clock) => clock.has(axis));
  }
}

export class Overlay {
  /**
   * @param {HTMLElement} host
   * @param {{view: View, part: [number, number] | null, speak: (words: string) => void, onZoom: () => void}} how
   *   part: the places of the x axis that are shown first; onZoom: they are others now
   */
  constructor(host, how) {
    this.host = host;
    this.how = how;
    /** @type {View} */ this.view = { ...how.view, zoom: null, axis: how.view.axis === "wall" ? "step" : how.view.axis };
    /** @type {Run[]} */ this.runs = [];
    /** @type {Map<string, Figure>} */ this.figures = new Map();
    /** @type {[number, number] | null} */ this.part = how.part; // places of the x axis that are shown
    /** @type {View["axis"]} */ this.axis = this.view.axis; // wanted last: what it needs may still be read
    /** @type {number | null} */ this.pin = null;
    this.clocks = new Clocks();
    this.source = new Source((names, part) => this.#ask(names, part), POINTS);
    this.seen = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "200px" });
    addEventListener("themechange", () => this.#repaint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint());
  }

  /** @param {Run[]} runs */
  show(runs) {
    this.runs = runs;
    const names = [...new Set(runs.flatMap((run) => run.series))];
    const wanted = groups(names).filter((group) => !group.system);
    const made = wanted.map((group) => this.#figure(group));
    const ids = new Set(wanted.map((group) => group.id));
    for (const [id, figure] of this.figures) if (!ids.has(id)) this.#drop(id, figure);
    made.forEach((figure, i) => {
      if (this.host.children[i] !== figure.element) this.host.insertBefore(figure.element, this.host.children[i] ?? null);
    });
  }

  /** @param {import("./kinds.js").Group} group @returns {Figure} */
  #figure(group) {
    const abouts = this.runs.flatMap((run) => group.names.filter((name) => run.series.includes(name)).map((name) => ({
      name: `${run.job.id}:${name}`,
      label: group.names.length > 1 ? `${titleOf(run.job)} · ${labelOf(name)}` : titleOf(run.job),
      color: run.color, dash: run.dash,
      kind: /** @type {"train" | "eval"} */ (isEval(name) ? "eval" : "train"),
      smoothable: !isEval(name) && SMOOTHED.test(name),
    })));
    const there = this.figures.get(group.id);
    if (there && JSON.stringify(there.abouts) === JSON.stringify(abouts)) return there;
    if (there) this.#drop(group.id, there);
    const figure = new Figure({ ...group, names: abouts.map((one) => one.name) }, abouts, {
      height: group.id === "loss" ? HEIGHTS.loss : HEIGHTS.other,
      onZoom: (low, high) => this.zoom(low, high),
      onPin: (x) => this.#pin(x),
      speak: this.how.speak,
    });
    this.figures.set(group.id, figure);
    this.seen.observe(figure.element);
    return figure;
  }

  #drop(/** @type {string} */ id, /** @type {Figure} */ figure) {
    this.seen.unobserve(figure.element);
    figure.chart?.destroy();
    figure.element.remove();
    this.figures.delete(id);
  }

  /** Series of several runs from the server, as if they were one run's. */
  async #ask(/** @type {string[]} */ names, /** @type {{points: number, lo?: number, hi?: number}} */ part) {
    /** @type {Map<string, string[]>} */ const of = new Map();
    for (const name of names) {
      const [id, ...rest] = name.split(":");
      of.set(id, [...(of.get(id) ?? []), rest.join(":")]);
    }
    /** @type {{series: Record<string, any>, total: Record<string, number>}} */
    const all = { series: {}, total: {} };
    await Promise.all([...of].map(async ([id, own]) => {
      const answer = await get(`/api/jobs/${id}/series`, { names: own.join(","), ...part });
      for (const [name, raw] of Object.entries(answer.series)) {
        const seg = raw.seg ?? new Array(raw.step.length).fill(1);
        all.series[`${id}:${name}`] = { ...raw, seg: seg.map((/** @type {number} */ one) => one + Number(id) * LIVES) };
        all.total[`${id}:${name}`] = answer.total?.[name];
      }
    }));
    return all;
  }

  async #seen(/** @type {IntersectionObserverEntry[]} */ entries) {
    for (const entry of entries) {
      const figure = [...this.figures.values()].find((one) => one.element === entry.target);
      if (figure) figure.visible = entry.isIntersecting;
    }
    await this.#load();
  }

  /** Read what is in sight and not here yet. */
  async #load() {
    const due = [...this.figures.values()].filter((figure) => figure.visible && !figure.loaded);
    for (const figure of due) figure.loaded = true;
    const missing = due.flatMap((figure) => figure.abouts.map((one) => one.name)).filter((name) => !this.source.whole.has(name));
    await Promise.all([this.source.load(missing), this.#readClocks()]);
    for (const figure of due) figure.dirty = true;
    this.draw();
    if (due.length) await this.#readPart();
  }

  async #readClocks(axis = this.view.axis) {
    if (axis === "step") return;
    const missing = this.runs.filter((run) => !this.clocks.of.has(run.job.id));
    await Promise.all(missing.map(async ({ job }) => {
      const clock = new Clock();
      clock.load(await get(`/api/jobs/${job.id}/clock`, { points: KNOTS }));
      this.clocks.of.set(job.id, clock);
    }));
  }

  /** Read runs anew that have gone on. @param {number[]} ids */
  async reload(ids) {
    const own = (/** @type {string} */ name) => ids.includes(Number(name.split(":")[0]));
    const names = [...this.source.whole.keys()].filter(own);
    for (const id of ids) this.clocks.of.delete(id);
    if (!names.length) return;
    await Promise.all([this.source.load(names), this.#readClocks()]);
    this.#touch();
  }

  /** @param {Partial<View>} change */
  async look(change) {
    if (change.axis) {
      this.axis = change.axis;
      await this.#readClocks(change.axis); // the axis in use stays until the other can be drawn
      if (this.axis !== change.axis) return; // yet another is wanted by now
    }
    this.view = { ...this.view, ...change };
    if (change.axis) this.zoom(null);
    this.#touch();
  }

  /** Show places of the x axis from one to another; all of them without. @param {number | null} low @param {number} [high] */
  async zoom(low, high = 0) {
    this.part = low === null || high <= low ? null : [Math.max(low, 0), high];
    this.source.unzoom();
    this.how.onZoom();
    this.#touch();
    await this.#readPart();
  }

  /** Read the part that is shown anew, for the charts in sight. */
  async #readPart() {
    if (!this.part) return;
    const [from, to] = this.#steps(this.part);
    const names = [...this.figures.values()].filter((one) => one.visible).flatMap((one) => one.abouts.map(({ name }) => name));
    const part = this.part;
    await this.source.zoom(names, from, to, Math.ceil((to - from) / 2));
    if (this.part === part) this.#touch();
  }

  /** The steps, of whichever run, that lie between two places. @param {[number, number]} part */
  #steps(part) {
    if (this.view.axis === "step") return [Math.max(part[0], 0), part[1]];
    const ends = [...this.clocks.of.values()].flatMap((clock) => part.map((x) => clock.step(this.view.axis, x)).filter(Number.isFinite));
    return [Math.max(Math.min(...ends), 0), Math.max(...ends)];
  }

  #touch() {
    for (const figure of this.figures.values()) figure.dirty = true;
    this.draw();
  }

  draw() {
    const due = [...this.figures.values()].filter((one) => one.visible && one.loaded && one.dirty);
    if (!due.length) return;
    const scene = this.#scene();
    for (const figure of due) figure.draw(scene);
  }

  /** @returns {any} */
  #scene() {
    const marks = { regions: [], checkpoints: [], best: null, joins: [], pin: this.pin };
    const planned = Math.max(0, ...this.runs.map(({ job }) => job.steps ?? 0));
    return {
      view: this.view, source: this.source, clock: this.clocks, range: wholeRange(planned, this.source.end),
      span: this.part ?? this.#extent(), marks: () => marks, job: "compare", pin: this.pin,
    };
  }

  /** @returns {[number, number]} */
  #extent() {
    let [low, high] = [Infinity, -Infinity];
    const ours = new Set(this.runs.map(({ job }) => String(job.id)));
    for (const [name, { buckets: b }] of this.source.whole) {
      if (!ours.has(name.split(":")[0])) continue;
      for (let i = 0; i < b.length; i++) {
        const x = this.clocks.x(this.view.axis, b.seg[i], b.step[i]);
        if (x < low) low = x;
        if (x > high) high = x;
      }
    }
    if (low > high) return [0, 1];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }

  #pin(/** @type {number} */ x) {
    this.pin = this.pin === null ? x : null;
    this.#touch();
  }

  #repaint() {
    theme.style = null;
    for (const figure of this.figures.values()) if (figure.loaded) figure.repaint();
  }
}
