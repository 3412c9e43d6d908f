import { gradeMaths, type MathsOptions } from "../maths/grade.ts";
import type { Problem, Reward } from "../tasks/task.ts";

export interface MathsReward<P extends Problem> extends Omit<MathsOptions, "complete"> {
  /** The right answer of a problem: `1/2`, `$x$`, `\boxed{x}`, "... #### 5". */
  readonly gold: (problem: P) => string;
  /** Share in the total, 1 by default. */
  readonly weight?: number;
}

/**
 * A reward of 1 for the right mathematical answer, in `mode: "strict"` only in the format asked for. Put a strict and a
 * lenient one side by side to tell a gain in format from a gain in reasoning; give one of them weight 0.
 * @throws AutodidactError MATHS_GOLD, while grading, for a gold that is empty or beyond the limits
 */
export function maths<P extends Problem>({ gold, weight = 1, ...options }: MathsReward<P>): Reward<P> {
  return {
    weight,
    verify: (answer, problem) => gradeMaths(answer.text, gold(problem), { ...options, complete: answer.complete }),
  };
}

export { gradeMaths } from "../maths/grade.ts";
