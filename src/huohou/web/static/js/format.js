/**
 * Values to words. Pure; "NaN", "Infinity" and "-Infinity" come as strings and stay what they are.
 */
import { locale, say } from "./words.js";

/**
 * A number as the API sends it: its non-finite ones are strings, what is missing is null.
 * @param {number | string | null | undefined} value @returns {number | null}
 */
export function numeric(value) {
  return value === null || value === undefined || value === "" ? null : Number(value);
}

/**
 * @param {number | string | null | undefined} value @param {number} [digits] significant ones
 * @returns {string} "–" for what is missing; small and large ones with an exponent
 */
export function number(value, digits = 4) {
  const n = numeric(value);
  if (n === null) return "–";
  if (!Number.isFinite(n)) return Number.isNaN(n) ? "NaN" : n > 0 ? "∞" : "−∞";
  if (n === 0) return "0";
  const size = Math.abs(n);
  if (size < 1e-3 || size >= 1e6) return minus(n.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e"));
  return minus(String(Number(n.toPrecision(digits))));
}

/** A count with separators. @param {number | null | undefined} value @returns {string} */
export function count(value) {
  return value === null || value === undefined ? "–" : new Intl.NumberFormat(locale).format(value);
}

/**
 * A share as a percentage. What is nearly all is never shown as all, nor what is hardly anything as nothing.
 * @param {number | string | null | undefined} value 0 to 1 @param {number} [places] @returns {string}
 */
export function percent(value, places = 0) {
  const n = numeric(value);
  if (n === null) return "–";
  if (!Number.isFinite(n)) return number(n);
  const shown = (100 * n).toFixed(places);
  const hides = (n > 0 && n < 1) && (Number(shown) === 100 || Number(shown) === 0);
  if (!hides) return `${minus(shown)} %`;
  return n > 0.999 ? "> 99.9 %" : n < 0.001 ? "< 0.1 %" : `${(100 * n).toFixed(1)} %`;
}

/** @param {string} text @returns {string} with a real minus sign */
function minus(text) {
  return text.replaceAll("-", "−");
}

/**
 * How long, in its two largest units.
 * @param {number | string | null | undefined} seconds @returns {string}
 */
export function duration(seconds) {
  const n = numeric(seconds);
  if (n === null || !Number.isFinite(n)) return "–";
  if (n < 10) return say("web.js.time.s", { n: Number(Math.max(n, 0).toFixed(1)) });
  const whole = Math.round(n);
  /** @type {[number, string][]} */
  const parts = [
    [Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"],
  ];
  const begin = parts.findIndex(([n]) => n > 0);
  return parts.slice(begin, begin + 2).filter(([n], i) => i === 0 || n > 0)
    .map(([n, unit]) => say(`web.js.time.${unit}`, { n })).join(" ");
}

/** Clock time, with the day when it is not today. @param {number | null | undefined} t unix seconds @returns {string} */
export function clock(t) {
  if (t === null || t === undefined) return "–";
  const then = new Date(t * 1000);
  const today = then.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(locale, {
    hour: "2-digit", minute: "2-digit", hour12: false,
    ...(today ? {} : { month: "short", day: "numeric" }),
    ...(then.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" }),
  }).format(then);
}

/** @param {number | null | undefined} n @returns {string} */
export function bytes(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = n < 1 ? 0 : Math.min(Math.floor(Math.log10(n) / 3), units.length - 1);
  return `${number(n / 1000 ** power, 3)} ${units[power]}`;
}
