import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { type AdapterHeader, isAdapterDirectory } from "../checkpoint/adapter-directory.ts";
import type { FloatDtype } from "../checkpoint/encode-floats.ts";
import { AutodidactError } from "../errors.ts";
import { huggingFaceFiles } from "../export/huggingface.ts";
import { onnxFiles } from "../export/onnx.ts";
import type { OnnxDtype } from "../export/onnx-graph.ts";
import { type ExportModel, type PlannedFile, textFile } from "../export/planned-file.ts";
import type { WrittenType } from "../gguf/quantise.ts";
import { ggufFile } from "../gguf/write-model.ts";
import { bytesText } from "../hub/bytes-text.ts";
import { baseSpec } from "./base-identity.ts";
import { cardSources } from "./card-sources.ts";
import { version } from "./environment.ts";
import { exportCard } from "./export-card.ts";
import { type LocatedModel, locateModel } from "./locate-model.ts";
import { type RunObserver, unlessStopped } from "./observer.ts";
import { openAdapter } from "./open-adapter.ts";
import { openWeights } from "./open-weights.ts";
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
  /** Of the directory to write; of GGUF also of the file, where the name ends with .gguf: its card lies beside it. */
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
 * @throws AutodidactError EXPORT_TARGET, EXPORT_RANGE, those of openModel and writeExport; Stopped
 */
export async function exportModel(options: ExportOptions): Promise<Exported> {
  const { path, format, force, signal, observer, cwd } = options;
  const single = format.to === "gguf" && /\.gguf$/i.test(path);
  await checkTarget(path, force, single);
  observer.phase("Reading the model", options.model);
  const locate = (name: string): Promise<LocatedModel> => locateModel(name, { cwd, signal, observer });
  const located = await locate(options.model);
  if (`${located.path}${sep}`.startsWith(`${resolve(path)}${sep}`))
    throw new AutodidactError("EXPORT_TARGET", `${path}: holds the model that is to be exported; name another place`);
  const { model, adapter } = await unlessStopped(signal, openForExport(located.path, locate, options.base));
  const sources = await cardSources(located, adapter && (options.base ?? baseSpec(adapter.base)), cwd);
  const name = basename(path).replace(/\.gguf$/i, "");
  const file = format.to !== "gguf" ? "" : single ? basename(path) : `${name}-${format.type}.gguf`;
  const card = exportCard({
    ...sources,
    name,
    file,
    config: model.config,
    to: format.to,
    type: format.to === "gguf" ? format.type : format.to === "adapter" ? "float32" : format.dtype,
    adapter: adapter?.lora ?? null,
    version,
  });
  const planned = format.to === "adapter" ? await adapterParts(located.path, adapter) : plan(model, format, name, file);
  const files = single
    ? [...planned, textFile(`${file}.md`, card)]
    : [...planned, textFile("README.md", card), ...sources.licenceFiles];
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

function plan(
  model: ExportModel,
  format: Exclude<ExportFormat, { to: "adapter" }>,
  name: string,
  file: string,
): PlannedFile[] {
  switch (format.to) {
    case "hf":
      return huggingFaceFiles(model, format);
    case "gguf":
      return [{ name: file, ...ggufFile(model, { type: format.type, name }) }];
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

/** One tensor at a time is in memory, beside an adapter. */
async function openForExport(
  path: string,
  locate: (name: string) => Promise<LocatedModel>,
  base?: string,
): Promise<Opened> {
  if (await isAdapterDirectory(path)) return openAdapter(path, locate, base);
  if (base !== undefined)
    throw new AutodidactError("EXPORT_ADAPTER", `${path}: is no adapter, and a base was named; leave --base out`);
  return { model: await openWeights(path) };
}

/** The adapter's own files, as they are. */
async function adapterParts(path: string, adapter: AdapterHeader | undefined): Promise<PlannedFile[]> {
  if (adapter === undefined)
    throw new AutodidactError("EXPORT_ADAPTER", `${path}: is no adapter; leave --adapter-only out to export the model`);
  const own =
    /^(adapter_(config\.json|model\.safetensors)|autodidact\.json|tokenizer(_config)?\.json|chat_template\.jinja)$/;
  const names = (await readdir(path)).filter((name) => own.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { size } = await stat(join(path, name));
      return { name, size, chunks: () => createReadStream(join(path, name)) };
    }),
  );
}
