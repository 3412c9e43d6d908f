import { z } from "zod";
import type { Objective } from "../losses/objective-schema.ts";
import type { GrpoMetrics } from "./step.ts";

/** No silent night: signs that a run cannot learn, each with a sentence why and one key to change. */

const action = z.enum(["stop", "warn", "off"]);
type Action = z.infer<typeof action>;

/** A sign counts once it has held for `steps` steps in a row. */
function rule(defaults: { action: Action; steps: number }) {
  return z.strictObject({
    action: action.default(defaults.action).describe("stop the run, warn, or don't look"),
    steps: z.int().positive().default(defaults.steps).describe("steps in a row that it must hold"),
  });
}

function boundedRule(defaults: { action: Action; steps: number; above: number }, what: string) {
  return rule(defaults)
    .extend({ above: z.number().nonnegative().default(defaults.above).describe(what) })
    .prefault({});
}

export const diagnosticsSchema = z.strictObject({
  gradientNotFinite: rule({ action: "stop", steps: 1 }).prefault({}).describe("NaN or infinite gradient or loss"),
  samplerGap: boundedRule(
    { action: "stop", steps: 3, above: 0.02 },
    "mean |log pi_trainer - log pi_sampler| over a step's tokens, nats",
  ).describe("sampler and trainer disagree on the same tokens"),
  noEndToken: rule({ action: "stop", steps: 10 }).prefault({}).describe("no answer ends with an end-of-sequence token"),
  truncated: boundedRule({ action: "stop", steps: 20, above: 0.9 }, "share of answers cut at the token limit").describe(
    "most answers are cut off",
  ),
  parseFailures: boundedRule(
    { action: "stop", steps: 20, above: 0.95 },
    "share of answers without a gradable result",
  ).describe("most answers have nothing in them to grade"),
  formatOnly: rule({ action: "stop", steps: 30 }).prefault({}).describe("reward, but never for accuracy"),
  equalRewards: rule({ action: "stop", steps: 10 }).prefault({}).describe("no group has answers of different reward"),
  zeroGradient: rule({ action: "stop", steps: 5 }).prefault({}).describe("zero gradient though rewards differ"),
});
export type DiagnosticsSettings = Readonly<z.infer<typeof diagnosticsSchema>>;
export type DiagnosticCode = keyof DiagnosticsSettings;

/** What of a run the remedies are made from. */
export interface DiagnosedRun {
  readonly groupSize: number;
  readonly maxTokens: number;
  /** The highest that maxTokens can be set to with this model; null where nobody knows. @default null */
  readonly mostTokens?: number | null;
  /** Difficulty levels of the present problems, lowest first. @default none known */
  readonly levels?: readonly number[];
  readonly learningRate: number;
  readonly objective: Pick<Objective, "preset" | "overlong" | "sampling">;
  /** Of each reward part; those of weight 0 pay nothing. @default all pay */
  readonly weights?: Readonly<Record<string, number>>;
}

export interface Finding {
  readonly code: DiagnosticCode;
  /** Why, in one sentence. */
  readonly sentence: string;
  /** The one key to change, "maxTokens=600". */
  readonly remedy: string;
  /** True where the run should stop. */
  readonly fatal: boolean;
}

/** A sign: whether one step shows it, and what to say once it has held. */
interface Sign {
  readonly holds: (metrics: GrpoMetrics, above: number) => boolean;
  readonly explain: (
    latest: GrpoMetrics,
    steps: number,
    run: DiagnosedRun,
  ) => readonly [sentence: string, remedy: string];
}

