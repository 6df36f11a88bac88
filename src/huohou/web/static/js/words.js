/**
 * The words and the first data that came with the page.
 */

/** @param {string} id @returns {any} */
function island(id) {
  return JSON.parse(document.getElementById(id)?.textContent || "{}");
}

/** @type {Record<string, string>} */
const words = island("words");

/** Language of the page: "en" or "zh". */
export const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/** BCP 47 name for Intl. */
export const locale = language === "zh" ? "zh-CN" : "en-GB";

/**
 * The sentence of that key, its {slots} filled. A key without a sentence is shown as it is.
 * @param {string} key "web.js.…" or "state.…"
 * @param {Record<string, string | number>} [fields]
 * @returns {string}
 */
export function say(key, fields = {}) {
  const sentence = words[key] ?? key;
  return sentence.replace(/\{(\w+)\}|\{\{|\}\}/g, (whole, name) =>
    name === undefined ? whole[0] : name in fields ? String(fields[name]) : whole);
}

/** The data that the page began with. @returns {any} */
export function first() {
  return island("first");
}
