// @ts-check
/** The doctor's page: a log in, what is wrong with it out. Nothing stays on the server. */
import { upload } from "./api.js";
import { Board } from "./board.js";
import { el, fill } from "./dom.js";
import { handed } from "./entries.js";
import { download } from "./export.js";
import { copier } from "./clip.js";
import { Findings } from "./findings.js";
import { bytes, count, duration, number } from "./format.js";
import { Source } from "./source.js";
import { USUAL } from "./view.js";
import { say } from "./words.js";

/** @typedef {{file: Blob, name: string}} Handed */
/** @typedef {Record<string, any>} Told */

const MOST = 64 * 2 ** 20; // bytes, as the server has it
const FILES = 2000;
const POINTS = 2000;
const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (at(id));

/** @type {AbortController | null} */ let asking = null;
/** @type {Board | null} */ let board = null;

/** Examine these files. @param {Handed[]} files */
async function examine(files) {
  const size = files.reduce((sum, one) => sum + one.file.size, 0);
  if (!files.length) return;
  if (size > MOST) return problem(say("web.js.doctor.too_large", { size: bytes(size), most: bytes(MOST) }));
  if (files.length > FILES) return problem(say("web.js.doctor.too_many", { n: count(files.length), most: count(FILES) }));
  const form = new FormData();
  for (const { file, name } of files) form.append("files", file, name);
  const what = files.length === 1 ? files[0].name : say("web.js.doctor.files", { n: count(files.length) });
  await ask(form, `${what} · ${bytes(size)}`);
}

/** @param {FormData} form @param {string} what */
async function ask(form, what) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const began = Date.now();
  const tick = () => fill(at("busy-words"), say("web.js.doctor.busy", { what, time: duration((Date.now() - began) / 1000) }));
  fill(at("busy-words"), say("web.js.doctor.begin", { what }));
  const timer = setInterval(tick, 1000);
  problem("");
  at("busy").hidden = false;
  try {
    const told = await upload("/api/doctor", form, mine.signal);
    show(told);
  } catch (error) {
    if (mine.signal.aborted) return;
    at("result").hidden = true; // it is of another log
    problem(String(/** @type {Error} */ (error).message));
  } finally {
    clearInterval(timer);
    if (asking === mine) at("busy").hidden = true;
  }
}

/** @param {string} words "" for none */
function problem(words) {
  at("problem").hidden = !words;
  fill(at("problem"), words);
  if (words) at("busy").hidden = true;
}

/** @param {Told} told */
function show(told) {
  at("result").hidden = false;
  at("take").classList.add("small-now");
  showVerdict(told);
  showCurves(told);
  const findings = new Findings(at("findings"), {
    job: null, onGo: (finding) => board?.go(finding),
    onChange: (open) => {
      if (!board) return;
      board.findings = told.chart.axis === "step" ? open : [];
      board.touch();
    },
    onLook: light,
  });
  findings.show(told.findings, []);
  at("findings").hidden = !told.findings.length;
  showClaims(told);
  showCriteria(told);
  showExtent(told);
  at("verdict").focus();
  at("result").scrollIntoView({ block: "start", behavior: "smooth" });
}

/** @param {string | null} code */
function light(code) {
  if (!board) return;
  board.lit = code;
  for (const figure of board.figures.values()) figure.dirty = true;
  board.now();
}

/** @param {Told} told */
function showVerdict(told) {
  const card = /** @type {HTMLElement} */ (at("verdict").closest("section"));
  card.dataset.verdict = told.verdict;
  at("verdict").tabIndex = -1;
  fill(at("verdict"), el("span", { class: "chip", "data-state": told.verdict }, told.words.verdict), ` ${told.words.means}`);
  fill(at("source"),
    told.needs.map((/** @type {string} */ need) => el("p", {}, need)),
    told.words.read.map((/** @type {string} */ line) => el("p", { class: "muted small" }, line)));
  const stem = String(told.source.path ?? "log").split("/").pop()?.replace(/\.\w+$/, "") || "log";
  const files = [
    ["page", told.page, `${stem}.html`, "text/html"],
    ["run", told.run_file, `${stem}-next.yaml`, "application/yaml"],
    ["gates", told.gates_file, `${stem}-gates.yaml`, "application/yaml"],
    ["json", JSON.stringify({ ...told, page: undefined, chart: undefined, words: undefined }, null, 1), `${stem}.json`, "application/json"],
  ];
  fill(at("keep"), files.filter(([, text]) => text).map(([kind, text, name, type]) =>
    el("button", { type: "button", class: "quiet small", "data-testid": `keep-${kind}`, onclick: () => download(name, new Blob([text], { type })) },
      say(`web.js.doctor.keep.${kind}`))));
}

/** @param {Told} told */
function showCurves(told) {
  const { series, total, clock, axis } = told.chart;
  const names = Object.keys(series);
  at("curves").hidden = !names.length;
  fill(at("charts"));
  if (!names.length) {
    board = null;
    return;
  }
  const source = new Source(async (wanted, { lo, hi }) => ({
    cursor: "0.0", total, series: Object.fromEntries(wanted.filter((name) => series[name]).map((name) => [name, part(series[name], lo, hi)])),
  }), POINTS);
  board = new Board({
    host: at("charts"), system: el("div"), source, name: String(told.source.path ?? "log"),
    view: { ...USUAL, axis: axis === "epoch" ? "epoch" : "step", smooth: 0 },
    onView: showControls, onFirst: showControls, fail: (error) => problem(error.message),
    readClock: async () => clock, speak: (words) => fill(at("spoken"), words),
  });
  board.arrange(names.sort());
  showControls();
}

