import type { Advantaged } from "../advantage.ts";
import type { EvalReport } from "../eval/report.ts";
import type { Group } from "../rollout/rollout.ts";
import type { Step } from "../trainers/step.ts";

/** What a person sees of a run. Everything is told to it; it asks nothing and changes nothing. */
export interface View {
  /** What is being done now, in plain words, and why; where they are known only now, how many steps it will take. */
  phase(text: string, why?: string, totalSteps?: number): void;
  /** How far the phase has come, 0 to 1; for phases without steps, or within one. */
  progress(fraction: number, text: string): void;
  /** A step was made. On a terminal every tenth brings one of its groups, opened. */
  step(step: Step): void;
  /** A measurement on held-out problems: "held-out, before". */
  evaluation(report: EvalReport, label: string): void;
  /** Opens a group: every grade, the best and the worst answer. */
  group(group: Group<Advantaged>): void;
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
