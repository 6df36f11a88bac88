// @ts-check
/** What is drawn below and above the lines: regions of findings, checkpoints, resumes, lost values. */

/**
 * @typedef {object} Region places of the x axis that a finding is about; from = to is a line
 * @property {number} from
 * @property {number} to
 * @property {"error" | "warning" | "info"} severity
 * @property {string} code
 * @property {boolean} [lit] whether its card is pointed at
 */

/**
 * @typedef {object} Marks
 * @property {Region[]} regions
 * @property {number[]} checkpoints places
 * @property {{x: number, y: number | null} | null} best
 * @property {number[]} joins where a resumed life begins
 * @property {number | null} pin
 */

/** @typedef {{get: (name: string) => string}} Theme */
/** @typedef {import("./chart.js").Picture} Picture */

/** @type {Record<string, string>} */
const COLOURS = { error: "--bad", warning: "--warn", info: "--info" };
const MANY = 12; // checkpoints that still get a line each
const ROWS = 4; // of labels above one another

/** Canvas pixels of a pixel of the page. */
const ratio = (/** @type {any} */ u) => u.ctx.canvas.width / u.width;

/**
 * Regions of findings, and lines at checkpoints and resumes.
 * @param {any} u a uPlot @param {Marks | undefined} marks @param {Theme} theme
 */
export function drawBelow(u, marks, theme) {
  if (!marks) return;
  const { ctx, bbox } = u;
  ctx.save();
  clip(u);
  marks.regions.forEach((region) => shade(u, region, theme));
  const places = marks.checkpoints.map((x) => across(u, x)).filter((x) => inside(bbox, x));
  if (places.length <= MANY) places.forEach((x) => upright(u, x, theme.get("--line-2"), [2, 4]));
  marks.joins.forEach((x) => upright(u, across(u, x), theme.get("--ink-2"), [6, 4]));
  ctx.restore();
}

/**
 * What must not be covered: names of regions, feet of checkpoints, the best one, lost values, pin.
 * @param {any} u @param {Picture | null} picture @param {Theme} theme
 */
