import { parentPort, workerData } from "node:worker_threads";
import { checkTask } from "../check/check-task.ts";
import { AutodidactError } from "../errors.ts";
import type { CheckMessage, CheckRequest } from "./check-in-worker.ts";
import { openTask } from "./load-task.ts";

/** The other end of check-in-worker.ts. */
const { spec, cwd, problems, seed, deadline } = workerData as CheckRequest;
const post = (message: CheckMessage): void => parentPort!.postMessage(message);

// A thread that waits for an answer says so; one that is stuck in a verdict is silent.
const alive = setInterval(() => post({ kind: "alive" }), 500);
try {
  post({ kind: "trying", what: "loading the task" });
  const task = await openTask(spec, cwd);
  const report = await checkTask(task, {
    problems,
    seed,
    deadline,
    onTrying: (what) => post({ kind: "trying", what }),
    onCheck: (check) => post({ kind: "check", task: task.name, check }),
  });
  post({ kind: "report", report });
} catch (error) {
  if (error instanceof AutodidactError) post({ kind: "error", code: error.code, message: error.message });
  else post({ kind: "error", code: null, message: error instanceof Error ? (error.stack ?? "") : String(error) });
} finally {
  clearInterval(alive);
}
