// @ts-check
/** Starting a job: what is chosen, the plan of it, and only then the button that starts. */
import { Failure, get, post } from "./api.js";
import { choose, tell } from "./dialog.js";
import { byTest, el, fill } from "./dom.js";
import { chooseFile, send } from "./places.js";
import { planned } from "./planned.js";
import { Settings } from "./settings.js";
import { first, say } from "./words.js";

const KEPT = "huohou-new";
const PAUSE = 500; // ms without a change before the plan is made
const SLOW = 6_000; // ms a plan may take to be made again by itself
const OWN = ["data.train", "data.eval", "data.test", "data.facts", "model", "name"]; // fields with a place of their own
/** @type {{schema: {fields: import("./settings.js").Field[], recipes: string[]}}} */
const { schema } = first();

const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (at("form"));
const startButton = /** @type {HTMLButtonElement} */ (at("start"));
const picker = /** @type {HTMLInputElement} */ (at("file"));
const aside = /** @type {HTMLElement} */ (document.querySelector(".plan"));
const settings = new Settings(schema.fields, changed);

/** @type {{settings: Record<string, any>, plan: any, same: any} | null} the plan that is shown */
let shown = null;
let making = false;
let tookLong = false;
let again = false; // something was changed while a plan was made
let named = false; // whether the name was typed by a person
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {ReturnType<typeof setInterval> | undefined} */
let ticking;
let uploadFor = "data.train";

// The form

function recipe() {
  return String(new FormData(form).get("recipe") ?? "sft");
}

/** @returns {Record<string, any>} */
function given() {
  return { recipe: recipe(), ...settings.given(recipe()) };
}

function build() {
  for (const key of OWN) settings.adopt(key, /** @type {HTMLInputElement} */ (at(`set-${key}`)));
  /** @type {Map<string, HTMLElement[]>} */ const groups = new Map();
  for (const { key, group } of schema.fields) {
    if (OWN.includes(key) || key === "recipe") continue;
    const made = settings.make(key);
    groups.set(group, [...(groups.get(group) ?? []), made]);
  }
  fill(at("settings"), [...groups].map(([group, fields]) => el("section", { "data-group": group },
    el("h3", {}, say(`web.js.new.group.${group}`)), el("div", { class: "group" }, fields))));
}

/** Which settings are in sight: the common ones, those that were set, those that are looked for. */
function sift() {
  const find = /** @type {HTMLInputElement} */ (at("find")).value.trim().toLowerCase();
  const all = /** @type {HTMLInputElement} */ (at("all")).checked;
  const terms = find.split(/\s+/).filter(Boolean);
  const other = [];
  let hits = 0;
  for (const field of schema.fields) {
    const host = /** @type {HTMLElement | null} */ (document.querySelector(`.setting[data-key="${field.key}"]`));
    const fits = terms.length > 0 && terms.every((term) => field.words.includes(term));
    if (!host) {
      if (fits) other.push(field);
      continue;
    }
    const readable = Settings.reads(field, recipe());
    host.hidden = !readable || !(terms.length ? fits : all || field.common || settings.text(field.key) !== "");
    if (fits && readable) hits += 1;
    if (fits && !readable) other.push(field);
  }
  for (const section of document.querySelectorAll("[data-group]")) {
    /** @type {HTMLElement} */ (section).hidden = ![...section.querySelectorAll(".setting")].some((one) => !(/** @type {HTMLElement} */ (one).hidden));
  }
  fill(at("found"), terms.length ? say("web.js.new.found", { n: hits }) : "", " ", other.map(elsewhere));
}

/** A setting that has its place elsewhere, or is another recipe's. @param {import("./settings.js").Field} field */
function elsewhere(field) {
  const there = document.getElementById(`set-${field.key}`);
  if (there && !there.closest(".setting")) {
    return el("button", { type: "button", class: "quiet small", onclick: () => {
      there.closest("details")?.setAttribute("open", "");
      there.focus();
    } }, field.label);
  }
  return el("span", { class: "badge" }, say("web.js.new.of_recipe", { name: field.label, recipes: (field.recipes ?? []).join(", ") }));
}

