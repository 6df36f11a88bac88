// @ts-check
/** The page of questions: which model, which mode, about what; answers as they come; marks. */
import { Card, cardOf } from "./answer.js";
import { get, post, stream } from "./api.js";
import { el, fill } from "./dom.js";
import { duration } from "./format.js";
import { History } from "./history.js";
import { Knobs } from "./knobs.js";
import { chooseFile, send } from "./places.js";
import { mayChange } from "./role.js";
import { first, say } from "./words.js";

/** @typedef {import("./answer.js").Told} Told */
/** @typedef {{id: string, kind: string, name: string, base: string, job: number | null, status: string, recipe: string, facts: string | null, state: string}} Model */

const begun = first();
/** @type {Model[]} */ let models = begun.models;
const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (at(id));
const form = /** @type {HTMLFormElement} */ (at("form"));
const knobs = new Knobs();
/** @type {{role: string, content: string}[]} */ let talked = []; // turns of the talk so far
/** @type {AbortController | null} */ let asking = null;
let which = "tuned";
const query = new URLSearchParams(location.search);
/** @type {Model | undefined} */ const named = models.find((one) => [one.id, String(one.job), one.name].includes(query.get("job") ?? ""));
// Documents are asked without a model unless one is chosen; the other modes keep theirs meanwhile.
/** @type {Record<string, string>} */ const picked = { documents: "", others: named?.id ?? "" };

const how = {
  onAsk: (/** @type {string} */ question) => {
    input("question").value = question;
    ask();
  },
  onAgain: (/** @type {Told} */ told) => {
    input("question").value = told.question;
    input("question").focus();
  },
  onMark: () => history.refresh(),
  prompt: (/** @type {Told} */ told) => post("/api/chat/prompt", { job: told.job, messages: turnsOf(told) }),
};
const history = new History(begun.history, (told) => {
  put(cardOf(told, how).element);
  history.mark(told.id);
});

const mode = () => String(new FormData(form).get("mode"));

/** Turns of a question that was answered: of a talk those that were sent. @param {Told} told */
function turnsOf(told) {
  if (told.messages) return told.messages;
  const { system } = told;
  return [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: told.question }];
}

// What there is to choose.

/** The models that fit a mode, those of jobs before the bundled ones. */
function showModels() {
  const wanted = models.filter((one) => fits(one));
  const option = (/** @type {Model} */ one) => el("option", { value: one.id }, one.job === null ? one.id : `${one.job} ${one.name} · ${short(one.base)}${one.status === "completed" ? "" : ` · ${say(`state.${one.status}`)}`}`);
  const group = (/** @type {string} */ key, /** @type {Model[]} */ some) => (some.length ? [el("optgroup", { label: say(key) }, some.map(option))] : []);
  const optional = ["documents", "lookup"].includes(mode());
  fill(at("model"), optional ? el("option", { value: "" }, say("web.js.answers.no_model")) : null,
    ...group("web.js.answers.jobs", wanted.filter((one) => one.job !== null)), ...group("web.js.answers.bundled", wanted.filter((one) => one.job === null)));
  const choice = picked[shared()];
  const usual = mode() === "documents" ? "" : wanted[0]?.id ?? "";
  input("model").value = wanted.some((one) => one.id === choice) ? choice : usual;
  changedModel();
}

/** Which choice of a model a mode shares. */
const shared = () => (mode() === "documents" ? "documents" : "others");

/** @param {Model} one */
function fits(one) {
  if (mode() === "documents") return one.job !== null || one.kind === "embedding";
  return one.kind === "chat";
}

function showSources() {
  const own = chosen()?.facts;
  /** @type {string[]} */ const tables = [...new Set([own, ...begun.tables].filter((path) => path))];
  fillPaths(input("table"), tables, own ?? null);
  fillPaths(input("documents"), begun.documents, null);
}

/** @param {HTMLInputElement} select @param {string[]} paths @param {string | null} own */
function fillPaths(select, paths, own) {
  const before = select.value;
  fill(select, paths.length ? null : el("option", { value: "" }, say("web.js.answers.none_yet")),
    paths.map((path) => el("option", { value: path, title: path }, path === own ? say("web.js.answers.own_table", { name: tail(path) }) : tail(path))));
  if (own) select.value = own;
  else if (paths.includes(before)) select.value = before;
}

