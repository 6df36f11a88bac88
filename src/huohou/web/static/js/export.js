// @ts-check
/** What a chart shows, as a file. */
import { number } from "./format.js";

/** @typedef {import("./lines.js").Line} Line */
/** @typedef {{job: string, chart: string, view: import("./view.js").View, lines: Line[]}} Shown */

/**
 * A cell of a CSV file. What a spreadsheet would take for a formula gets a quote before it.
 * @param {unknown} value
 */
export function cell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "'-Infinity";
  let text = String(value ?? "");
  if (/^[\s]*[=+\-@\t\r|%]/.test(text)) text = `'${text}`;
  return /[",\n\r;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {Shown} shown */
export function asCsv({ lines }) {
  const rows = [["series", "segment", "step", "last", "min", "max", "mean", "smoothed", "points", "not_a_number"]];
  for (const l of lines) {
    const b = l.buckets;
    for (let i = 0; i < b.length; i++) {
      const smoothed = l.smoothed && Number.isFinite(l.smoothed[i]) ? l.smoothed[i] : "";
      rows.push(/** @type {any} */ ([l.name, b.seg[i], b.step[i], b.last[i], b.min[i], b.max[i], b.mean[i], smoothed, b.n[i], b.nans[i]]));
    }
  }
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** @param {Shown} shown */
export function asJson({ job, chart, view, lines }) {
  const words = (/** @type {ArrayLike<number> | null} */ row) => (row ? Array.from(row, (v) => (Number.isFinite(v) ? v : String(v))) : null);
  const series = lines.map((l) => {
    const { seg, step, n, nans, min, max, last, mean } = l.buckets;
    return { name: l.name, seg, step, n, nans, min: words(min), max: words(max), last: words(last), mean: words(mean), smoothed: words(l.smoothed) };
  });
  return JSON.stringify({ schema: 1, job, chart, view, series }, null, 1);
}

/** Let the browser save a file. @param {string} name @param {Blob} blob */
export function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * The chart as a picture, with its title and its legend.
 * @param {any} plot a uPlot @param {string} title @param {Line[]} lines @param {{get: (name: string) => string}} theme
 * @returns {Promise<Blob>}
 */
export function pictureOf(plot, title, lines, theme) {
  const source = /** @type {HTMLCanvasElement} */ (plot.ctx.canvas);
  const px = source.width / plot.width;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [source.width, source.height + 54 * px];
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.fillStyle = theme.get("--surface");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.textBaseline = "top";
  ctx.fillStyle = theme.get("--ink");
  ctx.font = `600 ${14 * px}px ${theme.get("--sans")}`;
  ctx.fillText(title, 12 * px, 10 * px);
  ctx.font = `${12 * px}px ${theme.get("--sans")}`;
  let x = 12 * px;
  for (const l of lines) {
    const last = l.tracks[0].at.at(-1);
    const text = `${l.label}${last === undefined ? "" : ` ${number(l.buckets.last[last])}`}`;
    ctx.fillStyle = theme.get(l.color);
    ctx.fillRect(x, 36 * px, 10 * px, 3 * px);
    ctx.fillText(text, x + 15 * px, 31 * px);
    x += 33 * px + ctx.measureText(text).width;
  }
  ctx.drawImage(source, 0, 54 * px);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"));
}
