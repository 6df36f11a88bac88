// @ts-check
/** What a chart showed when it was drawn last, and whether drawing anew would show more. Pure. */

/** @typedef {import("./figure.js").Scene} Scene */
/** @typedef {{x: number, points: number, lost: number}} End of a line */
/** @typedef {{name: string, kind: "train" | "eval"}} About */

const MOVED = 0.5; // pixels that are seen
const FEW = 300; // points of an evaluation that are each seen
const LONGEST = 10_000; // ms after which it is drawn all the same

export class Drawn {
  /** @param {Scene} scene @param {import("./lines.js").Line[]} lines @param {[number, number]} y range of the axis @param {number} at ms */
  constructor(scene, lines, y, at) {
    this.scene = scene;
    this.y = y;
    this.at = at;
    /** @type {Map<string, End>} */
    this.ends = new Map(lines.map((l) => [l.name, { x: l.tracks[0].x.at(-1) ?? NaN, points: l.buckets.points, lost: l.buckets.lost }]));
  }

  /**
   * In a long run a new point moves the curve by a fraction of a pixel: that need not be drawn.
   * @param {Scene} now @param {About[]} abouts @param {number} width pixels @param {number} at ms
   */
  isSame(now, abouts, width, at) {
    const then = this.scene;
    if (then.view !== now.view || then.version !== now.version || at - this.at > LONGEST) return false;
    const pixel = (now.span[1] - now.span[0]) / Math.max(width, 1);
    const far = Math.abs(now.span[1] - then.span[1]) + Math.abs(now.span[0] - then.span[0]);
    return far <= MOVED * pixel && abouts.every((about) => this.#isSameLine(now, about, MOVED * pixel));
  }

  /** @param {Scene} now @param {About} about @param {number} room on the x axis that nobody sees */
  #isSameLine({ source, clock, view }, { name, kind }, room) {
    const b = source.shown(name)?.shown;
    const before = this.ends.get(name);
    if (!b?.length) return true;
    if (!before || (kind === "eval" && b.points < FEW && before.points !== b.points)) return false;
    const [seg, step, last] = [b.seg[b.length - 1], b.step[b.length - 1], b.last[b.length - 1]];
    const inside = Number.isFinite(last) ? last >= this.y[0] && last <= this.y[1] : before.lost === b.lost;
    return inside && Math.abs(clock.x(view.axis, seg, step) - before.x) <= room;
  }
}
