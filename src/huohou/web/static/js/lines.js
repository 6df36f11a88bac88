// @ts-check
/** From buckets to the lines that are drawn. Pure: no document, no canvas. */
import { leftBehind } from "./series.js";
import { smooth } from "./smooth.js";

/** @typedef {import("./series.js").Buckets} Buckets */

/**
 * @typedef {object} Track an unbroken part of a line in the order of x
 * @property {number[]} x
 * @property {number[]} at index of each bucket
 */

/**
 * @typedef {object} Line
 * @property {string} name of the series
 * @property {string} label in words
 * @property {string} color a custom property of the style sheet
 * @property {"train" | "eval"} kind eval: markers, never smoothed
 * @property {number[]} [dash] lengths drawn and left out
 * @property {Buckets} buckets
 * @property {Float64Array | null} smoothed
 * @property {Track[]} tracks the run as it is first, then what resumed lives left behind
 * @property {boolean} banded whether buckets hold more than one point
 */

/**
 * @param {{name: string, label: string, color: string, kind: "train" | "eval", smoothable: boolean, dash?: number[]}} about
 * @param {Buckets} buckets what is shown
 * @param {{lead?: Buckets | null, strength: number, range: number, joined: boolean,
 *   x: (seg: number, step: number) => number}} how lead: what lies left of it, which smoothing
 *   needs; range: steps of the whole run; joined: no step of the axis can come twice
 * @returns {Line}
 */
export function line(about, buckets, { lead, strength, range, joined, x }) {
  const { name, label, color, kind, dash } = about;
  const smoothed = about.smoothable ? smoothedAfter(lead, buckets, strength, range) : null;
  const banded = kind === "train" && buckets.n.some((n) => n > 1);
  return { name, label, color, kind, dash, buckets, smoothed, banded, tracks: tracks(buckets, joined, x) };
}

/** The smoothed values of `shown`, going on from what lies left of it. */
function smoothedAfter(
  /** @type {Buckets | null | undefined} */ lead,
  /** @type {Buckets} */ shown,
  /** @type {number} */ strength,
  /** @type {number} */ range,
) {
  if (!lead?.length) return smooth(shown, strength, range);
  const { both, places } = lead.followedBy(shown);
  const all = smooth(both, strength, range);
  return all ? Float64Array.from(places, (i) => all[i]) : null;
}

/**
 * @param {Buckets} b @param {boolean} joined @param {(seg: number, step: number) => number} x
 * @returns {Track[]}
 */
export function tracks(b, joined, x) {
  const old = joined ? null : leftBehind(b);
  /** @type {Track[]} */
  const found = [{ x: [], at: [] }];
  for (let i = 0; i < b.length; i++) {
    const place = x(b.seg[i], b.step[i]);
    if (Number.isNaN(place)) continue;
    const isOld = old !== null && old[i] === 1;
    let k = isOld ? 1 : 0;
    while (isOld && found[k] && place <= /** @type {number} */ (found[k].x.at(-1))) k++;
    found[k] ??= { x: [], at: [] };
    found[k].x.push(place);
    found[k].at.push(i);
  }
  for (const track of found) if (!rises(track.x)) sort(track);
  return found;
}

function rises(/** @type {number[]} */ xs) {
  return xs.every((x, i) => i === 0 || x >= xs[i - 1]);
}

function sort(/** @type {Track} */ track) {
  const order = track.x.map((_, i) => i).sort((a, b) => track.x[a] - track.x[b]);
  [track.x, track.at] = [order.map((i) => track.x[i]), order.map((i) => track.at[i])];
}

/** @typedef {(number | null | undefined)[]} Column */
/** @typedef {{line: Line, role: "max" | "min" | "raw" | "smooth" | "old", lonely: number[]}} Stroke */

/**
 * Lines on one common row of x, as uPlot reads them: undefined where a line has nothing to say,
 * null where its value is no number (a gap).
 * @param {Line[]} lines
 * @returns {{x: number[], columns: Column[], strokes: Stroke[]}} first what lies below
 */
