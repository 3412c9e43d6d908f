import type { SampleProgress } from "../engine/engine.ts";
import type { Policy } from "../model/policy.ts";
import { random } from "../random.ts";
import type { Scored } from "../rewards/score.ts";
import type { Verification } from "../rewards/verification.ts";
import { gradedRollouts } from "../rollout/graded.ts";
import type { Group } from "../rollout/rollout.ts";
import { type Problem, type Task, takeProblems } from "../tasks/task.ts";
import { countReflectiveWords } from "./reflection.ts";
import type { EvalReport } from "./report.ts";
import { evalReport } from "./statistics.ts";

export interface EvaluateOptions {
  /** Held-out problems, the first of the task's fixed list. */
  readonly problems: number;
  readonly samplesPerProblem: number;
  readonly maxTokens: number;
  /** @default 1 */
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed: number;
  /** How answers are graded. */
  readonly verification?: Partial<Verification>;
  readonly onProgress?: (progress: SampleProgress) => void;
}

export interface Evaluation {
  readonly report: EvalReport;
  readonly answers: readonly Group<Scored>[];
}

/** Measures a policy on held-out problems. The same problems and random numbers each time, so that models compare. */
export async function evaluate<P extends Problem>(
  policy: Policy,
  task: Task<P>,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { problems, samplesPerProblem, maxTokens, temperature = 1, topP, seed, onProgress } = options;
  const { groups: answers } = await gradedRollouts(
    policy,
    task,
    takeProblems(task.problems("eval", random("eval"))[Symbol.iterator](), problems),
    {
      groupSize: samplesPerProblem,
      maxTokens,
      temperature,
      ...(topP !== undefined && { topP }),
      key: [seed, "evaluate"],
      policyVersion: 0,
      ...(onProgress && { onProgress }),
    },
    options.verification,
  );
  const weights = Object.fromEntries(Object.entries(task.rewards).map(([name, { weight }]) => [name, weight]));
  return { report: evalReport(answers, { temperature, maxTokens, countReflectiveWords, weights }), answers };
}
