import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import { type Environment, environmentSchema } from "./environment.ts";
import { jsonLines } from "./json-lines.ts";
import {
  type AnswerLine,
  answerLineSchema,
  type EvaluationLine,
  evaluationLineSchema,
  type MetricsLine,
  metricsLineSchema,
  type RolloutLine,
  rolloutLineSchema,
  type TimingLine,
  timingLineSchema,
} from "./records.ts";
import type { Recipe } from "./run-directory.ts";
import { type SftSummary, sftSummarySchema } from "./sft-summary.ts";
import { type Summary, summarySchema } from "./summary.ts";

/** A run as it lies on the disk; it may still be growing. */
export interface Run {
  readonly path: string;
  readonly recipe: Recipe;
  readonly environment: Environment;
  readonly metrics: readonly MetricsLine[];
  readonly timings: readonly TimingLine[];
  readonly evaluations: readonly EvaluationLine[];
  readonly answers: readonly AnswerLine[];
  /** null until the run has ended, and where it was no reinforcement learning. */
  readonly summary: Summary | null;
  /** The same of supervised fine-tuning. */
  readonly sftSummary: SftSummary | null;
  /** Streamed, since a long run has more rollouts than fit in memory. */
  rollouts(): AsyncIterable<RolloutLine>;
}

/**
 * Reads a run directory. A torn last line (a writer killed in the middle, or still writing) is left out; anything else
 * that does not fit is RUN_DAMAGED with file, line and field. RUN_MISSING where there is no run.
 */
export async function readRun(path: string): Promise<Run> {
  const recipe = await json(join(path, "recipe.json"));
  if (recipe === undefined) {
    throw new AutodidactError("RUN_MISSING", `${path}: there is no recipe.json in it; name the directory of a run`);
  }
  const environment = await json(join(path, "environment.json"));
  const summary = await json(join(path, "summary.json"));
  const isSft = typeof summary === "object" && summary !== null && "kind" in summary && summary.kind === "sft";
  return {
    path,
    recipe: recipe as Recipe,
    environment: fits(environmentSchema, environment, join(path, "environment.json")),
    metrics: await all(lines(join(path, "metrics.jsonl"), metricsLineSchema)),
    timings: await all(lines(join(path, "timings.jsonl"), timingLineSchema)),
    evaluations: await all(lines(join(path, "evaluations.jsonl"), evaluationLineSchema)),
    answers: await all(lines(join(path, "answers.jsonl"), answerLineSchema)),
    summary: summary === undefined || isSft ? null : fits(summarySchema, summary, join(path, "summary.json")),
    sftSummary: isSft ? fits(sftSummarySchema, summary, join(path, "summary.json")) : null,
    rollouts: () => lines(join(path, "rollouts.jsonl"), rolloutLineSchema),
  };
}

/** Each line of a JSON lines file, checked. A missing file has none. */
async function* lines<S extends z.ZodType>(path: string, schema: S): AsyncGenerator<z.output<S>> {
  for await (const { number, text, whole } of jsonLines(path)) {
    // A torn end may by chance be whole but for its line feed.
    if (!whole && !isJson(text)) return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw damaged(`${path}:${number}`, "is not JSON", error);
    }
    yield fits(schema, value, `${path}:${number}`);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function json(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(path, "is not JSON", error);
  }
}

function fits<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw damaged(where, firstIssue(result.error, value), result.error);
}

function damaged(where: string, what: string, cause: unknown): AutodidactError {
  return new AutodidactError("RUN_DAMAGED", `${where}: ${what}; the file was changed by hand or by another version`, {
    cause,
  });
}
