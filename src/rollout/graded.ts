import type { Policy } from "../model/policy.ts";
import { Grader, type Scored } from "../rewards/score.ts";
import type { Verification } from "../rewards/verification.ts";
import type { Problem, Task } from "../tasks/task.ts";
import { type RolloutOptions, rolloutGroups } from "./collect.ts";
import type { Group } from "./rollout.ts";

export interface GradedRollouts {
  /** In the order of the problems, whatever was ready first. */
  readonly groups: readonly Group<Scored>[];
  /** Seconds until the last answer was sampled. */
  readonly sampleSeconds: number;
  /** Seconds that grading took beyond that. */
  readonly rewardSeconds: number;
}

/**
 * Samples and grades. As in the paper (B.1), grading runs beside sampling: a group is graded as soon as its
 * last answer has ended, while others are still being sampled.
 */
export async function gradedRollouts<P extends Problem>(
  policy: Policy,
  task: Task<P>,
  problems: readonly P[],
  options: Omit<RolloutOptions, "onGroup">,
  verification?: Partial<Verification>,
): Promise<GradedRollouts> {
  const began = performance.now();
  const grader = new Grader(task, verification);
  const grades: Promise<Group<Scored>>[] = [];
  await rolloutGroups(policy, problems, {
    ...options,
    onGroup(group, i) {
      grades[i] = grader.grade(group);
    },
  });
  const sampled = performance.now();
  const groups = await Promise.all(grades);
  return {
    groups,
    sampleSeconds: (sampled - began) / 1000,
    rewardSeconds: (performance.now() - sampled) / 1000,
  };
}
