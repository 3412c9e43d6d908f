import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { issueLines } from "../issues.ts";
import { type Objective, objectiveOverridesSchema, presetNames, resolveObjective } from "../losses/objective.ts";
import { scheduleSchema } from "../optimizer/schedule.ts";
import { verificationSchema } from "../rewards/verification.ts";
import { diagnosticsSchema } from "../trainers/diagnostics.ts";
import {
  type AdapterFields,
  type AskingFields,
  adapterShape,
  askingShape,
  modelSpec,
  withHold,
} from "./model-fields.ts";

/**
 * What a run is. One declaration gives the static types, the checks, the command-line options and recipe.json. Fields
 * have the field's standard names; R1's own values stand in docs/objective.md.
 */

const seed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .default(1)
  .describe("the one seed that everything random derives from");

/** Beyond this it is a slip: each thread takes memory. */
export const mostThreads = 256;

const computeShape = {
  provider: z
    .enum(["cpu", "webgpu", "cuda"])
    .default("cpu")
    .describe("execution provider of ONNX Runtime that computes"),
  threads: z.int().min(1).max(mostThreads).optional().describe("threads to compute with; all cores where left out"),
};

/** What bounds memory; both are the engine's own choice where left out. */
const roomShape = {
  slotBudget: z.int().min(1).optional().describe("token slots of a training micro-batch, at most 4096 where left out"),
};
const samplingRoomShape = {
  ...roomShape,
  maxRows: z.int().min(1).optional().describe("answers that are written at one time, 256 where left out"),
};

/** Held-out measurements of a run. */
const evaluationSchema = z.strictObject({
  problems: z.int().min(1).default(200).describe("held-out problems measured before and after"),
  samplesPerProblem: z.int().min(1).max(1024).default(16).describe("answers to each of them; majority@16 needs 16"),
  every: z.int().min(0).default(10).describe("updates between measurements on the way; 0 for none"),
  problemsOnTheWay: z.int().min(1).default(100).describe("held-out problems of a measurement on the way"),
  samplesOnTheWay: z.int().min(1).default(2).describe("answers to each of those"),
});

/** AdamW and its course. */
const optimizerShape = {
  schedule: scheduleSchema.describe("learning rate"),
  weightDecay: z.number().min(0).default(0).describe("AdamW's decoupled weight decay"),
  betas: z
    .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
    .default([0.9, 0.99])
    .describe("AdamW's betas"),
  maxGradNorm: z.number().positive().default(1).describe("gradients are scaled down to this global norm"),
};

/** What every run of reinforcement learning has. */
const reinforcementShape = {
  steps: z.int().min(1).describe("updates of reinforcement learning"),
  problemsPerStep: z.int().min(1).default(16).describe("questions a step"),
  groupSize: z.int().min(2).max(4096).default(16).describe("G, answers to each question, graded against each other"),
  maxTokens: z.int().min(2).describe("token limit of an answer"),
  objective: objectiveOverridesSchema
    .extend({ preset: z.enum(presetNames).default("dapo").describe("published objective to start from") })
    .prefault({})
    .describe("the objective: a preset, and the fields of it that are changed"),
  ...optimizerShape,
  evaluation: evaluationSchema.prefault({}),
  verification: verificationSchema.prefault({}).describe("how answers are graded"),
  checkpointEvery: z.int().min(1).default(10).describe("updates between checkpoints"),
  diagnostics: diagnosticsSchema.prefault({}).describe("when a run that cannot learn says so and stops"),
  ...samplingRoomShape,
  ...computeShape,
};

const levels = z.array(z.int().min(1).max(5)).min(1);

export const zeroSchema = z.strictObject({
  seed,
  model: z.string().min(1).describe("directory of the base model, in Hugging Face's layout"),
  levels: levels.default([1, 2, 3, 4, 5]).describe("difficulty levels of Countdown"),
  ...reinforcementShape,
});
export type ZeroRecipe = z.output<typeof zeroSchema>;

export const grpoSchema = withHold(
  z.strictObject({
    seed,
    model: modelSpec,
    task: z.string().min(1).describe("a task's name, several with commas between, or a .ts or .js file"),
    levels: levels.nullable().default(null).describe("difficulty levels of the task's families; null for all"),
    ...askingShape,
    stop: z.array(z.string().min(1)).default([]).describe("texts behind the first of which an answer ends"),
    ...adapterShape,
    ...reinforcementShape,
  }),
);
export type GrpoRecipe = z.output<typeof grpoSchema>;

/** What carrying out a run of reinforcement learning reads of its recipe. */
export type ReinforcementRecipe = z.output<z.ZodObject<typeof reinforcementShape>> &
  Pick<GrpoRecipe, "seed" | "model"> &
  Partial<AskingFields & AdapterFields & Pick<GrpoRecipe, "stop">>;

