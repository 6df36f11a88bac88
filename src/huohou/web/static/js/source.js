// @ts-check
/**
 * The series of a job: what the server has told, and what came since, each point once.
 *
 * An answer says up to which byte of the run's file it was made (its cursor); each message of the
 * stream says the same of itself. So what a later answer holds already is left out, and what came
 * while an answer was under way is put after it.
 */
import { Buckets } from "./series.js";

/** @typedef {import("./series.js").Point} Point */
/** @typedef {{points: Point[], from: number, to: number}} Message */
/** @typedef {{buckets: Buckets, low: number, high: number, taken: number}} Held */

const KEPT = 4_000; // points of late messages that an answer under way may need

/** Bytes of the run's file of a cursor "E.J". @param {string | undefined} cursor */
export function bytesOf(cursor) {
  return Number(String(cursor ?? "0").split(".")[0]) || 0;
}

export class Source {
  /**
   * @param {(names: string[], part: {points: number, lo?: number, hi?: number}) => Promise<any>} ask
   * @param {number} points buckets of a curve
   */
  constructor(ask, points) {
    this.ask = ask;
    this.points = points;
    /** @type {Map<string, Held>} */ this.whole = new Map();
    /** @type {Map<string, Held>} */ this.part = new Map();
    /** @type {Map<string, Held>} */ this.lead = new Map();
    /** @type {Map<string, number>} */ this.totals = new Map();
    /** @type {Message[]} */ this.late = [];
    this.at = 0; // bytes of the run's file that the stream has told
    /** @type {string | undefined} */ this.cursor = undefined;
    /** @type {Map<string, symbol>} */ this.wanted = new Map(); // the part of each that was asked for last
    this.age = 0; // how often all was forgotten
  }

  /** The stream is to go on from here, unless it does already. @param {string} cursor */
  start(cursor) {
    if (this.cursor !== undefined) return;
    this.cursor = cursor;
    this.at = bytesOf(cursor);
  }

  /** Read whole series. @param {string[]} names */
  async load(names) {
    if (!names.length) return;
    const { age } = this;
    const answer = await this.ask(names, { points: this.points });
    if (age !== this.age) return; // of files that are others by now
    this.start(answer.cursor);
    this.#put(this.whole, names, answer, -Infinity, Infinity);
    for (const name of names) {
      const whole = this.whole.get(name);
      const total = answer.total?.[name];
      this.totals.set(name, Math.max(total ?? 0, whole?.buckets.points ?? 0));
    }
  }

  /**
   * Read a part of series anew, as exact as the chart can show, and what smoothing needs of what
   * lies left of it.
   * @param {string[]} names @param {number} low step @param {number} high step
   * @param {number} before steps
   */
  async zoom(names, low, high, before) {
    if (!names.length) return;
    const mine = Symbol();
    for (const name of names) this.wanted.set(name, mine);
    const [lo, hi] = [Math.floor(low), Math.ceil(high)];
    const left = Math.max(Math.floor(lo - before), 0);
    const asked = [this.ask(names, { points: this.points, lo, hi })];
    if (left < lo) asked.push(this.ask(names, { points: Math.ceil(this.points / 3), lo: left, hi: lo - 1 }));
    const [part, lead] = await Promise.all(asked);
    const still = names.filter((name) => this.wanted.get(name) === mine); // answers come in any order
    this.#put(this.part, still, part, lo, hi);
    if (lead) this.#put(this.lead, still, lead, left, lo - 1);
    else for (const name of still) this.lead.delete(name);
  }

  /** Nothing is known any more. */
  forget() {
    this.age++;
    this.whole.clear();
    this.unzoom();
    this.totals.clear();
    this.late = [];
    this.at = 0;
    this.cursor = undefined;
  }

  unzoom() {
    this.wanted.clear();
    this.part.clear();
    this.lead.clear();
  }

  /**
   * Take in a message of the stream.
   * @param {Point[]} points @param {string | undefined} cursor up to where the message tells
   * @returns {Set<string>} names of the series that have changed
   */
  take(points, cursor) {
    const message = { points, from: this.at, to: bytesOf(cursor) };
    this.at = Math.max(this.at, message.to);
    this.late.push(message);
    let count = this.late.reduce((sum, one) => sum + one.points.length, 0);
    while (count > KEPT && this.late.length > 1) count -= this.late.shift()?.points.length ?? 0;
    const changed = new Set();
    for (const point of points) {
      if (!this.whole.has(point.name)) changed.add(point.name); // new: whoever shows it asks for it
      if (this.#give(this.whole, point, message)) {
        changed.add(point.name);
        this.totals.set(point.name, (this.totals.get(point.name) ?? 0) + 1);
      }
      this.#give(this.part, point, message);
    }
    return changed;
  }

  /** What is to be drawn of a series. @returns {{shown: Buckets, lead: Buckets | null} | null} */
  shown(/** @type {string} */ name) {
    const part = this.part.get(name) ?? this.whole.get(name);
    if (!part) return null;
    return { shown: part.buckets, lead: this.part.has(name) ? (this.lead.get(name)?.buckets ?? null) : null };
  }

  /** The last step of all series. */
  get end() {
    return Math.max(0, ...[...this.whole.values()].map((held) => held.buckets.end));
  }

  /**
   * Keep what an answer holds, and what came meanwhile. A series that it does not know yet is empty.
   * @param {Map<string, Held>} place @param {string[]} names @param {any} answer @param {number} low @param {number} high
   */
  #put(place, names, answer, low, high) {
    const taken = bytesOf(answer.cursor);
    for (const name of names) {
      const buckets = new Buckets(this.points);
      if (answer.series[name]) buckets.load(answer.series[name]);
      place.set(name, { buckets, low, high, taken });
      for (const message of this.late) {
        for (const point of message.points) if (point.name === name) this.#give(place, point, message);
      }
    }
  }

  /** @param {Map<string, Held>} place @param {Point} point @param {Message} message */
  #give(place, point, message) {
    const held = place.get(point.name);
    if (!held || point.step < held.low || point.step > held.high) return false;
    if (message.to <= held.taken) return false; // was in the answer
    if (message.from < held.taken && !held.buckets.isNew(point)) return false; // a part of it was
    held.buckets.add(point);
    return true;
  }
}
