/** File layer. A model on disk is a Hugging Face model directory, so that every other tool can load it. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Tensor, Tensors } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterShapes } from "../model/parameters.ts";
import type { JsonObject } from "../tokenizer/format.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Contents, currentDirectory, withRangedReader, writeDirectoryAtomic } from "./files.ts";
import { modelConfigJson, parseModelConfig } from "./model-config.ts";
import { formatShape, readSafetensors, type SafetensorsHeader, safetensorsChunks } from "./safetensors.ts";

const generationConfigSchema = z.looseObject({
  eos_token_id: z.union([z.int().nonnegative(), z.array(z.int().nonnegative()), z.null()]).optional(),
});

/** The contents of generation_config.json; only the end tokens are read here. */
export type GenerationConfig = z.infer<typeof generationConfigSchema>;

export interface Model {
  /** Fields of config.json that this package does not know are kept in it. */
  readonly config: ModelConfig;
  readonly weights: Tensors;
  readonly tokenizer: Tokenizer;
  readonly generationConfig: GenerationConfig;
}

export interface ReadModel extends Model {
  /** Every id that ends a text: those of generation_config.json, config.json and the tokenizer. */
  readonly endTokens: readonly number[];
}

const required = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] as const;

/**
 * Reads config.json, model.safetensors (F32, F16 or BF16, as float32), tokenizer.json, tokenizer_config.json and, where
 * they exist, generation_config.json and chat_template.jinja.
 *
 * @throws AutodidactError MODEL_DIRECTORY, MODEL_CONFIG, MODEL_WEIGHTS, MODEL_TOKENIZER, TOKENIZER_INVALID,
 *   SAFETENSORS_DAMAGED, SAFETENSORS_DTYPE, FILE_JSON
 */
export async function readModelDirectory(path: string): Promise<ReadModel> {
  path = await currentDirectory(path);
  const names = await list(path);
  const missing = required.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    const hint = names.includes("model.safetensors.index.json")
      ? "; its weights are in several files, merge them into one model.safetensors first"
      : "";
    throw new AutodidactError(
      "MODEL_DIRECTORY",
      `${path}: not a model directory: ${missing.join(", ")} missing, found ${foundNames(names)}${hint}; give a directory in the layout of Hugging Face`,
    );
  }

  const config = parseModelConfig(await readJson(join(path, "config.json")), join(path, "config.json"));
  let tokenizerConfig = await readJson(join(path, "tokenizer_config.json"));
  // transformers 5 saves the chat template as a file of its own.
  if (names.includes("chat_template.jinja") && isObject(tokenizerConfig) && !("chat_template" in tokenizerConfig))
    tokenizerConfig = {
      ...tokenizerConfig,
      chat_template: await readFile(join(path, "chat_template.jinja"), "utf8"),
    };
  const tokenizer = loadTokenizer(await readJson(join(path, "tokenizer.json")), tokenizerConfig, path);
  checkVocabulary(config, tokenizer, path);
  let generationConfig = defaultGenerationConfig(config, tokenizer);
  if (names.includes("generation_config.json")) {
    const file = join(path, "generation_config.json");
    const json = await readJson(file);
    const parsed = generationConfigSchema.safeParse(json);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      throw new AutodidactError("MODEL_DIRECTORY", `${file}: ${issue.path.join(".") || "contents"}: ${issue.message}`);
    }
    // As it was read: the parsed copy has another order of fields, and would be other bytes when written again.
    generationConfig = json as GenerationConfig;
  }

  const file = join(path, "model.safetensors");
  const { tensors } = await withRangedReader(file, (reader) =>
    readSafetensors(reader, (header) => checkHeader(header, config, file)),
  );
  const endTokens = new Set([
    ...ids(generationConfig.eos_token_id),
    ...ids(config.eos_token_id),
    ...tokenizer.endTokens,
  ]);
  return {
    config,
    weights: onlyParameters(tensors, config, file),
    tokenizer,
    generationConfig,
    endTokens: [...endTokens].sort((a, b) => a - b),
  };
}

/**
 * Writes a model directory, replacing an older one; after a crash either the old or the new one is there, whole. The
 * same model gives the same bytes, and a directory written here, read and written again, is the same bytes.
 *
 * @throws AutodidactError MODEL_CONFIG, MODEL_WEIGHTS, MODEL_TOKENIZER before anything is written; those of writeDirectoryAtomic
 */
export async function writeModelDirectory(path: string, model: WritableModel): Promise<void> {
  await writeDirectoryAtomic(path, modelFiles(model, path));
}

/** `generationConfig` is made from the end tokens where it is left out. */
export type WritableModel = Omit<Model, "generationConfig"> & Partial<Pick<Model, "generationConfig">>;

