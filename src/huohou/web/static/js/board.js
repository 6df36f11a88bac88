// @ts-check
/** All charts of a job: what is read for them, when they are drawn, how they are looked at. */
import { marksOf } from "./annotations.js";
import { Clock } from "./axis.js";
import { theme } from "./chart.js";
import { fill } from "./dom.js";
import { Figure } from "./figure.js";
import { steps } from "./findings.js";
import { abouts, groups } from "./kinds.js";
import { allPositive } from "./lines.js";
import { reach, wholeRange } from "./smooth.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./kinds.js").Group} Group */
/** @typedef {import("./findings.js").Finding} Finding */
/** @typedef {import("./annotations.js").Checkpoint} Checkpoint */

const FEW = 8; // series that are read all at once, as the page's head asks for them already
const PACE = 1000; // ms between two drawings of what came live
const HEIGHTS = { loss: 330, other: 210 };

export class Board {
  /** @type {Map<string, Figure>} */ figures = new Map();
  /** @type {Finding[]} */ findings = [];
  /** @type {Checkpoint[]} */ checkpoints = [];
  /** @type {string[]} */ names = [];
  /** @type {string | null} */ lit = null; // code of the finding that is pointed at
  /** @type {number | null} */ pin = null;
  /** @type {View["axis"] | null} */ axis = null; // wanted last: what it needs may still be read
  /** @type {number | null | undefined} */ steps = null; // planned
  /** @type {[number, number] | undefined} */ span;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ reading;
  clock = new Clock();
  drawn = 0; // ms
  timer = 0;
  waiting = false;
  version = 0; // of marks, pin and all that is not a point

