// @ts-check
/** An answer as a card: the words, what they stand on, how sure, what else it could be, marks. */
import { post } from "./api.js";
import { copy } from "./clip.js";
import { tell } from "./dialog.js";
import { chip, el, fill } from "./dom.js";
import { clock, count, duration, number, percent } from "./format.js";
import { mayChange } from "./role.js";
import { say } from "./words.js";

/**
 * @typedef {Record<string, any>} Told a line of the history, or what `/api/ask` answers
 * @typedef {object} How
 * @property {(question: string) => void} onAsk ask this in the form's way
 * @property {(told: Told) => void} onAgain put the question of an answer into the form
 * @property {(told: Told) => void} onMark it was marked
 * @property {(told: Told) => Promise<{prompt: string, tokens: number}>} prompt what a model reads
 */

const LONG = 220; // characters from which on words are set smaller
const STATES = new Map([["found", "healthy"], ["ambiguous", "watch"], ["unsure", "watch"], ["unknown", "none"]]);
const ALONE = ["closed", "constrained"]; // modes in which the confidence is the model's own
const SPECIAL = /(<\|[^<>|]{1,40}\|>|<\/?s>|\[\/?INST\]|<(?:start|end)_of_turn>|<bos>|<eos>)/;

/** A card that is filled while its answer comes. */
export class Card {
  /** @param {string} question @param {string} mode @param {How} how @param {string[]} [sides] of a talk */
  constructor(question, mode, how, sides = []) {
    this.how = how;
    this.state = el("p", { class: "muted small row", role: "status" });
    this.body = el("div", { class: "stack" });
    /** @type {Map<string, {text: HTMLElement, foot: HTMLElement, side: HTMLElement}>} */ this.sides = new Map();
    this.element = el("article", { class: "card answer", "data-testid": "answer-card", "data-mode": mode, "aria-label": question.slice(0, 120) },
      el("p", { class: "answer-question" }, question), this.body, this.state);
    if (mode === "chat") fill(this.body, el("div", { class: "sides" }, sides.map((which) => this.#side(which, sides.length > 1))));
    else this.#plain();
  }

  #plain() {
    this.text = words();
    fill(this.body, this.text);
  }

  /** @param {string} which @param {boolean} named */
  #side(which, named) {
    const text = words();
    const foot = el("div", { class: "stack small" });
    const side = el("section", { class: "side", "data-which": which, "data-testid": `side-${which}` },
      named ? el("h3", {}, say(`web.js.answers.which.${which}`)) : null, text, foot);
    this.sides.set(which, { text, foot, side });
    return side;
  }

  /** What happens while nothing is written. @param {string} text */
  say(text) {
    fill(this.state, text ? el("span", { class: "dots", "aria-hidden": "true" }) : null, text);
  }

  /** Words as they come. @param {{text: string, which?: string}} delta */
  write({ text, which }) {
    const place = (which && this.sides.get(which)?.text) || this.text;
    if (!place) return;
    place.classList.add("writing");
    place.append(text);
  }

  /** It ended without a whole answer. @param {string} text @param {boolean} wrong */
  end(text, wrong = false) {
    for (const place of this.element.querySelectorAll(".writing")) place.classList.remove("writing");
    fill(this.state, text);
    this.state.className = wrong ? "notice error" : "muted small";
  }

  /** The answer of one side of a talk. @param {Told} told */
  done(told) {
    const side = this.sides.get(told.which);
    if (!side) return;
    side.text.classList.remove("writing");
    show(side.text, told.text);
    fill(side.foot, talkFoot(told, this.how));
    this.say("");
  }

  /** The whole answer. @param {Told} told */
  show(told) {
    this.say("");
    this.state.hidden = true;
    fill(this.body, told.mode === "chat" ? talk(told, this.how) : answer(told, this.how));
  }
}

/** A card of an answer that was given before. @param {Told} told @param {How} how */
export function cardOf(told, how) {
  const card = new Card(told.question || " ", told.mode ?? "lookup", how);
  card.show(told);
  return card;
}

function words() {
  return el("p", { class: "answer-text", "data-testid": "answer-text", dir: "auto" });
}

/** @param {HTMLElement} place @param {string} text */
function show(place, text) {
  place.classList.toggle("long", text.length > LONG);
  fill(place, text || el("span", { class: "muted" }, say("web.js.answers.no_words")));
}

/** @param {Told} told @param {How} how */
function answer(told, how) {
  const text = words();
  show(text, told.answer ?? "");
  return [
    text, values(told), about(told), evidence(told), others(told, how),
    told.note ? el("p", { class: told.verified ? "notice info small" : "notice warning small" }, told.note) : null,
    checks(told), told.mode === "closed" && told.job ? prompt(told, how) : null, marks(told, how),
  ];
}

/** @param {Told} told @param {How} how */
function talk(told, how) {
  const text = words();
  show(text, told.answer ?? "");
  return [text, el("p", { class: "told small" }, el("span", { class: "badge" }, say(`web.js.answers.which.${told.which}`)), el("span", { class: "mono" }, told.model)),
    el("div", { class: "stack small" }, talkFoot(told, how))];
}

/** @param {Told} told @param {How} how */
function talkFoot(told, how) {
  const speed = told.seconds > 0 ? told.tokens / told.seconds : 0;
  return [
    el("p", { class: "muted" }, [
      took(told.seconds), say("web.js.answers.tokens", { n: count(told.tokens) }), say("web.js.answers.speed", { n: number(speed, 3) }),
      say(`web.js.answers.ended.${told.stopped_by}`), ...(typeof told.seed === "number" ? [say("web.js.answers.seed", { seed: told.seed })] : []),
    ].join(" · ")),
    prompt(told, how), marks(told, how),
  ];
}

/** Codes and names that were copied, to be copied on. @param {Told} told */
function values(told) {
  const shown = told.mode === "documents" || told.intent === "passage" ? [] : (told.values ?? []);
  return shown.length ? el("ul", { class: "values", "aria-label": say("web.js.answers.values") }, shown.map((/** @type {string} */ value) =>
    el("li", {}, el("button", { type: "button", title: say("web.js.copy"), onclick: () => copy(value) }, value)))) : null;
}

/** How long it took; short times with two digits that count. @param {number} seconds */
function took(seconds) {
  return seconds < 1 ? say("web.js.time.s", { n: number(seconds, 2) }) : duration(seconds);
}

/** Status, confidence, who, how long. @param {Told} told */
function about(told) {
  const sure = typeof told.confidence === "number" ? told.confidence : null;
  return el("p", { class: "told small" },
    chip(STATES.get(told.status) ?? "watch", say(`web.js.answers.status.${told.status}`)),
    sure === null ? null : confidence(told, sure),
    el("span", { class: "badge" }, say(`web.js.answers.mode.${told.intent === "passage" ? "documents" : told.mode}`)),
    told.model ? el("span", { class: "mono muted" }, told.model) : null,
    el("span", { class: "muted", "data-testid": "answer-seconds" }, took(told.seconds)),
    told.verified && !told.evidence?.length ? null
      : el("span", { class: told.verified ? "good" : "warn" }, say(told.verified ? "web.js.answers.verified" : "web.js.answers.unverified")));
}

/** A probability that was fitted is shown with a bar; what a model thinks of its own words is not. @param {Told} told @param {number} sure */
function confidence(told, sure) {
  const share = percent(sure);
  if (ALONE.includes(told.mode)) return el("span", { class: "muted" }, say("web.js.answers.own", { share }));
  return el("span", { class: "sure" }, el("meter", { min: 0, max: 1, low: told.status === "found" ? 0 : 0.5, high: told.status === "found" ? 0 : 0.85, optimum: 1, value: sure, "aria-label": say("web.js.answers.sure_label") }), say("web.js.answers.sure", { share }));
}

/** The rows or passages that it stands on. @param {Told} told */
function evidence(told) {
  const rows = told.evidence ?? [];
  if (!rows.length) return null;
  if (told.intent === "passage") return el("div", { class: "stack" }, rows.map(quote));
  const columns = Object.keys(rows[0]);
  const hits = new Set(told.values ?? []);
  return el("div", { class: "scroll evidence", tabindex: "0", role: "region", "aria-label": say("web.js.answers.evidence") },
    el("table", {}, el("caption", { class: "visually-hidden" }, say("web.js.answers.evidence")),
      el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((/** @type {Record<string, string>} */ row) => el("tr", { "data-testid": "evidence-row" },
        columns.map((name) => el("td", { class: hits.has(row[name]) ? "hit" : null }, row[name])))))));
}

