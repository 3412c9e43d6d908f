import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { currentDirectory, readJson, withRangedReader } from "../checkpoint/files.ts";
import { readSafetensorsHeader } from "../checkpoint/safetensors.ts";
import { AutodidactError } from "../errors.ts";
import { readGgufHeader } from "../gguf/header.ts";
import { shardNames } from "../hub/model-files.ts";
import type { UploadFile } from "../hub/upload.ts";

/** What an upload would send. */
export interface PushPlan {
  readonly kind: "model" | "adapter" | "GGUF" | "ONNX model";
  readonly files: readonly UploadFile[];
  /** Names in the directory that are no part of a model and stay here. */
  readonly leftOut: readonly string[];
  readonly bytes: number;
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
 * Looks through a model directory, an adapter directory, a directory of GGUF files, or one GGUF file.
 *
 * @throws AutodidactError PUSH_NOTHING where there is no such model; MODEL_WEIGHTS, SAFETENSORS_DAMAGED, GGUF_DAMAGED, FILE_JSON where it is
 *   damaged
 */
export async function planPush(place: string): Promise<PushPlan> {
  const root = await currentDirectory(place);
  const refuse = (message: string): AutodidactError => new AutodidactError("PUSH_NOTHING", `${place}: ${message}`);
  const info = await stat(root).catch(() => null);
  if (info === null) throw refuse("is not there; name a model directory, an adapter directory or a .gguf file");
  const names = info.isFile() ? [] : await namesIn(root);
  const all = info.isFile()
    ? [{ name: basename(root), path: root, size: info.size }]
    : await Promise.all(
        names.map(async (name) => ({ name, path: join(root, name), size: (await stat(join(root, name))).size })),
      );
  const isPart = ({ name }: UploadFile): boolean => parts.some((part) => part.test(name));
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
  return { kind, files, leftOut, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/** Finds what is damaged before the first byte is sent. */
async function check(root: string, files: readonly UploadFile[]): Promise<void> {
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
