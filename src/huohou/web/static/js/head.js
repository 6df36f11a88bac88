// @ts-check
/** The head of the page: state, progress, times, and what can be done. */
import { post } from "./api.js";
import { choose, tell } from "./dialog.js";
import { el, fill, set, show } from "./dom.js";
import { clock, count, duration, number } from "./format.js";
import { mayChange } from "./role.js";
import { say } from "./words.js";

/** @typedef {Record<string, any>} Job columns, with progress and actions */

const LIVE = ["queued", "starting", "running", "stopping"];
/** @type {Record<string, string>} */
const KINDS = { stop: "primary", stop_now: "danger", resume: "primary", branch: "" };
const SILENT = 30; // seconds without a sign of life of a job that runs; there is one every two

/** Whether a job has not ended. @param {Job} job */
export function isLive(job) {
  return LIVE.includes(job.status);
}

/**
 * State in a word, and what the page adds to it.
 * @param {Job} job @param {number} now unix seconds
 * @returns {{state: string, text: string}}
 */
export function stateOf(job, now) {
  const away = now - (job.heartbeat_at ?? now);
  if (job.status === "running" && away > SILENT) {
    return { state: "stalled", text: say("web.js.job.stalled", { time: duration(away) }) };
  }
  return { state: job.status, text: say(`state.${job.status}`) };
}

export class Head {
  /**
   * @param {HTMLElement} host
   * @param {{onChange: (job: Job) => void, checkpoints: () => Promise<{path: string, step: number, best?: boolean}[]>}} how
   */
  constructor(host, how) {
    this.host = host;
    this.how = how;
    /** @type {Job} */ this.job = {};
    this.actionsShown = "";
    this.busy = false; // with what was clicked last
  }

  /** @param {Job} job */
  show(job) {
    this.job = { ...this.job, ...job };
    const { state, text } = stateOf(this.job, Date.now() / 1000);
    const chip = this.#part("job-state");
    if (chip.dataset.state !== state) chip.dataset.state = state;
    set(chip, text);
    const phase = this.job.progress?.phase;
    set(this.#part("job-phase"), isLive(this.job) && phase ? phase : "");
    this.#progress();
    this.#facts();
    this.#error();
    this.#actions();
    show(this.#part("job-ask"), this.job.recipe === "sft" && ["completed", "stopped"].includes(this.job.status));
    document.title = `${title(this.job)} · huohou`;
  }

  #part(/** @type {string} */ name) {
    return /** @type {HTMLElement} */ (this.host.querySelector(`[data-testid="${name}"]`));
  }

  #progress() {
    const bar = /** @type {HTMLProgressElement} */ (this.#part("job-progress"));
    const share = this.job.progress_percentage ?? 0;
    if (bar.value !== share) bar.value = share;
    set(this.#part("job-percent"), `${number(share, 3)} %`);
  }

  #facts() {
    const known = facts(this.job, Date.now() / 1000);
    const list = this.#part("job-facts");
    const rows = [...list.children];
    if (rows.length !== known.length || rows.some((row, i) => row.getAttribute("data-fact") !== known[i].name)) {
      fill(list, known.map((fact) => el("div", { "data-fact": fact.name }, el("dt", {}, say(`web.js.job.fact.${fact.name}`)), el("dd", {}, fact.value))));
      return;
    }
    known.forEach((fact, i) => set(/** @type {HTMLElement} */ (rows[i].lastElementChild), fact.value));
  }

  #error() {
    const box = this.#part("job-error");
    const text = isLive(this.job) ? "" : String(this.job.error ?? "").trim();
    show(box, Boolean(text));
    if (box.dataset.text === text) return;
    box.dataset.text = text;
    const lines = text.split("\n");
    fill(box, el("p", {}, el("b", {}, lines[lines.length - 1])),
      lines.length > 1 ? el("details", {}, el("summary", {}, say("web.js.job.error.more")), el("pre", {}, text)) : null,
      el("p", { class: "small" }, say("web.js.job.error.next")));
  }