/** The end of a path, by which people know it. @param {string} path */
const tail = (path) => path.split(/[\\/]/).slice(-2).join("/");
/** @param {string} name of a base model, perhaps a path */
const short = (name) => (/[\\/]/.test(name) ? tail(name) : name);
const chosen = () => models.find((one) => one.id === input("model").value) ?? null;

/** What the model was trained with; asked for before it is asked anything. */
let known = Promise.resolve();

function changedModel() {
  showSources();
  showWhich();
  known = readModel();
}

async function readModel() {
  const model = chosen();
  if (!model || model.kind !== "chat") return;
  try {
    const told = await get(`/api/models/${encodeURIComponent(model.id)}`);
    if (chosen()?.id === model.id) knobs.trained(told.system);
  } catch (error) {
    problem(error);
  }
}

function showWhich() {
  const model = chosen();
  const alone = model?.job === null;
  if (alone) which = "base";
  for (const button of at("which").querySelectorAll("button")) {
    button.toggleAttribute("disabled", alone && button.value !== "base");
    button.setAttribute("aria-pressed", String(button.value === which));
  }
}

function showMode() {
  const now = mode();
  const chats = now === "chat";
  fill(at("mode-hint"), say(`web.js.answers.hint.${now}`));
  at("table-field").hidden = chats || now === "documents";
  at("columns").hidden = chats || now === "documents";
  at("documents-field").hidden = now !== "documents";
  at("which-field").hidden = !chats;
  at("sampling").hidden = !chats;
  showModels();
  showTalk();
  const url = new URL(location.href);
  url.searchParams.set("mode", now);
  globalThis.history.replaceState(null, "", url);
}

function showTalk() {
  at("fresh").hidden = mode() !== "chat" || !talked.length;
}

/** A path that is not in a list yet is put into it and chosen. @param {string} id @param {string} path */
function offer(id, path) {
  const list = id === "table" ? begun.tables : begun.documents;
  if (!list.includes(path)) list.unshift(path);
  fillPaths(input(id), id === "table" ? [...new Set([path, ...list])] : list, null);
  input(id).value = path;
}

/** @param {"table" | "documents"} id */
async function browse(id) {
  const path = await chooseFile({
    title: say(`web.js.answers.choose_${id}`), folders: id === "documents" ? "any" : null, documents: id === "documents",
  });
  if (path) offer(id, path);
}

/** @param {"table" | "documents"} id */
function sendFile(id) {
  const picker = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: id === "table" ? ".csv,.xlsx,.xlsm,.db,.sqlite" : ".md,.markdown,.txt,.jsonl,.csv,.json", "data-testid": `${id}-file`, hidden: true }));
  picker.addEventListener("change", async () => {
    const file = picker.files?.[0];
    const bar = /** @type {HTMLProgressElement} */ (at("sending"));
    if (!file) return;
    bar.hidden = false;
    try {
      offer(id, (await send(file, (share) => (bar.value = share))).path);
    } catch (error) {
      problem(error);
    }
    bar.hidden = true;
    picker.remove();
  });
  document.body.append(picker);
  picker.click();
}

// Asking.

async function ask() {
  const question = input("question").value.trim();
  if (asking || !question) return input("question").focus();
  problem(null);
  const now = mode();
  const sides = which === "both" ? ["tuned", "base"] : [which];
  const card = new Card(question, now, how, sides);
  put(card.element);
  asking = new AbortController();
  busy(true);
  const clock = ticking(card);
  try {
    if (now === "chat") await talk(question, card, asking.signal, clock);
    else await answer(question, now, card, asking.signal, clock);
    history.refresh();
  } catch (error) {
    clock.end();
    if (asking.signal.aborted) {
      card.end(say("web.js.answers.stopped"));
      setTimeout(() => history.refresh(), 500); // what was written of a talk is kept
    } else card.end(String(/** @type {Error} */ (error).message), true);
  } finally {
    clock.end();
    asking = null;
    busy(false);
  }
  return undefined;
}

/** @param {string} question @param {string} now @param {Card} card @param {AbortSignal} signal @param {ReturnType<typeof ticking>} clock */
async function answer(question, now, card, signal, clock) {
  const documents = now === "documents";
  const body = {
    question, mode: now, job: input("model").value || null,
    ...(documents ? { documents: input("documents").value || null }
      : { table: input("table").value || null, key: input("key").value.trim() || null, value: input("value").value.trim() || null }),
  };
  for await (const { event, data } of stream("/api/ask?stream=true", body, signal)) {
    if (event === "delta") card.write(data);
    else if (event === "answer") {
      clock.end();
      card.show({ ...data, t: Date.now() / 1000 });
      fill(at("said"), data.answer);
      input("question").select();
    } else if (event === "error") throw new Error(data.message);
    else clock.tell(event, data);
  }
}

