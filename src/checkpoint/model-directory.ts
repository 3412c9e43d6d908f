/** File layer. A model on disk is a Hugging Face model directory, so that every other tool can load it. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { HeldDtype, HeldTensors, Tensors } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterShapes } from "../model/parameters.ts";
import type { JsonObject } from "../tokenizer/format.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Contents, currentDirectory, readJson, writeDirectoryAtomic } from "./files.ts";
import { modelConfigJson, parseModelConfig } from "./model-config.ts";
import { formatShape, safetensorsFile, type WritableTensors } from "./safetensors.ts";
import { torchLayout } from "./safetensors-header.ts";
import { equalTensors, findTensors, indexName, readTensors, type TensorPlace } from "./weight-files.ts";

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

/** A model whose weights are frozen and held in fewer bytes: it is read so without ever being float32 as a whole. */
export interface HeldModel extends Omit<ReadModel, "weights"> {
  readonly held: HeldTensors;
}

/** A model directory that has been checked, with the place of each parameter. */
export interface ModelOnDisk extends Omit<ReadModel, "weights"> {
  readonly places: ReadonlyMap<string, TensorPlace>;
}

export interface ReadModelOptions {
  /** Gives the weights as `held`, in this type, instead of `weights`. */
  readonly hold?: HeldDtype | undefined;
  /** Looks at the model before a weight is read, and may refuse it. */
  readonly check?: ((model: Omit<ReadModel, "weights">) => void) | undefined;
}

const required = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] as const;

/**
 * Reads config.json, the weights (model.safetensors, or the files that model.safetensors.index.json lists; F32, F16 or
 * BF16), tokenizer.json, tokenizer_config.json and, where they exist, generation_config.json and chat_template.jinja.
 * All of it is checked before the first tensor is read, and the weights are read piece by piece.
 *
 * @throws AutodidactError MODEL_DIRECTORY, MODEL_CONFIG, MODEL_WEIGHTS, MODEL_TOKENIZER, TOKENIZER_INVALID,
 *   SAFETENSORS_DAMAGED, SAFETENSORS_DTYPE, FILE_JSON
 */
export function readModelDirectory(path: string, options?: { readonly hold?: undefined }): Promise<ReadModel>;
export function readModelDirectory(path: string, options: { readonly hold: HeldDtype }): Promise<HeldModel>;
export function readModelDirectory(path: string, options?: ReadModelOptions): Promise<ReadModel | HeldModel>;
export async function readModelDirectory(
  path: string,
  { hold, check }: ReadModelOptions = {},
): Promise<ReadModel | HeldModel> {
  const { places, ...model } = await openModelDirectory(path);
  check?.(model);
  const held = await readTensors(places.values(), hold ?? "float32");
  if (hold !== undefined) return { ...model, held };
  const weights = new Map([...held].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]));
  return { ...model, weights };
}

/** As readModelDirectory, but the weights stay where they are: `readTensors` reads those that are asked for. */
export async function openModelDirectory(path: string): Promise<ModelOnDisk> {
  path = await currentDirectory(path);
  const names = await list(path);
  const frame = await readModelFrame(path, names, required);
  return { ...frame, places: await checkedPlaces(path, names, frame.config) };
}

/** As readModelDirectory, of a directory whose weights need not be there. */
export async function openModelFrame(path: string): Promise<Omit<ReadModel, "weights">> {
  return readModelFrame(
    path,
    await list(path),
    required.filter((name) => name !== "model.safetensors"),
  );
}

async function readModelFrame(
  path: string,
  names: readonly string[],
  needed: readonly string[],
): Promise<Omit<ReadModel, "weights">> {
  const missing = needed.filter(
    (name) => !names.includes(name) && !(name === "model.safetensors" && names.includes(indexName)),
  );
  if (missing.length > 0)
    throw new AutodidactError(
      "MODEL_DIRECTORY",
      `${path}: not a model directory: ${missing.join(", ")} missing, found ${foundNames(names)}; give a directory in the layout of Hugging Face`,
    );

  const config = parseModelConfig(await readJson(join(path, "config.json")), join(path, "config.json"));
  const tokenizer = await readTokenizer(path, names);
  let generationConfig = defaultGenerationConfig(config, tokenizer);
  if (names.includes("generation_config.json")) {
    const file = join(path, "generation_config.json");
    const json = await readJson(file);
    const parsed = generationConfigSchema.safeParse(json);
    if (!parsed.success)
      throw new AutodidactError(
        "MODEL_DIRECTORY",
        `${file}: ${firstIssue(parsed.error, json)}; restore the file, or remove it to do without`,
      );
    // As it was read: the parsed copy has another order of fields, and would be other bytes when written again.
    generationConfig = json as GenerationConfig;
  }
  checkVocabulary({ config, tokenizer, generationConfig }, path);

  const endTokens = new Set([
    ...ids(generationConfig.eos_token_id),
    ...ids(config.eos_token_id),
    ...tokenizer.endTokens,
  ]);
  return { config, tokenizer, generationConfig, endTokens: [...endTokens].sort((a, b) => a - b) };
}

