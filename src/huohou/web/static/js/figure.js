// @ts-check
/** A chart with all that belongs to it: legend, words, table, downloads, keyboard. */
import { clockwise } from "./axis.js";
import { canDraw, Chart, theme } from "./chart.js";
import { el, fill, set, show } from "./dom.js";
import { Drawn } from "./drawn.js";
import { clock, count, number } from "./format.js";
import { aboutLine, summary } from "./summary.js";
import { allPositive, line, nearest } from "./lines.js";
import { paged } from "./table.js";
import { Tip } from "./tip.js";
import { language, say } from "./words.js";

/** @typedef {import("./lines.js").Line} Line */
/** @typedef {import("./kinds.js").Group} Group */
/** @typedef {import("./kinds.js").About} About */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./marks.js").Marks} Marks */

/**
 * @typedef {object} Scene what all figures of the page share at this moment
 * @property {View} view
 * @property {import("./source.js").Source} source
 * @property {import("./axis.js").Clock} clock
 * @property {number} range steps of the whole run
 * @property {[number, number]} span ends of the x axis
 * @property {(group: Group) => Marks} marks
 * @property {string} job its name, for files
 * @property {number | null} pin a place that was clicked
 * @property {number} version changes with everything that is drawn beside the lines
 */

const STRIDE = 10; // places a page key moves

export class Figure {
  /** @type {Line[]} */ lines = [];
  /** @type {Set<string>} */ hidden = new Set();
  /** @type {Scene | null} */ scene = null;
  /** @type {{button: HTMLElement, value: HTMLElement, name: string}[]} */ keys = [];
  /** @type {ReturnType<typeof paged> | null} */ table = null;
  /** @type {number | null} */ at = null; // where the pointer is
  dirty = true;
  visible = false;
  asked = false; // its series
  loaded = false;
  part = ""; // which part of them was read anew
  /** @type {Drawn | null} */ drawn = null;

