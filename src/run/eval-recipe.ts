import { z } from "zod";
import { backendNames } from "../backends/training.ts";
import { askingShape } from "../recipe/model-fields.ts";

/** Columns of a data set, or the name of a ready mapping, and which part of it. */
export const evalDataSchema = z.strictObject({
  mapping: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  config: z.string().optional(),
  split: z.string().optional(),
  revision: z.string().optional(),
  skipBad: z.boolean().default(false),
});
export type EvalData = z.output<typeof evalDataSchema>;

/** Everything that an evaluation's figures depend on. Two evaluations of different models that agree in the rest compare. */
export const evalRecipeSchema = z.strictObject({
  kind: z.literal("eval"),
  model: z.string(),
  backend: z.enum(backendNames),
  /** Base address; null where the model lies on this machine. */
  endpoint: z.string().nullable(),
  /** SHA-256 of each weight file; null behind an endpoint, whose weights nobody sees. */
  weights: z.record(z.string(), z.string()).nullable(),
  task: z.string(),
  /** Of a family; null for all. */
  levels: z.array(z.int()).nullable(),
  /** How a data set's rows become problems; null for a task. */
  data: evalDataSchema.nullable(),
  problems: z.int().min(1),
  /** SHA-256 of the problems' ids and texts, in order. */
  problemList: z.string(),
  samplesPerProblem: z.int().min(1),
  temperature: z.number().min(0),
  topP: z.number().gt(0).max(1),
  /** 0 keeps all. */
  topK: z.int().min(0),
  maxTokens: z.int().min(1),
  seed: z.int().min(0),
  ...askingShape,
  /** A text behind every question, with an empty line between; null for none. */
  instruction: z.string().nullable(),
  stop: z.array(z.string()),
});
export type EvalRecipe = z.output<typeof evalRecipeSchema>;

/** What a person asks for; the rest of the recipe follows from model and task. */
export type EvalRequest = Omit<EvalRecipe, "kind" | "weights" | "problemList" | "maxTokens"> & {
  /** As much as the model has room for, at most `usualMaxTokens`, where left out. */
  readonly maxTokens?: number | undefined;
};

export const usualMaxTokens = 2048;
