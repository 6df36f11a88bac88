// @ts-check
/** A chart: uPlot with what it lacks. It draws a picture and tells where the pointer is. */
import { clockwise } from "./axis.js";
import { aligned, reachOfY } from "./lines.js";
import { drawAbove, drawBelow } from "./marks.js";
import { locale } from "./words.js";

/** @typedef {import("./lines.js").Line} Line */
/** @typedef {import("./axis.js").Axis} Axis */
/** @typedef {import("./marks.js").Marks} Marks */

/**
 * @typedef {object} Picture
 * @property {Line[]} lines
 * @property {Axis} axis
 * @property {[number, number]} span ends of the x axis
 * @property {boolean} log
 * @property {boolean} clip
 * @property {Marks} marks
 */

/** @type {any} */
const uPlot = /** @type {any} */ (globalThis).uPlot;
/** Whether the chart library is there: an install without a connection lacks it. */
export const canDraw = Boolean(uPlot);
const GUTTER = 58;
const CROWD = 120; // markers that can be told apart

/** The colours of the theme, read once for all charts. */
export const theme = {
  /** @type {CSSStyleDeclaration | null} */ style: null,
  dark: false,
  /** @returns {string} value of a custom property: of a colour of both themes, that of this one */
  get(/** @type {string} */ name) {
    if (!this.style) {
      this.style = getComputedStyle(document.documentElement);
      const scheme = this.style.colorScheme; // "light dark": as the system has it
      this.dark = scheme === "light dark" ? matchMedia("(prefers-color-scheme: dark)").matches : scheme === "dark";
    }
    const value = this.style.getPropertyValue(name).trim();
    const both = /^light-dark\((#\w+), (#\w+)\)$/.exec(value);
    return both ? both[this.dark ? 2 : 1] : value;
  },
};

export class Chart {
  /** @type {any} */ plot = null;
  /** @type {Picture | null} */ picture = null;
  /** @type {import("./lines.js").Stroke[]} */ strokes = [];
  made = ""; // what the plot was made for

  /**
   * @param {HTMLElement} host
   * @param {{height: number, onZoom: (low: number | null, high?: number) => void,
   *   onHover: (x: number | null) => void, onPin: (x: number) => void}} how
   */
  constructor(host, how) {
    this.host = host;
    this.how = how;
    this.watch = new ResizeObserver(() => this.#fit());
    this.watch.observe(host);
  }

  /** @param {Picture} picture */
  show(picture) {
    if (!canDraw) return;
    this.picture = picture;
    const { x, columns, strokes } = aligned(picture.lines);
    this.strokes = strokes;
    const made = [picture.axis, picture.log, ...strokes.map((s) => s.line.name + s.role + (isMarked(s) ? "o" : ""))].join("|");
    if (made !== this.made || !this.plot) this.#make(made);
    this.plot.setData([x, ...columns], false);
    this.#scale();
  }

  /** Draw again in the colours of now. */
  repaint() {
    if (!this.picture) return;
    this.made = "";
    this.show(this.picture);
  }

  /** Put the cursor on the next place with a value (by = 1), the one before (-1), or farther. */
  step(/** @type {number} */ by) {
    if (!this.plot || !this.picture) return;
    const xs = /** @type {number[]} */ (this.plot.data[0]);
    const [low, high] = this.picture.span;
    const first = xs.findIndex((x) => x >= low);
    const last = xs.findLastIndex((x) => x <= high);
    if (first < 0 || last < first) return;
    const from = this.plot.cursor.left >= 0 ? this.plot.cursor.idx : by > 0 ? first - 1 : last + 1;
    const to = Math.min(Math.max(from + by, first), last);
    const left = this.plot.valToPos(xs[to], "x");
    this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 }, true, true);
  }

  leave() {
    this.plot?.setCursor({ left: -10, top: -10 }, true, true);
  }

  destroy() {
    this.watch.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  #fit() {
    if (!this.plot || !this.host.clientWidth) return;
    if (this.host.clientWidth !== this.plot.width) this.plot.setSize(this.#size());
  }

  #size() {
    return { width: Math.max(this.host.clientWidth, 200), height: this.how.height };
  }

  #scale() {
    const { lines, span, log, clip } = /** @type {Picture} */ (this.picture);
    const [low, high] = reachOfY(lines, span, { log, clip });
    this.plot.batch(() => {
      this.plot.setScale("x", { min: span[0], max: span[1] });
      this.plot.setScale("y", { min: low, max: high });
    });
  }

  #make(/** @type {string} */ made) {
    this.made = made;
    this.plot?.destroy();
    const { axis, log } = /** @type {Picture} */ (this.picture);
    const strokes = this.strokes;
    const options = {
      ...this.#size(),
      padding: [10, 24, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, auto: false },
        y: { auto: false, distr: log ? 3 : 1 },
      },
      series: [{}, ...strokes.map(seriesOf)],
      bands: bandsOf(strokes),
      axes: axesOf(axis, log),
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: "job", scales: ["x", null], filters: { pub: follows, sub: follows } },
        points: {
          size: (/** @type {any} */ _, /** @type {number} */ i) => (isHovered(strokes[i - 1], strokes) ? 8 : 0),
          fill: (/** @type {any} */ _, /** @type {number} */ i) => theme.get(strokes[i - 1].line.color),
          stroke: () => theme.get("--surface"), width: () => 1.5,
        },
        bind: { dblclick: () => () => this.how.onZoom(null) },
      },
      hooks: {
        setSelect: [(/** @type {any} */ u) => this.#select(u)],
        setCursor: [(/** @type {any} */ u) => this.how.onHover(u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, "x"))],
        drawClear: [(/** @type {any} */ u) => drawBelow(u, this.picture?.marks, theme)],
        draw: [(/** @type {any} */ u) => drawAbove(u, this.picture, theme)],
        ready: [(/** @type {any} */ u) => this.#listen(u)],
      },
    };
    this.plot = new uPlot(options, [[], ...strokes.map(() => [])], this.host);
  }

  #listen(/** @type {any} */ u) {
    u.root.setAttribute("aria-hidden", "true"); // the figure around it says what is to be said
    u.over.addEventListener("click", () => {
      if (u.cursor.left >= 0) this.how.onPin(u.posToVal(u.cursor.left, "x"));
    });
  }

  #select(/** @type {any} */ u) {
    const { left, width } = u.select;
    if (width < 4) return;
    const ends = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.how.onZoom(ends[0], ends[1]);
  }
}

