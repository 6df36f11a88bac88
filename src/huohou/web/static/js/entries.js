// @ts-check
/** Files and folders that were dropped on a page, with the folders they were in. */

const MOST = 2500; // files of a folder that are looked at

/**
 * @param {DataTransfer | null} dropped
 * @returns {Promise<{file: File, name: string}[]>}
 */
export async function handed(dropped) {
  const items = [...(dropped?.items ?? [])];
  // all at once: after the first await the browser has forgotten them
  const entries = items.map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry);
  if (!entries.length) return [...(dropped?.files ?? [])].map((file) => ({ file, name: file.name }));
  /** @type {{file: File, name: string}[]} */ const found = [];
  for (const entry of entries) await walk(/** @type {FileSystemEntry} */ (entry), found);
  return found;
}

/** @param {FileSystemEntry} entry @param {{file: File, name: string}[]} found */
async function walk(entry, found) {
  if (found.length >= MOST) return;
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\/+/, "") });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return; // it gives a hundred at a time
    for (const one of some) await walk(one, found);
  }
}