/** Something was changed: what is shown is no more what would be started. */
function changed() {
  const train = settings.text("data.train");
  if (!named && train) settings.set("name", stem(train));
  settings.tellDefaults(recipe());
  at("aside").hidden = !train || settings.text("data.eval") !== "" || recipe() !== "sft";
  sift();
  keep();
  const same = shown && JSON.stringify(shown.settings) === JSON.stringify(given());
  aside.toggleAttribute("data-old", Boolean(shown) && !same);
  startButton.disabled = !same;
  if (same) return tellState();
  problem(null);
  clearTimeout(timer);
  if (making) again = true;
  else if (tookLong) tellState();
  else timer = setTimeout(plan, PAUSE);
  return tellState();
}

/** The name of a file without its folder and end. @param {string} path */
function stem(path) {
  const parts = path.split(/[\\/]/);
  const last = parts.at(-1)?.replace(/\.[^.]*$/, "") ?? "";
  const plain = /^(train|data|rows|pairs)$/i.test(last) && parts.length > 1 ? parts.at(-2) ?? last : last;
  return plain === "data" && parts.length > 2 ? (parts.at(-3) ?? plain).replace(/^example-/, "") : plain.replace(/^example-/, "");
}

// The plan

async function plan() {
  clearTimeout(timer);
  if (making || !ready()) return;
  const asked = given();
  making = true;
  again = false;
  const began = Date.now();
  ticking = setInterval(() => {
    tellState(Date.now() - began);
    if (Date.now() - began > 3000) tellProgress();
  }, 1000);
  tellState(0);
  try {
    const answer = await post("/api/plan", { settings: asked });
    shown = { settings: asked, plan: answer.plan, same: answer.same_name };
    tookLong = Date.now() - began > SLOW && shown !== null && warm;
    warm = true;
    fill(at("plan"), planned(answer.plan, apply));
    problem(null);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    shown = null;
    fill(at("plan"));
    problem(error);
  } finally {
    making = false;
    clearInterval(ticking);
    fill(at("progress"));
  }
  const grave = shown?.plan.findings.some((/** @type {any} */ one) => one.severity === "error");
  startButton.textContent = say(grave ? "web.js.new.start_all_the_same" : "web.js.new.start");
  startButton.classList.toggle("danger", Boolean(grave));
  if (again) changed();
  else {
    startButton.disabled = !shown;
    aside.toggleAttribute("data-old", false);
    tellState();
  }
}

/** What the plan waits for, such as a model that is fetched. */
async function tellProgress() {
  const { text } = await get("/api/plan/progress").catch(() => ({ text: "" }));
  fill(at("progress"), making ? text : "");
}

let warm = false; // the first plan loads the training libraries: its time says nothing of the next

/** Whether there is enough to plan, and nothing that cannot be. */
function ready() {
  return settings.text("data.train") !== "" && settings.firstWrong(recipe()) === null;
}

/** @param {number} [spent] ms since a plan is being made */
function tellState(spent) {
  const busy = making || spent !== undefined;
  at("planning").hidden = !busy;
  at("make").hidden = busy || !tookLong || !ready() || !startButton.disabled;
  at("stop-field").hidden = !shown;
  const seconds = Math.round((spent ?? 0) / 1000);
  const words = busy
    ? say(seconds > 3 ? "web.js.new.planning_long" : "web.js.new.planning", { n: seconds })
    : !settings.text("data.train") ? say("web.js.new.no_data")
    : settings.firstWrong(recipe()) ? say("web.js.new.wrong", { name: settings.firstWrong(recipe())?.field.label ?? "" })
    : shown && !startButton.disabled ? say("web.js.new.planned")
    : tookLong ? say("web.js.new.make_anew") : "";
  if (at("plan-state").textContent !== words) fill(at("plan-state"), words);
}