/** The tokenizer in a directory that holds these files, tokenizer.json and tokenizer_config.json among them. */
export async function readTokenizer(path: string, names: readonly string[]): Promise<Tokenizer> {
  let config = await readJson(join(path, "tokenizer_config.json"));
  // transformers 5 saves the chat template as a file of its own, which goes before one in tokenizer_config.json.
  if (names.includes("chat_template.jinja") && isObject(config))
    config = { ...config, chat_template: await readFile(join(path, "chat_template.jinja"), "utf8") };
  return loadTokenizer(await readJson(join(path, "tokenizer.json")), config, path);
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

/** `generationConfig` is made from the end tokens where it is left out; the weights may still be in an engine. */
export interface WritableModel extends Pick<Model, "config" | "tokenizer">, Partial<Pick<Model, "generationConfig">> {
  readonly weights: WritableTensors;
}

/** The files of a model directory by name. `path` is for error messages. */
export function modelFiles(model: WritableModel, path: string): Map<string, Contents> {
  const { config, weights, tokenizer } = model;
  const configJson = modelConfigJson(config, join(path, "config.json"));
  checkVocabulary(model, path);
  const shapes = new Map([...weights].map(([name, tensor]) => [name, tensor.shape]));
  checkShapes(shapes, config, join(path, "model.safetensors"));
  return new Map<string, Contents>([
    ["config.json", jsonBytes(configJson)],
    ["generation_config.json", jsonBytes(model.generationConfig ?? defaultGenerationConfig(config, tokenizer))],
    ["model.safetensors", safetensorsFile(weights, torchLayout)],
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

function checkVocabulary(
  { config, tokenizer, generationConfig }: Pick<WritableModel, "config" | "tokenizer" | "generationConfig">,
  path: string,
): void {
  const fail = (message: string): never => {
    throw new AutodidactError("MODEL_TOKENIZER", `${join(path, "tokenizer.json")}: expected ${message}`);
  };
  const found = tokenizer.vocabSize - 1;
  if (found >= config.vocab_size)
    fail(
      `ids below vocab_size ${config.vocab_size} of config.json, found ${found}; this tokenizer belongs to another model`,
    );
  // An embedding may be longer than the vocabulary, so that a tokenizer that is too small shows only here.
  const named = { "config.json": config, "generation_config.json": generationConfig };
  for (const [file, fields] of Object.entries(named)) {
    const end = Math.max(...ids(fields?.eos_token_id), -1);
    if (end > found)
      fail(
        `a token with the id ${end}, which ${file} names as eos_token_id, found ids up to ${found}; this tokenizer belongs to another model, or ${file} has a wrong id`,
      );
  }
}

/** What files may hold beside the parameters: the output matrix of a tied model, and what old Llama files carry. */
function isRedundant(name: string, config: ModelConfig): boolean {
  return (name === "lm_head.weight" && config.tie_word_embeddings) || name.endsWith(".rotary_emb.inv_freq");
}

/** Where each parameter lies, and nothing else. */
async function checkedPlaces(
  path: string,
  names: readonly string[],
  config: ModelConfig,
): Promise<Map<string, TensorPlace>> {
  const places = await findTensors(path, names);
  const head = places.get("lm_head.weight");
  for (const name of places.keys()) if (isRedundant(name, config)) places.delete(name);
  const whole = join(path, names.includes("model.safetensors") ? "model.safetensors" : indexName);
  const shapes = new Map([...places].map(([name, { entry }]) => [name, entry.shape]));
  checkShapes(shapes, config, (tensor) => places.get(tensor)?.file ?? whole);
  const embedding = places.get("model.embed_tokens.weight")!;
  if (config.tie_word_embeddings && head !== undefined && !(await equalTensors(head, embedding)))
    throw new AutodidactError(
      "MODEL_WEIGHTS",
      `${head.file}: tensor lm_head.weight: expected the values of model.embed_tokens.weight, since config.json says tie_word_embeddings, found others; set tie_word_embeddings to false`,
    );
  return places;
}

/**
 * @param file names the file that holds a tensor, or the one that should
 * @throws AutodidactError MODEL_WEIGHTS naming file, tensor, expected and found shape
 */
export function checkShapes(
  found: ReadonlyMap<string, readonly number[]>,
  config: ModelConfig,
  file: string | ((tensor: string) => string),
): void {
  const fail = (message: string, tensor = ""): never => {
    throw new AutodidactError(
      "MODEL_WEIGHTS",
      `${typeof file === "string" ? file : file(tensor)}: ${message}; weights and config.json belong to different models`,
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
      fail(
        `tensor ${name}: expected shape ${formatShape(shape)}, found none (${missing.length} tensors missing)`,
        name,
      );
    } else if (shape.length !== other.length || shape.some((size, axis) => size !== other[axis]))
      fail(`tensor ${name}: expected shape ${formatShape(shape)}, found ${formatShape(other)}`, name);
  }
  for (const [name, shape] of found)
    if (!expected.has(name))
      fail(
        `tensor ${name.slice(0, 120)}: expected no tensor of this name, found one of shape ${formatShape(shape)}`,
        name,
      );
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
