import { join } from "node:path";
import { type Adapter, adapterFiles, isAdapterDirectory } from "../checkpoint/adapter-directory.ts";
import { writeDirectoryAtomic } from "../checkpoint/files.ts";
import { type ReadModel, writeModelDirectory } from "../checkpoint/model-directory.ts";
import {
  type Json,
  type ReadState,
  readAdapterBase,
  readAdapterCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from "../checkpoint/trainer-state.ts";
import type { HeldTensors, Tensors } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { atRevision } from "../hub/model-id.ts";
import { initialAdapter, type LoraConfig } from "../model/lora.ts";
import type { Policy } from "../model/policy.ts";
import { type AdapterFields, type AskingFields, recipeAsking, recipeLora } from "../recipe/model-fields.ts";
import { checkBase, identifyBase } from "./base-identity.ts";
import { locateModel } from "./locate-model.ts";
import type { RunControl } from "./observer.ts";
import { openModel } from "./open-model.ts";
import { type Compute, openEngine } from "./open-policy.ts";

/** What a run trains, a whole model or an adapter on one: how it is opened, saved, brought back and written at the end. */
export interface TrainedModel {
  readonly model: ModelFrame;
  readonly policy: Policy;
  /** Writes the checkpoint of a step. */
  save(checkpoints: string, step: number, trainer: Json, keep?: number): Promise<void>;
  /** The newest checkpoint, undefined where there is none; `load` gives its state to the engine. */
  newest(checkpoints: string): Promise<ReadState | undefined>;
  load(state: ReadState): Promise<void>;
  /** Writes what came of the run into its directory, as model/ or adapter/, and gives the path. */
  write(run: string): Promise<string>;
}

/** A model without its weights, which are in the engine. */
export type ModelFrame = Omit<ReadModel, "weights">;

export interface TrainedRecipe
  extends Compute,
    Partial<AdapterFields>,
    Partial<AskingFields & { readonly stop: readonly string[] }> {
  readonly model: string;
  readonly seed: number;
}

/**
 * Reads the model of a recipe and hands its weights to an engine; no copy of them stays here.
 *
 * @param check refuses a model that does not fit the run, before its weights are read
 */
export async function openTrained(
  recipe: TrainedRecipe,
  { observer, signal, path, resume }: Pick<RunControl, "observer" | "signal" | "path" | "resume">,
  check: (model: ModelFrame) => void,
): Promise<TrainedModel> {
  const lora = recipeLora(recipe);
  observer.phase("Reading the model", recipe.model);
  const opening = { observer, signal, check };
  if (lora === undefined) {
    const { weights, ...model } = await openModel(recipe.model, opening);
    return whole(model, await policyOf(model, recipe, { weights }));
  }
  // A resumed run goes on with the commit that it began with, whatever the hub has now.
  const begun = resume === true ? await readAdapterBase(join(path, "checkpoints")) : undefined;
  const located = await locateModel(begun?.revision ? atRevision(recipe.model, begun.revision) : recipe.model, opening);
  if (await isAdapterDirectory(located.path))
    throw new AutodidactError(
      "RECIPE_INVALID",
      `model: ${recipe.model} is an adapter, and adapters do not stack; merge it first (autodidact merge --adapter ${recipe.model} --out DIR), then train on DIR`,
    );
  const remedy = "give the base back its weights, or begin the run anew";
  const hashes = begun === undefined ? null : await checkBase(begun.weights, located.path, path, remedy);
  const base = await identifyBase(located, hashes);
  const { held, ...model } = await openModel(located.path, { ...opening, hold: recipe.hold ?? "float32" });
  const state = { base: held, weights: initialAdapter(model.config, lora, recipe.seed) };
  return adapted(model, await policyOf(model, recipe, state, lora), { lora, base });
}

async function policyOf(
  model: ModelFrame,
  recipe: TrainedRecipe,
  state: { readonly base?: HeldTensors; readonly weights: Tensors },
  lora?: LoraConfig,
): Promise<Policy> {
  const { config, tokenizer, endTokens } = model;
  const engine = await openEngine(config, tokenizer, recipe, { seed: recipe.seed, lora });
  await engine.load(state);
  return { engine, tokenizer, endTokens, asking: recipeAsking(recipe) };
}

function whole(model: ModelFrame, policy: Policy): TrainedModel {
  const { engine } = policy;
  return {
    model,
    policy,
    async save(checkpoints, step, trainer, keep = 2) {
      const engineState = await engine.save();
      await writeCheckpoint(checkpoints, { ...frameOf(model), step, engineState, trainer }, { keep });
    },
    newest: readCheckpoint,
    load: ({ engineState }) => engine.load(engineState),
    async write(run) {
      const path = join(run, "model");
      await writeModelDirectory(path, { ...model, weights: (await engine.save()).weights });
      return path;
    },
  };
}

function adapted(model: ModelFrame, policy: Policy, adapter: Omit<Adapter, "tensors">): TrainedModel {
  const { engine } = policy;
  const { config } = model;
  return {
    model,
    policy,
    async save(checkpoints, step, trainer, keep = 2) {
      const engineState = await engine.save();
      await writeCheckpoint(checkpoints, { ...frameOf(model), step, engineState, adapter, trainer }, { keep });
    },
    newest: (checkpoints) => readAdapterCheckpoint(checkpoints, { config, lora: adapter.lora }),
    // The base is in the engine already, and does not change.
    load: ({ engineState }) => engine.load(engineState),
    async write(run) {
      const path = join(run, "adapter");
      await writeDirectoryAtomic(path, adapterFiles({ ...adapter, tensors: (await engine.save()).weights }));
      return path;
    },
  };
}

const frameOf = ({ config, tokenizer }: ModelFrame): Pick<ModelFrame, "config" | "tokenizer"> => ({
  config,
  tokenizer,
});
