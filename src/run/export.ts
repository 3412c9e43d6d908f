import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
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
import { isRepoId, parseModelId } from "../hub/model-id.ts";
import { version } from "./environment.ts";
import { type CardRun, exportCard, licenceLines, readCardRun } from "./export-card.ts";
import { locateModel } from "./locate-model.ts";
import { type RunObserver, unlessStopped } from "./observer.ts";
import { openModel } from "./open-model.ts";
import { checkTarget, type ExportedFile, writeExport } from "./write-export.ts";

export type ExportFormat =
  | { readonly to: "hf"; readonly dtype: FloatDtype; readonly shardSize: number }
  | { readonly to: "gguf"; readonly type: WrittenType }
  | { readonly to: "onnx"; readonly dtype: OnnxDtype };

export interface ExportOptions {
  /** A model by any name that openModel takes, or a run directory. */
  readonly model: string;
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
  const located = await locateModel(spec, { cwd, signal, observer });
  if (`${located.path}${sep}`.startsWith(`${resolve(path)}${sep}`))
    throw new AutodidactError("EXPORT_TARGET", `${path}: holds the model that is to be exported; name another place`);
  const model = await unlessStopped(signal, openForExport(located.path));
  const base = await baseOf(run, located, cwd);
  const name = basename(path).replace(/\.gguf$/i, "");
  const card = exportCard({
    name,
    config: model.config,
    to: format.to,
    type: format.to === "gguf" ? format.type : format.dtype,
    base: base.id,
    licence: base.directory === null ? [] : await licenceLines(base.directory),
    run,
    version,
  });
  const licence = base.directory === null ? [] : await licenceFiles(base.directory);
  const planned = plan(model, format, name);
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

function plan(model: ExportModel, format: ExportFormat, name: string): PlannedFile[] {
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

/** Of a directory one tensor at a time is in memory; a GGUF file's weights are, once. */
async function openForExport(path: string): Promise<ExportModel> {
  if (!(await isDirectory(path))) {
    const { weights, ...model } = await openModel(path);
    return { ...model, weight: async (name) => weights.get(name)!.data };
  }
  const { places, ...model } = await openModelDirectory(path);
  return {
    ...model,
    async weight(name) {
      const tensors = await readTensors([places.get(name)!], "float32");
      return tensors.get(name)!.data as Float32Array;
    },
  };
}

/** The model that a user's word for it means: of a run, what it has trained. */
async function findSource(spec: string, cwd: string): Promise<{ readonly spec: string; readonly run: CardRun | null }> {
  const path = resolve(cwd, spec);
  if (!(await isThere(join(path, "recipe.json")))) return { spec, run: null };
  const model = join(path, "model");
  if (!(await isDirectory(model)))
    throw new AutodidactError(
      "EXPORT_RUN",
      `${path}: this run has not written its model yet; finish it with --resume, or name a model directory in its folder checkpoints`,
    );
  return { spec: model, run: await readCardRun(path) };
}

/** The model that was trained or converted: its id where it is one of the hub, and where its card may lie. */
async function baseOf(
  run: CardRun | null,
  { path, hub }: Awaited<ReturnType<typeof locateModel>>,
  cwd: string,
): Promise<{ readonly id: string | null; readonly directory: string | null }> {
  if (run === null) return { id: hub?.id ?? null, directory: (await isDirectory(path)) ? path : null };
  const { model } = run.recipe;
  if (typeof model !== "string") return { id: null, directory: null };
  const local = resolve(cwd, model);
  if (await isThere(local)) return { id: null, directory: (await isDirectory(local)) ? local : null };
  const id = model.replace(/^hf:/, "").split(/[@:]/)[0]!;
  return { id: isRepoId(id) ? parseModelId(id).id : null, directory: null };
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
