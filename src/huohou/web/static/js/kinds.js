// @ts-check
/** Which series stand in which chart, and what they are called. Pure but for the words. */
import { say } from "./words.js";

/** @typedef {{name: string, label: string, color: string, kind: "train" | "eval", smoothable: boolean}} About */
/** @typedef {{id: string, title: string, names: string[], system: boolean}} Group */

const LOSS = ["loss", "eval_loss"];
/** Curves that are set, not measured: smoothing would bend them. */
const SET = /^(learning_rate|lr|scale|temperature|ln_n|epoch|momentum|weight_decay)$|(^|\/)lr/;
const SYSTEM = /^(gpu|cpu|mem|memory|disk|ram|vram|temp|temperature_gpu|power|system)([_/.]|$)/;
const RANKING = /^eval_(accuracy|mrr|ndcg|recall|precision|map)@\d+$/;
const ACCURACY = /accuracy/;
const SIMILARITY = /^(eval_)?(pos|neg)_sim$/;
const KNOWN = new Set(["loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_second", "pos_sim", "neg_sim",
  "scale", "spread", "ln_n", "truth_first", "eval_token_accuracy", "eval_answer_accuracy", "accuracy"]);
const COLOURS = 8;

/** Shown in a log as well as in a plan: whether a series is an evaluation's. */
export function isEval(/** @type {string} */ name) {
  return /^(eval|val|valid|validation|test)[_/]/.test(name);
}

/** What a series is called. */
export function labelOf(/** @type {string} */ name) {
  return KNOWN.has(name) ? say(`web.js.job.series.${name}`) : name;
}

/**
 * Series to charts: loss first, then what is looked at most; the machine's last.
 * @param {string[]} names
 * @returns {Group[]}
 */
export function groups(names) {
  /** @type {Map<string, Group>} */ const found = new Map();
  const rank = new Map();
  for (const name of [...names].sort()) {
    const [id, place] = groupOf(name);
    rank.set(id, place);
    const group = found.get(id) ?? { id, title: titleOf(id, name), names: [], system: SYSTEM.test(name) };
    group.names.push(name);
    found.set(id, group);
  }
  for (const group of found.values()) group.names.sort((a, b) => Number(isEval(a)) - Number(isEval(b)) || (a < b ? -1 : 1));
  return [...found.values()].sort((a, b) => rank.get(a.id) - rank.get(b.id) || (a.id < b.id ? -1 : 1));
}

/** @returns {[string, number]} name of the chart and its place */
function groupOf(/** @type {string} */ name) {
  if (LOSS.includes(name)) return ["loss", 0];
  if (SYSTEM.test(name)) return [name, 9];
  if (RANKING.test(name)) return ["ranking", 2];
  if (ACCURACY.test(name)) return ["accuracy", 1];
  if (name === "learning_rate") return [name, 3];
  if (name === "grad_norm") return [name, 4];
  if (name === "tokens_per_second") return [name, 5];
  if (SIMILARITY.test(name)) return ["similarity", 6];
  return [name, isEval(name) ? 7 : 8];
}

function titleOf(/** @type {string} */ id, /** @type {string} */ name) {
  return ["loss", "ranking", "accuracy", "similarity"].includes(id) ? say(`web.js.job.chart.${id}`) : labelOf(name);
}

/**
 * How the lines of a chart look: train in the first colour, evaluation in the second, others by
 * their place.
 * @param {string[]} names @returns {About[]}
 */
export function abouts(names) {
  const pair = names.length === 2 && names.filter(isEval).length === 1;
  return names.map((name, i) => {
    const place = pair || names.length === 1 ? (isEval(name) ? 1 : 0) : i % COLOURS;
    const kind = isEval(name) ? "eval" : "train";
    return { name, label: labelOf(name), color: `--curve-${place + 1}`, kind, smoothable: kind === "train" && !SET.test(name) };
  });
}

/** Which findings belong to a chart beside that of the loss, which has all. */
const WHERE = {
  learning_rate: /^(lr-|schedule-|diverged)/,
  grad_norm: /^(nan-loss|diverged|lr-too-high|nothing-trains)/,
  similarity: /^(embedding-|scale-only|positives-only|hinge-|temperature-)/,
  scale: /^(scale-only|temperature-)/,
  ranking: /^(below-chance|at-chance|metric-|worse-last|leak-)/,
  accuracy: /^(below-chance|at-chance|leak-|overfit|memorised|worse-last)/,
  tokens_per_second: /^(stalled|crashed)/,
};

/** Whether a finding is shaded in a chart. @param {string} id @param {string} code */
export function concerns(id, code) {
  if (id === "loss") return true;
  const which = /** @type {Record<string, RegExp>} */ (WHERE)[id];
  return which?.test(code) ?? false;
}
