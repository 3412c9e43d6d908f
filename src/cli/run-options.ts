import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { refuseForTraining } from "../backends/training.ts";
import { AutodidactError } from "../errors.ts";
import type { Objective } from "../losses/objective.ts";
import { type GrpoRecipe, setByPath, type ZeroRecipe } from "../recipe/schema.ts";
import { Stopped } from "../run/observer.ts";
import type { Context } from "./command.ts";
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
  threads: z.int().min(1).optional().describe("threads to compute with; all cores where left out").meta({ value: "N" }),
  set: z
    .array(z.string())
    .default([])
    .describe("any setting of the recipe, schedule.warmupSteps=5 for instance; --dry-run prints them all")
    .meta({ value: "NAME=VALUE" }),
  dryRun: z.boolean().default(false).describe("print the resolved recipe and stop"),
};

export interface RunOptions {
  readonly backend?: string | undefined;
  readonly seed?: number | undefined;
  readonly provider?: string | undefined;
  readonly threads?: number | undefined;
  readonly set: readonly string[];
}

/** What --dry-run prints of reinforcement: the objective as a formula, and the resolved recipe. */
export async function printRun(context: Context, recipe: GrpoRecipe | ZeroRecipe, objective: Objective): Promise<void> {
  const { describeObjective } = await import("../losses/objective.ts");
  context.result(
    { ...recipe, objective },
    `${describeObjective(objective, recipe)}\n${JSON.stringify(recipe, null, 2)}`,
  );
}

/** Defaults, then the flags, then --set, as one object for the recipe's schema. */
export function assemble(
  defaults: object,
  flags: Readonly<Record<string, unknown>>,
  { backend, seed, provider, threads, set }: RunOptions,
): Record<string, unknown> {
  if (backend !== undefined) refuseForTraining(backend);
  const recipe = structuredClone(defaults) as Record<string, unknown>;
  for (const [path, value] of Object.entries({ ...flags, seed, provider, threads }))
    if (value !== undefined) setByPath(recipe, path, JSON.stringify(value));
  for (const assignment of set) {
    const equals = assignment.indexOf("=");
    if (equals < 1)
      throw new AutodidactError("RECIPE_INVALID", `--set ${assignment}: has no value; write --set name=value`);
    setByPath(recipe, assignment.slice(0, equals), assignment.slice(equals + 1));
  }
  return recipe;
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
