import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type AdapterHeader,
  checkAdapterShapes,
  readAdapterHeader,
  readAdapterTensors,
} from "../checkpoint/adapter-directory.ts";
import { readJson } from "../checkpoint/files.ts";
import { parseModelConfig } from "../checkpoint/model-config.ts";
import type { ReadModel } from "../checkpoint/model-directory.ts";
import { mergedWeights } from "../model/lora.ts";
import { checkBase } from "./base-identity.ts";

/** How the model below an adapter is found and read. */
export interface BaseReader {
  /** Where the model of this name lies. */
  locate(spec: string): Promise<{ readonly path: string }>;
  read(path: string): Promise<ReadModel>;
}

/**
 * An adapter directory as one model: the base's weights with the adapter's products added, W + s B A.
 *
 * @param base in place of the one that the adapter names
 * @throws AutodidactError ADAPTER_CONFIG, ADAPTER_WEIGHTS, ADAPTER_BASE before any weights are read, and those of the reader
 */
export async function openAdapter(directory: string, reader: BaseReader, base?: string): Promise<ReadModel> {
  const { header, path } = await locateBase(directory, reader.locate, base);
  const model = await reader.read(path);
  // A GGUF file says what it holds only when it is read.
  checkAdapterShapes(header.shapes, model.config, header.lora, header.path, path);
  const weights = mergedWeights(model.config, model.weights, await readAdapterTensors(header), header.lora);
  return { ...model, weights };
}

/** An adapter's header, and the place of the model below it, which is the one it was trained on. */
export async function locateBase(
  directory: string,
  locate: BaseReader["locate"],
  base?: string,
): Promise<{ readonly header: AdapterHeader; readonly path: string }> {
  const header = await readAdapterHeader(directory);
  const { path } = await locate(base ?? baseSpec(header));
  await checkFits(header, path);
  return { header, path };
}

const baseSpec = ({ base: { name, revision } }: AdapterHeader): string =>
  revision === null ? name : `${name}@${revision}`;

async function checkFits(header: AdapterHeader, path: string): Promise<void> {
  if ((await stat(path)).isDirectory()) {
    const file = join(path, "config.json");
    checkAdapterShapes(header.shapes, parseModelConfig(await readJson(file), file), header.lora, header.path, path);
  }
  await checkBase(header.base.weights, path, header.path);
}
