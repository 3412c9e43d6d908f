import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { readAdapterHeader } from "../checkpoint/adapter-directory.ts";
import { currentDirectory, readJson, withRangedReader } from "../checkpoint/files.ts";
import { parseModelConfig } from "../checkpoint/model-config.ts";
import { openModelDirectory } from "../checkpoint/model-directory.ts";
import { readSafetensorsHeader } from "../checkpoint/safetensors.ts";
import { AutodidactError } from "../errors.ts";
import { readGgufHeader } from "../gguf/header.ts";
import { shardNames } from "../hub/model-files.ts";
import { looksLikePath, parseModelId } from "../hub/model-id.ts";
import type { UploadFile } from "../hub/upload.ts";
import { cardSources, runAround } from "./card-sources.ts";
import { version } from "./environment.ts";
import { exportCard } from "./export-card.ts";
import { trainedBy } from "./locate-model.ts";

/** What an upload would send. */
export interface PushPlan {
  readonly kind: "model" | "adapter" | "GGUF" | "ONNX model";
  readonly files: readonly UploadFile[];
  /** Names in the directory that are no part of a model and stay here. */
  readonly leftOut: readonly string[];
  readonly bytes: number;
}

export interface PushOptions {
  /** The repository, by which the card calls the model. @default the name of the directory */
  readonly to?: string | undefined;
  /** Id on the hub of the model below an adapter, in place of what the adapter calls it. */
  readonly base?: string | undefined;
}

/** What belongs to a published model. A list of what may go, not of what may not: nothing private is sent by accident. */
const parts = [
  /^[\w.-]+\.safetensors(\.index\.json)?$/,
  /^(config|generation_config|adapter_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|pretraining|preprocessor_config)\.json$/,
  /^(chat_template\.jinja|merges\.txt|tokenizer\.model|README\.md|LICENSE(\.(md|txt))?|NOTICE(\.(md|txt))?|\.gitattributes)$/,
  /^[\w.-]+\.gguf$/i,
  /^onnx\/[\w.-]+\.onnx(\.data|_data(_\d+)?)?$/,
];
const mostFiles = 1000;

/**
 * Looks through a model directory, an adapter directory, a run directory, a directory of GGUF files, or one GGUF file with
 * its card beside it. What a run has trained gets a card made from the run, where it has none.
 *
 * @throws AutodidactError PUSH_NOTHING where there is no such model; PUSH_BASE where an adapter names a base that lies on
 *   this machine only; RUN_UNFINISHED; those of openModelDirectory, GGUF_DAMAGED, FILE_JSON where it is damaged
 */
export async function planPush(place: string, { to, base }: PushOptions = {}): Promise<PushPlan> {
  const root = await trainedBy(await currentDirectory(place));
  const refuse = (message: string): AutodidactError => new AutodidactError("PUSH_NOTHING", `${place}: ${message}`);
  const info = await stat(root).catch(() => null);
  if (info === null) throw refuse("is not there; name a model directory, an adapter directory or a .gguf file");
  const names = info.isFile() ? [] : await namesIn(root);
  const onDisk = async (name: string, path: string) => ({ name, path, size: (await stat(path)).size });
  const all = info.isFile()
    ? [
        await onDisk(basename(root), root),
        ...(existsSync(`${root}.md`) ? [await onDisk("README.md", `${root}.md`)] : []),
      ]
    : await Promise.all(names.map((name) => onDisk(name, join(root, name))));
  const isPart = ({ name }: { readonly name: string }): boolean => parts.some((part) => part.test(name));
  const files = all.filter(isPart).sort((a, b) => (a.name < b.name ? -1 : 1));
  const leftOut = all.filter((file) => !isPart(file)).map(({ name }) => name);
  const has = (pattern: RegExp): boolean => files.some(({ name }) => pattern.test(name));
  const kind = has(/^adapter_config\.json$/)
    ? has(/^adapter_model\.safetensors$/) && "adapter"
    : has(/\.gguf$/i) && !has(/\.safetensors$/)
      ? "GGUF"
      : has(/^config\.json$/) && (has(/\.safetensors$/) ? "model" : has(/\.onnx$/) && "ONNX model");
  if (!kind) {
    const inside = leftOut.some((name) => /^model\/config\.json$/.test(name))
      ? `; it holds model/, push ${join(place, "model")}`
      : "; a model has config.json and .safetensors files, an adapter adapter_config.json and adapter_model.safetensors";
    throw refuse(`is no model, adapter or GGUF file${inside}`);
  }
  if (kind === "model" && !has(/^tokenizer\.json$/))
    throw refuse("has no tokenizer.json; without it nobody can use the model");
  await check(root, files);
  // As it is read, so that nobody downloads a tokenizer or a config.json of another model.
  if (kind === "model") await openModelDirectory(root);
  if (base !== undefined && kind !== "adapter")
    throw new AutodidactError("PUSH_BASE", `${place}: is no adapter, and a base was named; leave --base out`);
  const made = [
    ...(kind === "adapter" ? await adapterConfig(join(root, "adapter_config.json"), base) : []),
    ...(has(/^README\.md$/) ? [] : await runCard(root, kind, { to, base })),
  ];
  const sent = [...files.filter(({ name }) => made.every((one) => one.name !== name)), ...made];
  return { kind, files: sent, leftOut, bytes: sent.reduce((sum, { size }) => sum + size, 0) };
}

