import type { Job, Outcome } from "./protocol.ts";

/** What a worker's thread runs programs in. */
export interface Sandbox {
  /** Runs one job; nothing of an earlier one is left. */
  run(job: Job): Promise<Outcome>;
  /** Makes it ready for the next job. Rejects where that takes a new process. */
  reset(): Promise<void>;
}

/** Whether an error is the end that the `timeout` of `vm` put to a run (ERR_SCRIPT_EXECUTION_TIMEOUT). */
export function endedByV8(error: unknown): boolean {
  return /_EXECUTION_TIMEOUT$/.test(String((error as { code?: unknown } | null)?.code));
}
