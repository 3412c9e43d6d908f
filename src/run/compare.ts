import { existsSync } from "node:fs";
import { join } from "node:path";
import { AutodidactError } from "../errors.ts";
import { type Comparison, compare, pairedProblems } from "../eval/compare.ts";
import type { MeasuredGroup } from "../eval/statistics.ts";
import { readLines } from "./answers-directory.ts";
import { evalLineSchema, measuredGroups } from "./eval-answers.ts";
import { readEval } from "./eval-record.ts";
import { problemListHash } from "./eval-task.ts";
import { readRun } from "./reader.ts";

/** A measurement of one model, wherever it lies. */
interface Side {
  readonly name: string;
  readonly groups: readonly MeasuredGroup[];
  /** What must agree for two measurements to compare. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ComparedSides {
  readonly a: string;
  readonly b: string;
  /** Settings that differ and were allowed to. */
  readonly differing: readonly string[];
  readonly comparison: Comparison;
}

/**
 * Compares two measurements on the same problems. A side is the directory of an evaluation, or that of a run, of which
 * `#before` and `#after` name the measurements; a run alone is compared with itself, before and after.
 *
 * @param allowed settings that may differ: "temperature", "system", ...
 * @throws AutodidactError COMPARE_DIFFERS naming the first field in which they differ; COMPARE_SOURCE where a side is no measurement
 */
export async function compareDirectories(
  a: string,
  b: string | undefined,
  allowed: readonly string[],
): Promise<ComparedSides> {
  if (b === undefined && isEval(a))
    throw new AutodidactError(
      "COMPARE_SOURCE",
      `${a}: is one evaluation; give a second one to compare it with, or the directory of a run`,
    );
  const sides = b === undefined ? ([`${a}#before`, `${a}#after`] as const) : ([a, b] as const);
  const [left, right] = (await Promise.all(sides.map(readSide))) as [Side, Side];
  const differing: string[] = [];
  for (const field of new Set([...Object.keys(left.settings), ...Object.keys(right.settings)])) {
    // A run's records don't have every setting; what only one side knows cannot be compared.
    if (!(field in left.settings) || !(field in right.settings)) continue;
    const [one, other] = [JSON.stringify(left.settings[field]), JSON.stringify(right.settings[field])];
    if (one === other) continue;
    if (allowed.includes(field) && field !== "problems" && field !== "problemList") {
      differing.push(`${field}: ${one} and ${other}`);
      continue;
    }
    throw new AutodidactError("COMPARE_DIFFERS", differs(field, one, other, left, right));
  }
  return { a: left.name, b: right.name, differing, comparison: compare(pairedProblems(left.groups, right.groups)) };
}

function differs(field: string, one: string, other: string, left: Side, right: Side): string {
  const where = `${left.name} and ${right.name}`;
  if (field === "problemList") {
    const at = left.groups.findIndex(({ problem }, i) => {
      const its = right.groups[i]?.problem;
      return its?.id !== problem.id || its.prompt !== problem.prompt || its.level !== problem.level;
    });
    return `problemList: ${where} were asked other problems (${left.groups[at]?.problem.id} and ${right.groups[at]?.problem.id} at place ${at + 1}); measure both on the same`;
  }
  const remedy = field === "problems" ? "measure both on the same" : `measure both alike, or say --allow ${field}`;
  return `${field}: is ${one} in ${left.name} and ${other} in ${right.name}; ${remedy}`;
}

const isEval = (path: string): boolean =>
  existsSync(join(path, "answers.jsonl")) && !existsSync(join(path, "evaluations.jsonl"));

async function readSide(spec: string): Promise<Side> {
  const [, path, label] = spec.match(/^(.*?)(?:#([^#\\/]*))?$/s) as unknown as [string, string, string?];
  if (!existsSync(path) && existsSync(spec)) return readSide(`${spec}#`);
  return isEval(path) ? evalSide(path) : runSide(path, label || "after");
}

async function evalSide(path: string): Promise<Side> {
  const record = await readEval(path);
  if (record === undefined)
    throw new AutodidactError(
      "COMPARE_SOURCE",
      `${path}: this evaluation has not ended; go on with it by the same command, then compare`,
    );
  const { recipe } = record;
  const { lines } = await readLines(join(path, "answers.jsonl"), evalLineSchema);
  const groups = measuredGroups(lines);
  const { task, levels, data, problems, samplesPerProblem, temperature, topP, topK, maxTokens } = recipe;
  const { system, template, chatVariables, instruction, stop } = recipe;
  const settings = { task, levels, data, problems, samplesPerProblem, temperature, topP, topK, maxTokens };
  return {
    name: path,
    groups,
    settings: { ...settings, system, template, chatVariables, instruction, stop, problemList: listHash(groups) },
  };
}

async function runSide(path: string, label: string): Promise<Side> {
  const { evaluations, answers } = await readRun(path).catch((error: unknown) => {
    if (error instanceof AutodidactError && error.code === "RUN_MISSING")
      throw new AutodidactError(
        "COMPARE_SOURCE",
        `${path}: holds neither an evaluation nor a run; name the --out of one`,
        { cause: error },
      );
    throw error;
  });
  const measured = evaluations.find((one) => one.label === label);
  const lines = answers.filter((one) => one.label === label);
  if (measured === undefined || lines.length === 0) {
    const there = [...new Set(answers.map((one) => one.label))].map((one) => `#${one}`).join(", ");
    throw new AutodidactError(
      "COMPARE_SOURCE",
      `${path}: has no measurement "${label}" with its answers; there is ${there || "none"}`,
    );
  }
  const { problems, samplesPerProblem, temperature, maxTokens } = measured;
  const groups = measuredGroups(lines);
  return {
    name: `${path}#${label}`,
    groups,
    // A run measures without cutting the distribution.
    settings: { problems, samplesPerProblem, temperature, topP: 1, topK: 0, maxTokens, problemList: listHash(groups) },
  };
}

const listHash = (groups: readonly MeasuredGroup[]): string => problemListHash(groups.map(({ problem }) => problem));
