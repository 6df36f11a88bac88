// @ts-check
/** How the curves are looked at: kept in the address, so that a reload or a link shows the same. */
import { AXES } from "./axis.js";

/** @typedef {import("./axis.js").Axis} Axis */

/**
 * @typedef {object} View
 * @property {Axis} axis
 * @property {number} smooth 0 (off) to 1
 * @property {boolean} log
 * @property {boolean} clip
 * @property {[number, number] | null} zoom steps, both included
 */

/** @type {View} */
export const USUAL = { axis: "step", smooth: 0.6, log: false, clip: false, zoom: null };

/**
 * What an address says, over what was last chosen here.
 * @param {URLSearchParams} query @param {Partial<View>} [last]
 * @returns {View}
 */
export function read(query, last = {}) {
  const view = { ...USUAL, ...known(last) };
  const axis = /** @type {Axis} */ (query.get("x"));
  if (AXES.includes(axis)) view.axis = axis;
  const smooth = Number(query.get("smooth") || "x");
  if (smooth >= 0 && smooth <= 1) view.smooth = smooth;
  if (query.has("log")) view.log = query.get("log") === "1";
  if (query.has("clip")) view.clip = query.get("clip") === "1";
  const ends = (query.get("zoom") ?? "").match(/^(\d{1,15})-(\d{1,15})$/)?.slice(1).map(Number);
  view.zoom = ends && ends[0] < ends[1] ? [ends[0], ends[1]] : null;
  return view;
}

/** Of what was kept from another time, what can be used. @returns {Partial<View>} */
function known(/** @type {any} */ last) {
  /** @type {Partial<View>} */ const found = {};
  if (AXES.includes(last?.axis)) found.axis = last.axis;
  if (last?.smooth >= 0 && last?.smooth <= 1) found.smooth = Number(last.smooth);
  return found;
}

/**
 * The address of a view: what is not as usual.
 * @param {View} view @param {URLSearchParams} query what else the address says stays
 * @returns {URLSearchParams}
 */
export function write(view, query) {
  const next = new URLSearchParams(query);
  /** @type {[string, string | null][]} */
  const said = [
    ["x", view.axis === USUAL.axis ? null : view.axis],
    ["smooth", view.smooth === USUAL.smooth ? null : String(view.smooth)],
    ["log", view.log ? "1" : null],
    ["clip", view.clip ? "1" : null],
    ["zoom", view.zoom ? view.zoom.map(Math.round).join("-") : null],
  ];
  for (const [name, value] of said) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return next;
}
