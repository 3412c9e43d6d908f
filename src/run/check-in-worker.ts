import { Worker } from "node:worker_threads";
import type { Check, CheckReport } from "../check/report.ts";
import { AutodidactError } from "../errors.ts";

/**
 * Checks a task in a thread of its own: a verifier that never comes back (an `eval` of a power tower, a pattern that
 * backtracks) can then be given up, and what it was asked can be told.
 */
export interface CheckRequest {
  /** As openTask takes it. */
  readonly spec: string;
  readonly cwd: string;
  readonly problems: number;
  readonly seed: number;
  /** Seconds for one asynchronous verdict. */
  readonly deadline: number;
}

export interface CheckOptions extends CheckRequest {
  readonly signal: AbortSignal;
  /** Seconds of silence after which the thread counts as stuck. @default 20 */
  readonly patience?: number;
  readonly onCheck?: (check: Check) => void;
}

export type CheckMessage =
  | { readonly kind: "alive" }
  | { readonly kind: "trying"; readonly what: string }
  | { readonly kind: "check"; readonly task: string; readonly check: Check }
  | { readonly kind: "report"; readonly report: CheckReport }
  | { readonly kind: "error"; readonly code: string | null; readonly message: string };

/** Seconds that the thread may take before it says anything: loading the program is not the task's doing. */
const STARTING = 60;

/** @throws AutodidactError those of openTask; whatever the task throws while it is loaded */
export async function checkInWorker({
  signal,
  patience = 20,
  onCheck,
  ...request
}: CheckOptions): Promise<CheckReport> {
  const worker = new Worker(new URL("./check-worker.js", import.meta.url), { workerData: request, stdout: true });
  // What a task prints must not stand between the lines of a result.
  worker.stdout.pipe(process.stderr, { end: false });
  const checks: Check[] = [];
  let [task, trying] = [request.spec, "starting"];
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    return await new Promise<CheckReport>((resolve, reject) => {
      const stuck = (seconds: number): void => {
        const check: Check = {
          name: "time",
          demands: "every verdict comes back",
          passed: false,
          tried: 1,
          failure: {
            message: `stuck for ${seconds} s at ${trying}: bound the work by construction (no eval, no pattern with nested repetition), nothing can interrupt it`,
            count: 1,
          },
        };
        onCheck?.(check);
        resolve({ task, passed: false, checks: [...checks, check], parts: [], speed: null });
      };
      // Counted by ticks and not by the clock: a machine that slept for an hour has ticked once.
      let [silent, most] = [0, STARTING];
      timer = setInterval(() => {
        if (++silent >= most) stuck(most);
      }, 1000);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      worker.on("message", (message: CheckMessage) => {
        [silent, most] = [0, patience];
        if (message.kind === "trying") trying = message.what;
        else if (message.kind === "check") {
          task = message.task;
          checks.push(message.check);
          onCheck?.(message.check);
        } else if (message.kind === "report") resolve(message.report);
        else if (message.kind === "error")
          reject(
            message.code === null ? new Error(message.message) : new AutodidactError(message.code, message.message),
          );
      });
      worker.on("error", reject);
      worker.on("exit", (code) =>
        reject(
          new AutodidactError(
            "TASK_FILE",
            `${request.spec}: ended the process with code ${code} at ${trying}; a task must not call process.exit`,
          ),
        ),
      );
    });
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
