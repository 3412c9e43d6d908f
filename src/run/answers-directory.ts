import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { writeError, writeFileAtomic } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import { AppendFile } from "./append-file.ts";
import { environment, environmentSchema } from "./environment.ts";
import { jsonLines } from "./json-lines.ts";
import { firstDifference, writeWhole } from "./run-directory.ts";

/**
 * A directory of answers: recipe.json says what was asked, answers.jsonl holds a line for each answer as it came. The
 * same command line goes on behind what is there.
 */
export interface AnswersDirectory<L> {
  readonly path: string;
  /** Lines that were there. */
  readonly present: readonly L[];
  /** Appends an answer; in the order of the calls. Rejects with FILE_NO_SPACE and the other codes of writeError. */
  append(line: L): Promise<void>;
  /** Replaces all lines by these, in this order. */
  replace(lines: readonly L[]): Promise<void>;
  close(): Promise<void>;
}

export interface AnswersOptions<S extends z.ZodType> {
  readonly recipe: object;
  /** What computes, for environment.json. */
  readonly engine: string;
  readonly line: S;
}

/** recipe.json of a directory; undefined where there is none. @throws AutodidactError RUN_NOT_EMPTY, RUN_DAMAGED */
export async function readRecipe(path: string): Promise<unknown> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "ENOTDIR")
      throw new AutodidactError("RUN_NOT_DIRECTORY", `${path}: is a file; name a directory`, { cause: error });
    throw error;
  }
  if (names.includes("recipe.json")) {
    try {
      return JSON.parse(await readFile(join(path, "recipe.json"), "utf8"));
    } catch (cause) {
      throw new AutodidactError("RUN_DAMAGED", `${join(path, "recipe.json")}: is not JSON; name another directory`, {
        cause,
      });
    }
  }
  // Killed before it had begun: nothing that anybody could miss.
  const others = names.filter((name) => !/^(\.(recipe|environment)\.json\.tmp-.*|environment\.json)$/.test(name));
  if (others.length > 0)
    throw new AutodidactError(
      "RUN_NOT_EMPTY",
      `${path}: holds ${others.slice(0, 3).join(", ")}${others.length > 3 ? ", ..." : ""} and no recipe.json; name an empty directory`,
    );
  return undefined;
}

/** @throws AutodidactError RUN_RECIPE_DIFFERS naming the first setting in which the stored recipe is another */
export function checkRecipe(path: string, stored: unknown, wanted: object): void {
  const difference = firstDifference(stored, JSON.parse(JSON.stringify(wanted)));
  if (difference)
    throw new AutodidactError(
      "RUN_RECIPE_DIFFERS",
      `${difference.field}: is ${difference.wanted} here and ${difference.stored} in ${path}; give its own setting to go on there, or another --out to begin anew`,
    );
}

/** @throws AutodidactError those of readRecipe and checkRecipe, RUN_DAMAGED, and the codes of writeError */
export async function openAnswers<S extends z.ZodType>(
  path: string,
  { recipe, engine, line }: AnswersOptions<S>,
): Promise<AnswersDirectory<z.output<S>>> {
  const stored = await readRecipe(path);
  if (stored !== undefined) checkRecipe(path, stored, recipe);
  else {
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw writeError(error, path, 0);
    });
    await writeWhole(join(path, "environment.json"), environmentSchema.parse(environment(engine)));
    // Last, so that a directory with a recipe can be gone on with.
    await writeWhole(join(path, "recipe.json"), recipe);
  }
  const file = join(path, "answers.jsonl");
  const { lines: present, length } = await readLines(file, line);
  let answers = await AppendFile.open(file);
  if (length < answers.length) await answers.cut(length);
  let last: Promise<void> = Promise.resolve();
  return {
    path,
    present,
    append(one) {
      last = last.then(() => answers.append([one]));
      // Whoever waits hears of it, and nothing is written behind a failure.
      last.catch(() => {});
      return last;
    },
    async replace(lines) {
      await last;
      await answers.close();
      // In pieces: all of it may be longer than one text can be.
      await writeFileAtomic(
        file,
        lines.map((one) => Buffer.from(`${JSON.stringify(one)}\n`)),
      );
      answers = await AppendFile.open(file);
    },
    async close() {
      await last.catch(() => {});
      await answers.close();
    },
  };
}

/** Whole lines of answers, and the bytes they take: a torn end is cut off by whoever goes on. */
export async function readLines<S extends z.ZodType>(
  file: string,
  schema: S,
): Promise<{ lines: z.output<S>[]; length: number }> {
  const lines: z.output<S>[] = [];
  let length = 0;
  for await (const { number, text, end, whole } of jsonLines(file)) {
    if (!whole) break;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new AutodidactError("RUN_DAMAGED", `${file}:${number}: is not JSON; take that line out`, { cause });
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success)
      throw new AutodidactError(
        "RUN_DAMAGED",
        `${file}:${number}: ${firstIssue(parsed.error, value)}; take that line out`,
      );
    lines.push(parsed.data);
    length = end;
  }
  return { lines, length };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
