import { isConstant } from "../advantage.ts";
import type { TextMeasures } from "../eval/report.ts";
import { isCorrect, mean, percentile } from "../eval/statistics.ts";
import { textMeasures } from "../eval/text-measures.ts";
import type { Objective } from "../losses/objective-schema.ts";
import { clipSide, klTerm, sequenceRatio } from "../losses/reference-values.ts";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import type { Observation } from "../tasks/task.ts";
import type { GrpoMetrics } from "./step.ts";

/** What the sampled and graded answers of a step say, without the trainer. */
export type RolloutMetrics<N extends string = string> = Pick<
  GrpoMetrics<N>,
  | "reward"
  | "rewardParts"
  | "pass1"
  | "pass1ByFamily"
  | "groupsAllRight"
  | "groupsAllWrong"
  | "groupsMixed"
  | "lengthMean"
  | "lengthP95"
  | "truncatedShare"
  | "endedShare"
  | "parseFailureShare"
  | "verifierErrorShare"
  | "reflectiveWordsPerResponse"
  | keyof TextMeasures
  | "tokens"
>;

/**
 * @param groups every group sampled in the step, constant ones and those that dynamic sampling replaced included
 * @param endTokens ids that end a completion
 */
export function rolloutMetrics<N extends string = string>(
  groups: readonly Group<Scored>[],
  endTokens: readonly number[],
  countReflectiveWords: (text: string) => number,
): RolloutMetrics<N> {
  const all = groups.flatMap((group) => group.rollouts);
  const share = (holds: (rollout: Scored) => boolean): number => mean(all.map((rollout) => Number(holds(rollout))));
  const parts = Object.keys(all[0]?.rewards ?? {});
  const kinds = groups.map(groupKind);
  const shareOf = (kind: GroupKind): number => mean(kinds.map((found) => Number(found === kind)));
  const lengths = all.map((rollout) => rollout.tokens.length);
  const families = pass1ByFamily(groups);
  return {
    reward: mean(all.map((rollout) => rollout.reward)),
    rewardParts: Object.fromEntries(
      parts.map((name) => [`reward/${name}`, mean(all.map((rollout) => rollout.rewards[name] ?? 0))]),
    ) as Record<`reward/${N}`, number>,
    pass1: mean(all.map((rollout) => rollout.rewards.accuracy ?? 0)),
    ...(families !== null && { pass1ByFamily: families }),
    groupsAllRight: shareOf("right"),
    groupsAllWrong: shareOf("wrong"),
    groupsMixed: shareOf("mixed"),
    lengthMean: mean(lengths),
    lengthP95: percentile(lengths, 0.95),
    truncatedShare: share((rollout) => rollout.finish === "length"),
    endedShare: share((rollout) => endTokens.includes(rollout.tokens.at(-1) ?? -1)),
    parseFailureShare: share((rollout) => rollout.answer === null),
    verifierErrorShare: share((rollout) => rollout.failures !== undefined),
    reflectiveWordsPerResponse: mean(all.map((rollout) => countReflectiveWords(rollout.text))),
    ...textMeasures(all.map((rollout) => rollout.text)),
    tokens: lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** pass@1 by family, of the problems that name theirs; null where none does. */
function pass1ByFamily(groups: readonly Group<Scored>[]): Record<string, number> | null {
  const names = [...new Set(groups.flatMap(({ problem }) => problem.family ?? []))].sort();
  if (names.length === 0) return null;
  const accuracy = (name: string): number[] =>
    groups
      .filter(({ problem }) => problem.family === name)
      .flatMap(({ rollouts }) => rollouts.map((rollout) => rollout.rewards.accuracy ?? 0));
  return Object.fromEntries(names.map((name) => [name, mean(accuracy(name))]));
}

/** How the problems of a step went, for a task that draws by it. */
export function observations(groups: readonly Group<Scored>[]): Observation[] {
  return groups.map(({ problem, rollouts }) => ({
    problem,
    right: rollouts.filter(isCorrect).length,
    answers: rollouts.length,
  }));
}

type GroupKind = "right" | "wrong" | "mixed";

/** "mixed" groups are those with a gradient: their total rewards differ, in whatever part. */
function groupKind({ rollouts }: Group<Scored>): GroupKind {
  if (!isConstant(rollouts.map((rollout) => rollout.reward))) return "mixed";
  return rollouts.every(isCorrect) ? "right" : "wrong";
}

/** One answer as one update saw it; arrays run over its tokens (T). */
export interface TrainedAnswer {
  readonly advantage: number;
  /** log pi in this update's forward pass. */
  readonly logprobs: Float32Array;
  /** log pi_old. */
  readonly oldLogprobs: Float32Array;
  /** Nats. */
  readonly entropies: Float32Array;
}

/**
 * Means over all tokens trained on in a step, each counted in every update that saw it; NaN where there were none. A
 * token counts as clipped where the objective's bound acts on it; with one ratio an answer, all its tokens do or none.
 */
export function updateMetrics(
  answers: Iterable<TrainedAnswer>,
  objective: Pick<Objective, "surrogate" | "ratio" | "clipLow" | "clipHigh">,
): Pick<GrpoMetrics, "entropy" | "clipShareLow" | "clipShareHigh"> {
  let tokens = 0;
  let entropy = 0;
  const clipped = { low: 0, high: 0 };
  for (const { advantage, logprobs, oldLogprobs, entropies } of answers) {
    const whole = objective.ratio === "sequence" ? sequenceRatio(logprobs, oldLogprobs) : null;
    for (let t = 0; t < logprobs.length; t++) {
      const side = clipSide(whole ?? Math.exp(logprobs[t]! - oldLogprobs[t]!), advantage, objective);
      if (side !== null) clipped[side]++;
      entropy += entropies[t]!;
    }
    tokens += logprobs.length;
  }
  return { entropy: entropy / tokens, clipShareLow: clipped.low / tokens, clipShareHigh: clipped.high / tokens };
}

/**
 * How far the trainer's log-probabilities are from the sampler's for the same weights and tokens: before a step's first
 * update. Anything above rounding means that the two disagree on the distribution.
 */
export function ratioGap(
  trainer: readonly Float32Array[],
  sampler: readonly Float32Array[],
): Pick<GrpoMetrics, "ratioGapMean" | "ratioGapMax"> {
  let sum = 0;
  let largest = 0;
  const tokens = eachToken(trainer, sampler, (a, b) => {
    const gap = Math.abs(a - b);
    sum += gap;
    // Once NaN, always NaN: nothing is greater.
    if (gap > largest || Number.isNaN(gap)) largest = gap;
  });
  return { ratioGapMean: sum / tokens, ratioGapMax: largest };
}

/** k3 estimate of KL(pi || other), nats per token, from log-probabilities of tokens that pi sampled. */
export function k3Divergence(policy: readonly Float32Array[], other: readonly Float32Array[]): number {
  let sum = 0;
  const tokens = eachToken(policy, other, (a, b) => {
    sum += klTerm(a - b, "k3");
  });
  return sum / tokens;
}

/** Visits the pairs of two lists of equally long arrays; gives their number. */
function eachToken(
  left: readonly Float32Array[],
  right: readonly Float32Array[],
  visit: (a: number, b: number) => void,
): number {
  let tokens = 0;
  left.forEach((values, i) => {
    const others = right[i]!;
    for (let t = 0; t < values.length; t++) visit(values[t]!, others[t]!);
    tokens += values.length;
  });
  return tokens;
}
