/**
 * File layer. Checkpoints of a run, one directory a step (docs/checkpoints.md):
 *
 *   step-000020/model/...            a Hugging Face model directory, usable by itself; of a run that trains an adapter:
 *   step-000020/adapter/...          the adapter in PEFT's layout, in its place
 *   step-000020/trainer.safetensors  optimizer moments and frozen weights
 *   step-000020/trainer.json         step, the trainer's own state, sizes of the files above
 *
 * A directory appears under its name only when it is whole and on disk, and older ones are removed only after that.
 */

import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { EngineState, SavedTensor, SnapshotName, Tensor, Tensors } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import type { AdapterBase } from "./adapter-config.ts";
import {
  type Adapter,
  adapterFiles,
  checkAdapterShapes,
  readAdapterHeader,
  readAdapterTensors,
} from "./adapter-directory.ts";
import {
  type Contents,
  currentDirectory,
  readJson,
  recoverLeftovers,
  removeDirectory,
  sizeOf,
  withRangedReader,
  writeDirectoryAtomic,
  writeError,
} from "./files.ts";
import {
  checkShapes,
  jsonBytes,
  modelFiles,
  type ReadModel,
  readModelDirectory,
  type WritableModel,
} from "./model-directory.ts";
import { readSafetensors, safetensorsFile, type WritableTensors } from "./safetensors.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface CheckpointContents extends Omit<WritableModel, "weights"> {
  /** Steps of the trainer so far; names the directory. */
  readonly step: number;
  readonly engineState: EngineState<Tensor | SavedTensor>;
  /** There where the state's weights are an adapter's. */
  readonly adapter?: Omit<Adapter, "tensors"> | undefined;
  /** Whatever else the trainer needs to go on: seed, counters, byte lengths of the run's append-only files. */
  readonly trainer: Json;
}

export interface ReadCheckpoint extends ReadState {
  readonly model: Omit<ReadModel, "weights">;
}

/** What a checkpoint has whether it holds a model or an adapter. */
export interface ReadState {
  readonly path: string;
  readonly step: number;
  readonly engineState: EngineState;
  readonly trainer: Json;
  /** Newer checkpoints that could not be read, with the reason. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const VERSION = 1;
const trainerJsonSchema = z.object({
  version: z.int(),
  step: z.int().nonnegative(),
  /** Updates the optimizer has made; null where the state has no optimizer. */
  optimizerStep: z.int().nonnegative().nullable(),
  files: z.record(z.string(), z.int().nonnegative()),
  state: z.json(),
});

const snapshotNames = ["reference", "start"] as const satisfies readonly SnapshotName[];
/** First parts of the tensor names in trainer.safetensors. */
const groups = ["m", "v", ...snapshotNames] as const;

/**
 * Writes the checkpoint of a step into `directory`, which is made where it is missing, then removes all but the newest `keep`. Checkpoints of later steps go too: a run that
 * writes step N again has left them behind.
 *
 * @returns the checkpoint's directory
 * @throws AutodidactError CHECKPOINT_STATE, those of writeModelDirectory; earlier checkpoints stay as they are
 */
export async function writeCheckpoint(
  directory: string,
  contents: CheckpointContents,
  options: { readonly keep?: number } = {},
): Promise<string> {
  const keep = options.keep ?? 2;
  if (!Number.isInteger(keep) || keep < 1)
    throw new AutodidactError("CHECKPOINT_STATE", `keep: ${keep} must be a whole number from 1`);
  const { step, engineState } = contents;
  if (!Number.isSafeInteger(step) || step < 0)
    throw new AutodidactError("CHECKPOINT_STATE", `step: ${step} must be a whole number from 0`);
  const path = join(directory, directoryName(step));
  checkJson(contents.trainer, "trainer");

  const files = new Map<string, Contents>();
  const { adapter, config } = contents;
  const parts = adapter
    ? adapterFiles({ ...adapter, tensors: engineState.weights })
    : modelFiles({ ...contents, weights: engineState.weights }, join(path, "model"));
  for (const [name, file] of parts) files.set(`${adapter ? "adapter" : "model"}/${name}`, file);
  const check = shapeCheck(config, adapter?.lora);
  if (adapter) check(shapesOf(engineState.weights), join(path, "adapter"));
  files.set("trainer.safetensors", safetensorsFile(trainerTensors(engineState, check, path)));
  const json: z.input<typeof trainerJsonSchema> = {
    version: VERSION,
    step,
    optimizerStep: engineState.optimizer?.step ?? null,
    files: Object.fromEntries([...files].map(([name, file]) => [name, sizeOf(file)])),
    state: contents.trainer as z.input<typeof trainerJsonSchema>["state"],
  };
  files.set("trainer.json", jsonBytes(json));

  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw writeError(cause, directory, 0);
  });
  await recoverLeftovers(directory);
  await writeDirectoryAtomic(path, files);
  const others = (await listSteps(directory)).filter((other) => other !== step);
  const earlier = others.filter((other) => other < step).slice(0, keep - 1);
  for (const other of others)
    if (!earlier.includes(other)) await removeDirectory(join(directory, directoryName(other)));
  return path;
}

