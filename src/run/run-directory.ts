import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeError, writeFileAtomic } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";
import type { EvalReport } from "../eval/report.ts";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import type { Step } from "../trainers/step.ts";
import { AppendFile } from "./append-file.ts";
import { type Environment, environmentChanges, environmentSchema } from "./environment.ts";
import { answerLines, metricsLine, rolloutLines, timingLine } from "./records.ts";
import type { SftSummary } from "./sft-summary.ts";
import type { Summary } from "./summary.ts";

/** A resolved recipe: anything that JSON can hold. */
export type Recipe = Readonly<Record<string, unknown>>;

const names = ["metrics", "timings", "rollouts", "evaluations", "answers"] as const;
type Name = (typeof names)[number];

const begunSchema = environmentSchema.extend({ command: z.string().optional() });

/** Byte length of each growing file; a checkpoint stores this. */
export type FileLengths = Readonly<Record<Name, number>>;

/** What is there before the recipe is; see openRun. */
const beginnings = /^(environment\.json|\.(environment|recipe)\.json\.tmp-.*)$/;

/** A name of the run's growing files, as seen in the directory. */
export const recordFile = (name: Name): string => `${name}.jsonl`;

export interface OpenRunOptions {
  /** Every setting of the run. On resume it may be left out; where given it must equal the stored one. */
  readonly recipe?: Recipe;
  readonly environment: Environment;
  /** The command line that asks for the run. */
  readonly command?: string;
  /** Go on with the run that is there. @default false */
  readonly resume?: boolean;
}

/** A run directory that is being written. The files are described in docs/run-directory.md. */
export interface RunDirectory {
  readonly path: string;
  readonly recipe: Recipe;
  /** The command line that began the run, whatever resumed it since. */
  readonly command: string;
  /** The folder that checkpoints go into. */
  readonly checkpoints: string;
  /** On resume: what differs from the machine that began the run, one sentence each. */
  readonly environmentChanges: readonly string[];
  /** Appends a step: metrics, timing, and every rollout with its grades. Throws FILE_NO_SPACE; what was there stays. */
  record(step: Step): Promise<void>;
  /** Appends a measurement, and where given the answers it was made from. `step` is the number of updates made. */
  recordEvaluation(label: string, step: number, report: EvalReport, answers?: readonly Group<Scored>[]): Promise<void>;
  /** Brings what was appended to the disk and gives the lengths; call it before a checkpoint is written. */
  lengths(): Promise<FileLengths>;
  /** Cuts the files to the lengths that the checkpoint stored; without one, to nothing. Call it once after a resume. */
  cut(lengths: FileLengths | null): Promise<void>;
  /** Writes summary.json. */
  writeSummary(summary: Summary | SftSummary): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a run directory, making it where it is missing.
 *
 * Throws RUN_NOT_EMPTY (files are there and `resume` is not set), RUN_MISSING (nothing to resume), RUN_DAMAGED,
 * RUN_RECIPE_DIFFERS, and the codes of writeFileAtomic.
 */
export async function openRun(path: string, options: OpenRunOptions): Promise<RunDirectory> {
  const { recipe, resume } = await checkRun(path, options);
  let changes: readonly string[] = [];
  let command = options.command ?? "";
  if (resume) {
    const before = begunSchema.safeParse(await readJson(join(path, "environment.json")));
    if (before.success) {
      changes = environmentChanges(before.data, options.environment);
      command = before.data.command ?? command;
    }
  } else {
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw writeError(error, path, 0);
    });
    const begun = { ...options.environment, ...(command !== "" && { command }) };
    await writeWhole(join(path, "environment.json"), begun);
    // Last, so that a directory with a recipe is a run that can be resumed.
    await writeWhole(join(path, "recipe.json"), recipe);
  }
  const files = {} as Record<Name, AppendFile>;
  for (const name of names) files[name] = await AppendFile.open(join(path, recordFile(name)));
  return {
    path,
    recipe,
    command,
    checkpoints: join(path, "checkpoints"),
    environmentChanges: changes,
    async record(step) {
      // Metrics last: a step whose metrics are there is there entirely.
      if (step.kind === "grpo") await files.rollouts.append(rolloutLines(step.index, step.groups));
      await files.timings.append([timingLine(step)]);
      await files.metrics.append([metricsLine(step)]);
    },
    async recordEvaluation(label, step, report, answers = []) {
      await files.answers.append(answerLines(label, answers));
      await files.evaluations.append([{ label, step, ...report }]);
    },
    async lengths() {
      const lengths = {} as Record<Name, number>;
      for (const name of names) {
        await files[name].sync();
        lengths[name] = files[name].length;
      }
      return lengths;
    },
    async cut(lengths) {
      for (const name of names) await files[name].cut(lengths?.[name] ?? 0);
    },
    writeSummary: (summary) => writeWhole(join(path, "summary.json"), summary),
    async close() {
      for (const name of names) await files[name].close();
    },
  };
}

