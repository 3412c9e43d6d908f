import { stat } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import { isAdapterDirectory } from "../checkpoint/adapter-directory.ts";
import { openModelDirectory, openModelFrame } from "../checkpoint/model-directory.ts";
import { readExamples } from "../datasets/conversations.ts";
import { onnxRuntime } from "../engine/onnxruntime.ts";
import { withRotaryTables } from "../engine/rotary-tables.ts";
import { trainedShapes } from "../engine/weight-set.ts";
import { AutodidactError } from "../errors.ts";
import { hubModel, hubModelFrame } from "../hub/model.ts";
import { looksLikePath } from "../hub/model-id.ts";
import type { HubOptions } from "../hub/settings.ts";
import { parameterCount } from "../model/parameters.ts";
import { type Change, changes } from "../plan/changes.ts";
import { measureSpeed } from "../plan/measure.ts";
import { elements, memory, type PhaseMemory, peak } from "../plan/memory.ts";
import { type Speed, type StepFlops, type StepSeconds, stepFlops, stepSeconds } from "../plan/seconds.ts";
import { grpoWorkload, sftWorkload, type Workload } from "../plan/workload.ts";
import { shippedModel } from "../recipe/defaults.ts";
import { recipeAsking } from "../recipe/model-fields.ts";
import { type GrpoRecipe, recipeObjective, type SftRecipe } from "../recipe/schema.ts";
import type { Task } from "../tasks/task.ts";
import { type LocateOptions, locateModel } from "./locate-model.ts";
import { planSize, promptLengths } from "./planned-memory.ts";
import { sourceOf } from "./sft.ts";
import { sftDocuments } from "./sft-documents.ts";
import type { ModelFrame } from "./trained-model.ts";

/** What a recipe takes on this machine, found out without reading a weight. */
export interface Plan {
  readonly kind: "grpo" | "sft";
  readonly model: string;
  /** Of the whole model, and of what is trained. */
  readonly parameters: number;
  readonly trained: number;
  /** In a sentence each: what the figures rest on. */
  readonly assumptions: readonly string[];
  readonly phases: readonly PhaseMemory[];
  /** The phase that needs most, in bytes. */
  readonly peak: PhaseMemory;
  /** Bytes at the peak with answers of the length that the time is counted with. */
  readonly expectedBytes: number;
  readonly machine: { readonly memoryBytes: number; readonly freeBytes: number };
  /** "busy": the machine has enough memory, but other programs hold some of it now. */
  readonly fits: "yes" | "busy" | "no";
  readonly flops: StepFlops;
  /** Null where nothing was measured. */
  readonly seconds: StepSeconds | null;
  readonly speed: Speed | null;
  readonly changes: readonly Change[];
}

export interface PlanOptions extends LocateOptions {
  /** Measure the machine, ten to thirty seconds. @default true */
  readonly measure?: boolean;
}

/**
 * @param meanLength expected tokens of an answer; half of maxTokens where left out, memory then counted with all answers at the limit
 * @throws AutodidactError those of locateModel and openModelDirectory; RECIPE_INVALID
 */
export async function planGrpo(
  recipe: GrpoRecipe,
  task: Task,
  meanLength: number | undefined,
  options: PlanOptions = {},
): Promise<Plan> {
  const { maxTokens } = recipe;
  if (meanLength !== undefined && meanLength > maxTokens)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `meanLength: is ${meanLength}, more than the ${maxTokens} tokens an answer may have (maxTokens); give at most ${maxTokens}`,
    );
  const frame = await openFrame(recipe.model, options);
  const policy = { tokenizer: frame.tokenizer, asking: recipeAsking(recipe) };
  const prompts = promptLengths(policy, task, recipe.seed);
  if (prompts.length === 0)
    throw new AutodidactError("TASK_PROBLEMS", `task ${task.name} has no training problem; give it some`);
  const mean = Math.round(prompts.reduce((sum, length) => sum + length, 0) / prompts.length);
  const assumptions = [
    `questions of ${mean} tokens on average, ${Math.max(...prompts)} at most (${prompts.length} looked at)`,
    meanLength === undefined
      ? `answers of ${maxTokens / 2} tokens on average, half of the limit, for the time; all at the limit of ${maxTokens} for the memory (--mean-length N says otherwise)`
      : `answers of ${meanLength} tokens on average, up to ${Math.min(maxTokens, 2 * meanLength)} or a few more`,
  ];
  if (recipeObjective(recipe).dynamicSampling.enabled)
    assumptions.push(
      "every group has right and wrong answers: others are sampled again (dynamicSampling), which is not counted",
    );
  const size = planSize(frame);
  const workloadOf = (one: GrpoRecipe, mean = meanLength): Workload =>
    grpoWorkload(one, recipeObjective(one), size, prompts, mean && Math.min(mean, one.maxTokens));
  const expected = workloadOf(recipe, meanLength ?? maxTokens / 2);
  return planOf({ kind: "grpo", recipe, workloadOf: (one) => workloadOf(one), expected, assumptions }, options);
}