/**
 * The newest checkpoint that is whole, undefined where there is none. Changes nothing on disk.
 *
 * @throws AutodidactError CHECKPOINT_DAMAGED where there are checkpoints and none can be read, CHECKPOINT_VERSION
 */
export function readCheckpoint(directory: string): Promise<ReadCheckpoint | undefined> {
  return newest(directory, async (path, step) => {
    const read = await readState(path, step);
    const { weights, ...model } = await readModelDirectory(join(path, "model"));
    return { ...read, model, engineState: await engineState(read, weights, shapeCheck(model.config)) };
  });
}

/**
 * The newest whole checkpoint of a run that trains an adapter on a model.
 *
 * @throws AutodidactError as readCheckpoint
 */
export function readAdapterCheckpoint(
  directory: string,
  { config, lora }: { readonly config: ModelConfig; readonly lora: LoraConfig },
): Promise<ReadState | undefined> {
  return newest(directory, async (path, step) => {
    const read = await readState(path, step);
    const tensors = await readAdapterTensors(await readAdapterHeader(join(path, "adapter")));
    const check = shapeCheck(config, lora);
    check(shapesOf(tensors), join(path, "adapter"));
    return { ...read, engineState: await engineState(read, tensors, check) };
  });
}

/**
 * The model below the adapter of the newest whole checkpoint; undefined where there is none.
 *
 * @throws AutodidactError as readCheckpoint
 */
export async function readAdapterBase(directory: string): Promise<AdapterBase | undefined> {
  return (await newest(directory, (path) => readAdapterHeader(join(path, "adapter"))))?.base;
}

async function newest<T>(
  directory: string,
  read: (path: string, step: number) => Promise<T>,
): Promise<(T & Pick<ReadState, "skipped">) | undefined> {
  const skipped: { path: string; reason: string }[] = [];
  for (const step of await listSteps(directory)) {
    const path = await currentDirectory(join(directory, directoryName(step)));
    try {
      return { ...(await read(path, step)), skipped };
    } catch (error) {
      if (!(error instanceof AutodidactError) || error.code === "CHECKPOINT_VERSION") throw error;
      skipped.push({ path, reason: error.message });
    }
  }
  if (skipped.length === 0) return undefined;
  throw new AutodidactError(
    "CHECKPOINT_DAMAGED",
    `${directory}: none of ${skipped.length} checkpoints can be read; the newest: ${skipped[0]!.reason}; restore one from a backup or start the run again`,
  );
}

interface StoredState extends Pick<ReadState, "path" | "step" | "trainer"> {
  readonly optimizerStep: number | null;
}

async function readState(path: string, step: number): Promise<StoredState> {
  const jsonPath = join(path, "trainer.json");
  await checkSize(jsonPath, undefined);
  const json = await readJson(jsonPath);
  if (typeof json === "object" && json !== null && "version" in json && Number(json.version) > VERSION)
    throw new AutodidactError(
      "CHECKPOINT_VERSION",
      `${jsonPath}: version: ${json.version} is newer than ${VERSION}, which this release reads; update autodidact`,
    );
  const parsed = trainerJsonSchema.safeParse(json);
  if (!parsed.success)
    throw new AutodidactError("CHECKPOINT_DAMAGED", `${jsonPath}: ${firstIssue(parsed.error, json)}`);
  const { files, optimizerStep, state } = parsed.data;
  if (parsed.data.step !== step)
    throw new AutodidactError("CHECKPOINT_DAMAGED", `${jsonPath}: step: expected ${step}, found ${parsed.data.step}`);
  for (const [name, size] of Object.entries(files)) await checkSize(join(path, name), size);
  return { path, step, optimizerStep, trainer: state as Json };
}

