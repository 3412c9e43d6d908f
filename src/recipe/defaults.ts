import type { z } from "zod";
import type { grpoSchema, pretrainSchema, sftSchema, zeroSchema } from "./schema.ts";

/** The base model that ships with the package: every command takes it by this name. */
export const shippedModel = "countdown-base";

/**
 * The values behind `autodidact zero` and `autodidact pretrain`; why these, dev/LOG.md. Everything can be changed from
 * the command line.
 */
export const zeroDefaults = {
  steps: 28,
  maxTokens: 896,
  objective: {
    preset: "dapo",
    minibatches: 1,
    dynamicSampling: { enabled: false },
    overlong: { policy: "keep" },
  },
  schedule: { kind: "linear", learningRate: 3e-4, warmupSteps: 0, floor: 0.1 },
} as const satisfies Partial<z.input<typeof zeroSchema>>;

/** `--quick`: a visible rise in a minute or two. */
export const quickDefaults = {
  ...zeroDefaults,
  steps: 7,
  schedule: { ...zeroDefaults.schedule, kind: "constant" },
  evaluation: { problems: 50, samplesPerProblem: 4, every: 0 },
} as const satisfies Partial<z.input<typeof zeroSchema>>;

/**
 * Behind `autodidact grpo`: small steps, since a real model answers slowly on a small machine. Learning rates: an adapter
 * takes about ten times that of the weights themselves (Schulman et al., LoRA Without Regret, 2025).
 */
export const grpoDefaults = {
  steps: 50,
  problemsPerStep: 4,
  groupSize: 8,
  maxTokens: 256,
  objective: zeroDefaults.objective,
  schedule: { kind: "constant", learningRate: 1e-5, warmupSteps: 0, floor: 0 },
  evaluation: { problems: 100, samplesPerProblem: 4, every: 10, problemsOnTheWay: 50, samplesOnTheWay: 2 },
} as const satisfies Partial<z.input<typeof grpoSchema>>;

export const loraLearningRate = 1e-4;

/** Behind `autodidact sft`; the adapters' rate is again ten times as high. */
export const sftDefaults = {
  tokensPerStep: 2048,
  maxLength: 1024,
  schedule: { kind: "cosine", learningRate: 2e-5, warmupSteps: 10, floor: 0 },
} as const satisfies Partial<z.input<typeof sftSchema>>;

export const sftLoraLearningRate = 2e-4;

/** The base model that ships, countdown-base. */
export const pretrainDefaults = {
  width: 128,
  layers: 5,
  keyValueHeads: 2,
  mlpWidth: 384,
  tokens: 26_000_000,
  schedule: { kind: "cosine", learningRate: 3e-3, warmupSteps: 100, floor: 0.02 },
} as const satisfies Partial<z.input<typeof pretrainSchema>>;