export function drawAbove(u, picture, theme) {
  if (!picture) return;
  const { ctx, bbox } = u;
  const { marks, lines } = picture;
  const px = ratio(u);
  ctx.save();
  clip(u);
  ctx.font = `${11 * px}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  marks.regions.forEach((region, i) => named(u, region, i, theme));
  const foot = bbox.top + bbox.height;
  ctx.fillStyle = theme.get("--ink-2");
  marks.checkpoints.forEach((x) => triangle(ctx, across(u, x), foot, 4 * px));
  ctx.textAlign = "left";
  marks.joins.forEach((x) => ctx.fillText("↻", across(u, x) + 3 * px, bbox.top + 4 * px));
  for (const l of lines) lost(u, l, theme);
  if (marks.best) star(u, marks.best, theme);
  if (marks.pin !== null) upright(u, across(u, marks.pin), theme.get("--ink-2"), []);
  ctx.restore();
}

function across(/** @type {any} */ u, /** @type {number} */ x) {
  return u.valToPos(x, "x", true);
}

function inside(/** @type {any} */ box, /** @type {number} */ x) {
  return x >= box.left - 1 && x <= box.left + box.width + 1;
}

function clip(/** @type {any} */ u) {
  const { left, top, width, height } = u.bbox;
  u.ctx.beginPath();
  u.ctx.rect(left - 6, top - 6, width + 12, height + 7);
  u.ctx.clip();
}

function shade(/** @type {any} */ u, /** @type {Region} */ region, /** @type {Theme} */ theme) {
  if (!isSeen(u, region)) return;
  const { ctx, bbox } = u;
  const [from, width] = extent(u, region);
  const color = COLOURS[region.severity] ?? "--info";
  ctx.fillStyle = theme.get(`${color}-soft`);
  ctx.globalAlpha = region.lit ? 1 : 0.6;
  ctx.fillRect(from, bbox.top, width, bbox.height);
  ctx.fillStyle = theme.get(color);
  ctx.fillRect(from, bbox.top, Math.min(width, 1.5 * ratio(u)), bbox.height);
  ctx.globalAlpha = 1;
}

/** Whether any of a region is shown. */
function isSeen(/** @type {any} */ u, /** @type {Region} */ region) {
  const { left, width } = u.bbox;
  return across(u, region.from) <= left + width + 1 && across(u, region.to) >= left - 1;
}

/** Where a region begins on the canvas and how wide it is. @returns {[number, number]} */
function extent(/** @type {any} */ u, /** @type {Region} */ region) {
  const { left, width } = u.bbox;
  const hold = (/** @type {number} */ x) => Math.min(Math.max(x, left), left + width);
  const [from, to] = [hold(across(u, region.from)), hold(across(u, region.to))];
  return [Math.min(from, left + width - 2), Math.max(to - from, 2)];
}

function named(/** @type {any} */ u, /** @type {Region} */ region, /** @type {number} */ i, /** @type {Theme} */ theme) {
  if (!isSeen(u, region)) return;
  const { ctx, bbox } = u;
  const [from, width] = extent(u, region);
  const px = ratio(u);
  const right = from > bbox.left + bbox.width * 0.6;
  ctx.textAlign = right ? "right" : "left";
  ctx.fillStyle = theme.get(COLOURS[region.severity] ?? "--info");
  const x = right ? Math.min(from + width, bbox.left + bbox.width) - 5 * px : from + 5 * px;
  ctx.fillText(region.code, x, bbox.top + (4 + 14 * (i % ROWS)) * px);
}

function upright(/** @type {any} */ u, /** @type {number} */ x, /** @type {string} */ color, /** @type {number[]} */ dash) {
  const { ctx, bbox } = u;
  const px = ratio(u);
  ctx.strokeStyle = color;
  ctx.lineWidth = px;
  ctx.setLineDash(dash.map((part) => part * px));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

function triangle(/** @type {CanvasRenderingContext2D} */ ctx, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ size) {
  ctx.beginPath();
  ctx.moveTo(x, y - 1.6 * size);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x - size, y);
  ctx.fill();
}

/** A star on the best checkpoint: on its value, or at the top where that is not known. */
function star(/** @type {any} */ u, /** @type {{x: number, y: number | null}} */ best, /** @type {Theme} */ theme) {
  const { ctx, bbox } = u;
  const px = ratio(u);
  const [x, y] = [across(u, best.x), best.y === null ? bbox.top + 10 * px : u.valToPos(best.y, "y", true)];
  ctx.beginPath();
  for (let i = 0; i < 10; i++) {
    const [far, turn] = [(i % 2 ? 4 : 9) * px, (Math.PI * i) / 5];
    ctx.lineTo(x + far * Math.sin(turn), y - far * Math.cos(turn));
  }
  ctx.closePath();
  ctx.fillStyle = theme.get("--curve-2");
  ctx.strokeStyle = theme.get("--surface");
  ctx.lineWidth = 1.5 * px;
  ctx.fill();
  ctx.stroke();
}

/**
 * Values that are no numbers: a cross at the top for NaN, an arrow at the edge for an infinity.
 * @param {any} u @param {import("./lines.js").Line} l @param {Theme} theme
 */
function lost(u, l, theme) {
  if (!l.buckets.lost) return;
  const { ctx, bbox } = u;
  const px = ratio(u);
  ctx.strokeStyle = theme.get("--bad");
  ctx.fillStyle = theme.get("--bad");
  ctx.lineWidth = 1.6 * px;
  let drawn = -Infinity;
  for (const { x: xs, at } of l.tracks) {
    at.forEach((i, k) => {
      const x = across(u, xs[k]);
      const b = l.buckets;
      const infinite = [b.max[i], b.min[i], b.last[i]].find((v) => v === Infinity || v === -Infinity);
      if ((!b.nans[i] && infinite === undefined) || Math.abs(x - drawn) < 5 * px) return;
      drawn = x;
      if (infinite === undefined) cross(ctx, x, bbox.top + 6 * px, 3.5 * px);
      else if (infinite > 0) triangle(ctx, x, bbox.top + 9 * px, 5 * px);
      else triangle(ctx, x, bbox.top + bbox.height - 9 * px, -5 * px);
    });
  }
}

function cross(/** @type {CanvasRenderingContext2D} */ ctx, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ size) {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y + size);
  ctx.moveTo(x + size, y - size);
  ctx.lineTo(x - size, y + size);
  ctx.stroke();
}
