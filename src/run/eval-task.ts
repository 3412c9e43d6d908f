import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import type { DatasetOptions } from "../datasets/dataset.ts";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { type Problem, type Task, takeProblems } from "../tasks/task.ts";
import type { EvalData } from "./eval-recipe.ts";
import { openTasks } from "./load-task.ts";

/** Whether a task is given by a data set: a file of rows, or an id on the hub. */
export const isDataset = (spec: string): boolean =>
  spec.startsWith("hf:") || /\.(jsonl|ndjson|json|csv|tsv|parquet)$/i.test(spec);

export interface EvalTaskOptions {
  readonly task: string;
  readonly levels: readonly number[] | null;
  readonly data: EvalData | null;
  readonly cwd: string;
  readonly hub?: DatasetOptions["hub"];
}

/** What is measured: the held-out problems of a task, or a data set all of whose problems are held out. */
export async function openEvalTask({ task, levels, data, cwd, hub }: EvalTaskOptions): Promise<Task> {
  if (!isDataset(task)) return openTasks(task, levels, cwd);
  if (levels !== null)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `levels: ${task} is a data set, which has none to choose; leave --level out`,
    );
  const { dataset } = await import("../datasets/dataset.ts");
  const { heldOutTask } = await import("../datasets/task.ts");
  const { localFile } = await import("../datasets/files.ts");
  const { mapping, config, split, revision, skipBad = false } = data ?? {};
  const onHub = task.startsWith("hf:");
  const { problems } = await dataset({
    source: onHub ? task : [await localFile(resolve(cwd, task), task)],
    ...(mapping !== undefined && { mapping: mapping as NonNullable<DatasetOptions["mapping"]> }),
    ...(config !== undefined && { config }),
    // What is measured on is a test set; dataset itself would take what is trained on.
    ...(onHub && { split: split ?? "test" }),
    ...(revision !== undefined && { revision }),
    onBadRow: skipBad ? "skip" : "error",
    ...(hub && { hub }),
  });
  return heldOutTask(onHub ? task : basename(task), problems, skipBad ? "drop" : "error");
}

/** The first `count` held-out problems. @throws AutodidactError TASK_PROBLEMS */
export function heldOutProblems(task: Task, count: number): Problem[] {
  const problems = takeProblems(task.problems("eval", random("eval"))[Symbol.iterator](), count);
  if (problems.length === 0)
    throw new AutodidactError("TASK_PROBLEMS", `task ${task.name} has no held-out problem; give it some`);
  const seen = new Set<string>();
  const twice = problems.find(({ id }) => seen.size === seen.add(id).size);
  if (twice)
    throw new AutodidactError(
      "TASK_PROBLEMS",
      `task ${task.name}: the held-out problem ${twice.id} comes twice; give each problem an id of its own, once`,
    );
  return problems;
}

/** SHA-256 of the ids and texts of problems, in order. */
export function problemListHash(problems: readonly Problem[]): string {
  const hash = createHash("sha256");
  for (const { id, prompt, level } of problems) hash.update(`${JSON.stringify([id, prompt, level])}\n`);
  return hash.digest("hex");
}