export async function planSft(recipe: SftRecipe, options: PlanOptions = {}): Promise<Plan> {
  const frame = await openFrame(recipe.model, options);
  const examples = await readExamples(sourceOf(recipe));
  const documentsOf = (one: SftRecipe) => sftDocuments(frame, examples, { ...one, asking: recipeAsking(one) }).train;
  const documents = documentsOf(recipe);
  const lengths = documents.map(({ tokens }) => tokens.length);
  const mean = Math.round(lengths.reduce((sum, length) => sum + length, 0) / lengths.length);
  const assumptions = [`${documents.length} documents of ${mean} tokens on average, ${Math.max(...lengths)} at most`];
  const workloadOf = (one: SftRecipe): Workload =>
    sftWorkload(one, planSize(frame), one.maxLength === recipe.maxLength ? documents : documentsOf(one));
  return planOf({ kind: "sft", recipe, workloadOf, expected: workloadOf(recipe), assumptions }, options);
}

interface Planned<R extends GrpoRecipe | SftRecipe> {
  readonly kind: Plan["kind"];
  readonly recipe: R;
  readonly workloadOf: (recipe: R) => Workload;
  /** The recipe's, with answers of expected length in memory too. */
  readonly expected: Workload;
  readonly assumptions: readonly string[];
}

async function planOf<R extends GrpoRecipe | SftRecipe>(
  { kind, recipe, workloadOf, expected, assumptions }: Planned<R>,
  { observer, measure = true }: PlanOptions,
): Promise<Plan> {
  const load = workloadOf(recipe);
  const phases = memory(load);
  const most = peak(phases);
  const machine = machineMemory(); // before measuring takes some of it
  let speed: Speed | null = null;
  if (measure) {
    observer?.phase(
      "Measuring this machine",
      "one layer, a slice of the vocabulary and a decode step, in turns; some twenty seconds",
    );
    const { provider, threads } = recipe;
    const runtime = await onnxRuntime({ provider, ...(threads !== undefined && { threads }) });
    speed = await measureSpeed(withRotaryTables(runtime, load.config), load);
  }
  const { memoryBytes, freeBytes } = machine;
  return {
    kind,
    model: recipe.model,
    parameters: parameterCount(load.config),
    trained: elements(trainedShapes(load.config, load.lora)),
    assumptions,
    phases,
    peak: most,
    expectedBytes: peak(memory(expected)).total,
    machine,
    fits: most.total <= freeBytes ? "yes" : most.total <= 0.95 * memoryBytes ? "busy" : "no",
    flops: stepFlops(load),
    seconds: speed && stepSeconds(load, speed),
    speed,
    changes: changes(recipe, most.total, workloadOf, speed),
  };
}

/** What this process may use: a container may have less than the machine. Files that the system keeps in memory are no hindrance. */
function machineMemory(): Plan["machine"] {
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY; // 0 or undefined: none
  return {
    memoryBytes: Math.min(totalmem(), limit),
    freeBytes: Math.min(freemem(), limit - process.memoryUsage.rss()),
  };
}

/** A model's config and tokenizer. Of a model on the hub only the small files are fetched. */
async function openFrame(spec: string, options: LocateOptions): Promise<ModelFrame> {
  let path: string;
  try {
    // What exists on this machine goes first, and here its headers are checked too.
    path = (await locateModel(looksLikePath(spec) || spec === shippedModel ? spec : `./${spec}`, options)).path;
  } catch (error) {
    if (!(error instanceof AutodidactError) || error.code !== "MODEL_DIRECTORY" || looksLikePath(spec)) throw error;
    const hub: HubOptions = {
      ...options.hub,
      ...(options.observer && { onNote: (text: string) => options.observer?.note(text) }),
      ...(options.signal && { signal: options.signal }),
    };
    const small = await hubModelFrame(spec, hub);
    if (small !== null && !(await isAdapterDirectory(small))) return openModelFrame(small);
    path = small ?? (await cachedGguf(spec, hub));
  }
  if (await isAdapterDirectory(path))
    throw new AutodidactError(
      "RECIPE_INVALID",
      `model: ${spec} is an adapter, and adapters do not stack; merge it first (autodidact merge --adapter ${spec} --out DIR), then plan for DIR`,
    );
  if ((await stat(path)).isDirectory()) return openModelDirectory(path);
  const { openGguf } = await import("../gguf/files.ts");
  return openGguf(path);
}

/** A GGUF file says itself what it is, so that it must be there. */
async function cachedGguf(spec: string, hub: HubOptions): Promise<string> {
  try {
    return (await hubModel(spec, { ...hub, offline: true })).path;
  } catch (cause) {
    throw new AutodidactError(
      "RECIPE_INVALID",
      `model: ${spec} is a GGUF file on the hub and not in the cache, and such a file says itself what it is; download it first (autodidact sample --model ${spec} does), or give a model directory`,
      { cause },
    );
  }
}
