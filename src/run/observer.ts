import type { EvalReport } from "../eval/report.ts";
import type { Step } from "../trainers/step.ts";
import type { MetricsLine } from "./records.ts";

/** Whoever watches a run: told everything, asked nothing. The terminal views are such observers. */
export interface RunObserver {
  /** What is being done now, in plain words, and why; of a phase that is made of steps, how many it has. */
  phase(what: string, why?: string, totalSteps?: number): void;
  /** Share of the present phase that is done. */
  progress(fraction: number, what: string): void;
  step(step: Step): void;
  /** The steps that a resumed run has behind it, and the first measurement. */
  past?(steps: readonly MetricsLine[], before: EvalReport | null): void;
  evaluation(report: EvalReport, label: string): void;
  note(text: string): void;
}

/** How a run is carried out, beside what its recipe says. */
export interface RunControl {
  /** The run directory. */
  readonly path: string;
  readonly resume: boolean;
  /** The command line that repeats the run. */
  readonly command: string;
  readonly signal: AbortSignal;
  readonly observer: RunObserver;
}

/** Thrown through a run that was asked to stop; what it has saved is whole. */
export class Stopped extends Error {
  override readonly name = "AbortError";
}

/** The work's result, or Stopped as soon as the signal is given, for work that cannot be interrupted. */
export async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let listener: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    listener = () => reject(new Stopped("the run was asked to stop"));
    if (signal.aborted) listener();
    else signal.addEventListener("abort", listener, { once: true });
  });
  work.catch(() => {}); // its own failure no longer matters once the stop has won
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (listener) signal.removeEventListener("abort", listener);
  }
}
