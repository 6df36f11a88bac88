// @ts-check
/** A chart in words: for who cannot see it, and for who wants it short. */
import { count, number } from "./format.js";
import { say } from "./words.js";

/** @typedef {import("./lines.js").Line} Line */

/**
 * One bucket of a line in words.
 * @param {Line} l @param {number} i
 * @returns {{label: string, text: string}}
 */
export function aboutLine(l, i) {
  const b = l.buckets;
  const told = [number(b.last[i])];
  if (l.smoothed && Number.isFinite(l.smoothed[i])) told.push(say("web.js.job.at.smooth", { value: number(l.smoothed[i]) }));
  if (b.n[i] > 1) told.push(say("web.js.job.at.band", { low: number(b.min[i]), high: number(b.max[i]), n: count(b.n[i]) }));
  return { label: l.label, text: told.join(" · ") };
}

/**
 * Sentences about what a chart shows: how each line went, how many points stand behind it.
 * @param {Line[]} lines @param {import("./figure.js").Scene & {explains: boolean}} scene @param {string} title
 * @returns {string[]}
 */
export function summary(lines, scene, title) {
  const told = lines.map(course).filter(Boolean);
  const points = lines.reduce((sum, l) => sum + l.buckets.points, 0);
  const groups = lines.reduce((sum, l) => sum + l.buckets.length, 0);
  const total = lines.reduce((sum, l) => sum + (scene.source.totals.get(l.name) ?? l.buckets.points), 0);
  const lost = lines.reduce((sum, l) => sum + l.buckets.lost, 0);
  if (groups < points) told.push(say("web.js.job.chart.grouped", { groups: count(groups), points: count(points) }));
  else told.push(say("web.js.job.chart.points", { points: count(points) }));
  if (groups < points && scene.explains) told.push(say("web.js.job.chart.band"));
  if (points < total) told.push(say("web.js.job.chart.part", { points: count(points), total: count(total) }));
  if (lost) told.push(say("web.js.job.chart.lost", { n: count(lost) }));
  return told.length ? told : [title];
}

/** How a line went: from where to where, and its best. @param {Line} l @returns {string} */
function course(l) {
  const { x, at } = l.tracks[0];
  const b = l.buckets;
  const finite = at.filter((i) => Number.isFinite(b.last[i]));
  if (!x.length || !finite.length) return "";
  const [first, last] = [finite[0], finite[finite.length - 1]];
  const end = l.smoothed && Number.isFinite(l.smoothed[last]) ? l.smoothed[last] : b.last[last];
  const fields = { name: l.label, first: number(b.last[first], 3), last: number(end, 3), from: count(b.step[first]), to: count(b.step[last]) };
  if (finite.length === 1) return say("web.js.job.chart.one", fields);
  const falls = /loss|perplexity/.test(l.name);
  if (l.kind !== "eval") return say("web.js.job.chart.course", fields);
  const best = finite.reduce((a, i) => ((falls ? b.last[i] < b.last[a] : b.last[i] > b.last[a]) ? i : a), first);
  return say(falls ? "web.js.job.chart.lowest" : "web.js.job.chart.highest", { ...fields, best: number(b.last[best], 3), step: count(b.step[best]) });
}
