// @ts-check
/** Files for a form: chosen on the machine that huohou runs on, or sent to it. */
import { Failure, get } from "./api.js";
import { open } from "./dialog.js";
import { el, fill } from "./dom.js";
import { bytes, clock } from "./format.js";
import { say } from "./words.js";

/** @typedef {{name: string, path: string, kind: string | null}} Folder */
/** @typedef {{name: string, path: string, bytes: number, mtime: number}} File_ */
/** @typedef {{path: string | null, parent: string | null, folders: Folder[], files: File_[], left_out: number}} Listing */

const LAST = "huohou-place";

/**
 * The path of a file or folder, or null when the person leaves.
 * @param {{title: string, folders?: string | null, documents?: boolean, begin?: string}} about
 *   folders: the kind of folder that can be chosen besides files, "pairs" or "model", or "any"; with
 *   "model" no files are shown; documents: files of text, in place of rows; begin: the folder that
 *   is shown first, where none was seen before
 * @returns {Promise<string | null>}
 */
export function chooseFile({ title, folders = null, documents = false, begin }) {
  return new Promise((resolve) => {
    const where = el("p", { class: "mono small where", "data-testid": "place" });
    const list = el("ul", { class: "places", "data-testid": "places" });
    const problem = el("p", { class: "notice error", hidden: true });
    const dialog = /** @type {HTMLDialogElement} */ (el("dialog", { class: "chooser", "aria-labelledby": "chooser-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "chooser-title" }, title), where, problem, list,
        el("div", { class: "row end" }, el("button", { value: "" }, say("web.js.cancel"))))));
    let opened = 0;

    /** @param {string} path empty: the folders to begin in */
    async function look(path) {
      const mine = ++opened;
      /** @type {Listing} */ let found;
      try {
        found = await get("/api/places", { path, documents: documents || null });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (path && list.childElementCount === 0) return look(""); // the last place is gone
        problem.hidden = false;
        fill(problem, error.message);
        return undefined;
      }
      if (mine !== opened) return undefined; // another was clicked meanwhile
      problem.hidden = true;
      sessionStorage.setItem(LAST, found.path ?? "");
      fill(where, found.path ?? say("web.js.places.begin"));
      const up = found.path === null ? [] : [entry("↑", say("web.js.places.up"), "", () => look(found.parent ?? ""))];
      const files = folders === "model" ? [] : found.files;
      fill(list, up, found.folders.map((one) => ofFolder(one, found.path === null)), files.map((one) =>
        entry("", one.name, `${bytes(one.bytes)} · ${clock(one.mtime)}`, () => done(one.path))));
      if (!found.folders.length && !files.length) list.append(el("li", { class: "muted" }, say("web.js.places.empty")));
      if (found.left_out) list.append(el("li", { class: "muted small" }, say("web.js.places.left_out", { n: found.left_out })));
      /** @type {HTMLElement | null} */ (list.querySelector("button"))?.focus();
      return undefined;
    }

    /** @param {Folder} one @param {boolean} first whether one can begin there */
    function ofFolder(one, first) {
      const item = entry("▸", first ? one.path : one.name, "", () => look(one.path));
      if (folders && (folders === "any" || one.kind === folders)) {
        item.append(el("button", { type: "button", class: "small", onclick: () => done(one.path) }, say("web.js.places.use")));
      }
      return item;
    }

    const done = open(dialog, resolve);
    look(sessionStorage.getItem(LAST) ?? begin ?? "");
  });
}

/** @param {string} mark @param {string} name @param {string} more @param {() => void} run */
function entry(mark, name, more, run) {
  return el("li", {}, el("button", { type: "button", class: "quiet entry", onclick: run },
    el("span", { class: "mark", "aria-hidden": "true" }, mark), el("span", { class: "what" }, name), el("span", { class: "muted small" }, more)));
}

/**
 * Send a file; where it lies then. Raises Failure.
 * @param {File} file @param {(part: number) => void} progress 0 to 1
 * @returns {Promise<File_>}
 */
export function send(file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new Failure(say("web.js.unreachable"), 0, "unreachable"));
    request.onload = () => {
      if (request.status === 201) return resolve(request.response);
      const error = request.response?.error ?? {};
      return reject(new Failure(error.message ?? say("web.js.failed", { status: request.status }), request.status, error.key ?? "", error));
    };
    request.send(file);
  });
}
