import type { z } from "zod";
import type { Loss } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { wanted } from "../issues.ts";
import { presets } from "./objective-presets.ts";
import {
  type Objective,
  type ObjectiveOverrides,
  objectiveOverridesSchema,
  type PresetName,
  presetNames,
} from "./objective-schema.ts";

export * from "./objective-schema.ts";
export { describeObjective } from "./objective-text.ts";
export { presets };

/** What of a run decides whether an objective makes sense in it. */
export interface ObjectiveContext {
  /** G, answers a problem. */
  readonly groupSize: number;
  /** Groups of one step. */
  readonly problemsPerStep: number;
  /** L_max, the token limit of an answer. */
  readonly maxTokens: number;
  /** True where the trainer scores tokens under the same top-p / top-k cut as the sampler. @default false */
  readonly correctedLogprobs?: boolean;
}

/**
 * The preset with its overrides, checked and frozen.
 *
 * @throws AutodidactError OBJECTIVE_UNKNOWN_PRESET, OBJECTIVE_INVALID (unknown key, wrong type or range) or
 * OBJECTIVE_CONTRADICTION (fields that do not fit each other or the run)
 */
export function resolveObjective(
  preset: PresetName,
  overrides: ObjectiveOverrides,
  context: ObjectiveContext,
): Objective {
  if (!presetNames.includes(preset)) {
    throw new AutodidactError(
      "OBJECTIVE_UNKNOWN_PRESET",
      `objective.preset=${preset}: there is no such preset; choose one of ${presetNames.join(", ")}`,
    );
  }
  const parsed = objectiveOverridesSchema.safeParse(overrides);
  if (!parsed.success) throw invalid(parsed.error, overrides);
  const objective = merge(presets[preset], parsed.data);
  const problem = contradiction(objective, context);
  if (problem !== null) throw new AutodidactError("OBJECTIVE_CONTRADICTION", problem);
  return freeze(objective);
}

/** The part of an objective that the engine computes; normaliser, masking and shaping are in the data. */
export function toLoss(objective: Objective): Loss & { readonly name: "policy-gradient" } {
  return {
    name: "policy-gradient",
    surrogate: objective.surrogate,
    ratio: objective.ratio,
    clipLow: objective.clipLow,
    clipHigh: objective.clipHigh,
    klCoef: objective.klCoef,
    klEstimator: objective.klEstimator,
    temperature: objective.sampling.temperature,
  };
}

/** The first pair of settings that do not fit, as "field=value: why; remedy"; null where all do. */
function contradiction(o: Objective, run: ObjectiveContext): string | null {
  const updates = o.minibatches * o.innerEpochs;
  if (run.groupSize < 2) {
    return (
      `groupSize=${run.groupSize}: objective.advantage.baseline=${o.advantage.baseline} compares the answers to one ` +
      "problem with each other; set groupSize to 2 or more (16 in the paper)"
    );
  }
  if (o.ratio === "sequence" && o.normaliser !== "sequence") {
    return (
      `objective.normaliser=${o.normaliser}: with objective.ratio=sequence an answer is one term, and this normaliser ` +
      "would count it once a token; set objective.normaliser=sequence or objective.ratio=token"
    );
  }
  if (o.surrogate === "cispo" && o.clipHigh < 1) {
    return (
      `objective.clipHigh=${o.clipHigh}: for objective.surrogate=cispo it is the largest ratio itself, and under 1 it ` +
      "would scale down even on-policy tokens; set objective.clipHigh to 1 or more (5 in the preset)"
    );
  }
  if (o.surrogate === "none" && updates > 1) {
    const field = o.minibatches > 1 ? "minibatches" : "innerEpochs";
    return (
      `objective.${field}=${o[field]}: objective.surrogate=none has no ratio to correct for updates after the first; ` +
      `set objective.${field}=1 or objective.surrogate=clip`
    );
  }
  if (o.klCoef > 0 && !o.reference) {
    return (
      `objective.klCoef=${o.klCoef}: there is no reference policy to stay near; set objective.reference=true or ` +
      "objective.klCoef=0"
    );
  }
  if (o.referenceRefresh > 0 && !o.reference) {
    return (
      `objective.referenceRefresh=${o.referenceRefresh}: there is no reference policy to refresh; set ` +
      "objective.reference=true or objective.referenceRefresh=0"
    );
  }
  if (!run.correctedLogprobs) {
    const why = "tokens are drawn from a cut distribution but trained under the whole one, so every ratio is off";
    if (o.sampling.topP < 1) return `objective.sampling.topP=${o.sampling.topP}: ${why}; set objective.sampling.topP=1`;
    if (o.sampling.topK > 0) return `objective.sampling.topK=${o.sampling.topK}: ${why}; set objective.sampling.topK=0`;
  }
  if (o.minibatches > run.problemsPerStep) {
    return (
      `objective.minibatches=${o.minibatches}: a step has ${run.problemsPerStep} groups and a group is not split; set ` +
      `objective.minibatches to at most ${run.problemsPerStep} or problemsPerStep to at least ${o.minibatches}`
    );
  }
  if (o.dynamicSampling.enabled && o.dynamicSampling.maxRounds < 2) {
    return (
      `objective.dynamicSampling.maxRounds=${o.dynamicSampling.maxRounds}: the first round leaves none to refill; set ` +
      "it to 2 or more (10 in dapo) or objective.dynamicSampling.enabled=false"
    );
  }
  if (o.overlong.policy === "shape") {
    const { bufferShare, penalty } = o.overlong;
    if (bufferShare === 0) {
      return (
        `objective.overlong.bufferShare=${bufferShare}: objective.overlong.policy=shape needs a range over which the ` +
        "penalty grows; set objective.overlong.bufferShare=0.2 (as in dapo)"
      );
    }
    if (penalty === 0) {
      return (
        `objective.overlong.penalty=${penalty}: objective.overlong.policy=shape would change no reward; set ` +
        "objective.overlong.penalty=1 (as in dapo) or objective.overlong.policy=keep"
      );
    }
  }
  return null;
}

function invalid(error: z.ZodError, overrides: unknown): AutodidactError {
  const issue = error.issues[0]!;
  const field = ["objective", ...issue.path.map(String)].join(".");
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(valueAt(presets.r1, issue.path) as object).filter((key) => key !== "preset");
    const keys = issue.keys.map((key) => `${field}.${key}`).join(", ");
    return new AutodidactError(
      "OBJECTIVE_INVALID",
      `${keys}: there is no such field; ${field} has ${known.join(", ")}`,
    );
  }
  const value = JSON.stringify(valueAt(overrides, issue.path));
  const what = wanted(issue) ?? issue.message;
  return new AutodidactError("OBJECTIVE_INVALID", `${field}=${value}: must be ${what}; correct it or leave it out`);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (isRecord(value) ? value[String(key)] : undefined), root);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `over` laid upon `base`, nested objects field by field; undefined leaves the base's value. */
function merge<T extends object>(base: T, over: object): T {
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged[key];
    merged[key] = isRecord(below) && isRecord(value) ? merge(below, value) : value;
  }
  return merged as T;
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (isRecord(part)) freeze(part);
  return Object.freeze(value);
}