/** What keeps the plan from being made, at its field too. @param {Failure | null} failure */
function problem(failure) {
  const host = at("plan-problem");
  host.hidden = !failure;
  for (const { key } of schema.fields) if (settings.widgets.get(key)?.input.dataset.blamed) {
    delete (/** @type {any} */ (settings.widgets.get(key)).input.dataset.blamed);
    settings.blame(key, "");
  }
  if (!failure) return fill(host);
  const key = failure.told.field;
  const widget = settings.widgets.get(key);
  fill(host, el("p", {}, failure.message), widget ? el("button", { type: "button", class: "small", onclick: () => {
    widget.input.closest("details")?.setAttribute("open", "");
    widget.host.hidden = false;
    widget.input.focus();
  } }, say("web.js.new.go_to", { name: widget.field.label })) : null);
  if (widget) {
    settings.blame(key, failure.message);
    widget.input.dataset.blamed = "1";
    widget.input.closest("details")?.setAttribute("open", "");
  }
  return undefined;
}

/** Take settings over that somebody else thought of. @param {Record<string, any>} set */
function apply(set) {
  for (const [key, value] of Object.entries(set)) {
    if (key === "recipe") pickRecipe(String(value));
    else settings.set(key, key.startsWith("data.") || key === "model" ? shorter(value) : value);
  }
  changed();
}

/** A path below the folder that paths are relative to, without it. @param {any} value */
function shorter(value) {
  const here = `${form.dataset.folder}/`;
  return typeof value === "string" && value.startsWith(here) ? value.slice(here.length) : value;
}

function pickRecipe(/** @type {string} */ name) {
  const radio = /** @type {HTMLInputElement | null} */ (byTest(`recipe-${name}`));
  if (radio) radio.checked = true;
}

// Starting

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!shown || startButton.disabled) return;
  const how = shown.same ? await askWhatWith(shown.same) : "new";
  if (!how) return;
  startButton.disabled = true;
  try {
    const stop_on = /** @type {HTMLSelectElement} */ (at("stop-on")).value || null;
    const job = await post("/api/jobs", { settings: shown.settings, if_exists: how, stop_on });
    sessionStorage.removeItem(KEPT);
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    startButton.disabled = false;
    if (error.told.same_name) shown.same = error.told.same_name; // somebody was quicker
    problem(error);
    startButton.focus();
  }
});

/** The four choices for a name that is taken. @param {{id: number, name: string, status: string}} there */
function askWhatWith(there) {
  const told = { id: there.id, name: there.name, state: say(`state.${there.status}`) };
  return choose({
    title: say("web.js.new.exists", told),
    body: say("web.js.new.exists_text"),
    choices: [
      { value: "new", text: say("web.js.new.exists.new", told), kind: "primary" },
      { value: "backup", text: say("web.js.new.exists.backup", told) },
      { value: "continue", text: say("web.js.new.exists.continue", told) },
    ],
  });
}

// Files

for (const button of document.querySelectorAll("[data-browse]")) {
  button.addEventListener("click", async () => {
    const key = /** @type {HTMLElement} */ (button).dataset.browse ?? "";
    const folders = key === "model" ? "model" : recipe() === "sft" ? null : "pairs";
    const name = settings.fields.get(key)?.label ?? key;
    const path = await chooseFile({ title: say("web.js.new.choose", { name }), folders, begin: form.dataset.folder });
    if (path) apply({ [key]: path });
  });
}

for (const button of document.querySelectorAll("[data-upload]")) {
  button.addEventListener("click", () => {
    uploadFor = /** @type {HTMLElement} */ (button).dataset.upload ?? "data.train";
    picker.click();
  });
}

picker.addEventListener("change", () => {
  if (picker.files?.length) take([...picker.files], uploadFor);
  picker.value = "";
});

