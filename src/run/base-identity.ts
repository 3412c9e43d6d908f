import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { AdapterBase } from "../checkpoint/adapter-config.ts";
import { weightFiles } from "../checkpoint/weight-files.ts";
import { AutodidactError } from "../errors.ts";
import { atRevision, looksLikePath } from "../hub/model-id.ts";
import type { LocatedModel } from "./locate-model.ts";

/** Which model an adapter was trained on: its name, and a hash of each of its weight files, `known` or found out. */
export async function identifyBase(
  { path, hub }: LocatedModel,
  known: AdapterBase["weights"] = null,
): Promise<AdapterBase> {
  const weights = known ?? (await hashWeights(path));
  if (hub === null) return { name: path, revision: null, weights };
  // The commit, so that a model that changes on the hub later is not taken for this one.
  return { name: hub.file === null ? hub.id : `${hub.id}:${hub.file}`, revision: hub.commit, weights };
}

/** The base of an adapter as a user would name it: OWNER/NAME@COMMIT:FILE.gguf, or a path. */
export function baseSpec({ name, revision }: Pick<AdapterBase, "name" | "revision">): string {
  return revision === null || looksLikePath(name) ? name : atRevision(name, revision);
}

/** SHA-256 in hexadecimal of each file that a model directory's weights are read from, or of a GGUF file, by name. */
export async function hashWeights(path: string): Promise<Record<string, string>> {
  const files = (await stat(path)).isDirectory()
    ? [...(await weightFiles(path, await readdir(path))).keys()].map((name) => join(path, name))
    : [path];
  const hashes: Record<string, string> = {};
  for (const file of files.sort()) hashes[basename(file)] = await hashFile(file);
  return hashes;
}

/**
 * The hashes of the weights below an adapter; null where none are recorded to compare them with.
 *
 * @throws AutodidactError ADAPTER_BASE where they are others than it was trained on
 */
export async function checkBase(
  recorded: AdapterBase["weights"],
  path: string,
  adapter: string,
  remedy = "name the base it was trained on, or take base.weights out of autodidact.json where the same weights are only stored otherwise",
): Promise<AdapterBase["weights"]> {
  if (recorded === null) return null;
  const found = await hashWeights(path);
  const known = new Set(Object.values(found));
  // By content alone: the same files may lie under other names.
  const other = Object.entries(recorded).find(([, hash]) => !known.has(hash));
  if (other === undefined) return found;
  const [name, hash] = other;
  throw new AutodidactError(
    "ADAPTER_BASE",
    `${adapter}: base.weights: it was trained on weights with SHA-256 ${hash.slice(0, 16)}... (${name}), and ${path} has ${Object.entries(
      found,
    )
      .map(([file, one]) => `${one.slice(0, 16)}... (${file})`)
      .join(", ")}; ${remedy}`,
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return hash.digest("hex");
}