/** Charts share where the pointer is; what is dragged stays in its own. */
const follows = (/** @type {string} */ type) => type === "mousemove" || type === "mouseleave";

/** @param {import("./lines.js").Stroke} stroke @param {number} _ @param {import("./lines.js").Stroke[]} all */
function seriesOf(stroke, _, all) {
  const { line: l, role } = stroke;
  const color = theme.get(l.color);
  const edge = role === "max" || role === "min";
  const faint = role === "old" || (role === "raw" && isSmoothed(l, all));
  const marked = isMarked(stroke);
  return {
    stroke: edge ? "transparent" : faint ? veil(color, role === "old" ? 0.3 : 0.38) : color,
    width: edge ? 0 : role === "smooth" ? 2.2 : faint ? 1 : 1.5,
    dash: role === "old" ? [3, 4] : faint || !l.dash?.length ? undefined : l.dash,
    pxAlign: 0,
    points: {
      show: marked,
      size: marked ? 7 : 4,
      fill: marked ? theme.get("--surface") : color,
      stroke: color,
      width: marked ? 1.8 : 1,
      filter: marked ? null : () => stroke.lonely,
    },
  };
}

/** Whether each point has a marker. @param {import("./lines.js").Stroke} stroke */
function isMarked({ line: l, role }) {
  return l.kind === "eval" && role === "raw" && l.buckets.length <= CROWD;
}

/** @param {Line} l @param {import("./lines.js").Stroke[]} all */
function isSmoothed(l, all) {
  return all.some((stroke) => stroke.line === l && stroke.role === "smooth");
}

/** Whether a stroke has a point below the cursor: one a line. @param {import("./lines.js").Stroke} stroke @param {import("./lines.js").Stroke[]} all */
function isHovered(stroke, all) {
  return stroke.role === "smooth" || (stroke.role === "raw" && !isSmoothed(stroke.line, all));
}

/** @param {import("./lines.js").Stroke[]} strokes */
function bandsOf(strokes) {
  return strokes.flatMap((stroke, i) =>
    stroke.role === "max" ? [{ series: [i + 1, i + 2], fill: veil(theme.get(stroke.line.color), 0.14) }] : []);
}

/** A colour, #rrggbb, seen through. */
function veil(/** @type {string} */ color, /** @type {number} */ alpha) {
  return color + Math.round(alpha * 255).toString(16).padStart(2, "0");
}

/** @param {Axis} axis @param {boolean} log */
function axesOf(axis, log) {
  const common = {
    stroke: () => theme.get("--ink-2"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: () => theme.get("--grid"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...common, size: 28, gap: 6, space: 70, values: (/** @type {any} */ _, /** @type {number[]} */ splits) => placesOf(axis, splits),
      ...(axis === "time" ? { incrs: TIMES } : axis === "wall" ? { incrs: TIMES } : axis === "step" ? { incrs: STEPS } : {}) },
    { ...common, size: GUTTER, gap: 6, values: (/** @type {any} */ _, /** @type {(number|null)[]} */ splits, /** @type {number} */ __, /** @type {number} */ ___, /** @type {number} */ incr) => splits.map((v) => (v === null ? null : tick(v, log ? 0 : incr))) },
  ];
}

const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];
const STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

/** @param {Axis} axis @param {number[]} splits @returns {string[]} */
function placesOf(axis, splits) {
  if (axis === "time") return splits.map(clockwise);
  if (axis === "wall") return wallOf(splits);
  const far = Math.max(...splits.map(Math.abs)) >= 1e5;
  const form = new Intl.NumberFormat(locale, far ? { notation: "compact", maximumFractionDigits: 2 } : { maximumFractionDigits: 3 });
  return splits.map((x) => form.format(x));
}

/** Clock times; the day where it changes. @param {number[]} splits */
function wallOf(splits) {
  const hour = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false });
  const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
  const days = splits.map((t) => day.format(t * 1000));
  return splits.map((t, i) => (i === 0 || days[i] !== days[i - 1] ? `${days[i]} ${hour.format(t * 1000)}` : hour.format(t * 1000)));
}

/**
 * A value beside the y axis, as exact as the distance of two.
 * @param {number} value @param {number} [incr]
 */
export function tick(value, incr = 0) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1).replace(".0e", "e").replace("e+", "e").replace("-", "−").replace("e-", "e−");
  if (size >= 1e4) return new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 2 }).format(value);
  const text = incr > 0 ? value.toFixed(placesFor(incr)) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

/** Decimal places that multiples of a number have. @param {number} incr */
function placesFor(incr) {
  let places = 0;
  while (places < 6 && Math.abs(incr * 10 ** places - Math.round(incr * 10 ** places)) > 1e-6) places++;
  return places;
}
