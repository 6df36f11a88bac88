// @ts-check
/** The tables below the curves of several runs. */
import { chip, el } from "./dom.js";
import { duration, number, numeric, percent } from "./format.js";
import { titleOf } from "./runs.js";
import { say } from "./words.js";

/** @typedef {import("./runs.js").Run} Run */
/** @typedef {{metric: string, unit: string, better: string, difference: number | string, low: number | string | null, high: number | string | null, p: number | null, n: number, verdict: string}} Difference */

/** @param {Run} run @returns {Element} */
function markOf({ color, dash }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of Object.entries({ width: 30, height: 10, class: "mark", "aria-hidden": "true" })) svg.setAttribute(name, String(value));
  for (const [name, value] of Object.entries({ x1: 0, x2: 30, y1: 5, y2: 5, "stroke-dasharray": dash.join(" ") })) line.setAttribute(name, String(value));
  svg.style.setProperty("--line-color", `var(${color})`);
  svg.append(line);
  return svg;
}

/** @param {Run} run @returns {HTMLElement} */
function heading(run) {
  return el("th", { scope: "col", class: "run" }, markOf(run), " ", titleOf(run.job));
}

/** @param {(string | [string, string])[]} names */
function head(...names) {
  return el("thead", {}, el("tr", {}, names.map((one) =>
    Array.isArray(one) ? el("th", { scope: "col", class: one[1] }, one[0]) : el("th", { scope: "col" }, one))));
}

/**
 * @param {Run[]} runs @param {number} base @param {(id: number) => void} onBase @param {(id: number) => void} onRemove
 * @returns {HTMLElement[]}
 */
export function runsTable(runs, base, onBase, onRemove) {
  const held = runs.find(({ job }) => job.id === base)?.job;
  const rows = runs.map((run) => {
    const { job } = run;
    const radio = /** @type {HTMLInputElement} */ (el("input", {
      type: "radio", name: "base", "aria-label": say("web.js.compare.base", { name: titleOf(job) }), "data-testid": "base", onchange: () => onBase(job.id),
    }));
    radio.checked = job.id === base;
    const seconds = job.started_at === null ? null : (job.finished_at ?? Date.now() / 1000) - job.started_at;
    return el("tr", { "data-base": job.id === base, "data-testid": "compare-run" },
      el("td", {}, radio),
      el("th", { scope: "row", class: "run" }, markOf(run), " ", el("a", { href: `/jobs/${job.id}` }, titleOf(job))),
      el("td", {}, chip(job.status, say(`state.${job.status}`))),
      el("td", { class: "number" }, `${number(job.current_epoch, 3)} / ${number(job.epochs, 3)}`),
      loss(job.train_loss, job.id === base ? null : held?.train_loss),
      loss(job.val_loss, job.id === base ? null : held?.val_loss),
      el("td", { class: "number" }, duration(seconds)),
      el("td", {}, el("button", { type: "button", class: "quiet small", "aria-label": say("web.js.compare.leave_out", { name: titleOf(job) }), "data-testid": "leave-out", onclick: () => onRemove(job.id) }, "×")));
  });
  return [head(say("web.js.compare.held"), say("web.js.compare.run"), say("web.js.compare.state"), [say("web.js.compare.epoch"), "number"],
    [say("web.js.compare.train_loss"), "number"], [say("web.js.compare.val_loss"), "number"], [say("web.js.compare.time"), "number"], ""),
  el("tbody", {}, rows)];
}

/** A loss, and how far it is from the base's. @param {number | string | null} value @param {number | string | null | undefined} base */
function loss(value, base) {
  const [a, b] = [numeric(value), numeric(base)];
  const change = a === null || b === null || !Number.isFinite(a - b) ? null
    : el("span", { class: "change", "data-verdict": "same" }, signed(a - b));
  return el("td", { class: "number" }, number(value), change);
}

/** @param {number} value @returns {string} */
function signed(value) {
  return `${value > 0 ? "+" : ""}${number(value, 3)}`;
}