export function aligned(lines) {
  const x = union(lines.flatMap((line) => line.tracks.map((track) => track.x)));
  const place = new Map(x.map((value, i) => [value, i]));
  /** @type {Column[]} */ const columns = [];
  /** @type {Stroke[]} */ const strokes = [];
  const put = (/** @type {Line} */ l, /** @type {Stroke["role"]} */ role, /** @type {Track} */ track, /** @type {ArrayLike<number>} */ values) => {
    const column = new Array(x.length).fill(undefined);
    track.at.forEach((i, k) => {
      const value = values[i];
      column[/** @type {number} */ (place.get(track.x[k]))] = Number.isFinite(value) ? value : null;
    });
    columns.push(column);
    const marks = role === "raw" || role === "old";
    strokes.push({ line: l, role, lonely: marks ? lonely(column) : [] });
  };
  for (const l of lines) {
    const b = l.buckets;
    for (const track of l.tracks.slice(1)) put(l, "old", track, b.last);
    if (l.banded) {
      put(l, "max", l.tracks[0], b.max);
      put(l, "min", l.tracks[0], b.min);
    }
    put(l, "raw", l.tracks[0], b.last);
  }
  for (const l of lines) if (l.smoothed) put(l, "smooth", l.tracks[0], l.smoothed);
  return { x, columns, strokes };
}

/** All values once, rising. */
function union(/** @type {number[][]} */ rows) {
  if (rows.length === 1) return [...new Set(rows[0])];
  return [...new Set(rows.flat())].sort((a, b) => a - b);
}

/** Places of values without a neighbour, which no line shows. */
function lonely(/** @type {Column} */ column) {
  /** @type {number[]} */ const found = [];
  let [before, at] = [false, -1];
  const close = (/** @type {boolean} */ after) => {
    if (at >= 0 && !before && !after) found.push(at);
  };
  column.forEach((value, i) => {
    if (value === undefined) return;
    close(value !== null);
    [before, at] = [at >= 0 && value !== null, value === null ? -1 : i];
  });
  close(false);
  return found;
}

/**
 * The range of y that shows the lines between two places, with some air.
 * @param {Line[]} lines @param {[number, number]} span places on the x axis
 * @param {{log: boolean, clip: boolean}} how clip: what lies above 99 of 100 points is cut off
 * @returns {[number, number]}
 */
export function reachOfY(lines, span, { log, clip }) {
  let [low, high] = [Infinity, -Infinity];
  for (const l of lines) {
    for (const track of l.tracks) {
      const seen = track.at.filter((_, k) => track.x[k] >= span[0] && track.x[k] <= span[1]);
      const top = clip && l.kind === "train" ? quantile(l.buckets, seen, 0.99) : Infinity;
      for (const i of seen) {
        for (const value of [l.buckets.min[i], l.buckets.max[i]]) {
          if (!Number.isFinite(value) || (log && value <= 0)) continue;
          low = Math.min(low, value);
          high = Math.max(high, Math.min(value, top));
        }
      }
    }
  }
  return airy(low, high, log);
}

/** A range with air above and below. @returns {[number, number]} */
function airy(/** @type {number} */ low, /** @type {number} */ high, /** @type {boolean} */ log) {
  if (low > high) return log ? [0.1, 10] : [0, 1];
  if (log) {
    const room = Math.max((high / low) ** 0.06, 1.05);
    return [low / room, high * room];
  }
  const room = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low >= 0 && low < room ? 0 : low - room, high + room];
}

/**
 * About the value below which a part of the points lies: of each bucket the greatest is one point
 * and the mean stands for the others.
 * @param {Buckets} b @param {number[]} of @param {number} part
 */
export function quantile(b, of, part) {
  /** @type {[number, number][]} */ const weighted = [];
  for (const i of of) {
    const count = b.n[i] - b.nans[i];
    if (count > 0 && Number.isFinite(b.max[i])) weighted.push([b.max[i], 1]);
    if (count > 1 && Number.isFinite(b.mean[i])) weighted.push([b.mean[i], count - 1]);
  }
  weighted.sort((a, b) => a[0] - b[0]);
  const whole = weighted.reduce((sum, [, weight]) => sum + weight, 0);
  let passed = 0;
  for (const [value, weight] of weighted) {
    passed += weight;
    if (passed >= part * whole) return value;
  }
  return Infinity;
}

/** Whether a logarithm of all that is shown exists. */
export function allPositive(/** @type {Line[]} */ lines) {
  return lines.every((l) => l.buckets.min.every((value) => !(value <= 0)));
}

/**
 * The bucket of a line that is nearest to a place, of the run as it is; -1 where there is none.
 * @param {Line} l @param {number} x
 */
export function nearest(l, x) {
  const { x: xs, at } = l.tracks[0];
  if (!xs.length) return -1;
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle;
    else high = middle;
  }
  return at[Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high];
}
