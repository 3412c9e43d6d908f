import { Worker } from "node:worker_threads";

/**
 * A process of the pool: `worker.js python` or `worker.js javascript`, started with an empty environment and without
 * permission to write files, to read others than its own, or to start processes. The sandbox runs in a thread, because a
 * thread can be given the stack that deep recursion takes; this one passes messages on and ends with the pool.
 */

/** MiB of address space; only what a program's recursion touches becomes memory. */
const stackMiB = 192;

const thread = new Worker(new URL("./worker-thread.js", import.meta.url), {
  argv: process.argv.slice(2),
  env: {},
  resourceLimits: { stackSizeMb: stackMiB, maxOldGenerationSizeMb: 512 },
});
const fail = (why: unknown): void => {
  process.stderr.write(`${why instanceof Error ? (why.stack ?? why.message) : String(why)}\n`, () => process.exit(1));
};
thread.on("message", (reply: object) => process.send?.(reply));
thread.on("error", fail);
thread.on("exit", (status) => fail(`the thread ended with ${status}`));
process.on("message", (job) => thread.postMessage(job));
process.on("disconnect", () => process.exit(0));
