// @ts-check
/** A form of settings: what is left empty is as the defaults have it; every one can be found. */
import { el, fill } from "./dom.js";
import { say } from "./words.js";

/**
 * @typedef {object} Field as the server describes a setting
 * @property {string} key
 * @property {string} group
 * @property {string} label
 * @property {string} help
 * @property {string} words
 * @property {"text" | "number" | "integer" | "boolean" | "choice"} kind
 * @property {string[]} [choices]
 * @property {boolean} optional
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [above]
 * @property {number} [below]
 * @property {any} default
 * @property {Record<string, any>} defaults
 * @property {string[] | null} recipes
 * @property {boolean} common
 * @property {any} [value] what a file or a variable of this machine sets
 * @property {string} [source]
 */

/** @typedef {{field: Field, input: HTMLInputElement, host: HTMLElement, hint: HTMLElement, problem: HTMLElement, reset: HTMLElement | null}} Widget */

const LONG = ["data.system"];

export class Settings {
  /** @param {Field[]} fields @param {() => void} onChange */
  constructor(fields, onChange) {
    this.fields = new Map(fields.map((field) => [field.key, field]));
    this.onChange = onChange;
    /** @type {Map<string, Widget>} */ this.widgets = new Map();
  }

  /** Take over an input that the page has already. @param {string} key @param {HTMLInputElement} input */
  adopt(key, input) {
    const host = /** @type {HTMLElement} */ (input.closest(".field"));
    const problem = el("p", { class: "problem", id: `problem-${key}`, hidden: true });
    host.append(problem);
    const hint = /** @type {HTMLElement} */ (host.querySelector(".hint") ?? problem);
    this.#keep(key, { field: /** @type {Field} */ (this.fields.get(key)), input, host, hint, problem, reset: null });
  }

  /** An input for a setting, with its words. @param {string} key @returns {HTMLElement} */
  make(key) {
    const field = /** @type {Field} */ (this.fields.get(key));
    const [id, hint, problem] = [`set-${key}`, `hint-${key}`, `problem-${key}`];
    const input = this.#input(field, { id, "aria-describedby": `${hint} ${problem}`, "data-testid": id });
    const reset = el("button", {
      type: "button", class: "quiet reset", hidden: true, "aria-label": say("web.js.new.reset", { name: field.label }),
      title: say("web.js.new.reset", { name: field.label }), onclick: () => {
        this.set(key, null);
        input.focus();
        this.onChange();
      },
    }, "↺");
    const widget = {
      field, input, reset,
      hint: el("p", { class: "hint", id: hint }),
      problem: el("p", { class: "problem", id: problem, hidden: true }),
      host: el("div", { class: "field setting", "data-key": key }),
    };
    fill(widget.host, el("label", { for: id }, field.label, " ", el("code", { class: "muted" }, key)),
      el("div", { class: "with" }, input, reset), widget.hint, widget.problem);
    this.#keep(key, widget);
    return widget.host;
  }

