import type { Objective } from "../losses/objective.ts";
import type { Policy } from "../model/policy.ts";
import { memory, peak } from "../plan/memory.ts";
import { grpoWorkload, sftWorkload, type Workload } from "../plan/workload.ts";
import { random } from "../random.ts";
import type { ReinforcementRecipe, SftRecipe } from "../recipe/schema.ts";
import { promptTokens } from "../rollout/collect.ts";
import { type Task, takeProblems } from "../tasks/task.ts";
import type { Document } from "../trainers/sft.ts";
import type { ModelFrame } from "./trained-model.ts";

/** Questions whose length is looked at. */
const LOOKED_AT = 200;

/** Tokens of a task's first questions. */
export function promptLengths(policy: Pick<Policy, "tokenizer" | "asking">, task: Task, seed: number): number[] {
  const problems = takeProblems(task.problems("train", random(seed, "problems", 1))[Symbol.iterator](), LOOKED_AT);
  return problems.map((problem) => promptTokens(policy, problem).length);
}

/** What `autodidact plan grpo` says of a run's memory in MiB, every answer at its limit. */
export function plannedGrpoMiB(
  recipe: ReinforcementRecipe,
  objective: Objective,
  model: ModelFrame,
  prompts: readonly number[],
): number {
  return peakMiB(grpoWorkload(recipe, objective, planSize(model), prompts));
}

/** What `autodidact plan sft` says of a run's memory in MiB. */
export function plannedSftMiB(recipe: SftRecipe, model: ModelFrame, documents: readonly Document[]): number {
  return peakMiB(sftWorkload(recipe, planSize(model), documents));
}

/** What a plan needs to know of a model. */
export const planSize = ({ config, tokenizer }: ModelFrame) => ({ config, tokens: tokenizer.vocabSize });

const peakMiB = (load: Workload): number => Math.round(peak(memory(load)).total / 2 ** 20);
