/**
 * Elements made from data: text is always text, never HTML.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes] "class", "data-testid", … ; onclick and other functions
 *   become listeners; true is an empty attribute; null, undefined and false are left out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.replace(/^on/, ""), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...shown(children));
  return made;
}

/**
 * Put these in the place of what an element holds.
 * @param {Element} host @param {...(Child | Child[])} children
 */
export function fill(host, ...children) {
  host.replaceChildren(...shown(children));
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function shown(children) {
  return children.flat().filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : String(c)));
}

/** Put a text into an element where it is not yet: the same one costs nothing. @param {Element | null} element @param {string} text */
export function set(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** Show or hide an element; what is so already costs nothing. @param {HTMLElement} element @param {boolean} shown */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/** The element with that data-testid, below another. @param {string} name @param {ParentNode} [below] @returns {HTMLElement | null} */
export function byTest(name, below = document) {
  return below.querySelector(`[data-testid="${CSS.escape(name)}"]`);
}

/** Shows a state as a chip. @param {string} status @param {string} words @returns {HTMLElement} */
export function chip(status, words) {
  return el("span", { class: "chip", "data-state": status, "data-testid": "job-state" }, words);
}