type ShapeCheck = (found: ReadonlyMap<string, readonly number[]>, file: string) => void;

function shapeCheck(config: ModelConfig, lora?: LoraConfig): ShapeCheck {
  return (found, file) =>
    lora ? checkAdapterShapes(found, config, lora, file, "the run's") : checkShapes(found, config, file);
}

/** The rest of the engine's state, beside its weights. */
async function engineState(
  { path, optimizerStep }: StoredState,
  weights: Tensors,
  check: ShapeCheck,
): Promise<EngineState> {
  const file = join(path, "trainer.safetensors");
  const { tensors } = await withRangedReader(file, (reader) => readSafetensors(reader));
  const found = new Map<string, Map<string, Tensor>>();
  for (const [name, tensor] of tensors) {
    const dot = name.indexOf(".");
    const group = name.slice(0, Math.max(dot, 0));
    if (!(groups as readonly string[]).includes(group))
      throw new AutodidactError(
        "CHECKPOINT_DAMAGED",
        `${file}: tensor ${name}: expected a name in ${groups.join(", ")}`,
      );
    if (!found.has(group)) found.set(group, new Map());
    found.get(group)!.set(name.slice(dot + 1), tensor);
  }
  for (const group of found.values()) check(shapesOf(group), file);
  const m = found.get("m");
  const v = found.get("v");
  if ((m === undefined) !== (optimizerStep === null) || (v === undefined) !== (optimizerStep === null))
    throw new AutodidactError(
      "CHECKPOINT_DAMAGED",
      `${file}: expected m and v where optimizerStep is set, else neither`,
    );
  const snapshots: Partial<Record<SnapshotName, Tensors>> = {};
  for (const name of snapshotNames) {
    const snapshot = found.get(name);
    if (snapshot !== undefined) snapshots[name] = snapshot;
  }
  return {
    weights,
    ...(m !== undefined && v !== undefined && optimizerStep !== null
      ? { optimizer: { step: optimizerStep, m, v } }
      : {}),
    ...(Object.keys(snapshots).length > 0 ? { snapshots } : {}),
  };
}

function trainerTensors(state: CheckpointContents["engineState"], check: ShapeCheck, path: string): WritableTensors {
  const tensors = new Map<string, Tensor | SavedTensor>();
  const parts = { m: state.optimizer?.m, v: state.optimizer?.v, ...state.snapshots };
  for (const group of groups) {
    const part = parts[group];
    if (part === undefined) continue;
    check(shapesOf(part), `${join(path, "trainer.safetensors")} (${group})`);
    for (const [name, tensor] of part) tensors.set(`${group}.${name}`, tensor);
  }
  return tensors;
}

/** Steps that have a directory, newest first. */
async function listSteps(directory: string): Promise<number[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const steps = new Set<number>();
  for (const name of names) {
    const match = /^step-(\d{6,})$|^\.step-(\d{6,})\.old$/.exec(name);
    if (match !== null) steps.add(Number(match[1] ?? match[2]));
  }
  return [...steps].sort((a, b) => b - a);
}

function directoryName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}

async function checkSize(path: string, expected: number | undefined): Promise<void> {
  let found: string;
  try {
    const { size } = await stat(path);
    if (expected === undefined || size === expected) return;
    found = `${size} bytes`;
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    found = "none";
  }
  throw new AutodidactError(
    "CHECKPOINT_DAMAGED",
    `${path}: expected ${expected === undefined ? "a file" : `${expected} bytes`}, found ${found}`,
  );
}

/** JSON.stringify turns NaN into null and leaves undefined out; a resumed run would differ without a word. */
function checkJson(value: unknown, where: string): void {
  const plain = typeof value === "object" && value !== null;
  if (Array.isArray(value)) for (const [index, item] of value.entries()) checkJson(item, `${where}[${index}]`);
  else if (plain && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
    for (const [key, item] of Object.entries(value)) checkJson(item, `${where}.${key}`);
  else if (value !== null && !["string", "boolean"].includes(typeof value) && !Number.isFinite(value))
    throw new AutodidactError(
      "CHECKPOINT_STATE",
      `${where}: ${String(value)} cannot be saved as JSON; use text, finite numbers, lists and plain objects`,
    );
}

function shapesOf(tensors: ReadonlyMap<string, Pick<Tensor, "shape">>): Map<string, readonly number[]> {
  return new Map([...tensors].map(([name, tensor]) => [name, tensor.shape]));
}
