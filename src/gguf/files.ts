/** File layer of GGUF. */

import { withRangedReader, writeFileAtomic } from "../checkpoint/files.ts";
import type { HeldModel, ReadModel, ReadModelOptions, WritableModel } from "../checkpoint/model-directory.ts";
import { numbersOf } from "../checkpoint/safetensors.ts";
import type { HeldDtype } from "../engine/engine.ts";
import { openGgufModel, readGgufModel, readGgufWeight } from "./read-model.ts";
import { type GgufOptions, ggufFile } from "./write-model.ts";

/**
 * Reads a model of architecture llama (Llama, SmolLM2, Mistral), qwen2 or qwen3 whose tensors are F32, F16, BF16, Q8_0, Q4_0,
 * Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K: as float32, or held as `hold` says.
 *
 * @throws AutodidactError as readGgufModel; the system's error where the file cannot be opened
 */
export function readGguf(path: string, options?: { readonly hold?: undefined }): Promise<ReadModel>;
export function readGguf(path: string, options: { readonly hold: HeldDtype }): Promise<HeldModel>;
export function readGguf(path: string, options?: ReadModelOptions): Promise<ReadModel | HeldModel>;
export function readGguf(path: string, options?: ReadModelOptions): Promise<ReadModel | HeldModel> {
  return withRangedReader(path, (reader) => readGgufModel(reader, options));
}

/** As readGguf, but the weights stay where they are: one is read when it is asked for. */
export async function openGguf(
  path: string,
): Promise<Omit<ReadModel, "weights"> & { weight(name: string): Promise<Float32Array> }> {
  const { entries, ...model } = await withRangedReader(path, openGgufModel);
  const weight = (name: string): Promise<Float32Array> =>
    withRangedReader(path, (reader) => readGgufWeight(reader, name, entries.get(name)!, model.config));
  return { ...model, weight };
}

/**
 * Writes a model as a GGUF file that llama.cpp loads, a tensor at a time; until it is whole it has a temporary name.
 *
 * @throws AutodidactError those of ggufFile, and of writing as in writeFileAtomic
 */
export async function writeGguf(path: string, model: WritableModel, options: GgufOptions): Promise<void> {
  const weight = (name: string): Promise<Float32Array> => numbersOf(model.weights.get(name)!);
  await writeFileAtomic(path, ggufFile({ ...model, weight }, options));
}
