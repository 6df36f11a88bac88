// @ts-check
/** The list of jobs: looked through, followed live, steered, chosen to be compared. */
import { follow, get, withQuery } from "./api.js";
import { byTest, chip, el, fill } from "./dom.js";
import { clock, count, duration, number } from "./format.js";
import { acts } from "./steer.js";
import { Trash } from "./trash.js";
import { first, say } from "./words.js";

/**
 * @typedef {object} Job columns of training_jobs
 * @property {number} id
 * @property {string} name
 * @property {string} recipe
 * @property {string} base_model
 * @property {string} status
 * @property {number | null} current_epoch
 * @property {number | null} epochs
 * @property {number} progress_percentage
 * @property {number | string | null} train_loss
 * @property {number | string | null} val_loss
 * @property {number} created_at
 * @property {number | null} started_at
 * @property {number | null} finished_at
 * @property {string | null} error
 * @property {number | null} [queue_position]
 * @property {string | null} [verdict]
 */

const PAGE = 50;
const MOST = 10; // jobs that can be told apart in a chart
const ACTIVE = ["starting", "running", "stopping"];
/** @type {Record<string, string>} */
const GROUPS = { active: ACTIVE.join(","), failed: "failed,lost" };
const KEPT = "huohou-compare";

const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const rows = at("rows");
const field = /** @type {HTMLInputElement} */ (at("q"));
const states = /** @type {HTMLSelectElement} */ (at("status"));
const trash = new Trash(/** @type {HTMLDetailsElement} */ (at("trash")), at("trash-list"));

/** @type {Map<number, {job: Job, row: HTMLElement}>} shown, the newest first */
const shown = new Map();
/** @type {Map<number, string>} */
const chosen = new Map(remembered());
let total = 0;
let asked = 0; // answers to earlier questions are left aside
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;

// What is shown

/** @param {Job[]} jobs */
function append(jobs) {
  for (const job of jobs) if (!shown.has(job.id)) shown.set(job.id, { job, row: rowOf(job) });
  rows.append(...jobs.map((job) => /** @type {{row: HTMLElement}} */ (shown.get(job.id)).row));
}

/** @param {{jobs: Job[], total: number}} answer */
function begin(answer) {
  shown.clear();
  rows.replaceChildren();
  total = answer.total;
  append(answer.jobs);
  tellCount();
}

function tellCount() {
  const filtered = Boolean(field.value || states.value);
  fill(at("count"), total === 1 ? say("web.js.jobs.one") : say("web.js.jobs.count", { n: count(total) }));
  at("welcome").hidden = total > 0 || filtered;
  at("list").hidden = total === 0 && !filtered;
  at("none").hidden = total > 0 || !filtered;
  at("more-row").hidden = shown.size >= total;
  if (total === 0 && !filtered) trash.hideIfEmpty();
  else at("trash").hidden = false;
}

/** @param {Job} job @returns {HTMLElement} */
function rowOf(job) {
  const row = el("tr", { "data-testid": "job-row", "data-id": job.id });
  fill(row, cells(job));
  return row;
}

/** @param {Job} job @returns {HTMLElement[]} */
function cells(job) {
  const [train, val] = [say("web.js.jobs.train_loss"), say("web.js.jobs.val_loss")];
  return [
    el("td", {}, pickOf(job)),
    el("th", { scope: "row", class: "name" },
      el("a", { href: `/jobs/${job.id}`, "data-testid": "job-link" }, job.name),
      el("span", { class: "muted small" }, `#${job.id} · ${job.recipe} · ${job.base_model.split("/").slice(-2).join("/")}`)),
    el("td", {}, chip(job.status, say(`state.${job.status}`)), whyOf(job)),
    el("td", { class: "wide" }, ...progressOf(job)),
    el("td", { class: "number", "data-label": train }, number(job.train_loss)),
    el("td", { class: "number", "data-label": val }, number(job.val_loss)),
    el("td", {}, job.verdict ? el("span", { class: "chip", "data-state": job.verdict, "data-testid": "job-verdict" }, say(`web.js.jobs.verdict.${job.verdict}`)) : null),
    el("td", { class: "small when" }, ...timesOf(job)),
    el("td", { class: "acts" }, acts(job, whenDone)),
  ];
}