const signs: { readonly [Code in DiagnosticCode]: Sign } = {
  gradientNotFinite: {
    holds: ({ gradNorm, loss }) => !Number.isFinite(gradNorm) || !Number.isFinite(loss),
    explain: ({ gradNorm, loss }, _steps, { learningRate }) => [
      `The gradient (norm ${gradNorm}) or the loss (${loss}) is not a finite number, and an update with it would destroy the weights.`,
      `schedule.learningRate=${short(learningRate / 10)}`,
    ],
  },
  samplerGap: {
    // NaN where nothing was trained on; a NaN of the model's shows in the gradient.
    holds: ({ ratioGapMean }, above) => ratioGapMean > above,
    explain: ({ ratioGapMean }, steps, { objective }) => [
      `For ${times(steps)} the trainer's log-probabilities were off the sampler's by ${short(ratioGapMean)} nats a token under equal weights, so the ratios correct for something that did not happen.`,
      mismatchRemedy(objective.sampling),
    ],
  },
  noEndToken: {
    // Where stop texts end the answers, few are cut off, and the token may well be missing.
    holds: ({ endedShare, truncatedShare }) => endedShare === 0 && truncatedShare > 0.5,
    explain: (_latest, steps) => [
      `Not one answer of ${times(steps)} ended with an end-of-sequence token: the model never learnt to stop, or its token is another one.`,
      "model=<a model whose tokenizer_config.json names the eos_token it was trained with>",
    ],
  },
  truncated: {
    holds: ({ truncatedShare }, above) => truncatedShare > above,
    explain: ({ truncatedShare }, steps, run) => [
      `For ${times(steps)} nearly all answers (now ${percent(truncatedShare)}) were cut off at ${run.maxTokens} tokens, before they could give a result.`,
      moreTokens(run),
    ],
  },
  parseFailures: {
    holds: ({ parseFailureShare }, above) => parseFailureShare > above,
    explain: ({ parseFailureShare, truncatedShare }, steps, run) => [
      `For ${times(steps)} nearly all answers (now ${percent(parseFailureShare)}) had nothing in them that the verifier can grade.`,
      truncatedShare > 0.5
        ? moreTokens(run)
        : "model=<one that has read the form of answer which the task's verifier reads>",
    ],
  },
  formatOnly: {
    holds: ({ pass1, reward }) => pass1 === 0 && reward > 0,
    explain: ({ rewardParts }, steps, { weights }) => {
      const part = largestOtherPart(rewardParts, weights);
      return [
        `For ${times(steps)} all reward came from ${part} and none from accuracy: the model learns the form and not the task.`,
        `the task's rewards.${part}.weight=0`,
      ];
    },
  },
  equalRewards: {
    holds: ({ groupsMixed }) => groupsMixed === 0,
    explain: ({ groupsAllRight }, steps, { groupSize, levels = [] }) =>
      groupsAllRight > 0.5
        ? [
            `For ${times(steps)} all answers to a problem got the same reward, now mostly full marks: these problems have nothing left to teach.`,
            levels.length > 1
              ? `levels=[${levels.at(-1)}]`
              : "task=<one with harder problems, or a higher level of it>",
          ]
        : [
            `For ${times(steps)} all answers to a problem got the same reward, now mostly without success: no answer is better than another, so there is nothing to learn from.`,
            `groupSize=${2 * groupSize}`,
          ],
  },
  zeroGradient: {
    // Without mixed groups a zero gradient is no surprise, and equalRewards says why.
    holds: ({ gradNorm, groupsMixed }) => gradNorm === 0 && groupsMixed > 0,
    explain: ({ truncatedShare }, steps, { objective }) => [
      `For ${times(steps)} rewards differed and yet the gradient was exactly zero: no answer that differs takes part in the loss.`,
      objective.overlong.policy === "mask" && truncatedShare > 0
        ? "objective.overlong.policy=keep"
        : `objective.preset=${objective.preset === "r1-zero" ? "dr-grpo" : "r1-zero"}`,
    ],
  },
};

/**
 * What is wrong with a run, judged from its latest steps; empty where nothing is. Cheap enough to ask after each step.
 *
 * @param history metrics of the steps so far, oldest first; the latest 30 (or the longest `steps` of the settings) do
 */
export function diagnose(history: readonly GrpoMetrics[], settings: DiagnosticsSettings, run: DiagnosedRun): Finding[] {
  const findings: Finding[] = [];
  for (const code of Object.keys(signs) as DiagnosticCode[]) {
    const { action, steps, above } = { above: 0, ...settings[code] };
    const recent = history.slice(-steps);
    if (action === "off" || recent.length < steps) continue;
    if (!recent.every((metrics) => signs[code].holds(metrics, above))) continue;
    const [sentence, remedy] = signs[code].explain(recent.at(-1)!, steps, run);
    findings.push({ code, sentence, remedy, fatal: action === "stop" });
  }
  return findings;
}

/** Twice as many tokens, as far as the model's positions reach. */
function moreTokens({ maxTokens, mostTokens = null }: DiagnosedRun): string {
  if (mostTokens !== null && mostTokens <= maxTokens)
    return "model=<one with more positions, or one that answers briefly>";
  return `maxTokens=${Math.min(2 * maxTokens, mostTokens ?? Number.POSITIVE_INFINITY)}`;
}

function mismatchRemedy({ topP, topK, temperature }: Objective["sampling"]): string {
  if (topP < 1) return "objective.sampling.topP=1";
  if (topK > 0) return "objective.sampling.topK=0";
  if (temperature !== 1) return "objective.sampling.temperature=1";
  return "provider=cpu";
}

/** Name of the part besides accuracy that paid most. */
function largestOtherPart(parts: GrpoMetrics["rewardParts"], weights: DiagnosedRun["weights"] = {}): string {
  const paid = Object.entries(parts)
    .map(([name, mean]) => [name.replace("reward/", ""), mean] as const)
    .map(([name, mean]) => [name, mean * (weights[name] ?? 1)] as const)
    .filter(([name]) => name !== "accuracy");
  paid.sort(([, a], [, b]) => b - a);
  return paid[0]?.[0] ?? "format";
}

function times(steps: number): string {
  return steps === 1 ? "this step" : `${steps} steps`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