  #actions() {
    const offered = mayChange() ? offers(this.job) : [];
    const shown = JSON.stringify(offered);
    if (shown === this.actionsShown) return;
    this.actionsShown = shown;
    fill(this.#part("job-actions"), offered.map(({ name, why }) => el("button", {
      type: "button", class: KINDS[name], "data-testid": `action-${name}`, "aria-disabled": why ? "true" : null, title: why,
      onclick: () => (why ? tell(why) : this.#do(name)),
    }, say(`web.js.job.action.${name}`))));
  }

  /** @param {string} name */
  async #do(name) {
    if (this.busy) return; // a second click while something is read or asked
    this.busy = true;
    const asked = { stop: () => this.#stop(false), stop_now: () => this.#stop(true), resume: () => this.#resume(), branch: () => this.#branch() }[name];
    try {
      await asked?.();
    } catch (error) {
      tell(String(/** @type {Error} */ (error).message), "error");
    } finally {
      this.busy = false;
    }
  }

  async #stop(/** @type {boolean} */ now) {
    const which = now ? "stop_now" : "stop";
    const answer = await choose({
      title: say(`web.js.job.${which}.title`), body: say(`web.js.job.${which}.body`),
      choices: [{ value: "yes", text: say(`web.js.job.action.${which}`), kind: now ? "danger" : "primary" }],
    });
    if (answer) this.how.onChange(await post(`/api/jobs/${this.job.id}/stop`, { now }));
  }

  async #resume() {
    const done = this.job.actions?.resume?.needs === "extend_epochs";
    const epochs = /** @type {HTMLInputElement} */ (el("input", { type: "number", min: "0", step: "any", value: done ? "1" : "", id: "extend", "data-testid": "extend-epochs" }));
    const answer = await choose({
      title: say("web.js.job.resume.title"),
      body: [el("p", {}, say(done ? "web.js.job.resume.completed" : "web.js.job.resume.body")), field(epochs, say("web.js.job.resume.extend"))],
      choices: [{ value: "yes", text: say("web.js.job.action.resume"), kind: "primary" }],
    });
    if (!answer) return;
    const more = Number(epochs.value);
    const job = await post(`/api/jobs/${this.job.id}/resume`, { extend_epochs: more > 0 ? more : null });
    for (const note of job.notes ?? []) tell(note);
    this.how.onChange(job);
  }

  async #branch() {
    const saved = await this.how.checkpoints();
    const name = /** @type {HTMLInputElement} */ (el("input", { value: `${this.job.name}-2`, id: "branch-name", required: true, "data-testid": "branch-name" }));
    const from = /** @type {HTMLSelectElement} */ (el("select", { id: "branch-from", "data-testid": "branch-from" },
      el("option", { value: "" }, say("web.js.job.branch.last")),
      saved.map(({ path, step, best }) => el("option", { value: path.split("/").pop() ?? path }, say(best ? "web.js.job.branch.best" : "web.js.job.branch.at", { step: count(step) })))));
    const epochs = /** @type {HTMLInputElement} */ (el("input", { type: "number", min: "0", step: "any", id: "branch-epochs", value: "0" }));
    const settings = /** @type {HTMLTextAreaElement} */ (el("textarea", { id: "branch-settings", class: "mono", placeholder: "train.learning_rate: 1e-4", "data-testid": "branch-settings" }));
    const answer = await choose({
      title: say("web.js.job.branch.title"),
      body: [el("p", {}, say("web.js.job.branch.body")), field(name, say("web.js.job.branch.name")), field(from, say("web.js.job.branch.from")),
        field(epochs, say("web.js.job.resume.extend")), field(settings, say("web.js.job.branch.settings"))],
      choices: [{ value: "yes", text: say("web.js.job.action.branch"), kind: "primary" }],
    });
    if (!answer) return;
    const body = { name: name.value.trim(), checkpoint: from.value || null, extend_epochs: Number(epochs.value) || 0, settings: settingsOf(settings.value) };
    const job = await post(`/api/jobs/${this.job.id}/branch`, body);
    location.assign(`/jobs/${job.id}`);
  }
}

/** Settings written one a line, as in a run file: name: value. @param {string} text */
export function settingsOf(text) {
  /** @type {Record<string, unknown>} */ const found = {};
  for (const line of text.split("\n")) {
    const [, name, written] = line.match(/^\s*([\w.]+)\s*[:=]\s*(.+?)\s*$/) ?? [];
    if (!name) continue;
    try {
      found[name] = JSON.parse(written);
    } catch {
      found[name] = Number.isFinite(Number(written)) ? Number(written) : written;
    }
  }
  return found;
}

/** @param {HTMLElement} input @param {string} label */
function field(input, label) {
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
}

/**
 * What can be done now; why: what stands against it.
 * @param {Job} job @returns {{name: "stop" | "stop_now" | "resume" | "branch", why: string | null}[]}
 */
export function offers(job) {
  if (job.recipe === "import" || !job.actions) return [];
  /** @type {("stop" | "stop_now" | "resume" | "branch")[]} */
  const names = isLive(job) ? ["stop", "stop_now", "branch"] : ["resume", "branch"];
  return names.map((name) => ({ name, why: job.actions[name]?.allowed ? null : (job.actions[name]?.why ?? "") }))
    .filter(({ name, why }) => why === null || (why && !(isLive(job) && name === "branch")));
}

/** @param {Job} job */
function title(job) {
  const done = isLive(job) && job.progress_percentage ? `${Math.floor(job.progress_percentage)} % · ` : "";
  const mark = job.verdict === "faulty" ? "⚠ " : "";
  return `${mark}${done}${job.id} ${job.name}`;
}

/**
 * What the head says, in order.
 * @param {Job} job @param {number} now unix seconds
 * @returns {{name: string, value: string}[]}
 */
export function facts(job, now) {
  const p = job.progress ?? {};
  /** @type {{name: string, value: string}[]} */ const told = [];
  const add = (/** @type {string} */ name, /** @type {string} */ value) => told.push({ name, value });
  const of = (/** @type {string} */ done, /** @type {string} */ whole) => say("web.js.job.of", { done, whole });
  const [step, steps] = [p.step ?? job.step, p.steps ?? job.steps];
  if (step || steps) add("step", steps ? of(count(step ?? 0), count(steps)) : count(step));
  const [epoch, epochs] = [p.epoch ?? job.current_epoch, p.epochs ?? job.epochs];
  if (epoch || epochs) add("epoch", epochs ? of(number(epoch ?? 0, 3), number(epochs, 4)) : number(epoch, 3));
  if (job.train_loss !== null && job.train_loss !== undefined) add("train_loss", number(job.train_loss));
  if (job.val_loss !== null && job.val_loss !== undefined) add("val_loss", number(job.val_loss));
  if (p.tokens_per_s) add("speed", say("web.js.job.per_second", { n: count(Math.round(p.tokens_per_s)) }));
  if (job.status === "queued" && job.queue_position) add("queue", count(job.queue_position));
  if (isLive(job) && job.status !== "queued") {
    const finish = p.finish_at ?? null;
    add("left", finish === null ? say("web.js.job.estimating") : duration(Math.max(finish - now, 0)));
    if (finish !== null) add("finish", clock(finish));
  }
  if (job.started_at) add("started", clock(job.started_at));
  if (job.finished_at && job.started_at && !isLive(job)) add("took", duration(job.finished_at - job.started_at));
  return told;
}
