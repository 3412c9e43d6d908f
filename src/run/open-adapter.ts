import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { AdapterBase } from "../checkpoint/adapter-config.ts";
import {
  type AdapterHeader,
  checkAdapterShapes,
  readAdapterHeader,
  readAdapterTensors,
} from "../checkpoint/adapter-directory.ts";
import { readJson } from "../checkpoint/files.ts";
import { parseModelConfig } from "../checkpoint/model-config.ts";
import { readTokenizer } from "../checkpoint/model-directory.ts";
import { AutodidactError } from "../errors.ts";
import { addAdapter } from "../model/lora.ts";
import { baseSpec, checkBase } from "./base-identity.ts";
import { type OpenedModel, openWeights } from "./open-weights.ts";

/** Where the model of a name lies. */
type Locate = (spec: string) => Promise<{ readonly path: string }>;

/**
 * An adapter directory as one model: the base's weights with the adapter's products added, W + s B A, one at a time, so that
 * no second copy of the base is ever in memory.
 *
 * @param base in place of the one that the adapter names
 * @throws AutodidactError ADAPTER_CONFIG, ADAPTER_WEIGHTS, ADAPTER_BASE before any weights are read, and those of openWeights
 */
export async function openAdapter(
  directory: string,
  locate: Locate,
  base?: string,
): Promise<{ readonly model: OpenedModel; readonly adapter: AdapterHeader }> {
  const { header, path } = await locateBase(directory, locate, base);
  const model = await openWeights(path);
  // A GGUF file says what it holds only when it is opened.
  checkAdapterShapes(header.shapes, model.config, header.lora, header.path, path);
  const tensors = await readAdapterTensors(header);
  const weight = async (name: string): Promise<Float32Array> => {
    const values = await model.weight(name);
    addAdapter(name, values, tensors, header.lora);
    return values;
  };
  return { model: { ...(await withOwnTokenizer(model, header.path)), weight }, adapter: header };
}

/** Trainers leave a tokenizer beside an adapter, with the chat template that it was trained in: a base model often has none. */
async function withOwnTokenizer(model: OpenedModel, path: string): Promise<OpenedModel> {
  const names = await readdir(path);
  if (!["tokenizer.json", "tokenizer_config.json"].every((name) => names.includes(name))) return model;
  const tokenizer = await readTokenizer(path, names);
  if (tokenizer.vocabSize > model.config.vocab_size)
    throw new AutodidactError(
      "MODEL_TOKENIZER",
      `${join(path, "tokenizer.json")}: has ${tokenizer.vocabSize} tokens, and the model below the adapter ${model.config.vocab_size}; remove it to take that model's own`,
    );
  const endTokens = [...new Set([...model.endTokens, ...tokenizer.endTokens])].sort((a, b) => a - b);
  return { ...model, tokenizer, endTokens };
}

/** An adapter's header, and the place of the model below it, which is the one it was trained on. */
export interface LocatedBase {
  readonly header: AdapterHeader;
  readonly path: string;
  /** As checkBase gives them. */
  readonly weights: AdapterBase["weights"];
}

export async function locateBase(directory: string, locate: Locate, base?: string): Promise<LocatedBase> {
  const header = await readAdapterHeader(directory);
  const { path } = await (base === undefined ? locateNamed(header, locate) : locate(base));
  if ((await stat(path)).isDirectory()) {
    const file = join(path, "config.json");
    checkAdapterShapes(header.shapes, parseModelConfig(await readJson(file), file), header.lora, header.path, path);
  }
  return { header, path, weights: await checkBase(header.base.weights, path, header.path) };
}

/** The base that an adapter names may have moved, or never have been on this machine. */
async function locateNamed({ path, base }: AdapterHeader, locate: Locate): ReturnType<Locate> {
  const field = `${join(path, "adapter_config.json")}: base_model_name_or_path`;
  if (base.name === "")
    throw new AutodidactError("ADAPTER_CONFIG", `${field}: names no model; say with --base which one is below it`);
  try {
    return await locate(baseSpec(base));
  } catch (cause) {
    if (!(cause instanceof AutodidactError)) throw cause;
    throw new AutodidactError(
      cause.code,
      `${field}: ${cause.message}. Say where the model below this adapter is now with --base`,
      { cause },
    );
  }
}
