// @ts-check
/**
 * Smoothing of a curve that is held as buckets. Pure: numbers in, numbers out.
 *
 * Time-weighted exponential moving average with de-bias, as in Weights & Biases: a point that is
 * d steps back counts w^(d / range * 1000), w = min(sqrt(strength), 0.999), and the sum of what
 * was counted divides the sum of values. It looks back only, so what was drawn does not move while
 * new points come. A bucket of n points counts as n points of its mean, evenly spread over the
 * steps since the bucket before: every point counts, and a chart of 600 buckets shows the curve of
 * the million points behind them. Lengths are parts of the whole run, never of what is shown, so
 * zooming in does not change the line.
 */

/** Steps are counted in thousandths of the run. */
export const SCALE = 1000;
const MOST = 0.999;
const FEWEST = 3; // points: a line through two is not smoothed

/**
 * What a point loses in weight for each thousandth of the run that it lies back.
 * @param {number} strength of the slider, 0 (none) to 1
 * @returns {number}
 */
export function decay(strength) {
  return Math.min(Math.sqrt(Math.max(strength, 0)), MOST);
}

/**
 * Steps after which a point counts less than a thousandth: how far left of a part of the curve
 * the points must be known that it is to be smoothed by.
 * @param {number} strength
 * @param {number} range steps of the whole run
 * @returns {number}
 */
export function reach(strength, range) {
  const kept = decay(strength);
  return kept > 0 ? Math.ceil((Math.log(SCALE) / -Math.log(kept)) * (range / SCALE)) : 0;
}

/**
 * The range to smooth by: the planned steps; where none are known, the steps so far rounded up to
 * a power of two, so that the past of a growing run moves only when its length has doubled.
 * @param {number | null | undefined} planned
 * @param {number} last step so far
 * @returns {number}
 */
export function wholeRange(planned, last) {
  if (planned && planned >= last) return planned;
  return last > 0 ? 2 ** Math.ceil(Math.log2(last)) : 1;
}

/**
 * @typedef {object} Smoothable
 * @property {ArrayLike<number>} seg process life of each bucket
 * @property {ArrayLike<number>} step of its last point; rises inside a seg
 * @property {ArrayLike<number>} mean of its finite values
 * @property {ArrayLike<number>} n points
 * @property {ArrayLike<number>} nans points that are no number
 */

/**
 * The smoothed value at each bucket's step, NaN before the first number; null where there is
 * nothing to smooth. A resumed life goes on from where the life before it stood at that step.
 * @param {Smoothable} b
 * @param {number} strength 0..1
 * @param {number} range steps of the whole run
 * @returns {Float64Array | null}
 */
export function smooth(b, strength, range) {
  const kept = decay(strength);
  if (kept <= 0 || !(range > 0) || numbers(b) < FEWEST) return null;
  const out = new Float64Array(b.step.length);
  const sums = new Float64Array(b.step.length);
  const weights = new Float64Array(b.step.length);
  let from = -1; // bucket whose state the next one goes on from
  for (let i = 0; i < out.length; i++) {
    if (i > 0) from = b.seg[i] === b.seg[i - 1] ? i - 1 : before(b, i);
    const far = from < 0 ? width(b, i) : b.step[i] - b.step[from];
    const fade = kept ** ((Math.max(far, 0) / range) * SCALE);
    const count = b.n[i] - b.nans[i];
    const known = count > 0 && Number.isFinite(b.mean[i]);
    const weight = known ? spread(fade, count) : 0;
    sums[i] = (from < 0 ? 0 : sums[from] * fade) + (known ? b.mean[i] * weight : 0);
    weights[i] = (from < 0 ? 0 : weights[from] * fade) + weight;
    out[i] = weights[i] > 0 ? sums[i] / weights[i] : NaN;
  }
  return out;
}

/** Points that are numbers. @param {Smoothable} b */
function numbers(b) {
  let count = 0;
  for (let i = 0; i < b.step.length && count < FEWEST; i++) count += b.n[i] - b.nans[i];
  return count;
}

/** Weight of `count` points spread evenly over steps that fade by `fade` in all. */
function spread(/** @type {number} */ fade, /** @type {number} */ count) {
  if (count === 1) return 1;
  const each = fade ** (1 / count);
  return each < 1 ? (1 - fade) / (1 - each) : count;
}

/** Steps of the first bucket of all: as many as the next one has. */
function width(/** @type {Smoothable} */ b, /** @type {number} */ i) {
  return i + 1 < b.step.length && b.seg[i + 1] === b.seg[i] ? b.step[i + 1] - b.step[i] : 1;
}

/** The last bucket before a life begins that lies left of it; -1 where it begins anew. */
function before(/** @type {Smoothable} */ b, /** @type {number} */ i) {
  let at = i - 1;
  while (at >= 0 && b.step[at] >= b.step[i] - (b.n[i] > 1 ? width(b, i) : 0)) at--;
  return at;
}
