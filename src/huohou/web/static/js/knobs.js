// @ts-check
/** How an answer is drawn: the knobs of the form, kept from one visit to the next. */
import { fill } from "./dom.js";
import { say } from "./words.js";

const KEPT = "huohou.sampling";
const NAMES = ["temperature", "top_p", "max_tokens", "seed", "stop"];
const USUAL = { temperature: "0", top_p: "1", max_tokens: "256", seed: "", stop: "" };
const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

export class Knobs {
  constructor() {
    /** @type {string | null} */ this.system = null; // what the model was trained with
    this.put({ ...USUAL, ...kept() });
    for (const name of NAMES) field(name).addEventListener("input", () => this.#changed());
    field("reset").addEventListener("click", () => {
      this.put(USUAL);
      field("system").value = this.system ?? "";
      this.#changed();
    });
    this.#told();
  }

  /** @param {Record<string, string>} values */
  put(values) {
    for (const name of NAMES) if (typeof values[name] === "string") field(name).value = values[name];
  }

  /** The system prompt that a model was trained with takes the place of the one before. @param {string | null} system */
  trained(system) {
    if (field("system").value === (this.system ?? "")) field("system").value = system ?? "";
    this.system = system;
    this.#told();
  }

  /** What a request says. */
  get values() {
    const seed = field("seed").value.trim();
    return {
      temperature: Number(field("temperature").value), top_p: Number(field("top_p").value),
      max_tokens: Math.min(Math.max(Math.round(Number(field("max_tokens").value)) || 256, 1), 8192),
      seed: seed === "" ? null : Math.abs(Math.round(Number(seed))),
      stop: field("stop").value.split("|").map((text) => text.replaceAll("\\n", "\n")).filter((text) => text),
    };
  }

  #changed() {
    const now = Object.fromEntries(NAMES.map((name) => [name, field(name).value]));
    localStorage.setItem(KEPT, JSON.stringify(now));
    this.#told();
  }

  #told() {
    const { temperature, top_p } = this.values;
    fill(field("temperature-now"), temperature);
    fill(field("top_p-now"), top_p);
    fill(field("sampling-now"), temperature ? say("web.js.answers.drawn", { temperature, top_p }) : say("web.js.answers.greedy"));
    field("top_p").disabled = field("seed").disabled = temperature === 0;
  }
}

/** @returns {Record<string, string>} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}
