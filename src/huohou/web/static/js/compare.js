// @ts-check
/** Runs over one another: which, their curves, what was set differently, what came of it. */
import { Failure, follow, get } from "./api.js";
import { tell } from "./dialog.js";
import { el, fill } from "./dom.js";
import { clock } from "./format.js";
import { Overlay } from "./overlay.js";
import { looks } from "./runs.js";
import { cardsTable, differTable, notes, runsTable } from "./tables.js";
import * as views from "./view.js";
import { say } from "./words.js";

/** @typedef {import("./runs.js").Run} Run */

const MOST = 10;
const FIRST = 4; // newest jobs that are shown when none was chosen
const KEPT = "huohou-compare";
const AGAIN = 4_000; // ms between two readings of what goes on

const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const search = /** @type {HTMLInputElement} */ (at("q"));
const asks = () => new URLSearchParams(location.search);

/** @type {number[]} */
let chosen = (asks().get("jobs") ?? "").split(",").filter((one) => /^\d{1,9}$/.test(one)).map(Number).slice(0, MOST);
/** @type {number | null} */
let base = Number(asks().get("base")) || null;
let asked = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;
/** @type {any} */
let shown = null;

/** Places of the x axis as the address has them, in its own units: each run has steps of its own. @param {string | null} text @returns {[number, number] | null} */
function partOf(text) {
  const [low, high] = (text ?? "").match(/^(\d{1,15}(?:\.\d{1,3})?)-(\d{1,15}(?:\.\d{1,3})?)$/)?.slice(1).map(Number) ?? [0, 0];
  return low < high ? [low, high] : null;
}

const overlay = new Overlay(at("charts"), {
  view: views.read(asks()),
  part: partOf(asks().get("zoom")),
  speak: (words) => fill(at("spoken"), words),
  onZoom: () => {
    tellView();
    remember();
  },
});

// Reading

async function read() {
  const mine = ++asked;
  remember();
  const none = chosen.length === 0;
  at("nothing").hidden = !none;
  at("compared").hidden = none;
  if (none) return;
  try {
    const answer = await get("/api/compare", { jobs: chosen.join(","), base });
    if (mine !== asked) return;
    shown = answer;
    show(answer);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(error.message, "error");
    if (error.status === 404 && chosen.length) openPicker();
  }
}

/** @param {any} answer */
function show(answer) {
  const runs = styled(answer);
  fill(at("runs"), ...runsTable(runs, answer.base, (id) => {
    base = id;
    read();
  }, (id) => pick(id, false)));
  const differ = differTable(runs, answer);
  fill(at("differ"), ...differ);
  fill(at("same"), say(answer.differ.length ? "web.js.compare.same" : "web.js.compare.all_same", { n: answer.same }));
  fill(at("notes"), ...notes(runs, answer));
  fill(at("cards"), ...cardsTable(runs, answer));
  overlay.show(runs);
}

/** @param {any} answer @returns {Run[]} */
function styled(answer) {
  const look = looks(answer.jobs.map((/** @type {any} */ job) => job.id));
  return answer.jobs.map((/** @type {any} */ job, /** @type {number} */ i) => ({ job, series: answer.series[i], ...look.get(job.id) }));
}

function remember() {
  const query = views.write(overlay.view, new URLSearchParams());
  if (overlay.part) query.set("zoom", overlay.part.map((x) => String(Number(x.toFixed(3)))).join("-"));
  if (chosen.length) query.set("jobs", chosen.join(","));
  if (base) query.set("base", String(base));
  const text = query.toString().replaceAll("%2C", ",");
  history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
}

// Choosing

function openPicker() {
  at("picker").hidden = false;
  at("pick").setAttribute("aria-expanded", "true");
  list();
}

at("pick").addEventListener("click", () => {
  if (at("picker").hidden) {
    openPicker();
    search.focus();
  } else {
    at("picker").hidden = true;
    at("pick").setAttribute("aria-expanded", "false");
  }
});

let listed = 0;

async function list() {
  const mine = ++listed;
  const { jobs } = await get("/api/jobs", { q: search.value.trim(), limit: 50 });
  if (mine !== listed) return;
  fill(at("picked"), say("web.js.compare.picked", { n: chosen.length, most: MOST }));
  fill(at("choices"), jobs.map((/** @type {any} */ job) => {
    const box = /** @type {HTMLInputElement} */ (el("input", {
      type: "checkbox", "data-testid": "pick", disabled: chosen.length >= MOST && !chosen.includes(job.id), onchange: () => pick(job.id, box.checked),
    }));
    box.checked = chosen.includes(job.id);
    return el("li", {}, el("label", {}, box, el("span", {}, job.name, " ",
      el("span", { class: "muted small" }, `#${job.id} · ${say(`state.${job.status}`)} · ${clock(job.created_at)}`))));
  }));
}

