// @ts-check
/** The page of a job: wires its parts to the server. */
import { follow, get } from "./api.js";
import { Board } from "./board.js";
import { tell } from "./dialog.js";
import { byTest, el, fill, set } from "./dom.js";
import { Findings } from "./findings.js";
import { bytes, clock, number } from "./format.js";
import { Head, isLive } from "./head.js";
import { Logs } from "./logs.js";
import { Notifier } from "./notify.js";
import { showFiles, showReport, showScorecard, typed } from "./parts.js";
import { Source } from "./source.js";
import { Timeline } from "./timeline.js";
import { AXES } from "./axis.js";
import * as views from "./view.js";
import { first, say } from "./words.js";

const POINTS = 500; // buckets of a curve
const KNOTS = 200;
const SOON = 3_000; // ms
const REFRESH = 15_000; // ms between two readings of what the stream does not tell
const TICK = 5_000; // ms between two looks at the clock, for what passes by itself
const KEPT = "huohou.view";

const begun = first();
const id = Number(begun.id);
const at = (/** @type {string} */ name) => /** @type {HTMLElement} */ (byTest(name));
const failed = (/** @type {unknown} */ error) => tell(String(/** @type {Error} */ (error).message), "error");

/** @type {Record<string, any>} */ let details = begun;
/** @type {ReturnType<typeof follow> | undefined} */ let stream;
let opening = false; // it will be there as soon as the log is read
let logEnd = 0;

const source = new Source((names, { points, lo, hi }) => get(`/api/jobs/${id}/series`, { names: names.join(","), points, lo, hi }), POINTS);
const board = new Board({
  host: at("charts"), system: at("system-charts"), source, name: `${id}-${begun.name ?? "job"}`,
  view: views.read(new URLSearchParams(location.search), kept()),
  onView: keep, onFirst: begin, fail: failed,
  readClock: () => get(`/api/jobs/${id}/clock`, { points: KNOTS }),
  speak: (words) => set(at("spoken"), words),
});
const head = new Head(at("job-head"), { onChange: (job) => changed(job), checkpoints: saved });
const findings = new Findings(at("findings"), {
  job: id, onGo: (finding) => board.go(finding),
  onChange: (open) => {
    board.findings = open;
    board.touch();
  },
  onLook: (code) => board.light(code),
});
const logs = new Logs(at("log"), id);
const timeline = new Timeline(at("timeline"));
const notifier = new Notifier(/** @type {HTMLButtonElement} */ (at("notify")), id);

/** What was chosen the last time on any job. */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

function keep(/** @type {views.View} */ view) {
  localStorage.setItem(KEPT, JSON.stringify({ axis: view.axis, smooth: view.smooth }));
  const url = new URL(location.href);
  url.search = views.write(view, url.searchParams).toString();
  history.replaceState(history.state, "", url);
  showControls();
}

/** Everything that the answer about the job says. @param {Record<string, any>} told */
function show(told) {
  details = told;
  head.show(told);
  notifier.see(told);
  board.steps = told.progress?.steps ?? told.steps;
  board.checkpoints = told.checkpoints ?? [];
  board.arrange(Array.isArray(told.series) ? told.series : Object.keys(told.series ?? {}));
  findings.show(told.findings ?? [], told.dismissed ?? []);
  timeline.show(told.timeline?.epochs ?? []);
  showMoments(told.timeline?.moments ?? []);
  if (isNew("scorecard", told.scorecard)) showScorecard(at("scorecard-part"), told.scorecard, id);
  if (isNew("report", told.has)) showReport(at("report"), id, Boolean(told.has?.["report.html"]));
  showNothing(told);
  board.touch();
}

/** @type {Map<string, string>} */ const last = new Map();

/** Whether a part of the answer is another than it was: what somebody reads stays as it is. */
function isNew(/** @type {string} */ name, /** @type {unknown} */ value) {
  const now = JSON.stringify(value ?? null);
  const was = last.get(name);
  last.set(name, now);
  return now !== was;
}

/** What happened and when. @param {{t: number, text: string}[]} moments */
function showMoments(moments) {
  at("moments-part").hidden = !moments.length;
  fill(at("moments"), [...moments].reverse().map(({ t, text }) => el("li", {}, el("time", { class: "muted number" }, clock(t)), " ", text)));
}

/** Where there are no numbers: why, and what to type. @param {Record<string, any>} told */
function showNothing(told) {
  const none = !board.figures.size;
  at("controls").hidden = none;
  at("charts-empty").hidden = !none;
  at("system-part").hidden = !at("system-charts").childElementCount && !isLive(told);
  set(at("disk-free"), told.disk_free ? say("web.js.job.disk_free", { size: bytes(told.disk_free) }) : "");
  if (!none) return;
  const live = isLive(told);
  fill(at("charts-empty"), live
    ? el("p", { class: "empty" }, say(`web.js.job.none.${told.status === "queued" ? "queued" : "live"}`))
    : typed(say("web.js.job.none.over"), `huohou runs logs ${id}`));
}

/** The first curves are there: everything that comes later comes by the stream. */
function begin() {
  document.body.dataset.ready = "charts";
  showControls();
  if (stream || opening) return;
  opening = true;
  open();
  (globalThis.requestIdleCallback ?? setTimeout)(() => board.loadClock().catch(failed));
}

async function open() {
  try {
    logEnd = await logs.load();
  } catch (error) {
    failed(error);
  }
  const after = source.cursor ? `${source.cursor.split(".").slice(0, 2).join(".")}.${logEnd}` : undefined;
  opening = false;
  stream = follow({ job: id, log: true, after }, take);
}

