// @ts-check
/** Epochs as they were planned and as they were. */
import { el, fill } from "./dom.js";
import { clock, count, duration, number } from "./format.js";
import { paged } from "./table.js";
import { say } from "./words.js";

/**
 * @typedef {object} Epoch
 * @property {number} epoch
 * @property {number | null} [planned] seconds it was planned to take
 * @property {number | null} [actual] seconds it took
 * @property {number | null} [ended_at] unix seconds
 * @property {number | null} [expected_at] unix seconds
 */

const WIDE = 100;

export class Timeline {
  /** @type {Epoch[]} */ epochs = [];
  /** @type {ReturnType<typeof paged> | null} */ table = null;

  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
  }

  /** @param {Epoch[]} epochs */
  show(epochs) {
    this.epochs = epochs;
    if (!epochs.length) return fill(this.host, el("p", { class: "empty" }, say("web.js.job.timeline.none")));
    if (this.table) return this.table.show();
    this.table = this.#make();
    fill(this.host, this.table.element);
    return this.table.show(Math.max(epochs.findIndex((one) => !one.ended_at) - 12, 0));
  }

  #make() {
    const columns = ["epoch", "planned", "actual", "compared", "at"].map((name) => say(`web.js.job.timeline.${name}`));
    const longest = () => Math.max(...this.epochs.map((one) => Math.max(one.planned ?? 0, one.actual ?? 0)), 1e-9);
    return paged({
      caption: say("web.js.job.timeline.caption"), columns, numeric: [0, 1, 2], testid: "timeline-table",
      total: () => this.epochs.length,
      rows: (begin, end) => this.epochs.slice(begin, end).map((one) => [
        count(one.epoch), one.planned ? duration(one.planned) : "–", one.actual ? duration(one.actual) : "–", bars(one, longest()), when(one),
      ]),
    });
  }
}

/** Planned and actual as two bars of one scale. @param {Epoch} one @param {number} longest */
function bars(one, longest) {
  const bar = (/** @type {string} */ kind, /** @type {number | null | undefined} */ seconds) => {
    if (!seconds) return null;
    const made = el("span", { class: `bar ${kind}` });
    made.style.width = `${(WIDE * seconds) / longest}%`;
    return made;
  };
  const more = one.planned > 0.5 && one.actual && one.ended_at ? one.actual / one.planned - 1 : null;
  const told = more === null ? "" : say(more >= 0 ? "web.js.job.timeline.longer" : "web.js.job.timeline.shorter", { share: number(Math.abs(100 * more), 2) });
  return el("div", { class: "bars", title: told || null }, bar("planned", one.planned), bar("actual", one.actual), el("span", { class: "visually-hidden" }, told));
}

/** @param {Epoch} one */
function when(one) {
  if (one.ended_at) return clock(one.ended_at);
  return one.expected_at ? el("span", { class: "muted" }, say("web.js.job.timeline.expected", { clock: clock(one.expected_at) })) : "–";
}
