import type { Advantaged } from "../advantage.ts";
import type { TextMeasures } from "../eval/report.ts";
import type { Group } from "../rollout/rollout.ts";

/** What a trainer yields: drawn by the terminal, written by the run directory, owned by nobody. */
export type Step = GrpoStep | SftStep;

export interface GrpoStep<N extends string = string> {
  readonly kind: "grpo";
  /** 1 for the first update. */
  readonly index: number;
  readonly metrics: GrpoMetrics<N>;
  readonly timing: Timing;
  /** Every rollout of the step with its rewards, constant groups included. */
  readonly groups: readonly Group<Advantaged>[];
  /** One-sentence warnings: what looks wrong and the one key to change. */
  readonly warnings: readonly string[];
  /**
   * Code of the finding that ends the run: it cannot learn like this. "verifierErrors": the grades cannot be trusted, so
   * no update was made, and asked for the next step the trainer throws VERIFIER_FAILS.
   */
  readonly stop?: string;
}

/** Everything here is a function of seed and machine; wall-clock figures are in Timing. N: names of the reward parts. */
export interface GrpoMetrics<N extends string = string> extends TextMeasures {
  readonly reward: number;
  /** "reward/NAME" of each part, unweighted mean; parts of weight 0 too. */
  readonly rewardParts: Readonly<Record<`reward/${N}`, number>>;
  /** Mean of the accuracy part over the step's fresh training problems. */
  readonly pass1: number;
  /** The same by family; there where problems name theirs. */
  readonly pass1ByFamily?: Readonly<Record<string, number>>;
  /** Shares of groups, before constant ones are dropped or refilled. */
  readonly groupsAllRight: number;
  readonly groupsAllWrong: number;
  readonly groupsMixed: number;
  /** Rounds of sampling it took to fill the step (1 without dynamic sampling). */
  readonly samplingRounds: number;
  readonly lengthMean: number;
  readonly lengthP95: number;
  readonly truncatedShare: number;
  /** Share of rollouts that ended with an end-of-sequence token. */
  readonly endedShare: number;
  readonly parseFailureShare: number;
  /** Share of rollouts of which some verifier failed or was late; `failures` of each rollout has the cause. */
  readonly verifierErrorShare: number;
  /** Nats per token. */
  readonly entropy: number;
  /** k3 estimate, nats per token; null without a reference. */
  readonly klReference: number | null;
  readonly klStart: number | null;
  readonly clipShareLow: number;
  readonly clipShareHigh: number;
  /** Mean and max over tokens of |log pi_trainer - log pi_sampler| before the first update. */
  readonly ratioGapMean: number;
  readonly ratioGapMax: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  readonly loss: number;
  readonly reflectiveWordsPerResponse: number;
  /** Completion tokens sampled in this step, and since the start. */
  readonly tokens: number;
  readonly tokensTotal: number;
  /** Share of the trainer's token slots that were padding. */
  readonly paddingShare: number;
}

/** Seconds by phase. */
export interface Timing {
  readonly total: number;
  readonly sample: number;
  /** What grading took beyond sampling: it runs beside it. */
  readonly reward: number;
  readonly train: number;
  readonly evaluate: number;
  /** Completion tokens per second of the whole step. */
  readonly tokensPerSecond: number;
}

export interface SftStep {
  readonly kind: "sft";
  readonly index: number;
  /** Cross-entropy in nats per token. */
  readonly loss: number;
  /** On documents kept out of training; present on the steps that measured it. */
  readonly heldOutLoss?: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  readonly tokens: number;
  readonly tokensTotal: number;
  readonly paddingShare: number;
  readonly seconds: number;
}