/** @param {Record<string, any>} one */
function quote(one) {
  const [before, after] = split(one.text, one.sentence);
  return el("blockquote", { class: "quote", "data-testid": "evidence-row" },
    el("p", {}, before, before === null ? one.sentence : el("mark", {}, one.sentence), after),
    el("p", { class: "muted small" }, `[${one.number}] ${one.title ? `${one.title} · ` : ""}`, el("code", {}, `${one.source}:${one.line}`)));
}

/** A text before and after a sentence in it. @param {string} text @param {string} sentence */
function split(text, sentence) {
  const at = text.indexOf(sentence);
  return at < 0 ? [null, null] : [text.slice(0, at), text.slice(at + sentence.length)];
}

/** What else it could be: a click asks for it. @param {Told} told @param {How} how */
function others(told, how) {
  const rows = told.alternatives ?? [];
  if (!rows.length) return null;
  const open = told.status !== "found";
  const what = { found: "web.js.answers.others", unknown: "web.js.answers.nearest" }[told.status] ?? "web.js.answers.choose";
  return el("details", { open, class: "small" }, el("summary", {}, say(what, { n: rows.length })),
    el("ul", { class: "others" }, rows.map((/** @type {any} */ one) => el("li", {},
      el("button", { type: "button", "data-testid": "alternative", onclick: () => how.onAsk(told.intent === "passage" ? one.value : one.key) },
        el("span", {}, one.title || one.key), el("span", { class: "mono" }, told.intent === "passage" ? one.key : one.value,
          typeof one.confidence === "number" ? ` · ${percent(one.confidence)}` : ""))))));
}

