// @ts-check
/** What was asked before: searched, paged, opened again. */
import { get } from "./api.js";
import { tell } from "./dialog.js";
import { el, fill } from "./dom.js";
import { clock, count } from "./format.js";
import { mayChange } from "./role.js";
import { say } from "./words.js";

/** @typedef {import("./answer.js").Told} Told */

const PAUSE = 250; // ms after the last key
const SOME = 25;
const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class History {
  /** @param {{answers: Told[], total: number, before: number | null, marked: number}} begun @param {(told: Told) => void} onOpen */
  constructor(begun, onOpen) {
    this.onOpen = onOpen;
    this.words = "";
    /** @type {Told[]} */ this.rows = [];
    /** @type {AbortController | null} */ this.asking = null;
    const search = /** @type {HTMLInputElement} */ (at("history-search"));
    search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(search.value), PAUSE);
    });
    at("history-more").addEventListener("click", () => this.more());
    this.#take(begun, true);
  }

  /** @param {string} words */
  async find(words) {
    this.words = words;
    await this.#read(null);
  }

  /** Read what is new. */
  async refresh() {
    await this.#read(null);
  }

  async more() {
    await this.#read(this.before);
  }

  /** Which one is open. @param {string | null} id */
  mark(id) {
    for (const button of at("history").querySelectorAll("button")) button.setAttribute("aria-current", String(button.dataset.id === id));
  }

  /** @param {number | null | undefined} before */
  async #read(before) {
    this.asking?.abort();
    const mine = (this.asking = new AbortController());
    try {
      const told = await get("/api/answers", { q: this.words, before, limit: SOME }, mine.signal);
      this.#take(told, before === null);
    } catch (error) {
      if (!mine.signal.aborted) tell(String(/** @type {Error} */ (error).message), "error");
    }
  }

  /** @param {{answers: Told[], total: number, before: number | null, marked: number}} told @param {boolean} anew */
  #take(told, anew) {
    this.rows = anew ? told.answers : [...this.rows, ...told.answers];
    this.before = told.before;
    fill(at("history"), this.rows.map((one) => this.#row(one)));
    fill(at("history-count"), count(told.total));
    at("history-more").hidden = told.before === null;
    at("history-none").hidden = this.rows.length > 0;
    this.#marked(told.marked);
  }

  /** @param {Told} one */
  #row(one) {
    const mark = one.mark ? (one.mark.right ? "✓" : "✗") : null;
    return el("li", { "data-testid": "history-row", "data-id": one.id },
      el("button", { type: "button", "data-id": one.id, onclick: () => this.onOpen(one) },
        el("span", { class: "history-question" }, one.question || "—"),
        el("span", { class: "history-answer muted small" }, one.answer),
        el("span", { class: "history-about muted small" },
          mark ? el("b", { class: one.mark.right ? "good" : "bad", "aria-label": say(one.mark.right ? "web.js.answers.right" : "web.js.answers.wrong") }, mark) : null,
          el("time", {}, clock(one.t)),
          el("span", { class: "badge" }, say(`web.js.answers.mode.${one.intent === "passage" ? "documents" : one.mode}`)),
          one.which ? el("span", { class: "badge" }, say(`web.js.answers.which.${one.which}`)) : null)));
  }

  /** @param {number} rows */
  #marked(rows) {
    fill(at("marked"), rows
      ? [el("p", {}, say("web.js.answers.marked", { n: count(rows) }), " ", el("a", { href: "/api/answers/marked", download: "marked.jsonl", "data-testid": "marked-link" }, "marked.jsonl")),
        el("p", { class: "muted" }, say("web.js.answers.evaluate"), " ", el("code", {}, "huohou eval RUN --on marked.jsonl"))]
      : mayChange() ? el("p", { class: "muted" }, say("web.js.answers.unmarked")) : null);
  }
}
