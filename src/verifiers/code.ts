import type { GradeOptions } from "../code/grade.ts";
import type { CodeTests } from "../code/tests.ts";
import type { Problem, Reward } from "../tasks/task.ts";

export interface CodeRewardOptions<P extends Problem>
  extends Pick<GradeOptions, "language" | "reward" | "limits" | "tolerance" | "pool"> {
  /** The hidden tests of a problem. Expected outputs never reach the program. */
  readonly tests: (problem: P) => CodeTests;
  /** Default 1. */
  readonly weight?: number;
}

/** Seconds a verdict may take: a run has its own limits, the rest is waiting for a free worker. */
const deadline = 300;

/**
 * The code reward: the program in an answer is run against the problem's hidden tests. Workers are started when the first
 * answer is graded; they keep nothing alive, and `closeSharedPool` ends them.
 */
export function code<P extends Problem>({ tests, weight = 1, ...options }: CodeRewardOptions<P>): Reward<P> {
  return {
    weight,
    deadline,
    // Loaded when first used: whoever only names this reward starts no process and loads no sandbox.
    async verify(answer, problem) {
      const { gradeCode } = await import("../code/grade.ts");
      return gradeCode(answer.text, tests(problem), { ...options, complete: answer.complete });
    },
  };
}
