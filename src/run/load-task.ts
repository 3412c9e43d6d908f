import { statSync } from "node:fs";
import * as nodeModule from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AutodidactError } from "../errors.ts";
import { loadTask } from "../families/families.ts";
import type { Family } from "../families/family.ts";
import { mixture } from "../families/mixture.ts";
import type { Task } from "../tasks/task.ts";
import * as hooks from "./task-hooks.ts";

/**
 * A task by its name, or out of a file: a .ts or .js module whose default export (or only one of that kind, or the one
 * named behind `#`) is a task or a function that gives one.
 *
 * @param spec "countdown", "./my-task.ts", "./my-tasks.ts#sum"
 * @throws AutodidactError TASK_UNKNOWN, TASK_FILE_MISSING, TASK_FILE (it throws, or exports no task), TASK_INVALID (a field
 * of the task is missing or of the wrong kind)
 */
export async function openTask(spec: string, cwd: string): Promise<Task> {
  if (!isFile(spec)) return loadTask(spec);
  const [, file, name] = spec.match(/^(.*?)(?:#([\w$]+))?$/s) as [string, string, string?];
  const path = resolve(cwd, file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new AutodidactError(
      "TASK_FILE_MISSING",
      `${file}: there is no such file; give the path of a .ts or .js module`,
    );
  useHooks();
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw taskFileError(error, file, path, "could not be loaded");
  }
  const found = exported(module, name, file);
  let task: unknown = found.value;
  if (typeof task === "function") {
    try {
      task = await (task as () => unknown)();
    } catch (error) {
      throw taskFileError(error, file, path, `export ${found.name} threw`);
    }
  }
  return validTask(task, file);
}

/**
 * One task out of what a recipe names: a single one, or several with commas between, which are drawn equally often.
 *
 * @param levels of the families named; null for all
 * @throws AutodidactError those of openTask and mixture, and RECIPE_INVALID where a task has no levels to choose from
 */
export async function openTasks(spec: string, levels: readonly number[] | null, cwd: string): Promise<Task> {
  const names = spec.split(",").map((name) => name.trim());
  const tasks = await Promise.all(names.map(async (name) => atLevels(await openTask(name, cwd), levels)));
  return tasks.length === 1 ? tasks[0]! : mixture(tasks.map((task) => ({ task, weight: 1 })));
}

/** A task as recipes name it: files by their full path, so that a run resumes from anywhere. */
export const fullTaskSpec = (spec: string, cwd: string): string =>
  spec
    .split(",")
    .map((name) => name.trim())
    .map((name) => (isFile(name) ? resolve(cwd, name) : name))
    .join(",");

function atLevels(task: Task, levels: readonly number[] | null): Task {
  if (levels === null) return task;
  if (!("at" in task) || typeof task.at !== "function")
    throw new AutodidactError(
      "RECIPE_INVALID",
      `levels: task ${task.name} is no family and has no levels to choose from; leave levels out, or choose in the task's own file`,
    );
  return (task as unknown as Family).at(levels) as unknown as Task;
}

/** Whether a task is given by a file: by its ending, or by a slash. */
export const isFile = (spec: string): boolean => /\.[cm]?[jt]s(#[\w$]+)?$/.test(spec) || /[\\/]/.test(spec);

let hooked = false;
function useHooks(): void {
  if (hooked) return;
  hooked = true;
  const { registerHooks, register } = nodeModule as unknown as {
    registerHooks?: (given: Pick<typeof hooks, "resolve" | "load">) => void;
    register(specifier: URL): void;
  };
  if (registerHooks) registerHooks({ resolve: hooks.resolve, load: hooks.load });
  else register(new URL("./task-hooks.js", import.meta.url));
}

function exported(
  module: Record<string, unknown>,
  name: string | undefined,
  file: string,
): { name: string; value: unknown } {
  const names = Object.keys(module);
  const listed = names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")}`;
  if (name !== undefined) {
    if (Object.hasOwn(module, name)) return { name, value: module[name] };
    throw new AutodidactError("TASK_FILE", `${file}: has no export ${name}; ${listed}`);
  }
  if (Object.hasOwn(module, "default")) return { name: "default", value: module.default };
  const looks = (value: unknown): boolean => typeof value === "object" && value !== null && "rewards" in value;
  const tasks = names.filter((one) => looks(module[one]));
  const candidates = tasks.length > 0 ? tasks : names.filter((one) => typeof module[one] === "function");
  if (candidates.length === 1) return { name: candidates[0]!, value: module[candidates[0]!] };
  const remedy =
    candidates.length > 1
      ? `name one of them, ${file}#${candidates[0]}`
      : "write `export default defineTask({ ... })`, or export a function that gives a task";
  throw new AutodidactError("TASK_FILE", `${file}: which task is meant? ${listed}; ${remedy}`);
}

/** "my-task.ts:12", where the error's stack leads through the file. */
export function placeIn(error: unknown, path: string): string | null {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  for (const form of [pathToFileURL(path).href, path]) {
    const at = stack.indexOf(`${form}:`);
    const line = at < 0 ? null : stack.slice(at + form.length).match(/^:(\d+)/);
    if (line) return line[1]!;
  }
  return null;
}

function taskFileError(error: unknown, file: string, path: string, what: string): AutodidactError {
  const line = placeIn(error, path);
  const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AutodidactError(
    "TASK_FILE",
    `${file}${line === null ? "" : `:${line}`}: ${what}: ${cause}; mend that line, then try it: autodidact task check ${file}`,
    { cause: error },
  );
}

const taskFields = ["name", "problems", "rewards", "gold"];

/** The value itself where it has the fields of a task; what the compiler says to TypeScript is said here to the rest. */
export function validTask(value: unknown, where: string): Task {
  const wrong: string[] = [];
  const is = (value: unknown): string =>
    value === undefined
      ? "is missing"
      : `is ${typeof value === "function" ? "a function" : (JSON.stringify(value)?.slice(0, 60) ?? typeof value)}`;
  if (typeof value !== "object" || value === null)
    throw new AutodidactError("TASK_INVALID", `${where}: the task ${is(value)}; give defineTask({ ... })`);
  const task = value as Record<string, unknown>;
  const stray = Object.keys(task).filter((key) => !taskFields.includes(key));
  const hint = stray.length > 0 ? ` (there is ${stray.join(", ")})` : "";
  if (typeof task.name !== "string" || task.name === "") wrong.push(`name: ${is(task.name)}; give it a name${hint}`);
  for (const field of ["problems", "gold"])
    if (typeof task[field] !== "function") wrong.push(`${field}: ${is(task[field])}; give a function${hint}`);
  const rewards = task.rewards;
  if (typeof rewards !== "object" || rewards === null)
    wrong.push(`rewards: ${is(rewards)}; give rewards by name, "accuracy" among them${hint}`);
  else {
    if (!Object.hasOwn(rewards, "accuracy"))
      wrong.push(
        `rewards.accuracy: is missing; pass@1 counts it (there is ${Object.keys(rewards).join(", ") || "none"})`,
      );
    for (const [name, part] of Object.entries(rewards as Record<string, Record<string, unknown> | null>)) {
      if (!Number.isFinite(part?.weight))
        wrong.push(`rewards.${name}.weight: ${is(part?.weight)}; give a number, 0 to report it only`);
      if (typeof part?.verify !== "function")
        wrong.push(`rewards.${name}.verify: ${is(part?.verify)}; give a function`);
    }
  }
  if (wrong.length > 0) throw new AutodidactError("TASK_INVALID", wrong.map((line) => `${where}: ${line}`).join("\n"));
  return value as Task;
}
