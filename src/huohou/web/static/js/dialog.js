/**
 * Questions and notes to the person. Questions are <dialog>s: the browser keeps the focus inside,
 * closes on Escape and gives the focus back.
 */
import { el } from "./dom.js";
import { say } from "./words.js";

/**
 * One of several answers, or null when the person leaves.
 * @param {{title: string, body?: string | Node | (string | Node)[], choices: {value: string, text: string, kind?: "primary" | "danger"}[]}} question
 * @returns {Promise<string | null>}
 */
export function choose({ title, body = [], choices }) {
  return new Promise((resolve) => {
    const buttons = choices.map(({ value, text, kind }) =>
      el("button", { value, class: kind || "", "data-testid": `choice-${value}` }, text));
    const dialog = /** @type {HTMLDialogElement} */ (el("dialog", { "aria-labelledby": "dialog-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "dialog-title" }, title),
        el("div", {}, ...(Array.isArray(body) ? body : [body])),
        el("div", { class: "row end" },
          el("button", { value: "", "data-testid": "choice-cancel" }, say("web.js.cancel")), ...buttons))));
    open(dialog, resolve);
  });
}

/**
 * Show a dialog until it is left, then tell the value of the button that was pressed, or null.
 *
 * It is gone before that is told. The browser's own event of its closing comes later, when the focus
 * is back already: whoever presses the button again by then would not be heard.
 * @param {HTMLDialogElement} dialog @param {(value: string | null) => void} told
 * @returns {(value?: string | null) => void} leaves it with that value
 */
export function open(dialog, told) {
  const leave = (/** @type {string | null} */ value = null) => {
    if (!dialog.isConnected) return;
    dialog.close();
    dialog.remove();
    told(value || null);
  };
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    leave(/** @type {HTMLButtonElement | null} */ (event.submitter)?.value);
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("close", () => leave()); // where Escape closes it without asking
  document.body.append(dialog);
  dialog.showModal();
  return leave;
}

/**
 * Yes or no.
 * @param {{title: string, body?: string | Node | (string | Node)[], yes: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export async function ask({ title, body, yes, danger = false }) {
  const kind = danger ? "danger" : "primary";
  return (await choose({ title, body, choices: [{ value: "yes", text: yes, kind }] })) === "yes";
}

/**
 * A note that goes by itself; an error stays until it is closed. Screen readers say it.
 * @param {string} message @param {"info" | "error"} [kind]
 * @param {{text: string, run: () => unknown}} [action] a button, such as "undo"
 */
export function tell(message, kind = "info", action) {
  const act = action && el("button", { class: "quiet", type: "button", "data-testid": "toast-action", onclick: () => {
    note.remove();
    action.run();
  } }, action.text);
  const note = el("div", { class: `toast ${kind}`, "data-testid": "toast" }, el("span", {}, message), act,
    el("button", { class: "quiet", type: "button", "aria-label": say("web.js.close"), onclick: () => note.remove() }, "×"));
  document.getElementById("toasts")?.append(note);
  if (kind === "info") setTimeout(() => note.remove(), action ? 12_000 : 6_000);
}
