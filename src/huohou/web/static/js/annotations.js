// @ts-check
/** What belongs beside the lines of a chart: findings, checkpoints, resumes. Pure. */
import { steps } from "./findings.js";
import { concerns, isEval } from "./kinds.js";

/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./kinds.js").Group} Group */
/** @typedef {import("./findings.js").Finding} Finding */
/** @typedef {{path: string, step: number | null, best?: boolean}} Checkpoint */

/**
 * @param {Group} group
 * @param {{findings: Finding[], checkpoints: Checkpoint[], source: Source, lit: string | null, pin: number | null,
 *   x: (step: number, seg?: number) => number}} known lit: code of the finding that is pointed at;
 *   x: where a step stands on the axis
 * @returns {import("./marks.js").Marks}
 */
export function marksOf(group, { findings, checkpoints, source, lit, pin, x }) {
  const regions = findings.filter((finding) => concerns(group.id, finding.code)).flatMap((finding) => {
    const about = steps(finding, source.end);
    return about ? [{ from: x(about[0]), to: x(about[1]), severity: finding.severity, code: finding.code, lit: finding.code === lit }] : [];
  });
  const saved = group.id === "loss" ? checkpoints.flatMap(({ step, best }) => (step === null ? [] : [{ step, best }])) : [];
  const best = saved.find((one) => one.best);
  return {
    regions, joins: joins(source, x), pin,
    checkpoints: saved.map((one) => x(one.step)),
    best: best ? { x: x(best.step), y: evalAt(source, group, best.step) } : null,
  };
}

/** Where lives begin that go on from another. @param {Source} source @param {(step: number, seg?: number) => number} x */
function joins(source, x) {
  const longest = [...source.whole.values()].sort((a, b) => b.buckets.points - a.buckets.points)[0]?.buckets;
  if (!longest) return [];
  const places = [];
  for (let i = 1; i < longest.length; i++) {
    if (longest.seg[i] !== longest.seg[i - 1]) places.push(x(longest.step[i], longest.seg[i]));
  }
  return places;
}

/** The evaluation at a step, where there is one. @param {Source} source @param {Group} group @param {number} step */
function evalAt(source, group, step) {
  for (const name of group.names.filter(isEval)) {
    const b = source.shown(name)?.shown;
    const i = b ? b.step.lastIndexOf(step) : -1;
    if (b && i >= 0 && Number.isFinite(b.last[i])) return b.last[i];
  }
  return null;
}
