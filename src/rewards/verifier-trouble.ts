import { AutodidactError } from "../errors.ts";
import type { Problem } from "../tasks/task.ts";
import type { VerifierFailure } from "./score.ts";

/** What is looked at of graded answers to a problem. */
interface Graded {
  readonly problem: Problem;
  readonly rollouts: readonly { readonly sample: number; readonly failures?: readonly VerifierFailure[] }[];
}

/**
 * VERIFIER_FAILS where more than a share of the answers could not be graded; null where the grades can be trusted. It
 * names the task, the part that failed most often, and its first cause.
 *
 * @param maxErrorShare between 0 and 1 @default 0.1
 */
export function verifierTrouble(groups: readonly Graded[], task: string, maxErrorShare = 0.1): AutodidactError | null {
  const answers = groups.flatMap(({ problem, rollouts }) => rollouts.map((rollout) => ({ problem, rollout })));
  const failed = answers.filter(({ rollout }) => rollout.failures !== undefined);
  if (failed.length === 0 || failed.length <= maxErrorShare * answers.length) return null;
  const counts = new Map<string, number>();
  for (const { rollout } of failed)
    for (const { part } of rollout.failures!) counts.set(part, (counts.get(part) ?? 0) + 1);
  const [part] = [...counts].sort(([, a], [, b]) => b - a)[0]!;
  const first = failed.find(({ rollout }) => rollout.failures!.some((failure) => failure.part === part))!;
  const { message } = first.rollout.failures!.find((failure) => failure.part === part)!;
  return new AutodidactError(
    "VERIFIER_FAILS",
    `task ${task}, rewards.${part}.verify: failed on ${counts.get(part)} of ${answers.length} answers, and verification.maxErrorShare is ${maxErrorShare}; first on problem ${first.problem.id}, answer ${first.rollout.sample}: ${message}. Mend it (autodidact task check tries it without a model), then resume; or raise verification.maxErrorShare`,
  );
}
