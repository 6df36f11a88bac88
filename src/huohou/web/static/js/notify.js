// @ts-check
/** A note of the browser when a job ends or goes wrong, for who has asked for it. */
import { get } from "./api.js";
import { isLive } from "./head.js";
import { say } from "./words.js";

const PACE = 30_000; // ms: only while the tab is hidden, and only if asked for
const KEY = "huohou.notify";

export class Notifier {
  /** @param {HTMLButtonElement} button @param {number} job */
  constructor(button, job) {
    this.button = button;
    this.job = job;
    /** @type {{status?: string, verdict?: string | null, name?: string}} */ this.last = {};
    this.timer = 0;
    if (!("Notification" in globalThis)) return;
    button.addEventListener("click", () => this.#ask());
    document.addEventListener("visibilitychange", () => this.#watch());
    this.#show();
  }

  get isOn() {
    return "Notification" in globalThis && Notification.permission === "granted" && localStorage.getItem(KEY) === "1";
  }

  /** What the job is now. @param {{status?: string, verdict?: string | null, name?: string}} now */
  see(now) {
    const before = this.last;
    this.last = now;
    this.button.hidden = !("Notification" in globalThis) || !isLive(now);
    if (!before.status || !this.isOn) return;
    const ended = before.status !== now.status && ["completed", "stopped", "failed", "lost"].includes(now.status ?? "");
    const worse = now.verdict === "faulty" && before.verdict !== "faulty";
    if (!ended && !worse) return;
    const words = ended ? say(`state.${now.status}`) : say("web.js.job.notify.faulty");
    new Notification(`${this.job} ${now.name}: ${words}`, { icon: "/static/icon.svg", tag: `huohou-${this.job}` });
  }

  async #ask() {
    if (this.isOn) localStorage.setItem(KEY, "0");
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEY, "1");
    this.#show();
  }

  #show() {
    this.button.setAttribute("aria-pressed", String(this.isOn));
  }

  #watch() {
    clearInterval(this.timer);
    if (!document.hidden || !this.isOn) return;
    this.timer = setInterval(async () => {
      try {
        this.see(await get(`/api/jobs/${this.job}`));
      } catch {
        clearInterval(this.timer); // the server is away: the page says so when it is looked at
      }
    }, PACE);
  }
}
