import type { KlEstimator, Loss } from "../engine/engine.ts";

/**
 * The terms of the policy-gradient loss as plain numbers, one token at a time: what metrics count with, and what the
 * graph form of the loss is tested against. To be maximised, as in the papers.
 */

type PolicyGradient = Extract<Loss, { name: "policy-gradient" }>;
type Surrogate = Pick<PolicyGradient, "surrogate" | "clipLow" | "clipHigh">;

/**
 * Which bound acts on a token. Under "clip" its gradient is gone: A > 0 above 1 + clipHigh, A < 0 below 1 - clipLow.
 * Under "cispo" its weight is the cap and the gradient stays.
 */
export function clipSide(ratio: number, advantage: number, loss: Surrogate): "low" | "high" | null {
  switch (loss.surrogate) {
    case "clip":
      if (advantage > 0 && ratio > 1 + loss.clipHigh) return "high";
      return advantage < 0 && ratio < 1 - loss.clipLow ? "low" : null;
    case "cispo":
      return ratio > loss.clipHigh ? "high" : null;
    case "none":
      return null;
    default:
      return loss.surrogate satisfies never;
  }
}

/** The surrogate's value at one token, and its derivative with respect to log pi. */
export function surrogateTerm(
  ratio: number,
  advantage: number,
  logprob: number,
  loss: Surrogate,
): { value: number; derivative: number } {
  switch (loss.surrogate) {
    case "clip": {
      const side = clipSide(ratio, advantage, loss);
      if (side === null) return { value: ratio * advantage, derivative: ratio * advantage };
      return { value: (side === "low" ? 1 - loss.clipLow : 1 + loss.clipHigh) * advantage, derivative: 0 };
    }
    case "cispo": {
      const weight = Math.min(ratio, loss.clipHigh);
      return { value: weight * advantage * logprob, derivative: weight * advantage };
    }
    case "none":
      return { value: advantage * logprob, derivative: advantage };
    default:
      return loss.surrogate satisfies never;
  }
}

/** One KL estimate at one token, d = log pi - log pi_ref; `ratio` is pi / pi_old, which only "unbiased" uses. */
export function klTerm(d: number, estimator: KlEstimator, ratio = 1): number {
  switch (estimator) {
    case "k1":
      return d;
    case "k2":
      return (d * d) / 2;
    case "k3":
      return Math.expm1(-d) + d;
    case "unbiased":
      return ratio * (Math.expm1(-d) + d);
    default:
      return estimator satisfies never;
  }
}

/** GSPO's ratio of an answer (2507.18071 eq. 7): the geometric mean of its tokens' ratios. */
export function sequenceRatio(logprobs: ArrayLike<number>, oldLogprobs: ArrayLike<number>): number {
  let sum = 0;
  for (let t = 0; t < logprobs.length; t++) sum += logprobs[t]! - oldLogprobs[t]!;
  return Math.exp(sum / logprobs.length);
}