/** @param {Job} job */
function pickOf(job) {
  const full = chosen.size >= MOST && !chosen.has(job.id);
  const label = say("web.js.jobs.choose", { name: `${job.name} #${job.id}` });
  const box = /** @type {HTMLInputElement} */ (el("input", {
    type: "checkbox", "aria-label": label, title: full ? say("web.js.jobs.full") : label, "data-testid": "pick",
    disabled: full, onchange: () => pick(job, box.checked),
  }));
  box.checked = chosen.has(job.id);
  return box;
}

/** @param {Job} job */
function whyOf(job) {
  if (job.status === "queued") {
    const told = job.queue_position ? say("web.js.jobs.place", { n: job.queue_position }) : say("web.js.jobs.waits");
    return el("span", { class: "muted small place" }, told);
  }
  return job.error ? el("span", { class: "why small", title: job.error }, job.error) : null;
}

/** @param {Job} job @returns {(Node | string)[]} */
function progressOf(job) {
  if (job.epochs === null) return [];
  if (job.status === "queued") return [el("span", { class: "muted" }, say("web.js.jobs.planned", { of: number(job.epochs) }))];
  const words = say("web.js.jobs.epochs", { at: number(job.current_epoch ?? 0, 3), of: number(job.epochs, 3) });
  return [el("span", { class: "small" }, words),
    el("progress", { max: 100, value: job.progress_percentage, "aria-label": words, "data-state": job.status })];
}

/** When it began, and how long it took or takes. @param {Job} job @returns {(Node | string)[]} */
function timesOf(job) {
  const began = job.started_at ?? job.created_at;
  const lasts = job.started_at === null ? null : (job.finished_at ?? Date.now() / 1000) - job.started_at;
  const key = job.finished_at ? "web.js.jobs.took" : "web.js.jobs.since";
  const long = lasts === null ? null : say(key, { time: duration(Math.round(lasts)) });
  return [clock(began), long && el("span", { class: "muted lasts" }, long)].filter((one) => one !== null);
}

// Looking for some

function query() {
  const status = states.value;
  return { q: field.value.trim(), status: GROUPS[status] ?? status, limit: PAGE };
}

async function search() {
  const mine = ++asked;
  history.replaceState(history.state, "", withQuery(location.pathname, { q: field.value.trim(), status: states.value }));
  const answer = await get("/api/jobs", query());
  if (mine === asked) begin(answer);
}

async function more() {
  const mine = asked;
  const last = Math.min(...shown.keys());
  const answer = await get("/api/jobs", { ...query(), before: last });
  if (mine !== asked) return;
  append(answer.jobs);
  total = Math.max(answer.total, shown.size);
  tellCount();
}

at("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 200);
});
states.addEventListener("change", search);
at("more").addEventListener("click", more);
addEventListener("popstate", () => {
  const asks = new URLSearchParams(location.search);
  field.value = asks.get("q") ?? "";
  states.value = asks.get("status") ?? "";
  search();
});

// Live

/** Whether a job is one of those that are looked for. @param {Job} job */
function fits(job) {
  const wanted = states.value && (GROUPS[states.value] ?? states.value).split(",");
  if (wanted && !wanted.includes(job.status)) return false;
  const words = `${job.name}\n${job.recipe}\n${job.base_model}\n${job.id}`.toLowerCase();
  return words.includes(field.value.trim().toLowerCase());
}

/** @param {Job} job */
function take(job) {
  const there = shown.get(job.id);
  if (there) {
    there.job = { ...there.job, ...job }; // what an action answers has no verdict
    redraw(there.row, there.job);
  } else if (fits(job) && job.id > Math.max(0, ...shown.keys())) {
    const row = rowOf(job);
    row.dataset.fresh = "";
    const before = [...shown];
    shown.clear();
    shown.set(job.id, { job, row });
    for (const [id, one] of before) shown.set(id, one);
    rows.prepend(row);
    total += 1;
  }
}

