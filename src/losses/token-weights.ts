import type { Advantaged } from "../advantage.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { Objective } from "./objective-schema.ts";

type Overlong = Objective["overlong"];

/**
 * Whether a rollout is trained on: not in a constant group, and not masked for being truncated. A masked rollout's reward
 * still counted in its group's mean and deviation.
 */
export function isTrained(rollout: Advantaged, overlong: Overlong): boolean {
  if (rollout.advantage === null || rollout.tokens.length === 0) return false;
  return !(overlong.policy === "mask" && rollout.finish === "length");
}

/**
 * Weight of each token's term in the loss, the normaliser folded in; one array (T) a rollout, all zeros where it is not
 * trained on. `rollouts` are all answers of one update: weights are global over it, so the sum of weighted terms is the
 * same however the update is split into micro-batches.
 *
 * With N trained answers of L_i tokens: "sequence" gives 1/(N L_i), "tokens" 1/sum L_i, "constant" 1/(N maxTokens).
 */
export function tokenWeights(
  rollouts: readonly Advantaged[],
  objective: Pick<Objective, "normaliser" | "overlong">,
  maxTokens: number,
): Float32Array[] {
  const trained = rollouts.map((rollout) => isTrained(rollout, objective.overlong));
  let answers = 0;
  let tokens = 0;
  rollouts.forEach((rollout, i) => {
    if (!trained[i]) return;
    answers++;
    tokens += rollout.tokens.length;
  });
  return rollouts.map((rollout, i) => {
    const length = rollout.tokens.length;
    const weights = new Float32Array(length);
    return trained[i]
      ? weights.fill(1 / divisor(objective.normaliser, { answers, tokens, length, maxTokens }))
      : weights;
  });
}

function divisor(
  normaliser: Objective["normaliser"],
  size: { answers: number; tokens: number; length: number; maxTokens: number },
): number {
  switch (normaliser) {
    case "sequence":
      return size.answers * size.length;
    case "tokens":
      return size.tokens;
    case "constant":
      return size.answers * size.maxTokens;
    default:
      return normaliser satisfies never;
  }
}

/** L_c, the last tokens before the limit, over which the overlong penalty grows; at least one. */
export function bufferTokens(overlong: Overlong, maxTokens: number): number {
  return Math.max(1, Math.round(overlong.bufferShare * maxTokens));
}

/**
 * DAPO's soft overlong punishment (2503.14476 eq. 13): 0 up to maxTokens - buffer tokens, then falling linearly to
 * -penalty at maxTokens and beyond.
 */
export function overlongPenalty(length: number, maxTokens: number, buffer: number, penalty: number): number {
  const over = length - (maxTokens - buffer);
  return over <= 0 ? 0 : -penalty * Math.min(1, over / buffer);
}

/** What overlong shaping adds to a rollout's reward: 0 under every policy but "shape". Goes to `groupAdvantages`. */
export function overlongShaping(overlong: Overlong, maxTokens: number): (rollout: Rollout) => number {
  if (overlong.policy !== "shape") return () => 0;
  const buffer = bufferTokens(overlong, maxTokens);
  return (rollout) => overlongPenalty(rollout.tokens.length, maxTokens, buffer, overlong.penalty);
}
