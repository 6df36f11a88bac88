// @ts-check
/** What the page knows of a series: buckets from the server, points that came since. Pure. */

/**
 * @typedef {object} Answer a series as the server sends it; NaN and infinities are words
 * @property {number[] | null} [seg]
 * @property {number[]} step
 * @property {(number | string | null)[] | null} [min]
 * @property {(number | string | null)[] | null} [max]
 * @property {(number | string | null)[]} last
 * @property {(number | string | null)[] | null} [mean]
 * @property {number[] | null} [n]
 * @property {number[] | null} [nans]
 */

/**
 * @typedef {object} Point
 * @property {string} name
 * @property {number} [seg]
 * @property {number} step
 * @property {number | null} [epoch]
 * @property {number | null} [t]
 * @property {number | string} value
 */

/** A number as JSON carries it: the words NaN, Infinity and -Infinity are numbers. */
export function number(/** @type {unknown} */ value) {
  return value === null || value === undefined || value === "" ? NaN : Number(value);
}

/** Buckets of a series in the order of seg and step, as columns. */
export class Buckets {
  /** @type {number[]} */ seg = [];
  /** @type {number[]} */ step = [];
  /** @type {number[]} */ min = [];
  /** @type {number[]} */ max = [];
  /** @type {number[]} */ last = [];
  /** @type {number[]} */ mean = [];
  /** @type {number[]} */ n = [];
  /** @type {number[]} */ nans = [];
  points = 0; // in all buckets
  lost = 0; // of them no numbers: NaN or infinite

  /** @param {number} [most] buckets to keep at about; more are joined */
  constructor(most = 600) {
    this.most = most;
  }

  clear() {
    for (const row of [this.seg, this.step, this.min, this.max, this.last, this.mean, this.n, this.nans]) row.length = 0;
    this.points = 0;
    this.lost = 0;
  }

  get length() {
    return this.step.length;
  }

  /** Step of the last bucket of all; 0 where there is none. */
  get end() {
    let end = 0;
    for (const step of this.step) end = Math.max(end, step);
    return end;
  }

  /** @param {Answer} raw @returns {this} */
  load(raw) {
    this.clear();
    for (let i = 0; i < raw.step.length; i++) {
      const last = number(raw.last[i]);
      const n = raw.n ? raw.n[i] : 1;
      const nans = raw.nans ? raw.nans[i] : Number(Number.isNaN(last));
      const mean = raw.mean ? number(raw.mean[i]) : last;
      const ends = [raw.min, raw.max].map((side) => (side ? number(side[i]) : last));
      this.#push(raw.seg ? raw.seg[i] : 1, raw.step[i], ends[0], ends[1], last, mean, n, nans);
    }
    return this;
  }

  /**
   * Take in a point that came later than all of its life.
   * @param {Point} point
   */
  add(point) {
    const value = number(point.value);
    const nan = Number(Number.isNaN(value));
    const seg = point.seg ?? this.seg.at(-1) ?? 1;
    this.#push(seg, point.step, value, value, value, value, 1, nan);
    if (this.length > 1.5 * this.most) this.join();
  }

  /** Whether a point lies behind what is here: what came before it came is not taken twice. */
  isNew(/** @type {Point} */ point) {
    const at = this.length - 1;
    if (at < 0) return true;
    const seg = point.seg ?? this.seg[at];
    return seg > this.seg[at] || (seg === this.seg[at] && point.step > this.step[at]);
  }

  /** Join neighbours so that about `most` buckets of equally many steps are left. */
  join() {
    const { seg, step, min, max, last, mean, n, nans } = this;
    const old = { seg: [...seg], step: [...step], min: [...min], max: [...max], last: [...last], mean: [...mean], n: [...n], nans: [...nans] };
    const width = (this.end - Math.min(...this.step)) / this.most;
    this.clear();
    let start = 0;
    for (let i = 0; i < old.step.length; i++) {
      const after = i + 1;
      const ends =
        after === old.step.length ||
        old.seg[after] !== old.seg[start] ||
        old.step[after] - old.step[start] > width;
      if (!ends) continue;
      this.#joined(old, start, after);
      start = after;
    }
  }

  /**
   * These buckets and, life by life, later ones after them.
   * @param {Buckets} later
   * @returns {{both: Buckets, places: number[]}} places: where the later ones stand in both
   */
  followedBy(later) {
    const both = new Buckets(this.most + later.most);
    /** @type {number[]} */ const places = [];
    const segs = [...new Set([...this.seg, ...later.seg])].sort((a, b) => a - b);
    for (const seg of segs) {
      for (const part of [this, later]) {
        for (let i = 0; i < part.length; i++) {
          if (part.seg[i] !== seg) continue;
          if (part === later) places.push(both.length);
          both.#joined(part, i, i + 1);
        }
      }
    }
    return { both, places };
  }

  /** @param {Columns} old @param {number} start @param {number} end */
  #joined(old, start, end) {
    let [low, high, sum, n, nans] = [NaN, NaN, 0, 0, 0];
    for (let i = start; i < end; i++) {
      low = least(low, old.min[i]);
      high = -least(-high, -old.max[i]);
      const count = old.n[i] - old.nans[i];
      if (count > 0) sum += old.mean[i] * count;
      n += old.n[i];
      nans += old.nans[i];
    }
    const [seg, step, last] = [old.seg[end - 1], old.step[end - 1], old.last[end - 1]];
    const mean = end - start === 1 ? old.mean[start] : n > nans ? sum / (n - nans) : NaN;
    this.#push(seg, step, low, high, last, mean, n, nans);
  }

  /**
   * @param {number} seg @param {number} step @param {number} min @param {number} max
   * @param {number} last @param {number} mean @param {number} n @param {number} nans
   */
  #push(seg, step, min, max, last, mean, n, nans) {
    this.seg.push(seg);
    this.step.push(step);
    this.min.push(min);
    this.max.push(max);
    this.last.push(last);
    this.mean.push(mean);
    this.n.push(n);
    this.nans.push(nans);
    this.points += n;
    this.lost += nans + Number(nans < n && !Number.isFinite(mean));
  }
}

/** @typedef {Pick<Buckets, "seg"|"step"|"min"|"max"|"last"|"mean"|"n"|"nans">} Columns */

/** The lesser of two numbers, of which either may be NaN. */
function least(/** @type {number} */ a, /** @type {number} */ b) {
  return Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b);
}

/**
 * Which buckets belong to the run as it is now: where a later life took up again at an earlier
 * step, what the life before had done beyond it is left behind. The others are 1.
 * @param {Pick<Columns, "seg" | "step" | "n">} b
 * @returns {Uint8Array}
 */
export function leftBehind(b) {
  const old = new Uint8Array(b.step.length);
  let [low, seg] = [Infinity, b.seg[b.step.length - 1]];
  let first = Infinity; // first step of the life being passed
  for (let i = b.step.length - 1; i >= 0; i--) {
    if (b.seg[i] !== seg) [low, seg, first] = [Math.min(low, first), b.seg[i], Infinity];
    first = Math.min(first, b.step[i]);
    old[i] = Number(b.step[i] >= low);
  }
  return old;
}
