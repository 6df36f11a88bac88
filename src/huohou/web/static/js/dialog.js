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
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
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
