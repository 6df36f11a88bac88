// @ts-check
/** Texts into the clipboard. */
import { tell } from "./dialog.js";
import { el } from "./dom.js";
import { say } from "./words.js";

/**
 * A button that copies a text.
 * @param {string} text @param {string} [words]
 */
export function copier(text, words = say("web.js.copy")) {
  return el("button", { type: "button", class: "quiet small", "data-testid": "copy", onclick: () => copy(text) }, words);
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = /** @type {HTMLTextAreaElement} */ (el("textarea", { class: "visually-hidden" }));
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // an address that is no secure context has no clipboard
    area.remove();
  }
  tell(say("web.js.copied"));
}
