// @ts-check
/** What can be done to a job, as buttons and as questions; the same on every page. */
import { Failure, post } from "./api.js";
import { choose, tell } from "./dialog.js";
import { el } from "./dom.js";
import { mayChange } from "./role.js";
import { say } from "./words.js";

/** @typedef {{id: number, name: string, status: string, recipe: string, queue_position?: number | null}} Job */
/** @typedef {(job: any, act: string) => void} Done */

const ACTIVE = ["starting", "running"];
const GOES_ON = ["stopped", "failed", "lost"];
const FINAL = [...GOES_ON, "completed"];

/**
 * Buttons for what can be done to a job in its state.
 * @param {Job} job @param {Done} done told the job as it is then, and what was done
 * @returns {HTMLElement[]}
 */
export function acts(job, done) {
  /** @type {[boolean, string, string, () => Promise<void>][]} */
  const all = [
    [ACTIVE.includes(job.status), "stop", "web.js.jobs.stop", () => stop(job, done)],
    [job.status === "queued" && (job.queue_position ?? 0) > 1, "first", "web.js.jobs.first", () => first(job, done)],
    [job.status === "queued", "cancel", "web.js.jobs.cancel", () => cancel(job, done)],
    [GOES_ON.includes(job.status) && job.recipe !== "import", "resume", "web.js.jobs.resume", () => resume(job, done)],
    [FINAL.includes(job.status), "put-away", "web.js.jobs.put_away", () => putAway(job, done)],
  ];
  return all.filter(([can]) => can && mayChange()).map(([, act, key, run]) => button(job, act, say(key), run));
}

/** @param {Job} job @param {string} act @param {string} words @param {() => Promise<void>} run */
function button(job, act, words, run) {
  let busy = false; // not disabled: a button that is loses the focus
  return el("button", {
    type: "button", class: "quiet", "data-testid": `act-${act}`,
    "aria-label": say("web.js.jobs.act", { act: words, name: job.name, id: job.id }),
    onclick: async () => {
      if (busy) return;
      busy = true;
      try {
        await run();
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        tell(error.message, "error");
      } finally {
        busy = false;
      }
    },
  }, words);
}

/** @param {Job} job @param {Done} done */
export async function stop(job, done) {
  const how = await choose({
    title: say("web.js.jobs.stop.title", { name: job.name }),
    body: say("web.js.jobs.stop.text"),
    choices: [
      { value: "now", text: say("web.js.jobs.stop.now"), kind: "danger" },
      { value: "keep", text: say("web.js.jobs.stop.keep"), kind: "primary" },
    ],
  });
  if (!how) return;
  done(await post(`/api/jobs/${job.id}/stop`, { now: how === "now" }), "stop");
  tell(say("web.js.jobs.stopping", { name: job.name }));
}

/** @param {Job} job @param {Done} done */
async function cancel(job, done) {
  done(await post(`/api/jobs/${job.id}/stop`, {}), "stop");
  tell(say("web.js.jobs.cancelled", { name: job.name }));
}

/** @param {Job} job @param {Done} done */
export async function resume(job, done) {
  const answer = await post(`/api/jobs/${job.id}/resume`, {});
  done(answer, "resume");
  for (const note of answer.notes) tell(note);
  tell(say("web.js.jobs.resuming", { name: job.name }));
}

/** @param {Job} job @param {Done} done */
async function first(job, done) {
  const answer = await post(`/api/jobs/${job.id}/move`, { before: null });
  done(answer.moved ? { ...job, queue_position: 1 } : job, "first");
  tell(say(answer.moved ? "web.js.jobs.moved" : "web.js.jobs.moved_not", { name: job.name }));
}

/** @param {Job} job @param {Done} done */
async function putAway(job, done) {
  await post(`/api/jobs/${job.id}/put-away`);
  done(job, "put-away");
  const back = async () => done(await restore(job.id, job.name), "restore");
  tell(say("web.js.jobs.away", { name: job.name }), "info", { text: say("web.js.jobs.undo"), run: back });
}

/** @param {number} id @param {string} name */
export async function restore(id, name) {
  const answer = await post(`/api/jobs/${id}/restore`);
  tell(say("web.js.jobs.back", { name }));
  return answer.runs[0];
}