/** What is shown, read again: where no stream comes through. */
async function reread() {
  const mine = asked;
  const answer = await get("/api/jobs", { ...query(), limit: Math.min(Math.max(PAGE, shown.size), 1000) });
  if (mine !== asked) return; // something else is looked for by now
  const ids = new Set(answer.jobs.map((/** @type {Job} */ job) => job.id));
  const last = answer.jobs.length < answer.total ? Math.min(...ids) : 0;
  // one that is not what is looked for any more stays, as it does under a stream
  if (!field.value && !states.value) remove([...shown.keys()].filter((id) => id >= last && !ids.has(id)));
  for (const job of [...answer.jobs].reverse()) take(job);
  total = answer.total;
  tellCount();
}

/** Only the cells that changed; the focus stays in its cell. @param {HTMLElement} row @param {Job} job */
function redraw(row, job) {
  cells(job).forEach((cell, i) => {
    const there = row.children[i];
    if (there.innerHTML === cell.innerHTML) return;
    const focused = there.contains(document.activeElement) ? document.activeElement?.getAttribute("data-testid") : undefined;
    there.replaceWith(cell);
    // never another button: Enter would do what was not meant
    if (focused !== undefined) ((focused && byTest(focused, cell)) || row.querySelector("a"))?.focus();
  });
}

/** @param {number[]} ids */
function remove(ids) {
  for (const id of ids) {
    const there = shown.get(id);
    if (there) {
      there.row.remove();
      shown.delete(id);
      total -= 1;
    }
    if (chosen.delete(id)) tellChosen();
  }
}

/** What an action did is shown at once; the stream tells the rest. @param {Job} job @param {string} act */
function whenDone(job, act) {
  if (act === "put-away") {
    remove([job.id]);
    tellCount();
    trash.reload();
  } else if (act === "restore") search();
  else take(job);
}

trash.onRestored = search;

// Choosing some to compare

function remembered() {
  try {
    return /** @type {[number, string][]} */ (JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")).slice(0, MOST);
  } catch {
    return [];
  }
}

/** @param {{id: number, name: string}} job @param {boolean} on */
function pick(job, on) {
  const wasFull = chosen.size >= MOST;
  if (on) chosen.set(job.id, job.name);
  else chosen.delete(job.id);
  tellChosen();
  if (wasFull !== chosen.size >= MOST || !on) {
    for (const { job: one, row } of shown.values()) {
      const box = /** @type {HTMLInputElement} */ (byTest("pick", row));
      box.checked = chosen.has(one.id);
      box.disabled = chosen.size >= MOST && !box.checked;
    }
  }
}

function tellChosen() {
  sessionStorage.setItem(KEPT, JSON.stringify([...chosen]));
  const host = at("chosen");
  host.hidden = chosen.size === 0;
  const picks = [...chosen].map(([id, name]) => el("span", { class: "pick" }, `${name} #${id}`,
    el("button", { type: "button", class: "quiet", "aria-label": say("web.js.jobs.leave_out", { name }), onclick: () => pick({ id, name }, false) }, "×")));
  const go = chosen.size > 1
    ? el("a", { class: "button primary", href: `/compare?jobs=${[...chosen.keys()].join(",")}`, "data-testid": "compare" }, say("web.js.jobs.compare", { n: chosen.size }))
    : el("span", { class: "muted" }, say("web.js.jobs.compare_one"));
  fill(host, go, picks, el("button", { type: "button", class: "quiet", onclick: () => {
    for (const [id, name] of [...chosen]) pick({ id, name }, false);
  } }, say("web.js.jobs.clear")));
}

begin(first());
tellChosen();
new IntersectionObserver((seen) => {
  if (seen.some((one) => one.isIntersecting) && shown.size && shown.size < total) more();
}, { rootMargin: "200px" }).observe(at("more-row"));
setInterval(() => {
  for (const { job, row } of shown.values()) {
    if (ACTIVE.includes(job.status)) fill(/** @type {HTMLElement} */ (row.querySelector(".when")), ...timesOf(job));
  }
}, 5_000);
follow({ list: true, reread }, (event, data) => {
  if (event !== "jobs") return;
  remove(data.removed ?? []);
  for (const job of [...(data.changed ?? [])].sort((a, b) => a.id - b.id)) take(job);
  tellCount();
});