  /**
   * @param {{host: HTMLElement, system: HTMLElement, source: Source, view: View, name: string,
   *   onView: (view: View) => void, onFirst: () => void, readClock: () => Promise<any>,
   *   speak: (words: string) => void, fail: (error: Error) => void}} how
   */
  constructor(how) {
    this.how = how;
    this.source = how.source;
    this.view = how.view;
    this.seen = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "120px" });
    document.addEventListener("visibilitychange", () => this.later());
    addEventListener("themechange", () => this.#repaint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint());
  }

  /** Make charts of the series there are; those that are there already stay. @param {string[]} names */
  arrange(names) {
    this.names = [...new Set([...this.names, ...names])].sort();
    const wanted = groups(this.names);
    for (const group of wanted) {
      const there = this.figures.get(group.id);
      if (there && there.group.names.join() === group.names.join()) continue;
      const figure = this.#make(group);
      if (there) this.#replace(there, figure);
      this.figures.set(group.id, figure);
    }
    const of = (/** @type {boolean} */ system) => wanted.filter((group) => group.system === system).map((group) => this.#figure(group.id).element);
    place(this.how.host, of(false));
    place(this.how.system, of(true));
  }

  /** Points of the stream. @param {import("./series.js").Point[]} points @param {string | undefined} cursor */
  take(points, cursor) {
    const changed = this.source.take(points, cursor);
    if (this.clock.loaded) for (const point of points) this.clock.add(point);
    if ([...changed].some((name) => !this.names.includes(name))) this.arrange([...changed]);
    for (const figure of this.figures.values()) {
      if (figure.group.names.some((name) => changed.has(name))) figure.dirty = true;
    }
    this.later();
  }

  /** Look at the curves in another way. @param {Partial<View>} change */
  async look(change) {
    if (change.axis) {
      this.axis = change.axis;
      if (change.axis !== "step") await this.loadClock(); // the axis in use stays until the other can be drawn
      if (this.axis !== change.axis) return; // yet another is wanted by now
      if (!this.clock.has(change.axis)) change = { ...change, axis: this.view.axis };
    }
    this.view = { ...this.view, ...change };
    this.how.onView(this.view);
    if ("zoom" in change) {
      this.source.unzoom();
      for (const figure of this.figures.values()) figure.part = "";
    }
    this.#all();
    this.now();
    if (this.view.zoom && ("zoom" in change || "smooth" in change)) {
      clearTimeout(this.reading);
      this.reading = setTimeout(() => this.#read(), "smooth" in change ? 300 : 0);
    }
  }

  /** Show places of the x axis from one to another; all of them without. @param {number | null} low @param {number} [high] */
  zoom(low, high = 0) {
    if (low === null) return this.look({ zoom: null });
    const ends = [low, high].map((x) => this.clock.step(this.view.axis, x)).sort((a, b) => a - b);
    const [from, to] = [Math.max(Math.floor(ends[0]), 0), Math.ceil(ends[1])];
    if (!(to - from >= 2)) return undefined;
    const whole = this.source.whole.size > 0 && from <= this.first && to >= this.source.end;
    return this.look({ zoom: whole ? null : [from, to] });
  }

  /** What a finding is about. @param {Finding} finding */
  go(finding) {
    const about = steps(finding, this.source.end);
    const figure = this.figures.get("loss") ?? [...this.figures.values()][0];
    figure?.element.scrollIntoView({ block: "center", behavior: "smooth" });
    figure?.plot?.focus({ preventScroll: true });
    if (!about) return;
    const room = Math.max((about[1] - about[0]) * 0.2, this.source.end * 0.02, 4);
    this.zoom(this.#x(about[0] - room), this.#x(about[1] + room));
  }

  /** Draw all again soon: something else than points is new. */
  touch() {
    this.#all();
    this.later();
  }

  /** Draw what has changed, not more than once a second, and only if somebody looks. */
  later() {
    if (document.hidden || this.timer) return;
    const wait = Math.max(PACE - (performance.now() - this.drawn), 0);
    this.timer = setTimeout(() => {
      this.timer = 0;
      requestAnimationFrame(() => this.now());
    }, wait);
  }

  /** Draw what has changed and is in sight. */
  now() {
    if (document.hidden) return;
    this.#spread();
    const due = [...this.figures.values()].filter((figure) => figure.visible && figure.loaded && figure.dirty);
    if (!due.length) return;
    this.drawn = performance.now();
    const scene = this.#scene();
    for (const figure of due) {
      if (figure.isSame(scene)) figure.tell(scene);
      else figure.draw(scene);
    }
  }

  /** Show what a finding is about, or nothing any more. @param {string | null} code */
  light(code) {
    this.lit = code;
    this.#all();
    this.now();
  }

  /** Everything has to be drawn anew. */
  #all() {
    this.version++;
    for (const figure of this.figures.values()) figure.dirty = true;
  }

  /** Whether a logarithmic axis can be shown anywhere. */
  get canLog() {
    const known = [...this.figures.values()].filter((figure) => figure.lines.length);
    return !known.length || known.some((figure) => allPositive(figure.lines));
  }

  async loadClock() {
    if (this.clock.loaded) return;
    this.clock.load(await this.how.readClock());
    for (const message of this.source.late) for (const point of message.points) this.clock.add(point);
  }

  /** Everything anew: the run's files are others than they were. */
  forget() {
    this.source.forget();
    this.names = [];
    for (const figure of this.figures.values()) figure.loaded = figure.asked = false;
    this.#want();
  }

  #figure(/** @type {string} */ id) {
    return /** @type {Figure} */ (this.figures.get(id));
  }

  #make(/** @type {Group} */ group) {
    const figure = new Figure(group, abouts(group.names), {
      height: group.id === "loss" ? HEIGHTS.loss : HEIGHTS.other,
      onZoom: (low, high) => this.zoom(low, high),
      onPin: (x) => this.#pin(x),
      speak: this.how.speak,
    });
    this.seen.observe(figure.element);
    return figure;
  }

  #replace(/** @type {Figure} */ old, /** @type {Figure} */ figure) {
    this.seen.unobserve(old.element);
    old.chart?.destroy();
    old.element.replaceWith(figure.element);
  }

  #seen(/** @type {IntersectionObserverEntry[]} */ entries) {
    for (const entry of entries) {
      const figure = [...this.figures.values()].find((one) => one.element === entry.target);
      if (figure) figure.visible = entry.isIntersecting;
    }
    this.#want();
  }

  /** Read what is in sight and not here yet, all at once; the first chart also out of sight. */
  #want() {
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(async () => {
      this.waiting = false;
      const all = [...this.figures.values()];
      const begins = !all.some((figure) => figure.asked);
      const few = begins && this.names.length <= FEW;
      const due = all.filter((figure, i) => !figure.asked && (figure.visible || few || (begins && i === 0)));
      if (!due.length) return this.now(); // what came into sight may have been read before
      for (const figure of due) figure.asked = true;
      try {
        await this.source.load(due.flatMap((figure) => figure.group.names).sort());
      } catch (error) {
        for (const figure of due) figure.asked = false;
        this.how.fail(/** @type {Error} */ (error));
        return;
      }
      for (const figure of due) figure.loaded = true;
      this.#all();
      await this.#axis();
      this.now();
      this.how.onFirst();
      if (this.view.zoom) await this.#read();
    });
  }

  async #axis() {
    if (this.view.axis === "step") return;
    await this.loadClock();
    if (!this.clock.has(this.view.axis)) this.look({ axis: "step" });
  }

  /** Read the part that is shown anew, of charts in sight that do not have it. */
  async #read() {
    const zoom = this.view.zoom;
    if (!zoom) return;
    const before = reach(this.view.smooth, this.#range());
    const key = [...zoom, before].join();
    const due = [...this.figures.values()].filter((figure) => figure.visible && figure.loaded && figure.part !== key);
    for (const figure of due) figure.part = key;
    try {
      await this.source.zoom(due.flatMap((figure) => figure.group.names), zoom[0], zoom[1], before);
    } catch (error) {
      for (const figure of due) figure.part = "";
      this.how.fail(/** @type {Error} */ (error));
      return;
    }
    if (this.view.zoom !== zoom) return;
    this.#all();
    this.now();
  }

  #range() {
    return wholeRange(this.steps, this.source.end);
  }

  get first() {
    const firsts = [...this.source.whole.values()].map(({ buckets }) => Math.min(...buckets.step));
    return Math.min(...firsts, Infinity);
  }

  /** The ends of the x axis, the same below all charts. */
  #spread() {
    const old = this.span?.join();
    this.span = this.view.zoom ? [this.#x(this.view.zoom[0]), this.#x(this.view.zoom[1])] : this.#extent();
    if (this.span[1] <= this.span[0]) this.span = [this.span[0] - 0.5, this.span[0] + 0.5];
    if (old !== this.span.join()) for (const figure of this.figures.values()) figure.dirty = true;
  }

  /** @returns {[number, number]} */
  #extent() {
    let [low, high] = [Infinity, -Infinity];
    for (const { buckets: b } of this.source.whole.values()) {
      for (let i = 0; i < b.length; i++) {
        const inside = i > 0 && i < b.length - 1 && b.seg[i] === b.seg[i - 1] && b.seg[i] === b.seg[i + 1];
        if (inside) continue; // only the ends of a life can be ends of all
        const x = this.clock.x(this.view.axis, b.seg[i], b.step[i]);
        if (x < low) low = x;
        if (x > high) high = x;
      }
    }
    return low <= high ? [low, high] : [0, 1];
  }

  /** Where a step of the run as it is stands. @param {number} step @param {number} [seg] */
  #x(step, seg) {
    if (this.view.axis === "step") return step;
    return this.clock.x(this.view.axis, seg ?? this.clock.lifeOf(step), step);
  }

  /** @returns {import("./figure.js").Scene} */
  #scene() {
    const { findings, checkpoints, source, lit, pin } = this;
    const known = { findings, checkpoints, source, lit, pin, x: (/** @type {number} */ step, /** @type {number | undefined} */ seg) => this.#x(step, seg) };
    return {
      view: this.view, source: this.source, clock: this.clock, range: this.#range(), job: this.how.name,
      span: /** @type {[number, number]} */ (this.span), marks: (group) => marksOf(group, known), pin: this.pin, version: this.version,
    };
  }

  #pin(/** @type {number} */ x) {
    this.pin = this.pin === null ? x : null;
    this.#all();
    this.now();
  }

  #repaint() {
    theme.style = null;
    for (const figure of this.figures.values()) if (figure.loaded) figure.repaint();
  }
}

/** Put these elements into a host, moving none that stands where it should. */
function place(/** @type {HTMLElement} */ host, /** @type {HTMLElement[]} */ elements) {
  if (elements.length === host.childElementCount && elements.every((one, i) => one === host.children[i])) return;
  fill(host, elements);
}
