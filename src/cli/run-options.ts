import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { z } from "zod";
import { refuseForTraining } from "../backends/training.ts";
import { AutodidactError } from "../errors.ts";
import { presets } from "../losses/objective-presets.ts";
import type { PresetName } from "../losses/objective-schema.ts";
import { type GrpoRecipe, mostThreads, recipeObjective, setByPath, type ZeroRecipe } from "../recipe/schema.ts";
import { Stopped } from "../run/observer.ts";
import { type Command, type Context, UsageError } from "./command.ts";
import { createView, type View } from "./view.ts";

/** Options that every command with a run directory has. */
export const runOptions = {
  resume: z.boolean().default(false).describe("go on with the run in --out behind its last checkpoint"),
  seed: z.int().min(0).optional().describe("the one seed that everything random derives from").meta({ value: "N" }),
  backend: z
    .string()
    .default("embedded")
    .describe("what computes; only the embedded engine trains, the others serve eval and sample")
    .meta({ value: "NAME" }),
  provider: z.enum(["cpu", "webgpu", "cuda"]).optional().describe("execution provider of ONNX Runtime"),
  threads: z
    .int()
    .min(1)
    .max(mostThreads)
    .optional()
    .describe("threads to compute with; all cores where left out")
    .meta({ value: "N" }),
  set: z
    .array(z.string())
    .default([])
    .describe("any setting of the recipe, schedule.warmupSteps=5 for instance; --dry-run prints them all")
    .meta({ value: "NAME=VALUE" }),
  dryRun: z.boolean().default(false).describe("print the resolved recipe and stop"),
};

/** The model that is trained, whole or by adapters, as grpo and sft both take it. */
export const trainedOptions = {
  model: z
    .string()
    .min(1)
    .optional()
    .describe("model directory, GGUF file, or id on the hub; required unless --resume")
    .meta({ value: "SPEC" }),
  lora: z.boolean().default(false).describe("train adapters of rank 16 on all linear layers instead of the weights"),
  hold: z
    .enum(["float32", "bfloat16", "int8"])
    .optional()
    .describe("with --lora: how the frozen weights are held in memory"),
  learningRate: z.number().positive().optional().describe("highest learning rate").meta({ value: "RATE" }),
};

type TrainedOptions = z.output<z.ZodObject<typeof trainedOptions>>;

/**
 * The settings that follow from them but for the model. A run that is gone on with has its adapters and its rate already.
 *
 * @param rate of adapters, where none was given
 */
export function adapterFlags(
  { lora, hold, learningRate, set }: Omit<TrainedOptions, "model"> & RunOptions,
  resumed: boolean,
  rate: number,
): Readonly<Record<string, unknown>> {
  const fresh = !resumed && (lora || set.some((one) => one.startsWith("lora.")));
  return {
    lora: lora && !resumed ? {} : undefined,
    hold,
    "schedule.learningRate": learningRate ?? (fresh ? rate : undefined),
  };
}

export interface RunOptions {
  readonly backend?: string | undefined;
  readonly seed?: number | undefined;
  readonly provider?: string | undefined;
  readonly threads?: number | undefined;
  readonly set: readonly string[];
}

/** What --dry-run prints of reinforcement: the objective as a formula, and the resolved recipe. */
export async function printRun(context: Context, recipe: GrpoRecipe | ZeroRecipe): Promise<void> {
  const { describeObjective } = await import("../losses/objective.ts");
  const text = describeObjective(recipeObjective(recipe), recipe);
  context.result(recipe, `${text}\n${JSON.stringify(recipe, null, 2)}`);
}

/**
 * What the options are laid upon: the command's defaults, or with --resume the recipe of the run in --out, so that
 * nothing that was said when it began has to be said again. Whether that can be resumed is checked later.
 */
export function recipeBelow(
  context: Context,
  { resume, out }: { readonly resume: boolean; readonly out: string },
  defaults: object,
): { readonly below: object; readonly resumed: boolean } {
  const file = join(outPath(context, out), "recipe.json");
  if (resume && existsSync(file)) {
    try {
      const stored: unknown = JSON.parse(readFileSync(file, "utf8"));
      if (typeof stored === "object" && stored !== null) return { below: stored, resumed: true };
    } catch {
      // Said by whoever opens the run, in its words.
    }
  }
  return { below: defaults, resumed: false };
}

/** For options that only a run which is gone on with may leave out. */
export function required<T>(value: T | undefined, command: Command, field: string): T {
  if (value !== undefined) return value;
  const shape = command.options.find((one) => one.field === field)!;
  throw new UsageError(
    "OPTION_MISSING",
    `${shape.flag} is required: ${shape.description}\nsee: autodidact ${command.name} --help`,
  );
}

/** `below`, then the flags, then --set, as one object for the recipe's schema. A preset is taken as it was published. */
export function assemble(
  below: object,
  flags: Readonly<Record<string, unknown>>,
  { backend, seed, provider, threads, set }: RunOptions,
): Record<string, unknown> {
  if (backend !== undefined) refuseForTraining(backend);
  const recipe = structuredClone(below) as Record<string, unknown>;
  if (flags["objective.preset"] !== undefined || set.some((one) => one.startsWith("objective.preset=")))
    recipe.objective = {};
  for (const [path, value] of Object.entries({ ...flags, seed, provider, threads }))
    if (value !== undefined) setByPath(recipe, path, JSON.stringify(value));
  for (const assignment of set) {
    const equals = assignment.indexOf("=");
    if (equals < 1) throw new UsageError("RECIPE_INVALID", `--set ${assignment}: has no value; write --set name=value`);
    setByPath(recipe, assignment.slice(0, equals), assignment.slice(equals + 1));
  }
  limitMinibatches(recipe);
  return recipe;
}

/** A recipe out of a command line; one that cannot be made is a line that was not understood. */
export function understood<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof AutodidactError) throw new UsageError(error.code, error.message, { cause: error });
    throw error;
  }
}

/** Published objectives make up to 16 updates a step; with fewer groups than that it is one for each. */
function limitMinibatches({ objective, problemsPerStep }: Record<string, unknown>): void {
  const chosen = objective as { preset?: PresetName; minibatches?: number } | undefined;
  const published = presets[chosen?.preset as PresetName]?.minibatches;
  if (chosen && published !== undefined && typeof problemsPerStep === "number" && problemsPerStep < published)
    chosen.minibatches ??= problemsPerStep;
}

/** Draws on stdout, or on stderr where --json keeps stdout for the result. */
export function viewFor(context: Context, totalSteps: number): View {
  const stream = context.json ? context.stderr : context.stdout;
  return createView({ stream, isTTY: stream.isTTY === true, totalSteps, env: context.env });
}

/** Runs `work`; a stop that was asked for ends with how to go on, not with an error. */
export async function untilStopped<T>(view: View, out: string, command: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Stopped)
      view.done([`Stopped; nothing is lost. Go on with: autodidact ${command} --resume --out ${out}`]);
    throw error;
  } finally {
    view.close();
  }
}

export const outPath = (context: Context, out: string): string => resolve(context.cwd, out);

/** A model as recipes name it: what lies on this machine by its full path, so that a run resumes from anywhere. */
export function modelSpec(context: Context, spec: string): string {
  const path = outPath(context, spec);
  return existsSync(path) || /^[./\\~]/.test(spec) ? path : spec;
}

/** A recipe's model as people read it: short where it lies below the working directory. */
export function modelName({ cwd }: Context, spec: string): string {
  const below = isAbsolute(spec) ? relative(cwd, spec) : spec;
  return below === "" || below.startsWith("..") ? spec : below;
}