/** Buckets between two steps. @param {Record<string, any[]>} columns @param {number} [lo] @param {number} [hi] */
function part(columns, lo = -Infinity, hi = Infinity) {
  const kept = columns.step.map((step, i) => (step >= lo && step <= hi ? i : -1)).filter((i) => i >= 0);
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, kept.map((i) => column[i])]));
}

function showControls() {
  if (!board) return;
  const { smooth, log, zoom } = board.view;
  input("smooth").value = String(smooth);
  fill(at("smooth-value"), smooth ? number(smooth, 3) : say("web.js.doctor.smooth_off"));
  input("log-scale").checked = log;
  input("log-scale").disabled = !board.canLog && !log;
  at("zoom-out").hidden = !zoom;
  fill(at("zoom-out"), zoom ? say("web.js.doctor.zoom_out", { from: zoom[0], to: zoom[1] }) : "");
}

/** What a report claims and what is true. @param {Told} told */
function showClaims(told) {
  at("claims").hidden = !told.claims.length;
  fill(at("claims"),
    el("h2", { id: "claims-title" }, say("web.js.doctor.claims")),
    told.claims.map((/** @type {any} */ claim, /** @type {number} */ i) => el("div", { class: "claim" },
      el("p", {}, el("q", {}, claim.text), claim.lines?.length ? el("span", { class: "muted small" }, ` ${say("web.js.doctor.line", { lines: claim.lines.join(", ") })}`) : null,
        " ", el("span", { class: "chip", "data-state": "watch" }, told.words.claims[i])),
      el("p", {}, claim.statement), el("p", { class: "muted" }, claim.decides))));
}

/** What a report wants to reach, and as a file for `huohou eval --gate`. @param {Told} told */
function showCriteria(told) {
  at("criteria").hidden = !told.criteria.length;
  const states = new Map([[true, "healthy"], [false, "faulty"]]);
  fill(at("criteria"),
    el("h2", { id: "criteria-title" }, say("web.js.doctor.criteria")),
    el("ul", { class: "gates" }, told.criteria.map((/** @type {any} */ one, /** @type {number} */ i) => el("li", {},
      el("span", { class: "chip", "data-state": states.get(one.met) ?? "watch" }, say(`web.js.doctor.met.${one.met}`)), ` ${one.text} `,
      el("span", { class: "muted small" }, told.words.criteria[i])))),
    told.gates_file ? el("details", {}, el("summary", {}, say("web.js.doctor.gates")),
      el("div", { class: "code" }, el("pre", {}, told.gates_file), copier(told.gates_file))) : null);
}

/** What was checked and what was not. @param {Told} told */
function showExtent(told) {
  /** @type {Map<string, string[]>} */ const lacking = new Map();
  for (const { code, needs } of told.skipped) lacking.set(needs, [...(lacking.get(needs) ?? []), code]);
  fill(at("extent"),
    el("h2", { id: "extent-title" }, say("web.js.doctor.extent")),
    el("details", {}, el("summary", {}, say("web.js.doctor.ran", { n: told.ran.length })),
      el("ul", { class: "codes mono" }, told.ran.map((/** @type {string} */ code) => el("li", {}, code)))),
    lacking.size ? el("details", {}, el("summary", {}, say("web.js.doctor.skipped", { n: told.skipped.length })),
      el("ul", {}, [...lacking].map(([needs, codes]) => el("li", {}, `${needs}: `, el("span", { class: "mono" }, codes.join(", ")))))) : null,
    el("p", { class: "muted" }, say("web.js.doctor.more"), " ", el("code", {}, "huohou diagnose LOG --data train.jsonl --eval val.jsonl")));
}

/** @param {FileList | null} list @returns {Handed[]} */
function named(list) {
  return [...(list ?? [])].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
}

for (const id of ["files", "folder"]) {
  at(id).addEventListener("change", async () => {
    await examine(named(input(id).files));
    input(id).value = ""; // the same file can be handed in again
  });
}
at("paste-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = /** @type {HTMLTextAreaElement} */ (at("paste-text")).value;
  if (!text.trim()) return problem(say("web.js.doctor.no_text"));
  const form = new FormData();
  form.append("text", text);
  return ask(form, say("web.js.doctor.pasted"));
});
at("cancel").addEventListener("click", () => {
  asking?.abort();
  at("busy").hidden = true;
});
at("smooth").addEventListener("input", () => board?.look({ smooth: Number(input("smooth").value) }));
at("log-scale").addEventListener("change", () => board?.look({ log: input("log-scale").checked }));
at("zoom-out").addEventListener("click", () => board?.look({ zoom: null }));

let over = 0; // how deep a drag is inside the page: what leaves a child has not left
for (const [name, by] of /** @type {[string, number][]} */ ([["dragenter", 1], ["dragleave", -1]])) {
  addEventListener(name, () => at("drop").classList.toggle("over", (over += by) > 0));
}
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  over = 0;
  at("drop").classList.remove("over");
  await examine(await handed(/** @type {DragEvent} */ (event).dataTransfer));
});
document.body.dataset.ready = "doctor";
