// @ts-check
/** Scorecard, files and report of a job. */
import { get, post } from "./api.js";
import { tell } from "./dialog.js";
import { el, fill } from "./dom.js";
import { copier } from "./clip.js";
import { bytes, clock, count, number, percent } from "./format.js";
import { mayChange } from "./role.js";
import { paged } from "./table.js";
import { say } from "./words.js";

/** @typedef {Record<string, any>} Card */

/** What to type where there is nothing yet. @param {string} words @param {string} command */
export function typed(words, command) {
  return el("div", { class: "empty" }, el("p", {}, words), el("div", { class: "code" }, el("pre", {}, command), copier(command)));
}

/** @param {HTMLElement} host @param {Card | null} card @param {number} job */
export function showScorecard(host, card, job) {
  if (!card?.metrics?.length) return fill(host, typed(say("web.js.job.score.none"), `huohou eval ${job}`));
  const has = (/** @type {string} */ name) => card.metrics.some((/** @type {any} */ one) => one[name] !== null && one[name] !== undefined);
  const columns = ["metric", "value", ...(has("baseline") ? ["baseline"] : []), ...(has("difference") ? ["difference"] : []), ...(has("chance") ? ["chance"] : []), "n"];
  const rows = card.metrics.map((/** @type {any} */ metric) => el("tr", {}, columns.map((name) => cellOf(name, metric))));
  return fill(host,
    (card.findings ?? []).map((/** @type {any} */ one) => el("p", { class: `notice ${one.severity}` }, one.title)),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("web.js.job.score.title") },
      el("table", { "data-testid": "scorecard" }, el("caption", { class: "visually-hidden" }, say("web.js.job.score.title")),
        el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col", class: name === "metric" ? null : "number" }, say(`web.js.job.score.${name}`))))),
        el("tbody", {}, rows))),
    gates(card),
    card.words?.length ? el("ul", { class: "muted small words" }, card.words.map((/** @type {string} */ words) => el("li", {}, words))) : null);
}

/** @param {string} column @param {any} metric */
function cellOf(column, metric) {
  const as = (/** @type {any} */ value) => (metric.unit === "share" || metric.unit === undefined ? percent(value, 1) : number(value, 3));
  if (column === "metric") return el("td", {}, el("details", {}, el("summary", {}, metric.name), counted(metric).map((words) => el("p", { class: "small muted" }, words))), metric.mark ? el("span", { class: "badge" }, metric.mark) : null);
  const told = {
    value: () => [el("b", {}, as(metric.value)), range(metric.low, metric.high, as)],
    baseline: () => [as(metric.baseline), range(metric.baseline_low, metric.baseline_high, as)],
    difference: () => difference(metric, as),
    chance: () => as(metric.chance),
    n: () => count(metric.n),
  }[column];
  return el("td", { class: "number" }, told?.() ?? null);
}

/** What a number is, and what it takes to count it again. @param {any} metric @returns {string[]} */
function counted(metric) {
  return [
    metric.definition,
    metric.tokenisation ? say("web.js.job.score.cut", { cut: metric.tokenisation }) : "",
    metric.settings ? say("web.js.job.score.settings", { settings: metric.settings }) : "",
  ].filter(Boolean);
}

/** An interval under its value. @param {any} low @param {any} high @param {(value: any) => string} as */
function range(low, high, as) {
  if (low === null || low === undefined) return null;
  return el("span", { class: "range" }, say("web.js.job.score.range", { low: as(low), high: as(high) }));
}

/** @param {any} metric @param {(value: any) => string} as */
function difference(metric, as) {
  if (!metric.difference) return "–";
  const [by, low, high] = metric.difference;
  return [`${Number(by) > 0 ? "+" : ""}${as(by)}`, range(low, high, as)];
}

/** @param {Card} card */
function gates(card) {
  if (!card.gates?.length) return null;
  return el("ul", { class: "gates" }, card.gates.map((/** @type {any} */ gate) => {
    const bound = gate.min !== null ? `≥ ${number(gate.min)}` : `≤ ${number(gate.max)}`;
    const state = gate.passed === null ? "watch" : gate.passed ? "healthy" : "faulty";
    return el("li", {}, el("span", { class: "chip", "data-state": state }, say(`web.js.job.gate.${state}`)), ` ${gate.metric} ${bound}: ${number(gate.value)}`);
  }));
}

/** @param {HTMLElement} host @param {number} job */
export async function showFiles(host, job) {
  const told = await get(`/api/jobs/${job}/files`);
  const files = Array.isArray(told) ? told : told.files;
  if (!files.length) return fill(host, el("p", { class: "empty" }, say("web.js.job.files.none")));
  const at = (/** @type {string} */ path) => `/api/jobs/${job}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
  const table = paged({
    caption: say("web.js.job.files.title"), columns: ["path", "bytes", "mtime"].map((name) => say(`web.js.job.files.${name}`)), numeric: [1, 2], testid: "files-table",
    total: () => files.length,
    rows: (begin, end) => files.slice(begin, end).map((/** @type {any} */ file) => [el("a", { href: at(file.path), download: "" }, file.path), bytes(file.bytes), clock(file.mtime)]),
  });
  fill(host, table.element, told.left_out ? el("p", { class: "muted small" }, say("web.js.job.files.left_out", { n: count(told.left_out) })) : null);
  return table.show();
}

/** @param {HTMLElement} host @param {number} job @param {boolean} there whether a report was made */
export function showReport(host, job, there) {
  const link = () => el("a", { class: "button", href: `/api/jobs/${job}/report`, target: "_blank", rel: "noopener", "data-testid": "report-link" }, say("web.js.job.report.open"));
  const make = el("button", { type: "button", "data-testid": "report-make", onclick: async () => {
    make.setAttribute("disabled", "");
    try {
      await post(`/api/jobs/${job}/report`);
      showReport(host, job, true);
      tell(say("web.js.job.report.made"));
    } catch (error) {
      tell(String(/** @type {Error} */ (error).message), "error");
      make.removeAttribute("disabled");
    }
  } }, say(there ? "web.js.job.report.again" : "web.js.job.report.make"));
  fill(host, el("div", { class: "row" }, there ? link() : null, mayChange() ? make : null,
    there || mayChange() ? null : el("p", { class: "muted" }, say("web.js.job.report.none"))));
}