const textFile = (name: string, text: string): UploadFile => ({ name, text, size: Buffer.byteLength(text) });

/** An adapter's own configuration, written again where its base is called otherwise. */
async function adapterConfig(path: string, base: string | undefined): Promise<UploadFile[]> {
  const config = (await readJson(path)) as Readonly<Record<string, unknown>>;
  if (base !== undefined) {
    const { id, revision } = parseModelId(base);
    const named = { base_model_name_or_path: id, revision: revision === "main" ? null : revision };
    return [textFile("adapter_config.json", `${JSON.stringify({ ...config, ...named }, null, 2)}\n`)];
  }
  const named = config.base_model_name_or_path;
  if (typeof named === "string" && (looksLikePath(named) || existsSync(resolve(named))))
    throw new AutodidactError(
      "PUSH_BASE",
      `${path}: base_model_name_or_path: is ${JSON.stringify(named)}, a place on this machine that nobody else has; give the id of this base on the hub with --base OWNER/NAME, or push the merged model (autodidact merge)`,
    );
  return [];
}

/** The card of what a run has trained; none of what came from elsewhere. */
async function runCard(root: string, kind: PushPlan["kind"], { to, base }: PushOptions): Promise<UploadFile[]> {
  if ((kind !== "model" && kind !== "adapter") || (await runAround(root)) === null) return [];
  const header = kind === "adapter" ? await readAdapterHeader(root) : null;
  const file = join(root, "config.json");
  const named = base === undefined ? header?.base.name : parseModelId(base).id;
  const card = exportCard({
    ...(await cardSources({ path: root, hub: null }, named, process.cwd())),
    name: to ?? basename(root),
    config: header === null ? parseModelConfig(await readJson(file), file) : null,
    to: header === null ? "hf" : "adapter",
    type: "float32",
    adapter: header?.lora ?? null,
    version,
  });
  return [textFile("README.md", card)];
}

/** Finds what is damaged before the first byte is sent. */
async function check(root: string, files: readonly { readonly name: string; readonly path: string }[]): Promise<void> {
  for (const { name, path } of files) {
    if (/\.safetensors$/.test(name)) await withRangedReader(path, readSafetensorsHeader);
    else if (/\.gguf$/i.test(name)) await withRangedReader(path, readGgufHeader);
    else if (/\.safetensors\.index\.json$/.test(name)) {
      const missing = (shardNames(await readFile(path, "utf8")) ?? [`the files of ${name}, which is no index`]).filter(
        (shard) => !files.some((file) => file.name === shard),
      );
      if (missing.length > 0) {
        throw new AutodidactError(
          "MODEL_WEIGHTS",
          `${join(root, name)}: names ${missing.slice(0, 5).join(", ")}, which the directory hasn't; write the model again`,
        );
      }
    } else if (/\.json$/.test(name)) await readJson(path);
  }
}

/** Files of a directory and one level below, with "/" between. */
async function namesIn(root: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(root)) {
    const info = await stat(join(root, name)).catch(() => null);
    if (info?.isFile()) names.push(name);
    else if (info?.isDirectory()) {
      for (const below of await readdir(join(root, name)))
        if ((await stat(join(root, name, below)).catch(() => null))?.isFile()) names.push(`${name}/${below}`);
    }
    if (names.length > mostFiles)
      throw new AutodidactError("PUSH_NOTHING", `${root}: has more than ${mostFiles} files, which no model has`);
  }
  return names;
}
