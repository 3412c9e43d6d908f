/** File layer. An adapter on disk is a directory in PEFT's layout, with what PEFT does not keep in autodidact.json. */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Tensors } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import type { ModelConfig } from "../model/config.ts";
import { adapterShapes, type LoraConfig } from "../model/lora.ts";
import { type AdapterBase, adapterConfigJson, parseAdapterConfig } from "./adapter-config.ts";
import { type Contents, currentDirectory, readJson, withRangedReader } from "./files.ts";
import { jsonBytes } from "./model-directory.ts";
import {
  formatShape,
  readSafetensors,
  readSafetensorsHeader,
  safetensorsFile,
  type WritableTensors,
} from "./safetensors.ts";
import { torchLayout } from "./safetensors-header.ts";
import { indexName } from "./weight-files.ts";

export interface Adapter {
  readonly lora: LoraConfig;
  readonly base: AdapterBase;
  /** A and B of each adapted layer, under PEFT's names. */
  readonly tensors: Tensors;
}

/** Its tensors may still be in an engine. */
export interface WritableAdapter extends Omit<Adapter, "tensors"> {
  readonly tensors: WritableTensors;
}

/** An adapter before its tensors are read. */
export interface AdapterHeader extends Omit<Adapter, "tensors"> {
  readonly path: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

const configName = "adapter_config.json";
const weightsName = "adapter_model.safetensors";
const ownName = "autodidact.json";
const ownSchema = z.looseObject({ base: z.looseObject({ weights: z.record(z.string(), z.string()).nullish() }) });

/** The files of an adapter directory by name; the same adapter gives the same bytes. */
export function adapterFiles({ lora, base, tensors }: WritableAdapter): Map<string, Contents> {
  return new Map<string, Contents>([
    [configName, jsonBytes(adapterConfigJson(lora, base))],
    [weightsName, safetensorsFile(tensors, torchLayout)],
    [ownName, jsonBytes({ base: { name: base.name, revision: base.revision, weights: base.weights } })],
  ]);
}

/** Whether a directory holds an adapter; one with a whole model beside it is the model. */
export async function isAdapterDirectory(path: string): Promise<boolean> {
  const names = await readdir(await currentDirectory(path)).catch(() => [] as string[]);
  const model = ["model.safetensors", indexName];
  return names.includes(configName) && !model.some((name) => names.includes(name));
}

/**
 * Everything of an adapter but its tensors.
 *
 * @throws AutodidactError ADAPTER_CONFIG, ADAPTER_WEIGHTS, SAFETENSORS_DAMAGED, SAFETENSORS_DTYPE, FILE_JSON
 */
export async function readAdapterHeader(directory: string): Promise<AdapterHeader> {
  const path = await currentDirectory(directory);
  const json = await readJson(join(path, configName));
  const file = join(path, weightsName);
  await mustBeThere(file);
  const { entries } = await withRangedReader(file, readSafetensorsHeader);
  const shapes = new Map(entries.map(({ name, shape }) => [name, shape]));
  const targets = [...shapes.keys()].map((name) => /([^.]+)\.lora_[AB]\.weight$/.exec(name)?.[1] ?? name);
  const { lora, base } = parseAdapterConfig(json, [...new Set(targets)], join(path, configName));
  const stranger = [...shapes.keys()].find((name) => !/\.lora_[AB]\.weight$/.test(name));
  if (stranger !== undefined)
    throw new AutodidactError(
      "ADAPTER_CONFIG",
      `${file}: has a tensor ${stranger.slice(0, 120)} beside the adapter's products (an embedding or a bias that was trained too, for instance), which is not supported; merge the adapter with PEFT`,
    );
  checkRank(shapes, lora.rank, join(path, configName));
  return { path, shapes, lora, base: { ...base, weights: await recordedHashes(join(path, ownName)) } };
}

/** Before the adapter is laid upon a model: a rank of its own that does not fit says nothing of the model. */
function checkRank(shapes: AdapterHeader["shapes"], rank: number, file: string): void {
  for (const [name, shape] of shapes) {
    const found = name.endsWith(".lora_A.weight") ? shape[0] : name.endsWith(".lora_B.weight") ? shape[1] : rank;
    if (found !== rank)
      throw new AutodidactError(
        "ADAPTER_CONFIG",
        `${file}: r: is ${rank}, and tensor ${name.slice(0, 120)} of shape ${formatShape(shape)} has rank ${found}; put the two files of one adapter together`,
      );
  }
}

export async function readAdapterTensors({ path }: AdapterHeader): Promise<Tensors> {
  const { tensors } = await withRangedReader(join(path, weightsName), (reader) => readSafetensors(reader));
  return tensors;
}

/**
 * @param where names the adapter's file in messages, `model` the model below it
 * @throws AutodidactError ADAPTER_BASE naming tensor, expected and found shape: the adapter belongs to another model
 */
export function checkAdapterShapes(
  found: ReadonlyMap<string, readonly number[]>,
  config: ModelConfig,
  lora: LoraConfig,
  where: string,
  model: string,
): void {
  const fail = (message: string): never => {
    throw new AutodidactError(
      "ADAPTER_BASE",
      `${where}: ${message}; the adapter belongs to another model than ${model}, name the one it was trained on`,
    );
  };
  // Before a list of what is expected is made, as for model weights.
  if (config.num_hidden_layers > found.size)
    fail(`has ${found.size} tensors, fewer than the ${config.num_hidden_layers} layers of the model`);
  const expected = adapterShapes(config, lora);
  for (const [name, shape] of expected) {
    const other = found.get(name);
    if (other === undefined) fail(`tensor ${name}: expected shape ${formatShape(shape)}, found none`);
    else if (shape.length !== other.length || shape.some((size, axis) => size !== other[axis]))
      fail(`tensor ${name}: expected shape ${formatShape(shape)}, found ${formatShape(other)}`);
  }
  for (const [name, shape] of found)
    if (!expected.has(name))
      fail(`tensor ${name.slice(0, 120)}: the model has no such layer, found one of shape ${formatShape(shape)}`);
}

async function recordedHashes(file: string): Promise<AdapterBase["weights"]> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return null;
  const json = await readJson(file);
  const parsed = ownSchema.safeParse(json);
  if (!parsed.success)
    throw new AutodidactError(
      "ADAPTER_CONFIG",
      `${file}: ${firstIssue(parsed.error, json)}; restore the file, or remove it to do without the check of the base`,
    );
  return parsed.data.base.weights ?? null;
}

async function mustBeThere(file: string): Promise<void> {
  await stat(file).catch((cause: unknown) => {
    throw new AutodidactError(
      "ADAPTER_WEIGHTS",
      `${file}: is not there; an adapter has ${configName} and ${weightsName} (an adapter_model.bin is not read: save it with PEFT's safe_serialization)`,
      { cause },
    );
  });
}