  /**
   * @param {Group} group @param {About[]} abouts
   * @param {{height: number, onZoom: (low: number | null, high?: number) => void, onPin: (x: number) => void,
   *   speak: (words: string) => void}} how
   */
  constructor(group, abouts, how) {
    this.group = group;
    this.abouts = abouts;
    this.how = how;
    const { id, title } = group;
    this.legend = el("div", { class: "legend" });
    this.plot = el("div", {
      class: "plot", role: "figure", tabindex: "0", "aria-label": title, "aria-describedby": `chart-${id}-words`,
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event), onblur: () => this.chart.leave(),
    });
    this.empty = el("p", { class: "empty", hidden: true }, say(canDraw ? "web.js.job.chart.empty" : "web.js.job.chart.no_library"));
    this.words = el("p", { class: "muted small", id: `chart-${id}-words` });
    this.details = /** @type {HTMLDetailsElement} */ (el("details", { ontoggle: () => this.#open() }, el("summary", {}, say("web.js.job.chart.table"))));
    this.element = el("section", { class: "card figure", "data-testid": `chart-${id}`, "aria-labelledby": `chart-${id}-title` },
      el("div", { class: "row apart head" }, el("h3", { id: `chart-${id}-title` }, title), this.#downloads()),
      this.legend, this.plot, this.empty, this.words, this.details);
    this.tip = new Tip(this.plot);
    this.chart = new Chart(this.plot, {
      height: how.height, onZoom: how.onZoom, onPin: how.onPin, onHover: (x) => this.#hover(x),
    });
  }

  /** Draw what is known now. @param {Scene} scene */
  draw(scene) {
    this.scene = scene;
    this.dirty = false;
    this.lines = this.abouts.flatMap((about) => this.#line(about, scene));
    const lines = this.lines.filter((one) => !this.hidden.has(one.name));
    const log = scene.view.log && allPositive(lines);
    const some = this.lines.some((one) => one.buckets.length);
    show(this.empty, !some || !canDraw);
    show(this.plot, some && canDraw);
    if (!some) return;
    const { axis, clip } = scene.view;
    this.chart.show({ lines, axis, span: scene.span, log, clip, marks: scene.marks(this.group) });
    const scale = this.chart.plot?.scales.y;
    this.drawn = new Drawn(scene, this.lines, [scale?.min ?? 0, scale?.max ?? 0], performance.now());
    this.#legend();
    this.#caption(scene, log);
    if (this.details.open) this.table?.show();
  }

  repaint() {
    this.chart.repaint();
  }

  /** Whether drawing anew would show no more. @param {Scene} scene */
  isSame(scene) {
    return this.drawn?.isSame(scene, this.abouts, this.plot.clientWidth, performance.now()) ?? false;
  }

  /** Only what stands in the legend. @param {Scene} scene */
  tell(scene) {
    for (const { value, name } of this.keys) {
      const last = scene.source.shown(name)?.shown.last.at(-1);
      if (this.at === null && scene.pin === null && last !== undefined) set(value, number(last));
    }
  }

  /** @param {About} about @param {Scene} scene @returns {Line[]} */
  #line(about, { source, view, clock: times, range }) {
    const held = source.shown(about.name);
    if (!held) return [];
    const joined = view.axis === "time" || view.axis === "wall";
    const x = (/** @type {number} */ seg, /** @type {number} */ step) => times.x(view.axis, seg, step);
    return [line(about, held.shown, { lead: held.lead, strength: view.smooth, range, joined, x })];
  }

  /** The downloads of what is shown. */
  #downloads() {
    const save = (/** @type {string} */ form) => () => this.#save(form);
    return el("details", { class: "menu", "data-testid": "export" },
      el("summary", { class: "quiet small", "aria-label": say("web.js.job.chart.save", { title: this.group.title }) }, "↓"),
      el("div", { class: "menu-body" }, [...(canDraw ? ["png"] : []), "csv", "json"].map((form) =>
        el("button", { type: "button", class: "quiet small", "data-testid": `save-${form}`, onclick: save(form) }, form.toUpperCase()))));
  }

  async #save(/** @type {string} */ form) {
    if (!this.scene) return;
    const file = `${this.scene.job}-${this.group.id}`.replace(/[^\p{L}\p{N}._-]+/gu, "_");
    const { asCsv, asJson, download, pictureOf } = await import("./export.js");
    const about = { job: this.scene.job, chart: this.group.id, view: this.scene.view, lines: this.lines };
    if (form === "csv") download(`${file}.csv`, new Blob([asCsv(about)], { type: "text/csv;charset=utf-8" }));
    else if (form === "json") download(`${file}.json`, new Blob([asJson(about)], { type: "application/json" }));
    else download(`${file}.png`, await pictureOf(this.chart.plot, `${this.scene.job} · ${this.group.title}`, this.lines, theme));
    this.element.querySelector(".menu")?.removeAttribute("open");
  }

  /** Names with the newest values; a click hides a line. */
  #legend() {
    if (this.keys.length !== this.lines.length) {
      this.keys = this.lines.map((one) => this.#keyOf(one));
      fill(this.legend, this.keys.map((key) => key.button));
    }
    if (this.at === null) this.#values(this.scene?.pin);
  }

  /** @param {Line} one */
  #keyOf(one) {
    const value = el("b", { class: "value" });
    const button = el("button", {
      type: "button", class: "key", "data-kind": one.kind, "data-line": one.name, "aria-pressed": "true",
      title: say("web.js.job.chart.hide"), onclick: () => this.#toggle(one.name, button),
    }, el("span", { class: "swatch" }), el("span", { class: one.label === this.group.title ? "visually-hidden" : null }, one.label), value);
    button.style.setProperty("--line-color", `var(${one.color})`);
    return { button, value, name: one.name };
  }