/** A message of the stream. @param {string} event @param {any} data */
function take(event, data) {
  if (data?.job !== undefined && data.job !== id) return;
  if (event === "points") {
    board.take(data.points, stream?.cursor());
    if (!at("charts-empty").hidden) showNothing(details);
  } else if (event === "job") changed(data);
  else if (event === "finding") findings.add(data);
  else if (event === "checkpoint") refresh(SOON);
  else if (event === "log") logs.add(data.lines, data.partial, Number(stream?.cursor()?.split(".")[2] ?? Infinity));
  else if (event === "alert") tell(String(data.text ?? ""), data.level === "error" ? "error" : "info");
  else if (event === "gone") tell(say("web.js.job.gone"), "error");
  else if (event === "reset") again();
}

/** Columns of the job that are new. @param {Record<string, any>} job */
function changed(job) {
  if (job.id !== undefined && job.id !== id) return;
  const before = details;
  details = { ...details, ...job };
  head.show(details);
  notifier.see(details);
  board.steps = details.progress?.steps ?? details.steps ?? board.steps;
  const turned = Math.floor(before.progress?.epoch ?? before.current_epoch ?? 0) !== Math.floor(details.progress?.epoch ?? details.current_epoch ?? 0);
  if (before.status !== details.status) refresh(0);
  else if (turned) refresh(REFRESH);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */ let refreshing;
let refreshed = 0;
let due = Infinity; // when the next one begins

/** Read again what the stream does not tell: actions, timeline, checkpoints, scorecard. */
function refresh(/** @type {number} */ pace) {
  const wait = Math.max(pace - (Date.now() - refreshed), 150);
  if (Date.now() + wait >= due) return;
  clearTimeout(refreshing);
  due = Date.now() + wait;
  refreshing = setTimeout(async () => {
    due = Infinity;
    refreshed = Date.now();
    try {
      await read();
    } catch (error) {
      failed(error);
    }
  }, wait);
}

let readings = 0;

/** What the job is now. Answers may come in any order: what was asked last is the newest. */
async function read() {
  const mine = ++readings;
  const told = await get(`/api/jobs/${id}`);
  if (mine === readings) show(told);
  return told;
}

/** Checkpoints that lie there whole now: a running job saves new ones and drops old ones. */
async function saved() {
  return ((await read()).checkpoints ?? []).filter((/** @type {{whole?: boolean}} */ one) => one.whole);
}

/** The job's files are others than they were. */
function again() {
  stream?.close();
  stream = undefined;
  board.forget();
  refresh(0);
}

/** Controls of the curves show how they are looked at. */
function showControls() {
  const { axis, smooth, log, clip, zoom } = board.view;
  for (const name of AXES) {
    const button = at(`axis-${name}`);
    button.setAttribute("aria-pressed", String(name === axis));
    const has = !board.clock.loaded || board.clock.has(name);
    button.toggleAttribute("disabled", !has);
    button.title = has ? "" : say("web.js.job.axis.unknown");
  }
  const slider = /** @type {HTMLInputElement} */ (at("smooth"));
  slider.value = String(smooth);
  set(at("smooth-value"), smooth ? number(smooth, 3) : say("web.js.job.smooth.off"));
  const logging = /** @type {HTMLInputElement} */ (at("log-scale"));
  logging.checked = log;
  logging.disabled = !board.canLog && !log;
  at("log-why").textContent = logging.disabled ? say("web.js.job.chart.no_log") : "";
  /** @type {HTMLInputElement} */ (at("clip")).checked = clip;
  at("zoom-out").hidden = !zoom;
  set(at("zoom-out"), zoom ? say("web.js.job.zoom.out", { from: zoom[0], to: zoom[1] }) : "");
}

/** @type {ReturnType<typeof setInterval> | undefined} */ let ticking;

/** Time passes only where somebody looks. */
function tick() {
  clearInterval(ticking);
  if (!document.hidden) ticking = setInterval(() => isLive(details) && head.show({}), TICK);
}

function listen() {
  document.addEventListener("visibilitychange", tick);
  tick();
  for (const axis of AXES) at(`axis-${axis}`).addEventListener("click", () => board.look({ axis }).catch(failed));
  const slider = /** @type {HTMLInputElement} */ (at("smooth"));
  slider.addEventListener("input", () => board.look({ smooth: Number(slider.value) }));
  at("log-scale").addEventListener("change", (event) => board.look({ log: /** @type {HTMLInputElement} */ (event.target).checked }));
  at("clip").addEventListener("change", (event) => board.look({ clip: /** @type {HTMLInputElement} */ (event.target).checked }));
  at("zoom-out").addEventListener("click", () => board.look({ zoom: null }));
  opened("plan-part", async () => (await import("./job_plan.js")).showPlan(at("plan"), details.plan ?? null));
  opened("files-part", () => showFiles(at("files"), id).catch(failed));
}

/** Fill a part when it is opened for the first time. @param {string} name @param {() => void} make */
function opened(name, make) {
  const part = /** @type {HTMLDetailsElement} */ (at(name));
  const once = () => {
    if (!part.open) return;
    part.removeEventListener("toggle", once);
    make();
  };
  part.addEventListener("toggle", once);
}

async function start() {
  listen();
  if (begun.status === undefined) details = await get(`/api/jobs/${id}`);
  show(details);
  showControls();
  if (!board.figures.size) {
    const answer = await get(`/api/jobs/${id}/series`, { points: 1 });
    const names = Object.keys(answer.series ?? {});
    if (!names.length) {
      source.start(answer.cursor);
      begin();
      return;
    }
    board.arrange(names); // the first points have come since the page was made
    showNothing(details);
  }
}

start().catch(failed);
