import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { readJson } from "../checkpoint/files.ts";
import { type PlannedFile, smallFile } from "../export/planned-file.ts";
import { hubModel } from "../hub/model.ts";
import { isRepoId } from "../hub/model-id.ts";
import { environmentSchema } from "./environment.ts";
import type { CardRun } from "./export-card.ts";
import { exists, type LocatedModel } from "./locate-model.ts";
import type { Recipe } from "./run-directory.ts";
import { sftSummarySchema } from "./sft-summary.ts";
import { summarySchema } from "./summary.ts";

/** What a card tells beside the model itself, as far as it lies on this machine. */
export interface CardSources {
  /** The run that trained the model; null where there is none. */
  readonly run: CardRun | null;
  /** Id on the hub of the model that was trained or converted; null where it is none. */
  readonly base: string | null;
  /** Lines on the licence from the base's own card, and the licence beside it. */
  readonly licence: readonly string[];
  readonly licenceFiles: readonly PlannedFile[];
}

/**
 * @param named what an adapter calls its base
 * @param cwd relative names of models start here
 */
export async function cardSources(located: LocatedModel, named: string | undefined, cwd: string): Promise<CardSources> {
  const run = await runAround(located.path);
  const { base, directory } = await baseOf(named ?? run?.recipe.model, located, cwd);
  if (directory === null) return { run, base, licence: [], licenceFiles: [] };
  return { run, base, licence: await licenceLines(directory), licenceFiles: await licenceFiles(directory) };
}

/** The run that a directory is the result of, RUN/model or RUN/adapter. */
export async function runAround(path: string): Promise<CardRun | null> {
  const isResult = ["model", "adapter"].includes(basename(path)) && (await exists(join(dirname(path), "recipe.json")));
  return isResult ? readCardRun(dirname(path)) : null;
}

const summaries = z.union([sftSummarySchema, summarySchema]);

async function readCardRun(path: string): Promise<CardRun> {
  const optional = async (name: string): Promise<unknown> =>
    (await exists(join(path, name))) ? readJson(join(path, name)) : undefined;
  const summary = summaries.safeParse(await optional("summary.json"));
  const environment = environmentSchema.safeParse(await optional("environment.json"));
  return {
    recipe: (await readJson(join(path, "recipe.json"))) as Recipe,
    summary: summary.success ? summary.data : null,
    environment: environment.success ? environment.data : null,
  };
}

/** @param name what an adapter or a recipe calls the base; undefined where the model itself is one */
async function baseOf(
  name: unknown,
  { path, hub }: LocatedModel,
  cwd: string,
): Promise<{ readonly base: string | null; readonly directory: string | null }> {
  if (typeof name !== "string") return { base: hub?.id ?? null, directory: (await isDirectory(path)) ? path : null };
  if (name === "") return { base: null, directory: null };
  const local = resolve(cwd, name);
  if (await exists(local)) return { base: null, directory: (await isDirectory(local)) ? local : null };
  const id = name.replace(/^hf:/, "").split(/[@:]/)[0]!;
  if (!isRepoId(id)) return { base: null, directory: null };
  const cached = await hubModel(name, { offline: true }).catch(() => null);
  return { base: id, directory: cached?.file === null ? cached.path : null };
}

/** A card's front matter is at its beginning, and short; a licence is a page. Anything much longer is something else. */
const longest = 1 << 20;

/** The lines on the licence in the front matter of the README.md in a directory; none where it has none. */
async function licenceLines(directory: string): Promise<string[]> {
  const file = join(directory, "README.md");
  const found = await stat(file).catch(() => null);
  if (found === null || !found.isFile() || found.size > longest) return [];
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(await readFile(file, "utf8"))?.[1] ?? "";
  return front.split(/\r?\n/).filter((line) => /^license(_name|_link)?: \S.{0,200}$/.test(line));
}

async function licenceFiles(directory: string): Promise<PlannedFile[]> {
  const files: PlannedFile[] = [];
  for (const name of await readdir(directory)) {
    if (!/^LICEN[CS]E(\.(md|txt))?$/.test(name)) continue;
    const { size } = await stat(join(directory, name));
    if (size <= longest) files.push(smallFile(name, await readFile(join(directory, name))));
  }
  return files;
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
