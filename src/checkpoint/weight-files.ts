import { join } from "node:path";
import { z } from "zod";
import type { HeldDtype, HeldTensor } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import { readJson, withRangedReader } from "./files.ts";
import {
  readSafetensorsHeader,
  readTensor,
  type SafetensorsEntry,
  type SafetensorsHeader,
  tensorPieces,
} from "./safetensors.ts";

/**
 * The weights of a model directory, which lie in model.safetensors or in several files that model.safetensors.index.json
 * lists. Headers are read first; no tensor is read before all of them have been checked.
 */

/** Where a tensor lies. */
export interface TensorPlace {
  readonly file: string;
  readonly header: SafetensorsHeader;
  readonly entry: SafetensorsEntry;
}

export const indexName = "model.safetensors.index.json";
const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });
/** Tens of thousands of tensors take a few MB. */
const MAX_INDEX = 64 * 2 ** 20;

/**
 * The files of a directory that holds `names` from which weights are read, and which tensors each gives: undefined for all.
 * model.safetensors goes before an index, as in transformers; where there is neither the list is empty.
 *
 * @throws AutodidactError MODEL_WEIGHTS where the index names a file that is not there, FILE_JSON
 */
export async function weightFiles(
  directory: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[] | undefined>> {
  if (names.includes("model.safetensors")) return new Map([["model.safetensors", undefined]]);
  if (!names.includes(indexName)) return new Map();
  const index = join(directory, indexName);
  const shards = await readIndex(index);
  for (const [shard, tensors] of shards)
    if (!names.includes(shard))
      throw new AutodidactError(
        "MODEL_WEIGHTS",
        `${index}: weight_map names ${shard}, which is not in the directory, for ${tensors.length} tensors such as ${tensors[0]}; download the missing file`,
      );
  return shards;
}

/**
 * Headers of the weights of a directory that holds `names`.
 *
 * @throws AutodidactError MODEL_WEIGHTS where the index names a file or a tensor that is not there, SAFETENSORS_DAMAGED,
 *   SAFETENSORS_DTYPE, FILE_JSON
 */
export async function findTensors(directory: string, names: readonly string[]): Promise<Map<string, TensorPlace>> {
  const places = new Map<string, TensorPlace>();
  for (const [name, tensors] of await weightFiles(directory, names)) {
    const file = join(directory, name);
    const header = await withRangedReader(file, readSafetensorsHeader);
    const entries = new Map(header.entries.map((entry) => [entry.name, entry]));
    for (const tensor of tensors ?? entries.keys()) {
      const entry = entries.get(tensor);
      if (entry === undefined)
        throw new AutodidactError(
          "MODEL_WEIGHTS",
          `${file}: tensor ${tensor}: expected here, as ${indexName} says, found none among ${entries.size} tensors; index and files belong to different models, download both again`,
        );
      places.set(tensor, { file, header, entry });
    }
  }
  return places;
}

/** Names of the tensors in each file. */
async function readIndex(path: string): Promise<Map<string, string[]>> {
  const json = await readJson(path, MAX_INDEX);
  const parsed = indexSchema.safeParse(json);
  const fail = (message: string): never => {
    throw new AutodidactError("MODEL_WEIGHTS", `${path}: ${message}; the file is damaged, download it again`);
  };
  if (!parsed.success) return fail(firstIssue(parsed.error, json));
  const shards = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(parsed.data.weight_map)) {
    if (!/^[\w.-]+\.safetensors$/.test(shard))
      fail(
        `weight_map: expected the name of a .safetensors file beside it, found ${JSON.stringify(shard.slice(0, 80))}`,
      );
    if (name.length > 300) fail(`weight_map: a tensor's name has ${name.length} characters`);
    const tensors = shards.get(shard);
    if (tensors === undefined) shards.set(shard, [name]);
    else tensors.push(name);
  }
  return new Map([...shards].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads tensors file by file, in the order of their bytes; beside the result a piece of one is in memory. */
export async function readTensors(places: Iterable<TensorPlace>, dtype: HeldDtype): Promise<Map<string, HeldTensor>> {
  const files = new Map<string, TensorPlace[]>();
  for (const place of places) {
    const others = files.get(place.file);
    if (others === undefined) files.set(place.file, [place]);
    else others.push(place);
  }
  const tensors = new Map<string, HeldTensor>();
  for (const [file, inFile] of files)
    await withRangedReader(file, async (reader) => {
      for (const { header, entry } of inFile.sort((a, b) => a.entry.begin - b.entry.begin))
        tensors.set(entry.name, await readTensor(reader, header, entry, dtype));
    });
  return tensors;
}

/** Whether two tensors of one shape hold the same numbers, without reading either as a whole. */
export function equalTensors(a: TensorPlace, b: TensorPlace): Promise<boolean> {
  return withRangedReader(a.file, (first) =>
    withRangedReader(b.file, async (second) => {
      const others = tensorPieces(second, b.header, b.entry);
      for await (const { values } of tensorPieces(first, a.header, a.entry)) {
        const other = (await others.next()).value?.values as Float32Array | undefined;
        if (other === undefined || values.some((value, i) => value !== other[i])) return false;
      }
      return true;
    }),
  );
}
