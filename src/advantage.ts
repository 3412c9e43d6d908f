import type { Scored } from "./rewards/score.ts";
import type { Group } from "./rollout/rollout.ts";

/** A scored rollout with its advantage A_i; null where its group is constant and left out of the loss. */
export interface Advantaged extends Scored {
  readonly advantage: number | null;
}

export interface AdvantageSettings {
  /** What is subtracted from R_i: the group's mean, or the mean of the other G - 1 answers (RLOO, 2402.14740). */
  readonly baseline: "mean" | "leave-one-out";
  /**
   * What R_i - baseline is divided by: the standard deviation of the group's rewards (GRPO, 2402.03300), that of
   * R - baseline over all mixed groups of the batch (REINFORCE++-baseline, 2501.03262), or nothing (Dr. GRPO, 2503.20783).
   */
  readonly scale: "group-std" | "batch-std" | "none";
  /** "population" divides the sum of squares by n, "sample" by n - 1. */
  readonly std: "population" | "sample";
  /** Added to the standard deviation. */
  readonly epsilon: number;
}

/** Rewards are sums of weighted parts: equal ones may differ in their last bits. */
const tolerance = 1e-6;

/** True where no value differs from another by more than rounding: such a group says nothing about which answer is better. */
export function isConstant(values: readonly number[]): boolean {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return values.length === 0 || high - low <= tolerance * Math.max(1, Math.abs(low), Math.abs(high));
}

/**
 * A_i of every rollout. `shaping` is added to the reward first (overlong shaping; the reward itself stays as it was
 * graded). A group is constant where its rewards are, before or after shaping: it gets null, and neither the loss, nor
 * its normaliser, nor the batch's standard deviation counts it. So the weights of the rest do not shrink as more and
 * more problems are solved.
 */
export function groupAdvantages(
  groups: readonly Group<Scored>[],
  settings: AdvantageSettings,
  shaping: (rollout: Scored) => number = () => 0,
): Group<Advantaged>[] {
  const deviations = groups.map(({ rollouts }) => {
    const graded = rollouts.map((rollout) => rollout.reward);
    const rewards = rollouts.map((rollout) => rollout.reward + shaping(rollout));
    if (isConstant(graded) || isConstant(rewards)) return null;
    const difference = differences(rewards, settings.baseline);
    if (settings.scale !== "group-std") return difference;
    const scale = deviation(rewards, settings.std) + settings.epsilon;
    return difference.map((value) => value / scale);
  });
  // Each group's R - baseline sums to 0, so standardising over the batch subtracts nothing more.
  const scale =
    settings.scale === "batch-std"
      ? deviation(
          deviations.flatMap((values) => values ?? []),
          settings.std,
        ) + settings.epsilon
      : 1;
  return groups.map((group, g) => ({
    ...group,
    rollouts: group.rollouts.map((rollout, i) => {
      const value = deviations[g]?.[i];
      return { ...rollout, advantage: value === undefined ? null : value / scale };
    }),
  }));
}

function differences(rewards: readonly number[], baseline: AdvantageSettings["baseline"]): number[] {
  const n = rewards.length;
  const center = mean(rewards);
  // R_i - mean of the others = n / (n - 1) (R_i - mean of all).
  const factor = baseline === "leave-one-out" ? n / (n - 1) : 1;
  return rewards.map((reward) => factor * (reward - center));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[], kind: AdvantageSettings["std"]): number {
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return Math.sqrt(squares / (kind === "sample" ? values.length - 1 : values.length));
}