  /** @param {string} key @param {Widget} widget */
  #keep(key, widget) {
    this.widgets.set(key, widget);
    const changed = () => {
      this.#check(widget);
      this.onChange();
    };
    widget.input.addEventListener(widget.input.tagName === "SELECT" ? "change" : "input", changed);
  }

  /** @param {Field} field @param {Record<string, any>} attributes @returns {HTMLInputElement} */
  #input(field, attributes) {
    /** @type {string[] | null} */
    const choices = field.kind === "choice" ? field.choices ?? [] : field.kind === "boolean" ? ["true", "false"] : null;
    const numeric = field.kind === "number" || field.kind === "integer";
    const made = choices
      ? el("select", attributes, el("option", { value: "" }), choices.map((one) => el("option", { value: one }, wordFor(one))))
      : LONG.includes(field.key)
        ? el("textarea", { ...attributes, rows: 3 })
        : el("input", { ...attributes, type: "text", inputmode: numeric ? "decimal" : null, spellcheck: "false", autocomplete: "off" });
    return /** @type {HTMLInputElement} */ (made);
  }

  /** Text of an input. @param {string} key */
  text(key) {
    return this.widgets.get(key)?.input.value.trim() ?? "";
  }

  /** @param {string} key @param {any} value null for the default */
  set(key, value) {
    const widget = this.widgets.get(key);
    if (!widget) return;
    widget.input.value = value === null || value === undefined ? "" : String(value);
    this.#check(widget);
  }

  /** @param {Widget} widget */
  #check(widget) {
    if (widget.reset) widget.reset.hidden = widget.input.value === "";
    widget.host.toggleAttribute("data-set", widget.input.value !== "");
    this.blame(widget.field.key, wrong(widget.field, widget.input.value.trim()));
  }

  /** Say at a field what is wrong with it. @param {string} key @param {string} message empty: nothing @returns {boolean} whether there is such a field */
  blame(key, message) {
    const widget = this.widgets.get(key);
    if (!widget) return false;
    widget.problem.hidden = !message;
    fill(widget.problem, message);
    if (message) widget.input.setAttribute("aria-invalid", "true");
    else widget.input.removeAttribute("aria-invalid");
    return true;
  }

  /** Which recipe reads a setting. @param {Field} field @param {string} recipe */
  static reads(field, recipe) {
    return field.recipes === null || field.recipes.includes(recipe);
  }

  /** What a setting is when nothing is given, and where that comes from. @param {string} key @param {string} recipe @returns {{value: any, source: string | null}} */
  usual(key, recipe) {
    const field = /** @type {Field} */ (this.fields.get(key));
    if ("value" in field) return { value: field.value, source: field.source ?? null };
    const loss = this.text("embed.loss") || this.fields.get("embed.loss")?.default;
    const other = [`loss:${loss}`, recipe].find((one) => one in field.defaults && Settings.reads(field, recipe));
    return { value: other ? field.defaults[other] : field.default, source: null };
  }

  /** Show what the defaults are for a recipe. @param {string} recipe */
  tellDefaults(recipe) {
    for (const [key, { field, input, hint, reset }] of this.widgets) {
      if (!reset) continue;
      const { value, source } = this.usual(key, recipe);
      const said = value === null || value === "" ? say("web.js.new.none") : wordFor(String(value));
      if (input.tagName === "SELECT") fill(/** @type {HTMLElement} */ (input.firstElementChild), say("web.js.new.usual", { value: said }));
      else input.placeholder = said;
      fill(hint, field.help, " ", el("span", { class: source ? "usual from" : "usual" }, source ? say("web.js.new.usual_from", { value: said, source }) : say("web.js.new.usual", { value: said })));
    }
  }

  /** The first field whose value cannot be used; null where all can. @param {string} recipe @returns {Widget | null} */
  firstWrong(recipe) {
    for (const widget of this.widgets.values()) {
      if (Settings.reads(widget.field, recipe) && wrong(widget.field, widget.input.value.trim())) return widget;
    }
    return null;
  }

  /** What was given, as the server takes it. @param {string} recipe @returns {Record<string, string | number | boolean>} */
  given(recipe) {
    /** @type {Record<string, string | number | boolean>} */ const found = {};
    for (const [key, { field, input }] of this.widgets) {
      const text = input.value.trim();
      if (text && Settings.reads(field, recipe)) found[key] = valueOf(field, text);
    }
    return found;
  }
}

/** @param {string} value */
function wordFor(value) {
  return value === "true" ? say("web.js.new.yes") : value === "false" ? say("web.js.new.no") : value;
}

/** @param {Field} field @param {string} text */
function valueOf(field, text) {
  if (field.kind === "boolean") return text === "true";
  return field.kind === "number" || field.kind === "integer" ? Number(text) : text;
}

/** What is wrong with a text for a setting, in words; empty where nothing is. @param {Field} field @param {string} text @returns {string} */
export function wrong(field, text) {
  if (!text || (field.kind !== "number" && field.kind !== "integer")) return "";
  const value = Number(text);
  if (!Number.isFinite(value)) return say("web.js.new.wrong.number", { text });
  if (field.kind === "integer" && !Number.isSafeInteger(value)) return say("web.js.new.wrong.integer", { text });
  /** @type {[number | undefined, (limit: number) => boolean, string][]} */
  const limits = [
    [field.above, (limit) => value > limit, "above"], [field.min, (limit) => value >= limit, "min"],
    [field.below, (limit) => value < limit, "below"], [field.max, (limit) => value <= limit, "max"],
  ];
  for (const [limit, holds, name] of limits) {
    if (limit !== undefined && !holds(limit)) return say(`web.js.new.wrong.${name}`, { limit });
  }
  return "";
}
