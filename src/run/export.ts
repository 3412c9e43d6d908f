import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import {
  type AdapterHeader,
  checkAdapterShapes,
  isAdapterDirectory,
  readAdapterTensors,
} from "../checkpoint/adapter-directory.ts";
import type { FloatDtype } from "../checkpoint/encode-floats.ts";
import { openModelDirectory } from "../checkpoint/model-directory.ts";
import { readTensors } from "../checkpoint/weight-files.ts";
import { AutodidactError } from "../errors.ts";
import { huggingFaceFiles } from "../export/huggingface.ts";
import { onnxFiles } from "../export/onnx.ts";
import type { OnnxDtype } from "../export/onnx-graph.ts";
import { type ExportModel, type PlannedFile, smallFile, textFile } from "../export/planned-file.ts";
import type { WrittenType } from "../gguf/quantise.ts";
import { ggufFile } from "../gguf/write-model.ts";
import { bytesText } from "../hub/bytes-text.ts";
import { isRepoId } from "../hub/model-id.ts";
import { addAdapter } from "../model/lora.ts";
import { version } from "./environment.ts";
import { type CardRun, exportCard, licenceLines, readCardRun } from "./export-card.ts";
import { type LocatedModel, locateModel } from "./locate-model.ts";
import { type RunObserver, unlessStopped } from "./observer.ts";
import { locateBase } from "./open-adapter.ts";
import { openModel } from "./open-model.ts";
import { checkTarget, type ExportedFile, writeExport } from "./write-export.ts";

export type ExportFormat =
  | { readonly to: "hf"; readonly dtype: FloatDtype; readonly shardSize: number }
  | { readonly to: "gguf"; readonly type: WrittenType }
  | { readonly to: "onnx"; readonly dtype: OnnxDtype }
  /** Without its base, in PEFT's layout. */
  | { readonly to: "adapter" };

export interface ExportOptions {
  /** A model by any name that openModel takes, or a run directory. An adapter is merged into its base. */
  readonly model: string;
  /** The model below an adapter, in place of the one that the adapter names. */
  readonly base?: string | undefined;
  readonly format: ExportFormat;
  /** Of the directory to write; of GGUF also of the file, where the name ends with .gguf. */
  readonly path: string;
  readonly force: boolean;
  /** Relative names of models start here. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly observer: Pick<RunObserver, "phase" | "progress" | "note">;
}

export interface Exported {
  readonly path: string;
  readonly bytes: number;
  readonly files: readonly ExportedFile[];
}

/**
 * Writes a model for other tools. What has the final name is whole: an export that is stopped, killed or fails leaves
 * nothing there.
 *
 * @throws AutodidactError EXPORT_TARGET, EXPORT_RUN, EXPORT_RANGE, those of openModel and writeExport; Stopped
 */
export async function exportModel(options: ExportOptions): Promise<Exported> {
  const { path, format, force, signal, observer, cwd } = options;
  const single = format.to === "gguf" && /\.gguf$/i.test(path);
  await checkTarget(path, force, single);
  const { spec, run } = await findSource(options.model, cwd);
  observer.phase("Reading the model", spec);
  const locate = (name: string): Promise<LocatedModel> => locateModel(name, { cwd, signal, observer });
  const located = await locate(spec);
  if (`${located.path}${sep}`.startsWith(`${resolve(path)}${sep}`))
    throw new AutodidactError("EXPORT_TARGET", `${path}: holds the model that is to be exported; name another place`);
  const { model, adapter } = await unlessStopped(signal, openForExport(located.path, locate, options.base));
  const base = await baseOf(adapter?.base.name ?? run?.recipe.model, located, cwd);
  const name = basename(path).replace(/\.gguf$/i, "");
  const card = exportCard({
    name,
    config: model.config,
    to: format.to,
    type: format.to === "gguf" ? format.type : format.to === "adapter" ? "float32" : format.dtype,
    adapter: adapter?.lora ?? null,
    base: base.id,
    licence: base.directory === null ? [] : await licenceLines(base.directory),
    run,
    version,
  });
  const licence = base.directory === null ? [] : await licenceFiles(base.directory);
  const planned = format.to === "adapter" ? await adapterParts(located.path, adapter) : plan(model, format, name);
  const files = single
    ? planned.map((file) => ({ ...file, name: basename(path) }))
    : [...planned, textFile("README.md", card), ...licence];
  observer.phase(`Writing ${path}`, bytesText(files.reduce((sum, { size }) => sum + size, 0)));
  const written = await writeExport(path, files, {
    force,
    single,
    signal,
    onProgress: (done, total, file) =>
      observer.progress(done / total, `${bytesText(done)} of ${bytesText(total)}  ${file}`),
  });
  return { path, bytes: written.reduce((sum, { bytes }) => sum + bytes, 0), files: written };
}

function plan(model: ExportModel, format: Exclude<ExportFormat, { to: "adapter" }>, name: string): PlannedFile[] {
  switch (format.to) {
    case "hf":
      return huggingFaceFiles(model, format);
    case "gguf":
      return [{ name: `${name}-${format.type}.gguf`, ...ggufFile(model, { type: format.type, name }) }];
    case "onnx":
      return onnxFiles(model, format);
    default:
      return format satisfies never;
  }
}

interface Opened {
  readonly model: ExportModel;
  /** Where the model is an adapter and the base below it. */
  readonly adapter?: AdapterHeader;
}

/** Of a directory one tensor at a time is in memory, beside an adapter; a GGUF file's weights are, once. */
async function openForExport(
  path: string,
  locate: (name: string) => Promise<LocatedModel>,
  base?: string,
): Promise<Opened> {
  if (await isAdapterDirectory(path)) return openMerged(path, locate, base);
  if (base !== undefined)
    throw new AutodidactError("EXPORT_ADAPTER", `${path}: is no adapter, and a base was named; leave --base out`);
  if (!(await isDirectory(path))) {
    const { weights, ...model } = await openModel(path);
    return { model: { ...model, weight: async (name) => weights.get(name)!.data } };
  }
  const { places, ...model } = await openModelDirectory(path);
  const weight = async (name: string): Promise<Float32Array> => {
    const tensors = await readTensors([places.get(name)!], "float32");
    return tensors.get(name)!.data as Float32Array;
  };
  return { model: { ...model, weight } };
}

async function openMerged(
  directory: string,
  locate: (name: string) => Promise<LocatedModel>,
  base?: string,
): Promise<Opened> {
  const { header, path } = await locateBase(directory, locate, base);
  const { model } = await openForExport(path, locate);
  checkAdapterShapes(header.shapes, model.config, header.lora, header.path, path);
  const tensors = await readAdapterTensors(header);
  const weight = async (name: string): Promise<Float32Array> => {
    // A copy: the base's own array may be asked for again.
    const values = Float32Array.from(await model.weight(name));
    addAdapter(name, values, tensors, header.lora);
    return values;
  };
  return { model: { ...model, weight }, adapter: header };
}

/** The adapter's own files, as they are. */
async function adapterParts(path: string, adapter: AdapterHeader | undefined): Promise<PlannedFile[]> {
  if (adapter === undefined)
    throw new AutodidactError("EXPORT_ADAPTER", `${path}: is no adapter; leave --adapter-only out to export the model`);
  const own = /^(adapter_(config\.json|model\.safetensors)|autodidact\.json)$/;
  const names = (await readdir(path)).filter((name) => own.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { size } = await stat(join(path, name));
      return { name, size, chunks: () => createReadStream(join(path, name)) };
    }),
  );
}

