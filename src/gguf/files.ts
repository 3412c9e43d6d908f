/** File layer of GGUF. */

import { withRangedReader } from "../checkpoint/files.ts";
import type { HeldModel, ReadModel, ReadModelOptions } from "../checkpoint/model-directory.ts";
import type { HeldDtype } from "../engine/engine.ts";
import { readGgufModel } from "./read-model.ts";

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