/** @param {Told} told */
function checks(told) {
  const rows = told.checks ?? [];
  if (!rows.length) return null;
  const failed = rows.filter((/** @type {any} */ one) => !one.passed).length;
  return el("details", { open: failed > 0, class: "small" },
    el("summary", {}, failed ? say("web.js.answers.failed", { n: failed }) : say("web.js.answers.checks", { n: rows.length })),
    el("ul", { class: "checks" }, rows.map((/** @type {any} */ one) => el("li", { "data-passed": String(one.passed) }, one.text))));
}

/** The very prompt, read when it is opened. @param {Told} told @param {How} how */
function prompt(told, how) {
  const place = el("pre", { class: "prompt", "data-testid": "prompt", tabindex: "0" });
  const size = el("span", { class: "muted" });
  let asked = false;
  return el("details", { class: "small", "data-testid": "prompt-part", ontoggle: async (/** @type {Event} */ event) => {
    if (asked || !(/** @type {HTMLDetailsElement} */ (event.target).open)) return;
    asked = true;
    try {
      const { prompt: text, tokens } = await how.prompt(told);
      fill(place, text.split(SPECIAL).map((part) => (SPECIAL.test(part) ? el("span", { class: "special" }, part) : part)));
      fill(size, say("web.js.answers.tokens", { n: count(tokens) }));
    } catch (error) {
      asked = false;
      fill(place, String(/** @type {Error} */ (error).message));
    }
  } }, el("summary", {}, say("web.js.answers.prompt"), " ", size), place);
}

/** Right or wrong, and what is right. @param {Told} told @param {How} how */
function marks(told, how) {
  if (!told.id) return null;
  const host = el("div", { class: "marks small", "data-testid": "marks" });
  const right = el("input", { maxlength: 2000, value: told.mark?.correct ?? "", placeholder: say("web.js.answers.correct"), "aria-label": say("web.js.answers.correct"), "data-testid": "correct-input", autocomplete: "off" });
  const field = /** @type {HTMLInputElement} */ (right);
  const form = el("form", { hidden: told.mark?.right !== false, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    put(false, field.value);
  } }, right, el("button", { "data-testid": "correct-save" }, say("web.js.answers.save")));
  const buttons = [true, false].map((value) => el("button", {
    type: "button", "data-right": String(value), "data-testid": value ? "mark-right" : "mark-wrong", "aria-pressed": String(told.mark?.right === value), onclick: () => put(value),
  }, say(value ? "web.js.answers.right" : "web.js.answers.wrong")));
  fill(host, mayChange() ? [...buttons, form] : null,
    el("span", { class: "grow" }), told.t ? el("time", { class: "muted" }, clock(told.t)) : null,
    el("button", { type: "button", class: "quiet small", "data-testid": "ask-again", onclick: () => how.onAgain(told) }, say("web.js.answers.again")));

  /** @param {boolean} value @param {string} [correct] */
  async function put(value, correct) {
    try {
      const kept = await post(`/api/answers/${told.id}/mark`, { right: value, correct: correct?.trim() || null });
      Object.assign(told, { mark: kept.mark });
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.right === String(value)));
      form.hidden = value;
      if (!value && !correct) field.focus();
      if (correct) tell(say("web.js.answers.saved", { n: count(kept.rows) }));
      how.onMark(told);
    } catch (error) {
      tell(String(/** @type {Error} */ (error).message), "error");
    }
  }
  return host;
}
