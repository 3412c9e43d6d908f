import { z } from "zod";
import type { Advantaged } from "../advantage.ts";
import type { EvalReport, TextMeasures } from "../eval/report.ts";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import type { GrpoMetrics, Step, Timing } from "../trainers/step.ts";

/** JSON has no NaN and no infinity: they are written as null and come back as NaN. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

/** The figures of GrpoMetrics, in the order in which they are written. */
/** Not in the files of earlier versions. */
const textMeasuresSchema = z.object({
  repetitionShare: figure.default(NaN),
  loopShare: figure.default(NaN),
  languageMixing: figure.default(NaN),
}) satisfies z.ZodType<TextMeasures>;

const grpoMetricsSchema = z.object({
  reward: figure,
  rewardParts: z.record(z.templateLiteral(["reward/", z.string()]), figure),
  pass1: figure,
  pass1ByFamily: z.record(z.string(), figure).exactOptional(),
  groupsAllRight: figure,
  groupsAllWrong: figure,
  groupsMixed: figure,
  samplingRounds: figure,
  lengthMean: figure,
  lengthP95: figure,
  truncatedShare: figure,
  endedShare: figure,
  parseFailureShare: figure,
  verifierErrorShare: figure.default(0),
  entropy: figure,
  klReference: z.number().nullable(),
  klStart: z.number().nullable(),
  clipShareLow: figure,
  clipShareHigh: figure,
  ratioGapMean: figure,
  ratioGapMax: figure,
  gradNorm: figure,
  learningRate: figure,
  loss: figure,
  reflectiveWordsPerResponse: figure,
  ...textMeasuresSchema.shape,
  tokens: figure,
  tokensTotal: figure,
  paddingShare: figure,
}) satisfies z.ZodType<GrpoMetrics>;

/** A line of metrics.jsonl. Nothing in it depends on the clock: same seed and machine, same bytes. */
export const metricsLineSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("grpo"),
    step: z.int(),
    warnings: z.array(z.string()),
    stop: z.string().optional(),
    ...grpoMetricsSchema.shape,
  }),
  z.object({
    kind: z.literal("sft"),
    step: z.int(),
    loss: figure,
    heldOutLoss: figure.optional(),
    gradNorm: figure,
    learningRate: figure,
    tokens: figure,
    tokensTotal: figure,
    paddingShare: figure,
  }),
]);
export type MetricsLine = z.output<typeof metricsLineSchema>;
export type GrpoLine = Extract<MetricsLine, { kind: "grpo" }>;

/** A line of timings.jsonl: seconds by phase, and tokens per second. */
export const timingLineSchema = z.object({
  step: z.int(),
  total: z.number(),
  sample: z.number().optional(),
  reward: z.number().optional(),
  train: z.number().optional(),
  evaluate: z.number().optional(),
  tokensPerSecond: z.number(),
});
export type TimingLine = z.output<typeof timingLineSchema>;

/** A line of rollouts.jsonl: one answer with all its grades. */
export const rolloutLineSchema = z.object({
  step: z.int(),
  /** Id of the problem. */
  problem: z.string(),
  level: z.int(),
  /** Of the problem, where it names one. */
  family: z.string().exactOptional(),
  prompt: z.string(),
  /** Position in the group. */
  sample: z.int(),
  text: z.string(),
  /** Completion tokens. */
  tokens: z.int(),
  finish: z.enum(["stop", "length"]),
  rewards: z.record(z.string(), figure),
  reward: figure,
  /** Reason code of the accuracy part, and those of all parts by name. */
  reason: z.string(),
  reasons: z.record(z.string(), z.string()).default({}),
  answer: z.string().nullable(),
  /** Parts whose verifier failed, with the cause. */
  failures: z
    .array(
      z.object({
        part: z.string(),
        kind: z.enum(["threw", "late", "no-verdict", "not-finite"]),
        message: z.string(),
      }),
    )
    .optional(),
  /** null: the group was constant and taught nothing. */
  advantage: z.number().nullable(),
});
export type RolloutLine = z.output<typeof rolloutLineSchema>;

/** A line of answers.jsonl: one answer to a held-out problem. */
export const answerLineSchema = rolloutLineSchema.omit({ step: true, advantage: true }).extend({
  /** Which measurement it belongs to: "before", "after". */
  label: z.string(),
});
export type AnswerLine = z.output<typeof answerLineSchema>;

const estimate = z.object({ value: figure, low: figure, high: figure });

const part = {
  problems: z.int(),
  pass1: estimate,
  majority: figure,
  meanLength: figure,
  reflectiveWordsPerResponse: figure,
};

/** A line of evaluations.jsonl: label and step beside the whole EvalReport. */
export const evaluationLineSchema = z.object({
  label: z.string(),
  /** Updates made before the measurement; 0 is the base. */
  step: z.int(),
  problems: z.int(),
  samplesPerProblem: z.int(),
  temperature: z.number(),
  maxTokens: z.int(),
  pass1: estimate,
  passAtK: z.record(z.string(), figure),
  passAtKIntervals: z.record(z.string(), z.object({ low: figure, high: figure })).exactOptional(),
  majority: estimate,
  meanLength: figure,
  p95Length: figure,
  truncatedShare: figure,
  parseFailureShare: figure,
  verifierErrorShare: figure.default(0),
  reflectiveWordsPerResponse: figure,
  ...textMeasuresSchema.shape,
  rewardParts: z.record(z.string(), z.object({ weight: figure, mean: figure })).default({}),
  reasons: z.record(z.string(), figure),
  byLevel: z.array(z.object({ level: z.int(), ...part })),
  byFamily: z.array(z.object({ family: z.string(), ...part })).exactOptional(),
}) satisfies z.ZodType<EvalReport>;
export type EvaluationLine = z.output<typeof evaluationLineSchema>;

export function metricsLine(step: Step): MetricsLine {
  if (step.kind === "grpo") {
    const { index, warnings, metrics, stop } = step;
    return {
      kind: "grpo",
      step: index,
      ...metrics,
      rewardParts: { ...metrics.rewardParts },
      warnings: [...warnings],
      ...(stop !== undefined && { stop }),
    };
  }
  const { kind, index, seconds: _, ...figures } = step;
  return { kind, step: index, ...figures };
}

export function timingLine(step: Step): TimingLine {
  if (step.kind === "grpo") return { step: step.index, ...(step.timing satisfies Timing) };
  return { step: step.index, total: step.seconds, tokensPerSecond: step.seconds > 0 ? step.tokens / step.seconds : 0 };
}

export function rolloutLines(step: number, groups: readonly Group<Advantaged>[]): RolloutLine[] {
  return groups.flatMap((group) =>
    group.rollouts.map((rollout) => ({ step, ...graded(group, rollout), advantage: rollout.advantage })),
  );
}

export function answerLines(label: string, groups: readonly Group<Scored>[]): AnswerLine[] {
  return groups.flatMap((group) => group.rollouts.map((rollout) => ({ label, ...graded(group, rollout) })));
}

function graded({ problem }: Group<Scored>, rollout: Scored) {
  return {
    problem: problem.id,
    level: problem.level,
    ...(problem.family !== undefined && { family: problem.family }),
    prompt: problem.prompt,
    sample: rollout.sample,
    text: rollout.text,
    tokens: rollout.tokens.length,
    finish: rollout.finish,
    rewards: { ...rollout.rewards },
    reward: rollout.reward,
    reason: rollout.reason,
    reasons: { ...rollout.reasons },
    answer: rollout.answer,
    ...(rollout.failures && { failures: rollout.failures.map((failure) => ({ ...failure })) }),
  };
}
