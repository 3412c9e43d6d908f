import type { Language } from "./tests.ts";

/**
 * What crosses between the pool and a worker process, as JSON over Node's channel. Into the sandbox go the program and
 * its input, never an expected output. What comes out is not to be trusted: `readReply` checks every field.
 */

/** One run of one program. */
export interface Job {
  readonly language: Language;
  readonly code: string;
  /** Text on standard input; "" for a call. */
  readonly input: string;
  /** null: run the program. Otherwise run it and then call this function with these arguments, a JSON list. */
  readonly call: { readonly name: string; readonly args: string } | null;
  readonly timeMs: number;
  readonly memoryMiB: number;
  readonly outputBytes: number;
}

/** How a run ended. "refused": the program reached for something outside of the sandbox. */
export const endings = [
  "done",
  "compile-error",
  "runtime-error",
  "time-limit",
  "memory-limit",
  "output-limit",
  "refused",
  "sandbox-error",
] as const;
export type Ending = (typeof endings)[number];

export interface Outcome {
  readonly ending: Ending;
  /** What stood on standard output. */
  readonly stdout: string;
  /** Value of the call as JSON text; null without a call, or where the value is no JSON. */
  readonly value: string | null;
  /** Error message, or what the program wrote to standard error; at most 2,000 characters. */
  readonly detail: string;
  /** Milliseconds the run took, without the reset behind it. */
  readonly ms: number;
}

/** "ready": the worker is fresh and waits for a job. */
export type Reply = { readonly kind: "ready" } | { readonly kind: "outcome"; readonly outcome: Outcome };

export const longestDetail = 2_000;

export function outcome(ending: Ending, fields: Partial<Omit<Outcome, "ending">> = {}): Outcome {
  return { ending, stdout: "", value: null, detail: "", ms: 0, ...fields };
}

/**
 * What a worker said.
 *
 * @param mostBytes longer texts than any run may give are no reply
 * @returns null where it is none of ours
 */
export function readReply(message: unknown, mostBytes: number): Reply | null {
  if (typeof message !== "object" || message === null) return null;
  const { kind, outcome: given } = message as Record<string, unknown>;
  if (kind === "ready") return { kind };
  if (kind !== "outcome" || typeof given !== "object" || given === null) return null;
  const { ending, stdout, value, detail, ms } = given as Record<string, unknown>;
  if (!endings.includes(ending as Ending)) return null;
  if (typeof stdout !== "string" || stdout.length > mostBytes) return null;
  if (value !== null && (typeof value !== "string" || value.length > mostBytes)) return null;
  if (typeof detail !== "string" || detail.length > longestDetail) return null;
  if (typeof ms !== "number" || !Number.isFinite(ms)) return null;
  return { kind, outcome: { ending: ending as Ending, stdout, value, detail, ms } };
}
