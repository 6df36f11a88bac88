// @ts-check
/** The words beside the pointer. */
import { el, fill } from "./dom.js";

/** @typedef {{head: string, rows: {label: string, text: string, color: string, value: number}[]}} Told */

export class Tip {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.element = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
    host.append(this.element);
  }

  hide() {
    this.element.hidden = true;
  }

  /** @param {Told} told @param {any} plot a uPlot */
  show(told, plot) {
    const { left, top } = plot.cursor;
    const near = closest(told, plot.posToVal(top, "y"));
    fill(this.element, el("div", { class: "tip-head" }, told.head),
      told.rows.map((row) => {
        const line = el("div", { class: row === near ? "tip-row near" : "tip-row" }, el("span", { class: "swatch" }), `${row.label} `, el("b", {}, row.text));
        line.style.setProperty("--line-color", `var(${row.color})`);
        return line;
      }));
    this.element.hidden = false;
    const [wide, room] = [this.element.offsetWidth, plot.over.clientWidth];
    const x = left + wide + 24 < room ? left + 14 : left - wide - 14;
    this.element.style.transform = `translate(${Math.round(plot.over.offsetLeft + Math.max(x, -40))}px, ${Math.round(plot.over.offsetTop + 8)}px)`;
  }
}

/** @param {Told} told @param {number} value where the pointer is */
function closest(told, value) {
  let [best, found] = [Infinity, told.rows[0]];
  for (const row of told.rows) {
    const away = Math.abs(row.value - value);
    if (away < best) [best, found] = [away, row];
  }
  return told.rows.length > 1 ? found : null;
}