/** The model that a user's word for it means: of a run, what it has trained. */
async function findSource(spec: string, cwd: string): Promise<{ readonly spec: string; readonly run: CardRun | null }> {
  const path = resolve(cwd, spec);
  if (!(await isThere(join(path, "recipe.json")))) return { spec, run: await runAround(path) };
  for (const trained of [join(path, "model"), join(path, "adapter")])
    if (await isDirectory(trained)) return { spec: trained, run: await readCardRun(path) };
  throw new AutodidactError(
    "EXPORT_RUN",
    `${path}: this run has not written its model yet; finish it with --resume, or name a model directory in its folder checkpoints`,
  );
}

/** The run that a directory is the result of, RUN/model or RUN/adapter. */
async function runAround(path: string): Promise<CardRun | null> {
  const isResult = ["model", "adapter"].includes(basename(path)) && (await isThere(join(dirname(path), "recipe.json")));
  return isResult ? readCardRun(dirname(path)) : null;
}

/**
 * The model that was trained or converted: its id where it is one of the hub, and where its card may lie.
 *
 * @param name what an adapter or a recipe calls the base; undefined where the model itself is one
 */
async function baseOf(
  name: unknown,
  { path, hub }: LocatedModel,
  cwd: string,
): Promise<{ readonly id: string | null; readonly directory: string | null }> {
  if (typeof name !== "string") return { id: hub?.id ?? null, directory: (await isDirectory(path)) ? path : null };
  const local = resolve(cwd, name);
  if (await isThere(local)) return { id: null, directory: (await isDirectory(local)) ? local : null };
  const id = name.replace(/^hf:/, "").split(/[@:]/)[0]!;
  return { id: isRepoId(id) ? id : null, directory: null };
}

/** A licence is a page; anything much longer is something else. */
const MAX_LICENCE = 1 << 20;

async function licenceFiles(directory: string): Promise<PlannedFile[]> {
  const files: PlannedFile[] = [];
  for (const name of await readdir(directory)) {
    if (!/^LICEN[CS]E(\.(md|txt))?$/.test(name)) continue;
    const { size } = await stat(join(directory, name));
    if (size <= MAX_LICENCE) files.push(smallFile(name, await readFile(join(directory, name))));
  }
  return files;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
