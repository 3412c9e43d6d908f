import { z } from "zod";

/** Published objectives whose every field `presets` fixes. */
export const presetNames = [
  "r1-zero",
  "r1",
  "deepseekmath",
  "dr-grpo",
  "dapo",
  "gspo",
  "cispo",
  "rloo",
  "reinforce++",
] as const;
export type PresetName = (typeof presetNames)[number];

const advantageSchema = z.strictObject({
  baseline: z.enum(["mean", "leave-one-out"]).describe("what is subtracted from a reward"),
  scale: z.enum(["group-std", "batch-std", "none"]).describe("what the difference is divided by"),
  std: z.enum(["population", "sample"]).describe("divide the sum of squares by n or by n - 1"),
  epsilon: z.number().nonnegative().describe("added to the standard deviation"),
});

const dynamicSamplingSchema = z.strictObject({
  enabled: z.boolean().describe("replace constant groups by fresh problems"),
  maxRounds: z.int().positive().describe("rounds of sampling a step may take, the first one included"),
});

const overlongSchema = z.strictObject({
  policy: z
    .enum(["keep", "mask", "shape"])
    .describe("answers cut off by the token limit: train on them, leave them out, or lower long answers' rewards"),
  bufferShare: z.number().min(0).max(1).describe("shape: share of maxTokens over which the penalty grows"),
  penalty: z.number().nonnegative().describe("shape: what an answer at the token limit loses"),
});

const samplingSchema = z.strictObject({
  temperature: z.number().positive().describe("rollouts are drawn from softmax(logits / temperature)"),
  topP: z.number().gt(0).max(1).describe("1 keeps the whole distribution"),
  topK: z.int().nonnegative().describe("0 keeps the whole distribution"),
});

/** Every field of a policy-gradient objective. The group size G is the run's. */
export const objectiveSchema = z.strictObject({
  preset: z.enum(presetNames).describe("the published objective this one starts from"),
  advantage: advantageSchema,
  surrogate: z
    .enum(["clip", "cispo", "none"])
    .describe("PPO's clipped surrogate, CISPO's clipped weight, or plain A log pi"),
  ratio: z.enum(["token", "sequence"]).describe("importance ratio of each token, or one of the whole answer (GSPO)"),
  clipLow: z.number().nonnegative().describe("clip: the ratio is clipped at 1 - clipLow"),
  clipHigh: z.number().nonnegative().describe("clip: the ratio is clipped at 1 + clipHigh; cispo: at clipHigh itself"),
  normaliser: z
    .enum(["sequence", "tokens", "constant"])
    .describe("mean over answers of token means, mean over all tokens, or division by a fixed answers x maxTokens"),
  klCoef: z.number().nonnegative().describe("weight of the KL term in the loss"),
  klEstimator: z.enum(["k1", "k2", "k3", "unbiased"]).describe("estimator of the KL term"),
  reference: z.boolean().describe("keep a reference policy; with klCoef 0 the KL to it is only measured"),
  referenceRefresh: z.int().nonnegative().describe("the reference becomes the policy every so many updates; 0 never"),
  dynamicSampling: dynamicSamplingSchema,
  overlong: overlongSchema,
  minibatches: z.int().positive().describe("updates made from one step's groups, in one pass over them"),
  innerEpochs: z.int().positive().describe("passes over one step's groups"),
  sampling: samplingSchema,
});

/** A resolved objective: every field has its value. */
export type Objective = DeepReadonly<z.infer<typeof objectiveSchema>>;

/** What a recipe may change of a preset. */
export const objectiveOverridesSchema = objectiveSchema
  .omit({ preset: true })
  .extend({
    advantage: advantageSchema.partial(),
    dynamicSampling: dynamicSamplingSchema.partial(),
    overlong: overlongSchema.partial(),
    sampling: samplingSchema.partial(),
  })
  .partial();
export type ObjectiveOverrides = DeepReadonly<z.infer<typeof objectiveOverridesSchema>>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
