/**
 * Gives the memory of arrays back that nobody reads again. Left alone, hundreds of megabytes may wait for a large round of the
 * collector while the next phase takes its own; what a moved buffer leaves is young, and goes in the next small one.
 */
export function giveBack(arrays: Iterable<Float32Array<ArrayBuffer>>): void {
  for (const { buffer } of arrays) structuredClone(buffer, { transfer: [buffer] });
}
