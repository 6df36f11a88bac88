// @ts-check
/** The plan of a job: each value with where it came from. */
import { el, fill } from "./dom.js";
import { copier } from "./clip.js";
import { bytes, count, duration, number, percent } from "./format.js";
import { say } from "./words.js";
import { workersOf } from "./workers.js";

/** @typedef {Record<string, any>} Plan document of plan.json */

/** @param {HTMLElement} host @param {Plan | null} plan */
export function showPlan(host, plan) {
  if (!plan?.settings) return fill(host, el("p", { class: "empty" }, say("web.js.job.plan.none")));
  const command = asCommand(plan);
  return fill(host,
    el("dl", { class: "facts wide" }, predicted(plan).map(([name, value]) => el("div", { "data-testid": `plan-${name}` },
      el("dt", {}, say(name === "workers" ? "plan.workers" : `web.js.job.plan.${name}`)), el("dd", {}, value)))),
    el("h3", {}, say("web.js.job.plan.command")),
    el("div", { class: "code" }, el("pre", { "data-testid": "plan-command" }, command), copier(command)),
    settingsTable(plan),
    plan.versions ? el("p", { class: "muted small" }, Object.entries(plan.versions).map(([name, version]) => `${name} ${version}`).join(" · ")) : null);
}

/** @param {Plan} plan @returns {[string, string][]} */
function predicted(plan) {
  const p = plan.prediction ?? {};
  /** @type {[string, string][]} */ const told = [["recipe", plan.recipe], ["model", plan.model]];
  for (const part of ["train", "eval"]) {
    if (plan[part]) told.push([part, say("web.js.job.plan.data", { path: plan[part].path, rows: count(plan[part].rows), tokens: count(plan[part].tokens) })]);
  }
  for (const part of ["device", "dtype"]) if (plan[part]) told.push([part, say("web.js.job.plan.because", plan[part])]);
  if (p.updates) told.push(["updates", count(p.updates)]);
  if (p.trainable_parameters) told.push(["parameters", say("web.js.job.plan.trainable", { trainable: count(p.trainable_parameters), share: percent(p.trainable_parameters / p.total_parameters, 2) })]);
  if (p.seconds) told.push(["time", duration(p.seconds)]);
  if (p.memory_bytes) told.push(["memory", bytes(p.memory_bytes)]);
  const workers = workersOf(plan);
  if (workers) told.push(["workers", workers]);
  return told;
}

/** @param {Plan} plan */
function settingsTable(plan) {
  const rows = Object.entries(plan.settings).map(([name, { value, source }]) =>
    el("tr", { "data-default": source === "default" }, el("td", {}, el("code", {}, name)), el("td", { class: "mono" }, shown(value)), el("td", {}, sourceOf(source))));
  const heads = ["setting", "value", "source"].map((name) => el("th", { scope: "col" }, say(`web.js.job.plan.${name}`)));
  const title = say("web.js.job.plan.settings");
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    el("table", { "data-testid": "plan-table" }, el("caption", { class: "visually-hidden" }, title), el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows)));
}

function shown(/** @type {unknown} */ value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? number(value, 6) : typeof value === "string" ? value : JSON.stringify(value);
}

function sourceOf(/** @type {string} */ source) {
  return source === "default" ? say("web.js.job.plan.default") : source;
}

/**
 * The command that starts this plan again, ready for a shell.
 * @param {Plan} plan
 */
export function asCommand(plan) {
  /** @type {Record<string, unknown>} */
  const fixed = { name: plan.name, recipe: plan.recipe, model: plan.model, "data.train": plan.train?.path, "data.eval": plan.eval?.path, "data.format": plan.train?.format };
  const given = Object.entries(plan.settings).filter(([name, { source }]) => source !== "default" && !(name in fixed)).map(([name, { value }]) => [name, value]);
  const all = [...Object.entries(fixed).filter(([, value]) => value !== null && value !== undefined), ...given];
  return ["huohou train", ...all.map(([name, value]) => `-s ${quoted(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)}`)].join(" \\\n  ");
}

/** A word of a shell. @param {string} text */
export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
