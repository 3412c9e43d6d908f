import { elementBytes, encodeFloats, type FloatDtype } from "../checkpoint/encode-floats.ts";
import { modelConfigJson } from "../checkpoint/model-config.ts";
import { safetensorsHeader, type TensorEntry, tensorBytes } from "../checkpoint/safetensors-header.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterShapes } from "../model/parameters.ts";
import { CHUNK, type ExportModel, jsonFile, type PlannedFile } from "./planned-file.ts";

/** A model directory as transformers' save_pretrained writes it, its weights in as many files as their size asks for. */

export interface HuggingFaceOptions {
  readonly dtype: FloatDtype;
  /** Bytes of weights that one file holds at most; a larger tensor has a file of its own. */
  readonly shardSize: number;
}

export function huggingFaceFiles(model: ExportModel, { dtype, shardSize }: HuggingFaceOptions): PlannedFile[] {
  const config = { ...modelConfigJson(model.config, "config.json"), torch_dtype: dtype };
  if ("dtype" in config) config.dtype = dtype;
  return [
    jsonFile("config.json", config),
    jsonFile("generation_config.json", model.generationConfig),
    ...weightFiles(model, dtype, shardSize),
    ...tokenizerFiles(model),
  ];
}

export function tokenizerFiles({ tokenizer }: ExportModel): PlannedFile[] {
  return [jsonFile("tokenizer.json", tokenizer.json), jsonFile("tokenizer_config.json", tokenizer.config)];
}

function weightFiles(model: ExportModel, dtype: FloatDtype, shardSize: number): PlannedFile[] {
  const shards = split(inOrder(model.config), dtype, shardSize);
  const number = (n: number): string => String(n).padStart(5, "0");
  const names = shards.map((_, i) =>
    shards.length === 1 ? "model.safetensors" : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`,
  );
  const files = shards.map((shard, i) => shardFile(names[i]!, shard, model, dtype));
  if (shards.length === 1) return files;
  const entries = shards.flatMap((shard, i) => shard.map((entry) => [entry.name, names[i]!] as const));
  const total = shards.flat().reduce((sum, { shape }) => sum + tensorBytes(shape, dtype), 0);
  const metadata = { total_parameters: total / elementBytes[dtype], total_size: total };
  const map = Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return [...files, jsonFile("model.safetensors.index.json", { metadata, weight_map: map })];
}

function shardFile(name: string, shard: readonly TensorEntry[], model: ExportModel, dtype: FloatDtype): PlannedFile {
  const entries = shard.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const header = safetensorsHeader(entries, dtype);
  return {
    name,
    size: entries.reduce((sum, { shape }) => sum + tensorBytes(shape, dtype), header.length),
    async *chunks() {
      yield header;
      for (const entry of entries) {
        const values = await model.weight(entry.name);
        for (let at = 0; at < values.length; at += CHUNK)
          yield encodeFloats(values.subarray(at, at + CHUNK), dtype, entry.name);
      }
    },
  };
}

/** Each file takes tensors, in the model's order, as long as the next one still fits. */
function split(entries: readonly TensorEntry[], dtype: FloatDtype, shardSize: number): TensorEntry[][] {
  const shards: TensorEntry[][] = [];
  let current: TensorEntry[] = [];
  let size = 0;
  for (const entry of entries) {
    const bytes = tensorBytes(entry.shape, dtype);
    if (bytes > shardSize) {
      shards.push([entry]);
      continue;
    }
    if (size + bytes > shardSize) {
      shards.push(current);
      current = [];
      size = 0;
    }
    current.push(entry);
    size += bytes;
  }
  if (current.length > 0) shards.push(current);
  return shards;
}

/** By name, numbers by their value: what lies in which file is then as transformers (from 5) has it. */
function inOrder(config: ModelConfig): TensorEntry[] {
  const entries = [...parameterShapes(config)].map(([name, shape]) => ({ name, shape }));
  return entries.sort((a, b) => {
    const [first, second] = [a.name.split("."), b.name.split(".")];
    const at = first.findIndex((part, i) => part !== second[i]);
    const [x, y] = [first[at] ?? "", second[at] ?? ""];
    return Number(x) - Number(y) || (x < y ? -1 : 1);
  });
}
