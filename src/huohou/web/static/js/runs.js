// @ts-check
/** How a run is told from others: a colour and a stroke that it has wherever it is shown. Pure. */

/**
 * @typedef {object} Run
 * @property {any} job columns of training_jobs
 * @property {string[]} series names of its series
 * @property {string} color a custom property of the style sheet
 * @property {number[]} dash lengths drawn and left out; empty for a whole line
 */

const COLOURS = 10;
/** @type {number[][]} */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/**
 * The looks of runs by their numbers: a run has its colour wherever it is shown; of those that have
 * the same, the later ones are dashed.
 * @param {number[]} ids
 * @returns {Map<number, {color: string, dash: number[]}>}
 */
export function looks(ids) {
  /** @type {Map<number, number>} */ const before = new Map();
  return new Map([...ids].sort((a, b) => a - b).map((id) => {
    const colour = id % COLOURS;
    const nth = before.get(colour) ?? 0;
    before.set(colour, nth + 1);
    return [id, { color: `--run-${colour}`, dash: DASHES[nth % DASHES.length] }];
  }));
}

/** What a run is called beside others. @param {{id: number, name: string}} job */
export function titleOf(job) {
  return `${job.name} #${job.id}`;
}