/** @param {string} question @param {Card} card @param {AbortSignal} signal @param {ReturnType<typeof ticking>} clock */
async function talk(question, card, signal, clock) {
  const [sides, turns] = [which, [...(which === "both" ? [] : talked), { role: "user", content: question }]];
  await known;
  const system = input("system").value;
  const messages = [...(system ? [{ role: "system", content: system }] : []), ...turns];
  const job = input("model").value;
  for await (const { event, data } of stream("/api/chat", { job, which: sides, messages, ...knobs.values }, signal)) {
    if (event === "delta") {
      clock.end();
      card.write(data);
    } else if (event === "done") {
      card.done({ ...data, job, messages, question, mode: "chat", t: Date.now() / 1000 });
      fill(at("said"), data.text);
      if (sides !== "both") talked = [...turns, { role: "assistant", content: data.text }];
    } else if (event === "error") throw new Error(data.message);
    else clock.tell(event, data);
  }
  input("question").value = "";
  showTalk();
}

/** Says what is waited for and how long, on a card. @param {Card} card */
function ticking(card) {
  const began = Date.now();
  let words = say("web.js.answers.thinking");
  const show = () => {
    if (ended) return;
    const seconds = (Date.now() - began) / 1000;
    card.say(seconds < 0.7 ? words : `${words} ${duration(Math.round(seconds))}`);
  };
  let ended = false;
  const timer = setInterval(show, 500);
  show();
  return {
    end: () => {
      clearInterval(timer);
      if (!ended) card.say("");
      ended = true;
    },
    /** @param {string} event @param {any} data */
    tell: (event, data) => {
      if (event === "opening") words = say(`web.js.answers.opening.${data.what}`, { name: short(data.name) });
      else if (event === "waiting") words = say("web.js.answers.waiting", { name: data.name });
      else if (event === "progress") words = data.text;
      else if (event === "begin") words = say("web.js.answers.thinking");
      show();
    },
  };
}

/** @param {boolean} is */
function busy(is) {
  at("stop-button").hidden = !is;
  at("ask").hidden = is;
  form.setAttribute("aria-busy", String(is));
}

/** @param {HTMLElement} card */
function put(card) {
  at("nothing").hidden = true;
  at("thread").prepend(card);
  while (at("thread").childElementCount > 50) at("thread").lastElementChild?.remove();
}

/** @param {unknown} error null for none */
function problem(error) {
  at("problem").hidden = !error;
  fill(at("problem"), error ? String(/** @type {Error} */ (error).message) : "");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
at("modes").addEventListener("change", showMode);
at("model").addEventListener("change", () => {
  talked = [];
  picked[shared()] = input("model").value;
  changedModel();
  showTalk();
  const url = new URL(location.href);
  url.searchParams.set("job", input("model").value);
  globalThis.history.replaceState(null, "", url);
});
at("which").addEventListener("click", (event) => {
  const value = /** @type {HTMLElement} */ (event.target).closest("button")?.value;
  if (!value) return;
  which = value;
  talked = [];
  showWhich();
  showTalk();
});
at("fresh").addEventListener("click", () => {
  talked = [];
  fill(at("thread"));
  at("nothing").hidden = false;
  showTalk();
  input("question").focus();
});
at("stop-button").addEventListener("click", () => asking?.abort());
input("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape") asking?.abort();
});
for (const id of /** @type {("table" | "documents")[]} */ (mayChange() ? ["table", "documents"] : [])) {
  at(`${id}-browse`).addEventListener("click", () => browse(id).catch(problem));
  at(`${id}-send`).addEventListener("click", () => sendFile(id));
}

const wanted = form.querySelector(`input[name="mode"][value="${CSS.escape(query.get("mode") ?? "")}"]`);
const talks = named?.kind === "chat" && named.job !== null && !named.facts; // there is no table to ask
const begin = wanted ?? (talks ? form.querySelector('input[value="chat"]') : null);
if (begin) /** @type {HTMLInputElement} */ (begin).checked = true;
showMode();
if (document.activeElement === document.body) input("question").focus({ preventScroll: true });
document.body.dataset.ready = "answers";
