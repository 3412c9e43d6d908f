import type { Node } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import type { KlEstimator, Loss } from "../engine/engine.ts";

/**
 * The named losses as graphs over per-token arrays. Everything that a paper's objective divides by is already in the
 * token weights (token-weights.ts), so that splitting a batch differently cannot change the sum.
 * Left out of PPO's loss: the value term (there is no critic) and the entropy bonus (R1 has none).
 */

/** Per-token inputs, each (B, T); `completion` is 1 at completion tokens and 0 elsewhere. */
export interface TokenInputs {
  readonly weights: Node;
  readonly completion: Node;
  readonly advantages: Node;
  readonly oldLogprobs: Node;
  readonly referenceLogprobs: Node;
}

/** Sum over tokens of weight x loss term, a scalar. `logprobs` (B, T) is log pi of each target token. */
export function tokenLoss(loss: Loss, logprobs: Node, inputs: TokenInputs): Node {
  if (loss.name === "cross-entropy") return total(ops.mul(logprobs, -1), inputs.weights);
  const ratio = likelihoodRatio(loss.ratio, logprobs, inputs);
  const gain = surrogate(loss, ratio, logprobs, inputs.advantages);
  if (loss.klCoef === 0) return total(ops.mul(gain, -1), inputs.weights);
  const distance = ops.mul(ops.sub(logprobs, inputs.referenceLogprobs), inputs.completion);
  // The estimator's rho is the token's, whatever ratio the surrogate uses.
  const kl = klTerm(
    loss.klEstimator,
    distance,
    loss.ratio === "token" ? ratio : likelihoodRatio("token", logprobs, inputs),
  );
  return total(ops.sub(ops.mul(kl, loss.klCoef), gain), inputs.weights);
}

type PolicyGradient = Extract<Loss, { name: "policy-gradient" }>;

/** rho: (B, T) by token, or exp of the sequence's mean log-ratio (GSPO, 2507.18071 eq. 7) as (B, 1). */
function likelihoodRatio(kind: PolicyGradient["ratio"], logprobs: Node, inputs: TokenInputs): Node {
  const logRatio = ops.mul(ops.sub(logprobs, inputs.oldLogprobs), inputs.completion);
  if (kind === "token") return ops.exp(logRatio);
  const length = ops.max(ops.sum(inputs.completion, [1], true), 1);
  return ops.exp(ops.div(ops.sum(logRatio, [1], true), length));
}

/** The maximised term; DeepSeekMath (2402.03300) eq. 3 for "clip", MiniMax-M1 (2506.13585) eq. 4 for "cispo". */
function surrogate(loss: PolicyGradient, ratio: Node, logprobs: Node, advantages: Node): Node {
  switch (loss.surrogate) {
    case "clip": {
      const clipped = ops.min(ops.max(ratio, 1 - loss.clipLow), 1 + loss.clipHigh);
      // The unclipped branch stands second: at a tie, which is the usual on-policy case, it takes the gradient.
      return ops.min(ops.mul(clipped, advantages), ops.mul(ratio, advantages));
    }
    case "cispo":
      return ops.mul(ops.mul(ops.stopGradient(ops.min(ratio, loss.clipHigh)), advantages), logprobs);
    case "none":
      return ops.mul(advantages, logprobs);
    default:
      return loss.surrogate satisfies never;
  }
}

/** Estimators of KL(pi || pi_ref) from d = log pi - log pi_ref (Schulman 2020); "unbiased" is rho x k3 (DeepSeek-V3.2, 2512.02556). */
function klTerm(estimator: KlEstimator, d: Node, ratio: Node): Node {
  const k3 = (): Node => ops.add(ops.sub(ops.exp(ops.mul(d, -1)), 1), d);
  switch (estimator) {
    case "k1":
      return d;
    case "k2":
      return ops.mul(ops.mul(d, d), 0.5);
    case "k3":
      return k3();
    case "unbiased":
      return ops.mul(ratio, k3());
    default:
      return estimator satisfies never;
  }
}

function total(terms: Node, weights: Node): Node {
  return ops.sum(ops.mul(terms, weights), [0, 1]);
}