/** The files of a model directory by name. `path` is for error messages. */
export function modelFiles(model: WritableModel, path: string): Map<string, Contents> {
  const { config, weights, tokenizer } = model;
  const configJson = modelConfigJson(config, join(path, "config.json"));
  checkVocabulary(config, tokenizer, path);
  const shapes = new Map([...weights].map(([name, tensor]) => [name, tensor.shape]));
  checkShapes(shapes, config, join(path, "model.safetensors"));
  return new Map<string, Contents>([
    ["config.json", jsonBytes(configJson)],
    ["generation_config.json", jsonBytes(model.generationConfig ?? defaultGenerationConfig(config, tokenizer))],
    // transformers wants to be told which framework's layout the weights have.
    ["model.safetensors", safetensorsChunks(weights, { format: "pt" })],
    ["tokenizer.json", jsonBytes(tokenizer.json)],
    ["tokenizer_config.json", jsonBytes(tokenizer.config)],
  ]);
}

function defaultGenerationConfig(config: ModelConfig, tokenizer: Tokenizer): GenerationConfig {
  const end = [...new Set([...ids(config.eos_token_id), ...tokenizer.endTokens])];
  return {
    ...(config.bos_token_id === null ? {} : { bos_token_id: config.bos_token_id }),
    ...(end.length === 0 ? {} : { eos_token_id: end.length === 1 ? end[0]! : end, pad_token_id: end[0]! }),
  };
}

function checkVocabulary(config: ModelConfig, tokenizer: Tokenizer, path: string): void {
  if (tokenizer.vocabSize > config.vocab_size)
    throw new AutodidactError(
      "MODEL_TOKENIZER",
      `${join(path, "tokenizer.json")}: expected ids below vocab_size ${config.vocab_size} of config.json, found ${tokenizer.vocabSize - 1}; this tokenizer belongs to another model`,
    );
}

/** What files may hold beside the parameters: the output matrix of a tied model, and what old Llama files carry. */
function isRedundant(name: string, config: ModelConfig): boolean {
  return (name === "lm_head.weight" && config.tie_word_embeddings) || name.endsWith(".rotary_emb.inv_freq");
}

function checkHeader(header: SafetensorsHeader, config: ModelConfig, file: string): void {
  const found = new Map(header.entries.map((entry) => [entry.name, entry.shape]));
  for (const name of found.keys()) if (isRedundant(name, config)) found.delete(name);
  checkShapes(found, config, file);
}

/** @throws AutodidactError MODEL_WEIGHTS naming file, tensor, expected and found shape */
export function checkShapes(found: ReadonlyMap<string, readonly number[]>, config: ModelConfig, file: string): void {
  const fail = (message: string): never => {
    throw new AutodidactError(
      "MODEL_WEIGHTS",
      `${file}: ${message}; weights and config.json belong to different models`,
    );
  };
  // Before a list of what is expected is made: a hostile config.json could ask for more layers than memory holds.
  if (config.num_hidden_layers > found.size)
    fail(`expected ${config.num_hidden_layers} layers as config.json says, found ${found.size} tensors`);
  const expected = parameterShapes(config);
  for (const [name, shape] of expected) {
    const other = found.get(name);
    if (other === undefined) {
      const missing = [...expected.keys()].filter((key) => !found.has(key));
      fail(`tensor ${name}: expected shape ${formatShape(shape)}, found none (${missing.length} tensors missing)`);
    } else if (shape.length !== other.length || shape.some((size, axis) => size !== other[axis]))
      fail(`tensor ${name}: expected shape ${formatShape(shape)}, found ${formatShape(other)}`);
  }
  for (const [name, shape] of found)
    if (!expected.has(name))
      fail(`tensor ${name.slice(0, 120)}: expected no tensor of this name, found one of shape ${formatShape(shape)}`);
}

function onlyParameters(tensors: ReadonlyMap<string, Tensor>, config: ModelConfig, file: string): Tensors {
  const head = config.tie_word_embeddings ? tensors.get("lm_head.weight") : undefined;
  const embedding = tensors.get("model.embed_tokens.weight")!;
  if (head !== undefined) {
    const same =
      head.data.length === embedding.data.length && head.data.every((value, i) => value === embedding.data[i]);
    if (!same)
      throw new AutodidactError(
        "MODEL_WEIGHTS",
        `${file}: tensor lm_head.weight: expected the values of model.embed_tokens.weight, since config.json says tie_word_embeddings, found others; set tie_word_embeddings to false`,
      );
  }
  return new Map([...tensors].filter(([name]) => !isRedundant(name, config)));
}

async function list(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const what =
      code === "ENOENT"
        ? "does not exist"
        : code === "ENOTDIR"
          ? "is a file"
          : (cause as NodeJS.ErrnoException).message;
    throw new AutodidactError(
      "MODEL_DIRECTORY",
      `${path}: not a model directory: it ${what}; give a directory that holds ${required.join(", ")}`,
      { cause },
    );
  }
}

/** @throws AutodidactError FILE_JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8");
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AutodidactError(
      "FILE_JSON",
      `${path}: expected JSON, found ${JSON.stringify(text.slice(0, 40))} (${text.length} characters); the file is damaged or cut short, restore it`,
      { cause },
    );
  }
}

/** JSON as it lies on disk: two spaces, a line break at the end. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

function ids(value: number | readonly number[] | null | undefined): readonly number[] {
  return value === null || value === undefined ? [] : typeof value === "number" ? [value] : value;
}

function foundNames(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
