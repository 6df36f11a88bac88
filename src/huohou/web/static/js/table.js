/**
 * Tables made from data, paged: never more than 25 rows in the document at once.
 */
import { el, fill } from "./dom.js";
import { count } from "./format.js";
import { say } from "./words.js";

export const PAGE = 25;

/**
 * A table of one page of rows with buttons for the others.
 * @param {{caption: string, columns: string[], numeric?: number[], total: () => number,
 *   rows: (begin: number, end: number) => (string | Node)[][] | Promise<(string | Node)[][]>, testid?: string}} about
 *   caption: said to screen readers; numeric: which columns hold numbers; rows: cells of these rows
 * @returns {{element: HTMLElement, show: (begin?: number) => Promise<void>}} show() draws anew
 */
export function paged({ caption, columns, numeric = [], total, rows, testid }) {
  const body = el("tbody");
  const where = el("span", { class: "muted", role: "status" });
  let begin = 0;
  const back = el("button", { type: "button", onclick: () => show(begin - PAGE) }, say("web.js.table.back"));
  const on = el("button", { type: "button", onclick: () => show(begin + PAGE) }, say("web.js.table.on"));
  const table = el("table", { "data-testid": testid },
    el("caption", { class: "visually-hidden" }, caption),
    el("thead", {}, el("tr", {}, columns.map((name, i) => el("th", { scope: "col", class: numeric.includes(i) ? "number" : null }, name)))),
    body);
  const element = el("div", { class: "stack" },
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table),
    el("div", { class: "row" }, back, on, where));

  /** @param {number} [from] */
  async function show(from = begin) {
    const all = total();
    begin = Math.max(0, Math.min(from, Math.floor(Math.max(all - 1, 0) / PAGE) * PAGE));
    const end = Math.min(begin + PAGE, all);
    const cells = await rows(begin, end);
    fill(body, cells.map((row) => el("tr", {}, row.map((cell, i) => el("td", { class: numeric.includes(i) ? "number" : null }, cell)))));
    fill(where, say("web.js.table.where", { begin: count(all ? begin + 1 : 0), end: count(end), total: count(all) }));
    back.toggleAttribute("disabled", begin === 0);
    on.toggleAttribute("disabled", end >= all);
    for (const button of [back, on]) button.hidden = all <= PAGE;
  }
  return { element, show };
}