/** Whether a run can begin or be resumed there, before anything is loaded; writes nothing. Throws as openRun does. */
export async function checkRun(
  path: string,
  options: Omit<OpenRunOptions, "environment">,
): Promise<{ readonly recipe: Recipe; readonly resume: boolean }> {
  const present = await list(path);
  // Killed while it was being opened: no run yet, and nothing that anybody could miss.
  const barely = present.length > 0 && present.every((name) => beginnings.test(name));
  const resume = options.resume === true && !(barely && options.recipe !== undefined);
  const recipe = resume ? await resumed(path, present, options.recipe) : fresh(path, barely ? [] : present, options);
  return { recipe, resume };
}

function fresh(path: string, present: readonly string[], options: Pick<OpenRunOptions, "recipe">): Recipe {
  if (present.length > 0) {
    const remedy = present.includes("recipe.json") ? "give --resume to go on with the run in it, or" : "";
    throw new AutodidactError(
      "RUN_NOT_EMPTY",
      `${path}: holds ${some(present)}; ${remedy} name an empty directory`.replace(";  ", "; "),
    );
  }
  if (!options.recipe) throw new TypeError("a new run needs its recipe");
  return options.recipe;
}

async function resumed(path: string, present: readonly string[], wanted: Recipe | undefined): Promise<Recipe> {
  if (!present.includes("recipe.json")) {
    throw new AutodidactError(
      "RUN_MISSING",
      `${path}: no run to resume (${present.length === 0 ? "nothing is there" : "there is no recipe.json in it"}); leave out --resume, or name the directory of a run`,
    );
  }
  const stored = await readJson(join(path, "recipe.json"));
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) {
    throw new AutodidactError("RUN_DAMAGED", `${join(path, "recipe.json")}: is not a JSON object; start a new run`);
  }
  const difference = wanted && firstDifference(stored, JSON.parse(JSON.stringify(wanted)));
  if (difference) {
    throw new AutodidactError(
      "RUN_RECIPE_DIFFERS",
      `${difference.field}: is ${difference.wanted} here and ${difference.stored} in ${path}; resume with the run's own setting, or start a new run`,
    );
  }
  return stored as Recipe;
}

/** The first field, by dotted path, in which two JSON values differ. */
export function firstDifference(
  stored: unknown,
  wanted: unknown,
  field = "",
): { field: string; stored: string; wanted: string } | null {
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (isObject(stored) && isObject(wanted)) {
    for (const key of new Set([...Object.keys(stored), ...Object.keys(wanted)])) {
      const found = firstDifference(stored[key], wanted[key], field === "" ? key : `${field}.${key}`);
      if (found) return found;
    }
    return null;
  }
  if (Object.is(stored, wanted)) return null;
  const show = (value: unknown): string => (value === undefined ? "not set" : JSON.stringify(value));
  return { field: field || "recipe", stored: show(stored), wanted: show(wanted) };
}

/** Writes a text, or a value as JSON, so that a reader, or a crash, sees the old file or the new one. */
export function writeWhole(path: string, content: unknown): Promise<void> {
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
  return writeFileAtomic(path, new TextEncoder().encode(text));
}

async function list(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR") {
      throw new AutodidactError("RUN_NOT_DIRECTORY", `${path}: is a file; name a directory`, { cause: error });
    }
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AutodidactError("RUN_DAMAGED", `${path}: is not readable JSON (${why}); start a new run`, {
      cause: error,
    });
  }
}

function some(present: readonly string[]): string {
  return present.length > 3 ? `${present.slice(0, 3).join(", ")} and ${present.length - 3} more` : present.join(", ");
}