/** Send files; the second of two is for evaluation. @param {File[]} files @param {string} key */
async function take(files, key) {
  const bar = /** @type {HTMLProgressElement} */ (at("sending"));
  const order = [...files].sort((a, b) => Number(/eval|val|dev/i.test(a.name)) - Number(/eval|val|dev/i.test(b.name)));
  const keys = files.length > 1 ? ["data.train", "data.eval"] : [key];
  bar.hidden = false;
  try {
    for (const [i, file] of order.slice(0, keys.length).entries()) {
      const there = await send(file, (part) => {
        bar.value = part;
      });
      apply({ [keys[i]]: there.path });
      tell(say("web.js.new.sent", { name: there.name }));
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(error.message, "error");
  } finally {
    bar.hidden = true;
  }
}

const zone = at("data");
zone.addEventListener("dragover", (event) => {
  event.preventDefault();
  zone.dataset.over = "";
});
zone.addEventListener("dragleave", () => delete zone.dataset.over);
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  delete zone.dataset.over;
  const host = /** @type {HTMLElement} */ (event.target).closest("[data-key]");
  if (event.dataTransfer?.files.length) take([...event.dataTransfer.files], /** @type {HTMLElement | null} */ (host)?.dataset.key ?? "data.train");
});

at("aside-button").addEventListener("click", async () => {
  const button = /** @type {HTMLButtonElement} */ (at("aside-button"));
  button.disabled = true;
  try {
    const answer = await post("/api/data/split", { path: settings.text("data.train") });
    apply(answer.settings);
    tell(say("web.js.new.kept_aside", { train: answer.rows["data.train"], eval: answer.rows["data.eval"] ?? 0 }));
    for (const note of answer.notes) tell(note);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(error.message, "error");
  } finally {
    button.disabled = false;
  }
});

/** @param {string} name */
async function example(name) {
  const answer = await post(`/api/examples/${encodeURIComponent(name)}`);
  empty();
  named = true;
  apply(answer.settings);
}

for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => example(/** @type {HTMLElement} */ (button).dataset.example ?? ""));
}

// What is kept when the page is left, and what it begins with

function empty() {
  for (const key of settings.widgets.keys()) settings.set(key, null);
  pickRecipe("sft");
  named = false;
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify({ settings: { ...Object.fromEntries([...settings.widgets.keys()].map((key) => [key, settings.text(key)])), recipe: recipe() }, named }));
}

/** Settings of a job that was started before. @param {string} id */
async function copyOf(id) {
  const job = await get(`/api/jobs/${encodeURIComponent(id)}`);
  const known = Object.entries(job.plan?.settings ?? {}).filter(([, one]) => /** @type {any} */ (one).source !== "default");
  return { recipe: job.recipe, ...Object.fromEntries(known.map(([key, one]) => [key, /** @type {any} */ (one).value])) };
}

async function start() {
  build();
  const asks = new URLSearchParams(location.search);
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  try {
    if (asks.has("example")) await example(asks.get("example") ?? "");
    else if (asks.has("from")) {
      named = true;
      apply(await copyOf(asks.get("from") ?? ""));
    } else if (kept) {
      named = kept.named;
      apply(kept.settings);
    } else changed();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(error.message, "error");
    changed();
  }
  if (asks.has("example") || asks.has("from")) history.replaceState(history.state, "", location.pathname);
}

at("set-name").addEventListener("input", () => {
  named = settings.text("name") !== "";
});
for (const radio of form.querySelectorAll("[name=recipe]")) radio.addEventListener("change", changed);
at("find").addEventListener("input", sift);
at("all").addEventListener("change", sift);
at("make").addEventListener("click", plan);
at("clear").addEventListener("click", () => {
  empty();
  changed();
});
form.addEventListener("keydown", (event) => {
  const field = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Enter" && field.matches("input:not([type=radio])")) event.preventDefault(); // no start by accident
});
start();
