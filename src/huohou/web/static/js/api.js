/**
 * The server: requests, and the one stream of events that a tab has.
 */
import { say } from "./words.js";

/** What the server says is wrong. */
export class Failure extends Error {
  /**
   * @param {string} message @param {number} status 0: the server cannot be reached @param {string} key
   * @param {Record<string, any>} [told] all that the answer says of the error
   */
  constructor(message, status, key, told = {}) {
    super(message);
    this.status = status;
    this.key = key;
    this.told = told;
  }
}

/**
 * @param {string} path @param {Record<string, string | number | boolean | null | undefined>} [query]
 * @param {AbortSignal} [signal] @returns {Promise<any>} raises Failure
 */
export function get(path, query = {}, signal) {
  return call(withQuery(path, query), { signal });
}

/** @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] @returns {Promise<any>} raises Failure */
export function post(path, body = {}, signal) {
  return call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });
}

/** @param {string} path @param {FormData} form @param {AbortSignal} [signal] @returns {Promise<any>} raises Failure */
export function upload(path, form, signal) {
  return call(path, { method: "POST", body: form, signal });
}

/**
 * The events of a POST that answers with a stream, one by one.
 * @param {string} path @param {unknown} body @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<{event: string, data: any}>} raises Failure
 */
export async function* stream(path, body, signal) {
  const response = await send(path, {
    method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(body), signal,
  });
  if (!response.body) return; // an answer without a body has no events
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    held += done ? "\n\n" : decoder.decode(value, { stream: true }).replaceAll("\r\n", "\n");
    const blocks = held.split("\n\n");
    held = blocks.pop() ?? "";
    for (const block of blocks) {
      const told = parsed(block);
      if (told) yield told;
    }
    if (done) return;
  }
}

/** @param {string} block @returns {{event: string, data: any} | null} */
function parsed(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}

/** @param {string} path @param {Record<string, any>} query @returns {string} */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/** @param {string} path @param {RequestInit} options */
async function call(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/** @param {string} path @param {RequestInit} options @returns {Promise<Response>} */
async function send(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Failure(say("web.js.unreachable"), 0, "unreachable");
  }
  if (response.ok) return response;
  // The token is good for nothing any more: the page asks for one. What was typed is not lost for it.
  if (response.status === 401 && (options.method ?? "GET") === "GET") location.reload();
  const told = await response.json().catch(() => ({}));
  const error = told.error ?? {};
  throw new Failure(error.message ?? say("web.js.failed", { status: response.status }), response.status, error.key ?? error.code ?? "", error);
}

const EVENTS = ["points", "job", "finding", "checkpoint", "alert", "log", "reset", "gone", "jobs", "ping"];
const SILENT = 45_000; // ms without even a ping: the connection is dead, whatever the browser thinks
const POLL = 2_000;
const FIRST = 10_000; // ms until something of a stream has come for the first time
const PATIENCE = 3; // failed streams in a row before it asks by plain requests

/**
 * Follow a job, the list of jobs, or both. Goes on after an interruption exactly where it was; a
 * hidden tab holds no connection (browsers allow six to a host); where no stream comes through, a
 * job is asked every two seconds instead, and a list is read again by whoever shows it.
 * @param {{job?: number | string, list?: boolean, log?: boolean, after?: string, reread?: () => Promise<void>}} what
 * @param {(event: string, data: any) => void} take
 * @returns {{close: () => void, cursor: () => string | undefined}}
 */
export function follow(what, take) {
  let cursor = what.after;
  /** @type {EventSource | null} */
  let source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let watchdog;
  let failures = 0;
  let comes = false; // whether a stream has come through from here
  let closed = false;

  /** @param {string} state live, waiting, polling or paused */
  const tellState = (state) => dispatchEvent(new CustomEvent("connection", { detail: state }));
  const query = () => ({ job: what.job, after: cursor, list: what.list ? 1 : null, log: what.log ? 1 : null });

  function open() {
    if (closed || document.hidden || source) return;
    const mine = (source = new EventSource(withQuery("/api/events", query())));
    mine.onopen = () => alive(mine);
    for (const name of EVENTS) {
      mine.addEventListener(name, (event) => {
        if (source !== mine) return;
        alive(mine);
        if (event.lastEventId) cursor = event.lastEventId;
        if (name !== "ping") take(name, JSON.parse(event.data));
      });
    }
    mine.onerror = () => source === mine && again();
    listen();
  }

  /** @param {EventSource} mine */
  function alive(mine) {
    if (source !== mine) return;
    failures = 0;
    comes = true;
    tellState("live");
    listen();
  }

  function listen() {
    clearTimeout(watchdog);
    watchdog = setTimeout(again, comes ? SILENT : FIRST);
  }

  function shut() {
    clearTimeout(timer);
    clearTimeout(watchdog);
    source?.close();
    source = null;
  }

  // The browser would try by itself, but with the cursor of the first address and not after an
  // answer that is no stream.
  function again() {
    shut();
    if (closed || document.hidden) return;
    failures += 1;
    if (failures === 2) get("/api/jobs", { limit: 1 }).catch(() => null); // may we still look?
    const asks = failures > PATIENCE && (what.job !== undefined || what.reread !== undefined);
    if (!asks) tellState("waiting");
    timer = setTimeout(asks ? poll : open, asks ? POLL : Math.min(500 * 2 ** (failures - 1), 8000));
  }

  /** Ask for what has come. @returns {Promise<boolean>} whether there is more at once */
  async function ask() {
    if (what.job === undefined) {
      await what.reread?.();
      return false;
    }
    const told = await get(`/api/jobs/${what.job}/events`, { after: cursor, log: what.log ? 1 : null });
    if (closed || document.hidden) return false;
    cursor = told.cursor;
    for (const { event, data } of told.events) take(event, data);
    return told.more;
  }

  async function poll() {
    let pause = POLL;
    let back = false; // the server was away, not the streams
    try {
      const more = await ask();
      if (closed || document.hidden) return;
      if (more) pause = 0;
      else back = comes;
      tellState("polling");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      tellState("waiting");
    }
    if (closed || document.hidden) return;
    if (pause) failures += 1;
    // now and then a stream is tried again
    timer = setTimeout(back || failures % 15 === 0 ? open : poll, back ? 0 : pause);
  }

  function onVisibility() {
    if (document.hidden) {
      shut();
      tellState("paused");
    } else {
      failures = 0;
      open();
    }
  }

  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("pagehide", shut);
  addEventListener("pageshow", open);
  open();
  return {
    close() {
      closed = true;
      shut();
      document.removeEventListener("visibilitychange", onVisibility);
      removeEventListener("pagehide", shut);
      removeEventListener("pageshow", open);
    },
    cursor: () => cursor,
  };
}
