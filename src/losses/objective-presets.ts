import type { Objective, PresetName } from "./objective-schema.ts";

/**
 * GRPO as DeepSeekMath prints it (2402.03300, eq. 3), made one update a step at temperature 1; the presets below say
 * where they differ. No DeepSeek paper says which standard deviation is meant, what is added to it, or what happens to
 * constant groups and truncated answers: sample deviation + 1e-4 is TRL's reading, the rest is ours.
 */
const grpo = {
  advantage: { baseline: "mean", scale: "group-std", std: "sample", epsilon: 1e-4 },
  surrogate: "clip",
  ratio: "token",
  clipLow: 0.2,
  clipHigh: 0.2,
  normaliser: "sequence",
  klCoef: 0,
  klEstimator: "k3",
  reference: false,
  referenceRefresh: 0,
  dynamicSampling: { enabled: false, maxRounds: 1 },
  overlong: { policy: "keep", bufferShare: 0, penalty: 0 },
  minibatches: 1,
  innerEpochs: 1,
  sampling: { temperature: 1, topP: 1, topK: 0 },
} as const satisfies Omit<Objective, "preset">;

/**
 * R1's first RL stage: DeepSeek-R1 (2501.12948 v2), sections 2.1 and 3.2.1: beta .001, clip 10, 16 minibatches, reference
 * refreshed every 400 updates. The paper prints one ratio an answer without 1/|o_i|, but speaks of clipped tokens and its
 * group's other papers print the token form with 1/|o_i|: that is the one meant here.
 */
const r1 = {
  ...grpo,
  preset: "r1",
  clipLow: 10,
  clipHigh: 10,
  klCoef: 0.001,
  reference: true,
  referenceRefresh: 400,
  minibatches: 16,
} as const satisfies Objective;

/** DAPO, 2503.14476: sections 3.1 (clip higher), 3.2 (dynamic sampling), 3.3 (token mean), 3.4 (eq. 13: 4096 of 20480). */
const dapo = {
  ...grpo,
  preset: "dapo",
  // verl, in which DAPO was run: standard deviation + 1e-6, at most 10 rounds of sampling.
  advantage: { ...grpo.advantage, epsilon: 1e-6 },
  clipHigh: 0.28,
  normaliser: "tokens",
  dynamicSampling: { enabled: true, maxRounds: 10 },
  overlong: { policy: "shape", bufferShare: 0.2, penalty: 1 },
  minibatches: 16,
} as const satisfies Objective;

/** Published objectives, every field fixed. */
export const presets: { readonly [Name in PresetName]: Objective } = {
  // R1-Zero does not state its clip; R1's is used. All other fields are given alike for both.
  "r1-zero": { ...r1, preset: "r1-zero" },
  r1,
  // DeepSeekMath, 2402.03300, section 4.2: beta .04, one update a rollout, G 64. Its clip is not published.
  deepseekmath: { ...grpo, preset: "deepseekmath", klCoef: 0.04, reference: true },
  // Dr. GRPO, 2503.20783, section 3.2: neither 1/|o_i| nor std, beta 0, clip .2, G 8.
  "dr-grpo": {
    ...grpo,
    preset: "dr-grpo",
    advantage: { ...grpo.advantage, scale: "none", epsilon: 0 },
    normaliser: "constant",
  },
  dapo,
  // GSPO, 2507.18071, eq. 5 and 7, section 5.1: clip 3e-4 and 4e-4, 4 minibatches.
  gspo: { ...grpo, preset: "gspo", ratio: "sequence", clipLow: 3e-4, clipHigh: 4e-4, minibatches: 4 },
  // CISPO, MiniMax-M1 2506.13585, section 3.1: no lower bound, cap unpublished; 5 is ScaleRL's (2510.13786).
  // Minibatches as in DAPO, with which the paper compares it.
  cispo: {
    ...grpo,
    preset: "cispo",
    surrogate: "cispo",
    clipLow: 0,
    clipHigh: 5,
    normaliser: "tokens",
    minibatches: 16,
  },
  // RLOO, 2402.14740: plain REINFORCE with the others' mean, summed over tokens (here over a fixed maxTokens, a constant
  // factor). The paper puts beta k1 into the reward; here beta k2 is in the loss. On-policy it has the same gradient
  // token by token, without the credit that a summed reward gives to earlier tokens. Beta .05 is TRL's.
  rloo: {
    ...grpo,
    preset: "rloo",
    advantage: { ...grpo.advantage, baseline: "leave-one-out", scale: "none", epsilon: 0 },
    surrogate: "none",
    clipLow: 0,
    clipHigh: 0,
    normaliser: "constant",
    klCoef: 0.05,
    klEstimator: "k2",
    reference: true,
  },
  // REINFORCE++-baseline (2501.03262 and OpenRLHF's reinforce_baseline): R - group mean, standardised over the batch,
  // k2 in the loss, beta .01. Standardised over answers, where OpenRLHF weighs each answer by its tokens.
  "reinforce++": {
    ...grpo,
    preset: "reinforce++",
    advantage: { baseline: "mean", scale: "batch-std", std: "population", epsilon: 1e-8 },
    normaliser: "tokens",
    klCoef: 0.01,
    klEstimator: "k2",
    reference: true,
  },
};

/** Where each preset comes from. */
export const presetSources: { readonly [Name in PresetName]: string } = {
  "r1-zero": "DeepSeek-R1-Zero, arXiv 2501.12948",
  r1: "DeepSeek-R1, arXiv 2501.12948",
  deepseekmath: "DeepSeekMath, arXiv 2402.03300",
  "dr-grpo": "Dr. GRPO, arXiv 2503.20783",
  dapo: "DAPO, arXiv 2503.14476",
  gspo: "GSPO, arXiv 2507.18071",
  cispo: "CISPO, arXiv 2506.13585",
  rloo: "RLOO, arXiv 2402.14740",
  "reinforce++": "REINFORCE++-baseline, arXiv 2501.03262",
};