/** @param {Run[]} runs @param {{base: number, differ: {key: string, values: any[], from: (string | null)[]}[]}} answer @returns {HTMLElement[]} */
export function differTable(runs, { base, differ }) {
  if (!differ.length) return [];
  const at = runs.findIndex(({ job }) => job.id === base);
  const rows = differ.map(({ key, values, from }) => el("tr", { "data-testid": "differ-row" },
    el("th", { scope: "row" }, el("code", {}, key)),
    values.map((value, i) => el("td", {
      class: "mono", title: from[i] ? say("web.js.compare.from", { source: from[i] ?? "" }) : null,
      "data-other": JSON.stringify(value) !== JSON.stringify(values[at]),
    }, shown(value, from[i])))));
  return [el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("web.js.compare.setting")), runs.map(heading))), el("tbody", {}, rows)];
}

/** @param {any} value @param {string | null} from */
function shown(value, from) {
  if (from === null) return "–";
  if (value === null || value === "") return say("web.js.compare.none");
  if (typeof value === "number") return String(Number(value.toPrecision(12)));
  return typeof value === "string" ? value.split("/").slice(-3).join("/") : String(value);
}

/** Why runs cannot be compared by their scores, and what the differences mean. @param {Run[]} runs @param {any} answer @returns {HTMLElement[]} */
export function notes(runs, { cards, paired }) {
  if (!cards.some(Boolean)) return [el("p", { class: "empty" }, say("web.js.compare.no_cards"))];
  const name = (/** @type {number} */ id) => titleOf(runs.find(({ job }) => job.id === id)?.job ?? { id, name: "" });
  return paired.map((/** @type {any} */ one) => el("div", { class: "notice small", "data-testid": "compare-note" },
    el("b", {}, say("web.js.compare.against", { name: name(one.job), base: name(one.base) })), " ",
    one.problem ?? one.words.join(" ")));
}

/** @param {Run[]} runs @param {any} answer @returns {HTMLElement[]} */
export function cardsTable(runs, { cards, paired }) {
  /** @type {Map<string, any>} */ const metrics = new Map();
  for (const card of cards) for (const metric of card?.metrics ?? []) if (!metrics.has(metric.name)) metrics.set(metric.name, metric);
  if (!metrics.size) return [];
  const changes = new Map(paired.flatMap((/** @type {any} */ one) => (one.differences ?? []).map((/** @type {Difference} */ d) => [`${one.job} ${d.metric}`, d])));
  const rows = [...metrics.values()].map((about) => el("tr", { "data-testid": "card-row" },
    el("th", { scope: "row", title: about.definition }, about.name, " ", el("span", { class: "muted small" }, say(`web.js.compare.better.${about.better}`))),
    runs.map(({ job }, i) => cell(cards[i]?.metrics.find((/** @type {any} */ m) => m.name === about.name), changes.get(`${job.id} ${about.name}`)))));
  return [el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("web.js.compare.metric")), runs.map(heading))), el("tbody", {}, rows)];
}

/** @param {any} metric @param {Difference | undefined} change */
function cell(metric, change) {
  if (!metric) return el("td", {}, "–");
  const written = (/** @type {number | string | null} */ value) => (metric.unit === "share" ? percent(value, 1) : number(value, 3));
  return el("td", { class: "number" }, written(metric.value),
    metric.low === null ? null : el("span", { class: "interval muted small" }, `[${written(metric.low)}, ${written(metric.high)}]`),
    change ? changed(change) : null,
    metric.mark ? el("span", { class: "badge" }, metric.mark) : null);
}

/** @param {Difference} one */
function changed(one) {
  const scale = one.unit === "share" ? 100 : 1;
  const signs = (/** @type {number | string | null} */ value) => signed((numeric(value) ?? NaN) * scale);
  const ends = one.low === null ? "" : ` [${signs(one.low)}, ${signs(one.high)}]`;
  return el("span", { class: "change small", "data-verdict": one.verdict, "data-testid": "change" },
    `${say(`web.js.compare.verdict.${one.verdict}`)} ${signs(one.difference)}${ends}`);
}
