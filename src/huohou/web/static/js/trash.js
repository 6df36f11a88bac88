// @ts-check
/** Jobs that were put away, and how they come back. */
import { Failure, get } from "./api.js";
import { tell } from "./dialog.js";
import { el, fill } from "./dom.js";
import { mayChange } from "./role.js";
import { restore } from "./steer.js";
import { say } from "./words.js";

export class Trash {
  /** @param {HTMLDetailsElement} details @param {HTMLElement} host */
  constructor(details, host) {
    this.details = details;
    this.host = host;
    this.onRestored = () => {};
    details.addEventListener("toggle", () => this.reload());
  }

  /** Where there is no job at all, an empty trash says nothing. */
  async hideIfEmpty() {
    const { runs } = await get("/api/trash").catch(() => ({ runs: [1] }));
    this.details.hidden = runs.length === 0;
  }

  async reload() {
    if (!this.details.open) return;
    const { runs, trash } = await get("/api/trash");
    const line = (/** @type {{id: number, name: string, in: string}} */ one) => el("li", {},
      el("span", {}, `${one.name} `, el("span", { class: "muted small" }, `#${one.id} · ${one.in}`)),
      !mayChange() ? null : el("button", { type: "button", class: "quiet", "data-testid": "restore", onclick: () => this.#restore(one) }, say("web.js.jobs.bring_back")));
    fill(this.host, runs.length
      ? [el("ul", {}, runs.map(line)), el("p", { class: "muted small" }, say("web.js.jobs.trash_where", { path: trash }))]
      : el("p", { class: "muted" }, say("web.js.jobs.trash_empty")));
  }

  /** @param {{id: number, name: string}} one */
  async #restore(one) {
    try {
      await restore(one.id, one.name);
      this.onRestored();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      tell(error.message, "error");
    }
    this.reload();
  }
}
