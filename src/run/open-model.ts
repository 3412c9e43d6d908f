import { stat } from "node:fs/promises";
import { isAdapterDirectory } from "../checkpoint/adapter-directory.ts";
import {
  type HeldModel,
  type ReadModel,
  type ReadModelOptions,
  readModelDirectory,
} from "../checkpoint/model-directory.ts";
import type { HeldDtype, HeldTensor, Tensor } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { hold } from "../model/held.ts";
import { parameterShapes } from "../model/parameters.ts";
import { type LocateOptions, locateModel } from "./locate-model.ts";
import { openAdapter } from "./open-adapter.ts";
import type { OpenedModel } from "./open-weights.ts";

export interface OpenOptions extends LocateOptions, ReadModelOptions {
  /** The model below an adapter, in place of the one that the adapter names. */
  readonly base?: string | undefined;
}

/**
 * A model by what a user calls it: a directory in Hugging Face's layout, an adapter's directory (read with its base, as one
 * model), a GGUF file, or an id on the hub (OWNER/NAME, OWNER/NAME@REVISION, OWNER/NAME:FILE.gguf), which is downloaded
 * where the cache hasn't it. What exists on this machine goes first.
 *
 * @throws AutodidactError those of locateModel, readModelDirectory and readGguf
 */
export function openModel(spec: string, options?: OpenOptions & { readonly hold?: undefined }): Promise<ReadModel>;
export function openModel(spec: string, options: OpenOptions & { readonly hold: HeldDtype }): Promise<HeldModel>;
export function openModel(spec: string, options?: OpenOptions): Promise<ReadModel | HeldModel>;
export async function openModel(spec: string, options: OpenOptions = {}): Promise<ReadModel | HeldModel> {
  const { path } = await locateModel(spec, options);
  const { base } = options;
  if (await isAdapterDirectory(path)) {
    const { model } = await openAdapter(path, (name) => locateModel(name, options), base);
    const { weight: _, ...frame } = model;
    options.check?.(frame);
    return readWeights(model, options.hold);
  }
  if (base !== undefined)
    throw new AutodidactError(
      "ADAPTER_CONFIG",
      `${path}: is no adapter (there is no adapter_config.json), and a base was named; leave the base out`,
    );
  if ((await stat(path)).isDirectory()) return readModelDirectory(path, options);
  const { readGguf } = await import("../gguf/files.ts");
  return readGguf(path, options);
}

/** A tensor at a time: with `hold` no more than one of them is ever float32. */
async function readWeights({ weight, ...model }: OpenedModel, dtype?: HeldDtype): Promise<ReadModel | HeldModel> {
  const weights = new Map<string, Tensor>();
  const held = new Map<string, HeldTensor>();
  for (const [name, shape] of parameterShapes(model.config)) {
    const tensor = { shape, data: await weight(name) };
    if (dtype === undefined) weights.set(name, tensor);
    else held.set(name, hold(tensor, dtype));
  }
  return dtype === undefined ? { ...model, weights } : { ...model, held };
}
