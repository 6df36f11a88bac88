// @ts-check
/** Who trains by a plan, where several workers do. */
import { duration, number } from "./format.js";
import { say } from "./words.js";

/** What is foreseen of the workers of a plan, as `huohou plan` says it; null where one process trains. @param {Record<string, any>} plan @returns {string | null} */
export function workersOf(plan) {
  const told = plan.facts?.workers;
  if (!told) return null;
  const slots = {
    workers: told.workers, on: told.on, time: duration(told.seconds),
    size: number(told.memory_bytes / 1e9, 2), sent: number(told.sent_bytes / 1e6, 2),
  };
  return told.sharding === "fsdp"
    ? say("plan.workers_split", { ...slots, whole: number(told.memory_whole_bytes / 1e9, 2) })
    : say("plan.workers_are", slots);
}