  #toggle(/** @type {string} */ name, /** @type {HTMLElement} */ button) {
    const shown = this.hidden.delete(name);
    if (!shown) this.hidden.add(name);
    button.setAttribute("aria-pressed", String(shown));
    if (this.scene) this.draw(this.scene);
  }

  /** Values at a place, of the newest where none is pointed at. @param {number | null | undefined} x */
  #values(x) {
    for (const { value, name } of this.keys) {
      const one = this.lines.find((l) => l.name === name);
      const i = one ? (x === null || x === undefined ? newest(one) : nearest(one, x)) : -1;
      set(value, one && i >= 0 ? number(one.buckets.last[i]) : "");
    }
  }

  /** @param {number | null} x */
  #hover(x) {
    this.at = x;
    this.#values(x ?? this.scene?.pin);
    if (x === null || !this.plot.matches(":hover, :focus")) this.tip.hide();
    else this.tip.show(this.#told(x), this.chart.plot);
    if (x !== null && this.plot.matches(":focus:not(:hover)")) this.how.speak(this.#spoken(x));
  }

  /** What there is to say of a place: head and lines, the greatest value first. @param {number} x */
  #told(x) {
    const shown = this.lines.filter((one) => !this.hidden.has(one.name));
    const rows = shown.flatMap((one) => {
      const i = nearest(one, x);
      return i < 0 ? [] : [{ color: one.color, value: one.buckets.last[i], ...aboutLine(one, i) }];
    });
    rows.sort((a, b) => (Number.isNaN(b.value) ? -1 : b.value) - (Number.isNaN(a.value) ? -1 : a.value));
    return { head: this.#place(x), rows };
  }

  #spoken(/** @type {number} */ x) {
    const { head, rows } = this.#told(x);
    return [head, ...rows.map((row) => `${row.label} ${row.text}`)].join(", ");
  }

  /** Where a place is, in words. @param {number} x */
  #place(x) {
    const scene = /** @type {Scene} */ (this.scene);
    const one = this.lines.find((l) => l.tracks[0].x.length);
    const i = one ? nearest(one, x) : -1;
    if (!one || i < 0) return "";
    const { seg, step } = one.buckets;
    const told = [say("web.js.job.at.step", { step: count(step[i]) })];
    const [epoch, wall] = [scene.clock.x("epoch", seg[i], step[i]), scene.clock.x("wall", seg[i], step[i])];
    if (Number.isFinite(epoch)) told.push(say("web.js.job.at.epoch", { epoch: number(epoch, 3) }));
    if (scene.view.axis === "time") told.push(clockwise(scene.clock.x("time", seg[i], step[i])));
    if (Number.isFinite(wall)) told.push(clock(wall));
    return told.join(" · ");
  }

  /** @param {Scene} scene @param {boolean} log */
  #caption(scene, log) {
    const told = summary(this.lines, { ...scene, explains: this.group.id === "loss" }, this.group.title);
    if (scene.view.log && !log) told.push(say("web.js.job.chart.no_log"));
    set(this.words, told.join(language === "zh" ? "" : " "));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1, PageDown: STRIDE, PageUp: -STRIDE, End: Infinity, Home: -Infinity }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (by !== undefined) this.chart.step(by);
    else if (event.key === "Escape") this.chart.leave();
    else if (event.key === "Enter" && typeof this.at === "number") this.how.onPin(this.at);
    else if ("+-0".includes(event.key)) this.#magnify(event.key);
    else return;
    event.preventDefault();
  }

  /** Half of what is shown around the cursor, twice of it, or all. @param {string} key */
  #magnify(key) {
    const span = this.scene?.span;
    if (!span || key === "0") return this.how.onZoom(null);
    const middle = this.at ?? (span[0] + span[1]) / 2;
    const half = ((span[1] - span[0]) / 2) * (key === "+" ? 0.5 : 2);
    return this.how.onZoom(middle - half, middle + half);
  }

  #open() {
    if (!this.details.open) return;
    this.table ??= this.#makeTable();
    this.table.show();
  }

  #makeTable() {
    const columns = [say("web.js.job.table.line"), say("web.js.job.table.step"), say("web.js.job.table.last"),
      say("web.js.job.table.low"), say("web.js.job.table.high"), say("web.js.job.table.smooth"), say("web.js.job.table.n")];
    const flat = () => this.lines.flatMap((l) => l.buckets.step.map((_, i) => ({ l, i })));
    const made = paged({
      caption: say("web.js.job.table.caption", { title: this.group.title }), columns, numeric: [1, 2, 3, 4, 5, 6],
      total: () => this.lines.reduce((sum, l) => sum + l.buckets.length, 0),
      rows: (begin, end) => flat().slice(begin, end).map(({ l, i }) => {
        const b = l.buckets;
        return [l.label, count(b.step[i]), number(b.last[i]), number(b.min[i]), number(b.max[i]), l.smoothed ? number(l.smoothed[i]) : "–", count(b.n[i])];
      }),
    });
    this.details.append(made.element);
    return made;
  }
}

/** The newest bucket of the run as it is. @param {Line} one */
function newest(one) {
  return one.tracks[0].at.at(-1) ?? -1;
}