/** @param {number} id @param {boolean} on */
function pick(id, on) {
  chosen = chosen.filter((one) => one !== id);
  if (on && chosen.length < MOST) chosen.push(id);
  if (base !== null && !chosen.includes(base)) base = null;
  sessionStorage.setItem(KEPT, JSON.stringify(chosen.map((one) => [one, nameOf(one)])));
  if (!at("picker").hidden) {
    for (const box of at("choices").querySelectorAll("input")) box.disabled = chosen.length >= MOST && !box.checked;
    fill(at("picked"), say("web.js.compare.picked", { n: chosen.length, most: MOST }));
  }
  read();
}

/** @param {number} id */
function nameOf(id) {
  return shown?.jobs.find((/** @type {any} */ job) => job.id === id)?.name ?? `#${id}`;
}

search.addEventListener("input", list);

// How the curves are looked at

/** @param {Partial<import("./view.js").View>} change */
async function look(change) {
  await overlay.look(change);
  tellView();
  remember();
}

function tellView() {
  const { axis, smooth, log, clip } = overlay.view;
  for (const button of document.querySelectorAll("[data-axis]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.axis === axis));
  }
  /** @type {HTMLInputElement} */ (at("smooth")).value = String(smooth);
  fill(at("smooth-value"), String(smooth));
  /** @type {HTMLInputElement} */ (at("log-scale")).checked = log;
  /** @type {HTMLInputElement} */ (at("clip")).checked = clip;
  at("zoom-out").hidden = !overlay.part;
}

for (const button of document.querySelectorAll("[data-axis]")) {
  button.addEventListener("click", () => look({ axis: /** @type {any} */ (button).dataset.axis }));
}
at("smooth").addEventListener("input", (event) => look({ smooth: Number(/** @type {HTMLInputElement} */ (event.target).value) }));
at("log-scale").addEventListener("change", (event) => look({ log: /** @type {HTMLInputElement} */ (event.target).checked }));
at("clip").addEventListener("change", (event) => look({ clip: /** @type {HTMLInputElement} */ (event.target).checked }));
at("zoom-out").addEventListener("click", () => overlay.zoom(null));

// Beginning, and going on

function kept() {
  try {
    return /** @type {[number, string][]} */ (JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")).map(([id]) => id).slice(0, MOST);
  } catch {
    return [];
  }
}

async function start() {
  tellView();
  if (!chosen.length && kept().length > 1) chosen = kept();
  if (!chosen.length) {
    const { jobs } = await get("/api/jobs", { limit: 50 });
    if (chosen.length) return; // somebody was quicker
    const judged = jobs.filter((/** @type {any} */ job) => job.verdict);
    chosen = judged.slice(0, FIRST).map((/** @type {any} */ job) => job.id);
    openPicker();
  }
  await read();
}

start();

/** @type {Map<number, string>} jobs as they were read last where no stream comes through */
const last = new Map();

async function reread() {
  const { jobs } = await get("/api/jobs", { limit: 1000 });
  const told = new Map(jobs.map((/** @type {any} */ job) => [job.id, JSON.stringify(job)]));
  const changed = jobs.filter((/** @type {any} */ job) => last.get(job.id) !== told.get(job.id));
  const removed = [...last.keys()].filter((id) => !told.has(id));
  last.clear();
  for (const [id, text] of told) last.set(id, text);
  take({ changed, removed });
}

/** @param {{changed?: {id: number}[], removed?: number[]}} data */
function take(data) {
  const touched = [...(data.changed ?? []).map((job) => job.id), ...(data.removed ?? [])];
  if (!touched.some((id) => chosen.includes(id)) || later !== undefined) return;
  const gone = new Set(data.removed ?? []);
  chosen = chosen.filter((id) => !gone.has(id));
  later = setTimeout(async () => {
    later = undefined;
    await read();
    await overlay.reload(touched.filter((id) => chosen.includes(id)));
  }, AGAIN);
}

follow({ list: true, reread }, (event, data) => event === "jobs" && take(data));
