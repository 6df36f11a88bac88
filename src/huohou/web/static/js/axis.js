// @ts-check
/** The x axis: from a step to what is shown below it, and back. Pure. */

/** @typedef {"step" | "epoch" | "time" | "wall"} Axis */
/** @typedef {{seg?: number[] | null, step: number[], t?: (number | null)[] | null, epoch?: (number | null)[] | null}} Knots */
/** @typedef {{step: number[], t: number[], epoch: number[]}} Life */

/** @type {Axis[]} */
export const AXES = ["step", "epoch", "time", "wall"];

/** When each step was, and in which epoch: straight lines between knots, one row a life. */
export class Clock {
  constructor() {
    /** @type {Map<number, Life>} */ this.lives = new Map();
    this.loaded = false;
  }

  /** @param {Knots} knots */
  load(knots) {
    this.lives.clear();
    this.loaded = true;
    for (let i = 0; i < knots.step.length; i++) {
      const [t, epoch] = [knots.t?.[i] ?? NaN, knots.epoch?.[i] ?? NaN];
      this.add({ seg: knots.seg?.[i] ?? 1, step: knots.step[i], t, epoch });
    }
  }

  /** @param {{seg?: number, step: number, t?: number | null, epoch?: number | null}} point */
  add({ seg, step, t, epoch }) {
    const at = seg ?? Math.max(1, ...this.lives.keys());
    const life = this.lives.get(at) ?? { step: [], t: [], epoch: [] };
    this.lives.set(at, life);
    if (life.step.length && step <= life.step[life.step.length - 1]) return;
    life.step.push(step);
    life.t.push(t ?? NaN);
    life.epoch.push(epoch ?? NaN);
    if (life.step.length > 4000) halve(life);
  }

  /** Whether an axis can be shown: a log may know no times or no epochs. */
  has(/** @type {Axis} */ axis) {
    if (axis === "step") return true;
    const of = axis === "epoch" ? "epoch" : "t";
    return [...this.lives.values()].some((life) => life[of].some(Number.isFinite));
  }

  /**
   * Where a step of a life stands on an axis. epoch: passes; time: seconds of training, without
   * the pauses between lives; wall: unix seconds.
   * @param {Axis} axis @param {number} seg @param {number} step
   */
  x(axis, seg, step) {
    const life = this.lives.get(seg);
    if (axis === "step" || !life) return axis === "step" ? step : NaN;
    const at = between(life.step, axis === "epoch" ? life.epoch : life.t, step);
    return axis === "time" ? at - first(life.t) + this.#worked(seg) : at;
  }

  /**
   * The step at a place of an axis, of whichever life comes nearest.
   * @param {Axis} axis @param {number} x
   */
  step(axis, x) {
    if (axis === "step") return x;
    let [best, found] = [Infinity, NaN];
    for (const [seg, life] of this.lives) {
      const places = life.step.map((step) => this.x(axis, seg, step));
      const step = between(places, life.step, x);
      const away = Math.abs(this.x(axis, seg, step) - x);
      if (away <= best) [best, found] = [away, step];
    }
    return found;
  }

  /** The last life that has done a step, of those that had got so far; else the last. */
  lifeOf(/** @type {number} */ step) {
    const lives = [...this.lives].sort(([a], [b]) => b - a);
    const found = lives.find(([, life]) => life.step[0] <= step);
    return (found ?? lives[lives.length - 1] ?? [1])[0];
  }

  /** Seconds that the lives before this one trained. */
  #worked(/** @type {number} */ seg) {
    let seconds = 0;
    for (const [other, life] of this.lives) {
      if (other < seg && life.t.length) seconds += last(life.t) - first(life.t) || 0;
    }
    return seconds;
  }
}

const first = (/** @type {number[]} */ row) => row.find(Number.isFinite) ?? NaN;
const last = (/** @type {number[]} */ row) => row.findLast(Number.isFinite) ?? NaN;

/**
 * y at x on straight lines through the knots (xs rising); beyond the ends the slope of the end.
 * @param {number[]} xs @param {number[]} ys @param {number} x
 */
export function between(xs, ys, x) {
  if (xs.length < 2) return ys[0] ?? NaN;
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  const part = xs[high] > xs[low] ? (x - xs[low]) / (xs[high] - xs[low]) : 0;
  return ys[low] + Math.min(Math.max(part, -1), 2) * (ys[high] - ys[low]);
}

/** Every second knot, the ends kept. */
function halve(/** @type {Life} */ life) {
  const kept = (/** @type {unknown} */ _, /** @type {number} */ i, /** @type {unknown[]} */ all) =>
    i % 2 === 0 || i === all.length - 1;
  [life.step, life.t, life.epoch] = [life.step, life.t, life.epoch].map((row) => row.filter(kept));
}

/**
 * Seconds as people read them below an axis: 45s, 3:20, 1:05:00.
 * @param {number} seconds
 */
export function clockwise(seconds) {
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.round(Math.abs(seconds));
  if (whole < 60) return `${sign}${whole}s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${sign}${h}:${two(m)}:${two(s)}` : `${sign}${m}:${two(s)}`;
}
