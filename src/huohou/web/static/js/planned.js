// @ts-check
/** A plan as people read it: what, on what, where, how long, and what is wrong with it. */
import { el } from "./dom.js";
import { bytes, count, duration, number, percent } from "./format.js";
import { say } from "./words.js";
import { workersOf } from "./workers.js";

/** @typedef {{path: string, format: string, rows: number, tokens: number, trained_tokens: number}} Part */
/** @typedef {{code: string, severity: "error" | "warning" | "info", title: string, why?: string, evidence?: {text: string}[], advice?: {text: string, set?: Record<string, any>}[]}} Finding */

const WORST = ["error", "warning", "info"];

/**
 * @param {any} plan document of plan.json @param {(set: Record<string, any>) => void} apply
 * @returns {HTMLElement[]}
 */
export function planned(plan, apply) {
  const grave = plan.findings.filter((/** @type {Finding} */ one) => one.severity !== "info");
  const notes = plan.findings.filter((/** @type {Finding} */ one) => one.severity === "info");
  return [...(grave.length ? cards(grave, apply) : [sound()]), facts(plan), ...cards(notes, apply), given(plan)];
}

/** @param {any} plan @returns {HTMLElement} */
function facts(plan) {
  const p = plan.prediction;
  /** @type {[string, string | Node, string?][]} */
  const rows = [
    ["time", el("b", {}, p.seconds < 1 ? say("web.js.new.plan.moment") : duration(p.seconds)), say("web.js.new.plan.updates", { updates: count(p.updates) })],
    ["memory", el("b", {}, bytes(p.memory_bytes)), say("web.js.new.plan.peak")],
    ["train", say("web.js.new.plan.rows", { rows: count(plan.train.rows) }), partWords(plan.train)],
    ["eval", plan.eval ? say("web.js.new.plan.rows", { rows: count(plan.eval.rows) }) : say("web.js.new.plan.no_eval"), plan.eval ? partWords(plan.eval) : ""],
    ["model", plan.model.split("/").slice(-2).join("/"), say("web.js.new.plan.parameters", {
      total: number(p.total_parameters / 1e6, 3), trained: number(p.trainable_parameters / 1e6, 3),
      part: percent(p.trainable_parameters / p.total_parameters, 1),
    })],
    ["device", `${plan.device.value}, ${plan.dtype.value}`, say("web.js.new.plan.reasons", { device: plan.device.reason, dtype: plan.dtype.reason })],
    ["work", say("web.js.new.plan.positions", { n: count(p.tokens_computed) }), say("web.js.new.plan.saved", { part: percent(p.work_saved) })],
    ["disk", bytes(p.checkpoint_bytes * kept(plan)), say("web.js.new.plan.each", { size: bytes(p.checkpoint_bytes), n: kept(plan) })],
  ];
  const workers = workersOf(plan);
  if (workers) rows.push(["workers", workers]);
  return el("dl", { class: "plan-facts" }, rows.flatMap(([name, value, more]) => [
    el("dt", {}, say(name === "workers" ? "plan.workers" : `web.js.new.plan.${name}`)),
    el("dd", { "data-testid": `plan-${name}` }, value, more ? el("span", { class: "muted small more" }, more) : null),
  ]));
}

/** @param {Part} part */
function partWords(part) {
  return say("web.js.new.plan.part", { format: part.format, tokens: count(part.tokens), trained: count(part.trained_tokens) });
}

/** How many checkpoints lie on the disk at most. @param {any} plan */
function kept(plan) {
  return Number(plan.settings["train.keep_checkpoints"].value) + (plan.eval ? 1 : 0);
}

function sound() {
  return el("p", { class: "notice good small", "data-testid": "plan-sound" }, say("web.js.new.plan.sound"));
}

/** @param {Finding[]} found @param {(set: Record<string, any>) => void} apply @returns {HTMLElement[]} */
function cards(found, apply) {
  const sorted = [...found].sort((a, b) => WORST.indexOf(a.severity) - WORST.indexOf(b.severity));
  return sorted.map((one) => el("article", { class: "finding", "data-severity": one.severity, "data-testid": "finding-card" },
    el("h3", {}, one.title, " ", el("code", { class: "muted small" }, one.code)),
    one.why ? el("p", { class: "small" }, one.why) : null,
    one.evidence?.length ? el("details", { class: "small" }, el("summary", {}, say("web.js.new.plan.evidence")),
      el("ul", {}, one.evidence.slice(0, 20).map(({ text }) => el("li", {}, text)))) : null,
    (one.advice ?? []).map((advice) => el("div", { class: "row small advice" }, el("span", {}, advice.text), applier(advice.set, apply)))));
}

/** @param {Record<string, any> | undefined} set @param {(set: Record<string, any>) => void} apply */
function applier(set, apply) {
  const named = Object.entries(set ?? {});
  if (!named.length) return null;
  const words = named.map(([key, value]) => `${key} = ${value}`).join(", ");
  return el("button", { type: "button", "data-testid": "apply", onclick: () => apply(Object.fromEntries(named)) }, say("web.js.new.plan.apply", { words }));
}

/** The settings that were given, and the others. @param {any} plan */
function given(plan) {
  const rows = Object.entries(plan.settings).sort(([, a], [, b]) => Number(a.source === "default") - Number(b.source === "default"));
  return el("details", { class: "small" }, el("summary", {}, say("web.js.new.plan.settings")),
    el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, rows.map(([key, { value, source }]) => el("tr", {},
      el("th", { scope: "row" }, el("code", {}, key)), el("td", { class: "mono" }, value === null ? "–" : String(value)),
      el("td", { class: "muted" }, source === "default" || source === "page" ? say(`web.js.new.source.${source}`) : source)))))));
}
