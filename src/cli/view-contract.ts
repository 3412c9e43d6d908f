import type { EvalReport } from "../eval/report.ts";
import type { MetricsLine } from "../run/records.ts";
import type { Step } from "../trainers/step.ts";

/** What a person sees of a run. Everything is told to it; it asks nothing and changes nothing. */
export interface View {
  /** What is being done now, in plain words, and why; of a phase that is made of steps, how many it has. */
  phase(text: string, why?: string, totalSteps?: number): void;
  /** How far the phase has come, 0 to 1; for phases without steps, or within one. */
  progress(fraction: number, text: string): void;
  /** A step was made. Every tenth brings one of its groups: every grade, the best and the worst answer. */
  step(step: Step): void;
  /** The steps that a resumed run has behind it, and the first measurement. */
  past(steps: readonly MetricsLine[], before: EvalReport | null): void;
  /** A measurement on held-out problems: "held-out, before". */
  evaluation(report: EvalReport, label: string): void;
  /** A line that stays. */
  note(text: string): void;
  /** The last lines; closes. */
  done(lines: readonly string[]): void;
  /** Gives the terminal back. May be called again and again. */
  close(): void;
}

/** The part of a terminal's stream that is used. */
export interface ViewStream {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

/** How a view draws. */
export interface Drawing {
  readonly stream: ViewStream;
  readonly totalSteps: number;
  readonly color: boolean;
  /** Milliseconds, as Date.now. */
  readonly now: () => number;
}