export const sftSchema = withHold(
  z.strictObject({
    seed,
    model: modelSpec,
    data: z.array(z.string().min(1)).min(1).describe("files of rows, or hf:OWNER/NAME, a data set of the hub"),
    dataConfig: z.string().nullable().default(null).describe("subset of the hub's data set"),
    dataSplit: z.string().nullable().default(null).describe("its split; null for train"),
    dataRevision: z.string().nullable().default(null).describe("its branch, tag or commit; null for main"),
    columns: z
      .strictObject({
        messages: z.string().optional(),
        prompt: z.string().optional(),
        completion: z.string().optional(),
        text: z.string().optional(),
      })
      .prefault({})
      .describe("names of the columns that are read, where they differ from these"),
    limit: z.int().min(1).nullable().default(null).describe("rows to read; null for all"),
    ...askingShape,
    ...adapterShape,
    epochs: z.number().positive().default(1).describe("passes over the training rows"),
    steps: z.int().min(1).nullable().default(null).describe("updates; null for as many as the epochs take"),
    tokensPerStep: z.int().min(1).describe("learned tokens of one update, about"),
    maxLength: z.int().min(2).describe("longest document in tokens, prompt included"),
    tooLong: z.enum(["drop", "cut"]).default("drop").describe("longer rows: left out, or cut"),
    packing: z.boolean().default(true).describe("several documents a row of maxLength, kept apart by a mask"),
    heldOut: z
      .strictObject({
        share: z.number().min(0).lt(1).default(0.05).describe("share of rows kept out of training"),
        most: z.int().min(0).default(100).describe("at most so many rows"),
        every: z.int().min(1).default(20).describe("updates between measurements of their loss"),
      })
      .prefault({})
      .describe("rows kept out, on which the loss is measured"),
    ...optimizerShape,
    checkpointEvery: z.int().min(1).default(50).describe("updates between checkpoints"),
    ...roomShape,
    ...computeShape,
  }),
);
export type SftRecipe = z.output<typeof sftSchema>;

export const pretrainSchema = z.strictObject({
  seed,
  width: z.int().min(32).multipleOf(32).describe("hidden_size"),
  layers: z.int().min(1).describe("num_hidden_layers"),
  keyValueHeads: z.int().min(1).describe("num_key_value_heads; query heads have 32 dimensions each"),
  mlpWidth: z.int().min(1).describe("intermediate_size"),
  positions: z
    .int()
    .min(1152)
    .default(1280)
    .describe("max_position_embeddings; documents have up to about 1,030 characters"),
  tokens: z.int().min(1).describe("characters of the corpus to read"),
  tokensPerStep: z.int().min(256).default(4096).describe("characters of one update"),
  schedule: scheduleSchema.describe("learning rate"),
  weightDecay: z.number().min(0).default(0.1).describe("AdamW's decoupled weight decay, on matrices"),
  betas: z
    .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
    .default([0.9, 0.98])
    .describe("AdamW's betas"),
  maxGradNorm: z.number().positive().default(1).describe("gradients are scaled down to this global norm"),
  checkpointEvery: z.int().min(1).default(200).describe("updates between checkpoints"),
  ...computeShape,
});
export type PretrainRecipe = z.output<typeof pretrainSchema>;

/** A recipe checked against its schema; RECIPE_INVALID names each field, the value found and what to give. */
export function parseRecipe<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AutodidactError("RECIPE_INVALID", issueLines(parsed.error, value, schema).join("\n"));
}

/** The objective of a recipe, resolved; contradictions are refused here, before any model loads. */
export function recipeObjective(recipe: ReinforcementRecipe): Objective {
  const { preset, ...overrides } = recipe.objective;
  return resolveObjective(preset, overrides, recipe);
}

/** A recipe of reinforcement learning, checked, with every field of its objective. */
export function parseReinforcement<R extends ReinforcementRecipe>(schema: z.ZodType<R>, value: unknown): R {
  const recipe = parseRecipe(schema, value);
  return { ...recipe, objective: recipeObjective(recipe) };
}

/** Sets `a.b.c` in a nested object, making the objects on the way; for `--set a.b.c=value`. */
export function setByPath(target: Record<string, unknown>, path: string, text: string): void {
  const keys = path.split(".");
  if (keys.some((key) => key === "" || key === "__proto__" || key === "constructor" || key === "prototype"))
    throw new AutodidactError(
      "RECIPE_INVALID",
      `--set ${path}: is not a setting's name; write name=value or part.name=value`,
    );
  let at = target;
  for (const key of keys.slice(0, -1)) {
    const below = at[key];
    if (typeof below !== "object" || below === null) at[key] = {};
    at = at[key] as Record<string, unknown>;
  }
  at[keys[keys.length - 1]!] = parsedValue(text);
}

/** JSON where it is JSON, text otherwise. */
function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
