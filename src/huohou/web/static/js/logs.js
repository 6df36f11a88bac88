// @ts-check
/** What a job printed: the end first, older on demand, followed while it runs. */
import { get } from "./api.js";
import { tell } from "./dialog.js";
import { el, fill } from "./dom.js";
import { copy } from "./clip.js";
import { bytes, count } from "./format.js";
import { say } from "./words.js";

const MOST = 4000; // lines in the document, twice as many while somebody reads older ones
const FIRST = 20_000; // bytes
const LAST = 400_000; // about as many lines as the document holds
const GRAVE = /\b(error|exception|traceback|failed|fatal|nan)\b|错误|失败|异常/i;
const NOTABLE = /warn|deprecated|警告/i;

/** How grave a line sounds. @param {string} line @returns {"error" | "warning" | ""} */
export function gravity(line) {
  return GRAVE.test(line) ? "error" : NOTABLE.test(line) ? "warning" : "";
}

export class Logs {
  /** @param {HTMLElement} host @param {number} job */
  constructor(host, job) {
    this.host = host;
    this.job = job;
    this.begin = 0;
    this.end = 0;
    this.follow = true;
    this.cut = false; // newer lines than those shown were let go: who follows again reads the end anew
    this.trimmed = false; // older ones were: begin is not where the first one begins
    this.loading = false;
    this.asked = 0; // how often its end was read or something looked for: only the last is shown
    /** @type {[string[], string, number][]} */ this.late = []; // what came while the log was read
    this.box = this.#part("log-lines");
    this.find = /** @type {HTMLInputElement} */ (this.#part("log-search"));
    this.following = /** @type {HTMLInputElement} */ (this.#part("log-follow"));
    this.level = /** @type {HTMLSelectElement} */ (this.#part("log-level"));
    this.where = this.#part("log-where");
    this.partial = el("div", { class: "partial" });
    this.#listen();
  }

  /**
   * Read the end of the log. @param {number} [size] bytes of it
   * @returns {Promise<number>} byte up to which it was read
   */
  async load(size = FIRST) {
    const mine = ++this.asked;
    this.loading = true;
    try {
      const told = await get(`/api/jobs/${this.job}/log`, { bytes: size });
      if (mine !== this.asked) return told.end; // something else is wanted by now
      [this.begin, this.end] = [told.begin, told.end];
      this.cut = this.trimmed = false;
      fill(this.box, this.#lines(told.lines), this.partial);
      this.#empty();
      this.#down();
      this.#say(told.size);
    } finally {
      if (mine === this.asked) this.loading = false;
    }
    for (const late of this.late.splice(0)) this.add(...late);
    return this.end;
  }

  /**
   * Lines that came.
   * @param {string[]} lines @param {string} [partial] a line without its end
   * @param {number} [at] byte of the log after them
   */
  add(lines, partial = "", at = Infinity) {
    if (this.searching) return;
    if (this.loading) {
      this.late.push([lines, partial, at]);
      return;
    }
    if (this.cut || at < this.end || (at === this.end && lines.length)) return; // not shown, or read already
    if (at < Infinity) this.end = at;
    const gone = this.box.querySelector(".empty");
    gone?.remove();
    this.partial.textContent = partial;
    if (lines.length) this.partial.before(...this.#lines(lines));
    if (!this.follow) return this.#stop();
    for (let over = this.box.childElementCount - MOST; over > 0; over--) {
      this.trimmed = true;
      this.box.firstElementChild?.remove();
    }
    this.#down();
  }

  /** Somebody reads what came before: no more lines below than can be scrolled to quickly. */
  #stop() {
    for (let over = this.box.childElementCount - 2 * MOST; over > 0; over--) {
      this.cut = true;
      this.partial.textContent = "";
      this.partial.previousElementSibling?.remove();
    }
  }

  /** Show the end again. */
  #resume() {
    this.follow = this.following.checked = true;
    if (this.cut) this.load().catch((error) => tell(String(error.message), "error"));
    else this.#down();
  }

  #part(/** @type {string} */ name) {
    return /** @type {HTMLElement} */ (this.host.querySelector(`[data-testid="${name}"]`));
  }

  #listen() {
    this.following.addEventListener("change", () => {
      this.follow = this.following.checked;
      if (this.follow) this.#resume();
    });
    this.box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.level.addEventListener("change", () => (this.box.dataset.level = this.level.value));
    let later = 0;
    this.find.addEventListener("input", () => {
      clearTimeout(later);
      later = setTimeout(() => this.#search(), 250);
    });
    this.#part("log-copy").addEventListener("click", () => copy(this.#text()));
  }

  #text() {
    return [...this.box.children].filter((line) => line instanceof HTMLElement && line.offsetParent !== null).map((line) => line.textContent).join("\n");
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    const low = scrollHeight - scrollTop - clientHeight < 24;
    if (low !== this.follow && !this.searching) {
      if (low) this.#resume();
      else this.follow = this.following.checked = false;
    }
    if (scrollTop < 40 && (this.begin > 0 || this.trimmed) && !this.searching) this.#older();
  }

  async #older() {
    if (this.busy) return;
    this.busy = true;
    try {
      const above = this.box.scrollHeight - this.box.scrollTop;
      if (this.trimmed) {
        await this.load(LAST);
        this.box.scrollTop = this.box.scrollHeight - above;
        return;
      }
      const { asked } = this;
      const told = await get(`/api/jobs/${this.job}/log`, { end: this.begin, bytes: 4 * FIRST });
      if (asked !== this.asked) return; // these do not stand before what is shown by now
      const before = this.box.scrollHeight;
      this.begin = told.begin;
      this.box.prepend(...this.#lines(told.lines));
      this.box.scrollTop += this.box.scrollHeight - before;
      this.#stop();
      this.#say(told.size);
    } catch (error) {
      tell(String(/** @type {Error} */ (error).message), "error");
    } finally {
      this.busy = false;
    }
  }

  async #search() {
    const words = this.find.value.trim();
    this.searching = Boolean(words);
    if (!words) return this.load();
    const mine = ++this.asked;
    this.loading = false;
    this.late = []; // the end is read again when nothing is looked for any more
    const told = await get(`/api/jobs/${this.job}/log`, { q: words, bytes: FIRST });
    if (mine !== this.asked) return undefined;
    const lines = told.lines.map((/** @type {any} */ line) => (typeof line === "string" ? line : line.text ?? line.line));
    fill(this.box, lines.map((/** @type {string} */ line) => marked(line, words)));
    this.where.textContent = say("web.js.job.log.found", { n: count(lines.length) });
    return undefined;
  }

  /** @param {string[]} lines */
  #lines(lines) {
    return lines.map((line) => el("div", { "data-level": gravity(line) || null }, line || "\u00a0"));
  }

  #empty() {
    if (this.box.childElementCount === 1) this.box.prepend(el("p", { class: "empty" }, say("web.js.job.log.empty")));
  }

  #down() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  #say(/** @type {number} */ size) {
    this.where.textContent = this.begin > 0 ? say("web.js.job.log.part", { size: bytes(size) }) : bytes(size);
  }
}

/** A line with what was looked for marked. @param {string} line @param {string} words */
function marked(line, words) {
  const parts = [];
  let [from, low] = [0, line.toLowerCase()];
  for (let at = low.indexOf(words.toLowerCase()); at >= 0; at = low.indexOf(words.toLowerCase(), from)) {
    parts.push(line.slice(from, at), el("mark", {}, line.slice(at, at + words.length)));
    from = at + words.length;
  }
  return el("div", {}, parts, line.slice(from));
}
