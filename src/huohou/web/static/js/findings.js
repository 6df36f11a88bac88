// @ts-check
/** Findings as cards, and as regions of the curves. */
import { post } from "./api.js";
import { copier } from "./clip.js";
import { tell } from "./dialog.js";
import { el, fill } from "./dom.js";
import { percent } from "./format.js";
import { mayChange } from "./role.js";
import { say } from "./words.js";

/**
 * @typedef {object} Finding
 * @property {string} code
 * @property {"error" | "warning" | "info"} severity
 * @property {string} title
 * @property {string} why
 * @property {{text: string, step?: number | null, value?: number | string | null}[]} evidence
 * @property {{text: string, set?: Record<string, unknown> | null}[]} advice
 * @property {number | null} [confidence]
 * @property {string} [reference]
 */

const ORDER = { error: 0, warning: 1, info: 2 };

/**
 * The steps that a finding is about: from the first that it names to the last, to the end where it
 * names one only; null where it names none.
 * @param {Finding} finding @param {number} end last step of the run
 * @returns {[number, number] | null}
 */
export function steps(finding, end) {
  const named = finding.evidence.map((fact) => fact.step).filter((step) => typeof step === "number");
  if (!named.length) return null;
  return [Math.min(...named), named.length > 1 ? Math.max(...named) : Math.max(end, named[0])];
}

/** Settings of an advice as lines of a run file. @param {Record<string, unknown>} set */
export function asRunFile(set) {
  /** @type {Map<string, string[]>} */ const parts = new Map();
  const top = [];
  for (const [name, value] of Object.entries(set)) {
    const [part, ...rest] = name.split(".");
    const written = JSON.stringify(value);
    if (!rest.length) top.push(`${part}: ${written}`);
    else parts.set(part, [...(parts.get(part) ?? []), `  ${rest.join(".")}: ${written}`]);
  }
  return [...top, ...[...parts].flatMap(([part, lines]) => [`${part}:`, ...lines])].join("\n");
}

export class Findings {
  /**
   * @param {HTMLElement} host
   * @param {{job: number | null, onChange: (open: Finding[]) => void, onLook: (code: string | null) => void,
   *   onGo: (finding: Finding) => void}} how
   */
  constructor(host, how) {
    this.host = host;
    this.how = how;
    /** @type {Finding[]} */ this.all = [];
    /** @type {Set<string>} */ this.dismissed = new Set();
    this.known = "";
  }

  /** Findings that were not put aside. */
  get open() {
    return this.all.filter((finding) => !this.dismissed.has(finding.code));
  }

  /** @param {Finding[]} all @param {string[]} dismissed codes */
  show(all, dismissed) {
    const known = JSON.stringify([all, dismissed]);
    if (known === this.known) return;
    this.known = known;
    this.all = [...all].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
    this.dismissed = new Set(dismissed);
    this.#draw();
  }

  /** One more, or a newer word on one that is there. @param {Finding} finding */
  add(finding) {
    this.show([...this.all.filter((one) => one.code !== finding.code), finding], [...this.dismissed]);
  }

  #draw() {
    const opened = new Map([...this.host.querySelectorAll("article")].map((card) => [card.id, Boolean(card.querySelector("details")?.open)]));
    const aside = this.all.filter((finding) => this.dismissed.has(finding.code));
    fill(this.host,
      el("h2", { id: "findings-title", tabindex: "-1" }, say("web.js.job.findings.title")),
      this.open.length ? this.open.map((finding) => this.#card(finding)) : el("p", { class: "muted", "data-testid": "no-findings" }, say("web.js.job.findings.none")),
      aside.length ? el("details", { class: "aside" },
        el("summary", {}, say("web.js.job.findings.aside", { n: aside.length })),
        aside.map((finding) => this.#card(finding))) : null);
    for (const [id, open] of opened) {
      const more = this.host.querySelector(`#${CSS.escape(id)} details`);
      if (more) /** @type {HTMLDetailsElement} */ (more).open = open;
    }
    this.host.hidden = false;
    this.how.onChange(this.open);
  }

  /** @param {Finding} finding */
  #card(finding) {
    const put = !this.dismissed.has(finding.code);
    const look = (/** @type {string | null} */ code) => () => this.how.onLook(code);
    const card = el("article", {
      class: "finding", "data-severity": finding.severity, "data-testid": "finding-card", "data-code": finding.code,
      id: `finding-${finding.code}`, "aria-label": finding.title,
      onmouseenter: look(finding.code), onmouseleave: look(null), onfocusin: look(finding.code), onfocusout: look(null),
    },
      el("h3", {}, el("span", { class: "badge" }, say(`web.js.job.severity.${finding.severity}`)), " ", finding.title),
      facts(finding),
      el("details", { open: finding.severity === "error" },
        el("summary", {}, say("web.js.job.findings.more")),
        el("p", {}, el("b", {}, say("web.js.job.findings.why")), " ", finding.why),
        finding.advice.length ? el("p", {}, el("b", {}, say("web.js.job.findings.do"))) : null,
        finding.advice.map(advised),
        el("p", { class: "muted small" }, el("code", {}, finding.code),
          finding.confidence === null || finding.confidence === undefined ? null : ` · ${say("web.js.job.findings.sure", { share: percent(finding.confidence) })}`,
          finding.reference ? ` · ${finding.reference}` : null)),
      el("div", { class: "row small" },
        steps(finding, 1) ? el("button", { type: "button", class: "quiet", onclick: () => this.how.onGo(finding) }, say("web.js.job.findings.show")) : null,
        this.how.job === null || !mayChange() ? null : el("button", { type: "button", class: "quiet", "data-testid": put ? "dismiss" : "undismiss", onclick: () => this.#put(finding.code, put) },
          say(put ? "web.js.job.findings.dismiss" : "web.js.job.findings.back"))));
    return card;
  }

  /** Put a finding aside or bring it back. @param {string} code @param {boolean} away */
  async #put(code, away) {
    try {
      const told = await post(`/api/jobs/${this.how.job}/dismiss`, { code, dismissed: away });
      queueMicrotask(() => document.getElementById("findings-title")?.focus()); // the button is gone
      this.show(this.all, told.dismissed ?? [...this.dismissed].filter((one) => one !== code).concat(away ? [code] : []));
    } catch (error) {
      tell(String(/** @type {Error} */ (error).message), "error");
    }
  }
}

/** Evidence, one fact a line. @param {Finding} finding */
function facts(finding) {
  return finding.evidence.length ? el("ul", { class: "facts" }, finding.evidence.map((fact) => el("li", {}, fact.text))) : null;
}

/** @param {{text: string, set?: Record<string, unknown> | null}} advice */
function advised(advice) {
  if (!advice.set || !Object.keys(advice.set).length) return el("p", {}, advice.text);
  const text = asRunFile(advice.set);
  return el("div", { class: "advice" }, el("p", {}, advice.text),
    el("div", { class: "code" }, el("pre", {}, text), copier(text)));
}
