// @ts-check
/** Whether who looks may change something: what a reader may not do is not offered. */
export function mayChange() {
  return document.body.dataset.role !== "reader";
}
