import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { adapterShapes, initialAdapter, type LoraConfig } from "../model/lora.ts";
import { scalesName } from "../model/parameter-inputs.ts";
import { initialWeights, parameterShapes } from "../model/parameters.ts";
import type { EngineState, HeldDtype, HeldTensor, HeldTensors, Tensor, Tensors } from "./engine.ts";
import { size, type Value } from "./runtime.ts";

/** What a model computes with: every parameter is trained, or with LoRA frozen below trained adapters. */
export interface WeightSet {
  /** By Hugging Face name; empty without LoRA. */
  readonly frozen: HeldTensors;
  readonly trained: Tensors;
}

/** Every weight under the name of its input. */
export function weightFeeds({ frozen, trained }: WeightSet): Record<string, Value> {
  const feeds: Record<string, Value> = {};
  for (const [name, tensor] of frozen) addHeld(feeds, name, tensor);
  for (const [name, tensor] of trained) feeds[name] = tensor;
  return feeds;
}

/** One layer's weights under the names of layer 0: one program serves all layers. */
export function layerFeeds({ frozen, trained }: WeightSet, layer: number): Record<string, Value> {
  const [own, first] = [`.layers.${layer}.`, ".layers.0."];
  const feeds: Record<string, Value> = {};
  for (const [name, tensor] of frozen) if (name.includes(own)) addHeld(feeds, name.replace(own, first), tensor);
  for (const [name, tensor] of trained) if (name.includes(own)) feeds[name.replace(own, first)] = tensor;
  return feeds;
}

export function dtypeOf({ frozen }: WeightSet, name: string): HeldDtype {
  return frozen.get(name)?.dtype ?? "float32";
}

function addHeld(feeds: Record<string, Value>, name: string, tensor: HeldTensor): void {
  feeds[name] = tensor;
  if (tensor.dtype === "int8") feeds[scalesName(name)] = { shape: [tensor.scales.length], data: tensor.scales };
}

/** Names and shapes of what is trained. */
export function trainedShapes(config: ModelConfig, lora: LoraConfig | undefined): Map<string, number[]> {
  return lora === undefined ? parameterShapes(config) : adapterShapes(config, lora);
}

/** What is trained, fresh from a seed. */
export function initialTrained(config: ModelConfig, lora: LoraConfig | undefined, seed: number): Map<string, Tensor> {
  return lora === undefined ? initialWeights(config, seed) : initialAdapter(config, lora, seed);
}

/** Random frozen weights, for a model that is adapted without having been loaded. */
export function initialFrozen(config: ModelConfig, seed: number): HeldTensors {
  return new Map([...initialWeights(config, seed)].map(([name, tensor]) => [name, { dtype: "float32", ...tensor }]));
}

/** Refuses a state with unknown, missing or misshapen tensors, by name. Nothing is taken from it. */
export function checkState(config: ModelConfig, lora: LoraConfig | undefined, state: EngineState): void {
  const shapes = trainedShapes(config, lora);
  checkTensors(state.weights, shapes, "weights");
  if (state.optimizer !== undefined) {
    checkTensors(state.optimizer.m, shapes, "optimizer.m");
    checkTensors(state.optimizer.v, shapes, "optimizer.v");
  }
  for (const [name, tensors] of Object.entries(state.snapshots ?? {}))
    checkTensors(tensors, shapes, `snapshot ${name}`);
  if (state.base === undefined) return;
  if (lora === undefined)
    throw new AutodidactError(
      "MODEL_TENSOR",
      "base: frozen weights were given, but the engine trains no adapter; give them as weights, or open it with lora",
    );
  checkTensors(state.base, parameterShapes(config), "base");
  for (const [name, tensor] of state.base)
    if (tensor.dtype === "int8" && tensor.scales.length !== tensor.shape[0])
      throw new AutodidactError(
        "MODEL_TENSOR",
        `base: tensor ${name} has ${tensor.scales.length} scales for ${tensor.shape[0]} rows; give one a row`,
      );
}

function checkTensors(
  tensors: Tensors | HeldTensors,
  expected: ReadonlyMap<string, readonly number[]>,
  what: string,
): void {
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new AutodidactError("MODEL_TENSOR", `${what}: tensor ${name} is missing; expected shape (${shape})`);
    if (tensor.shape.join() !== shape.join() || tensor.data.length !== size(shape))
      throw new AutodidactError(
        "MODEL_TENSOR",
        `${what}: tensor ${name} has shape (${tensor.shape}), expected (${shape}); do config.json and weights belong together?`,
      );
  }
  for (const name of tensors.keys())
    if (!expected.has(name))
      throw new AutodidactError("MODEL_TENSOR", `${what}: tensor ${name} is not part of this architecture`);
}

/** Arrays smaller than this are copied between threads: some share their memory with things that are none of ours. */
const SMALL = 2 ** 16;

/** The memory behind a state's arrays, to be handed to another thread instead of copied. */
export function buffersOf(state: EngineState): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const add = (data: { readonly buffer: ArrayBufferLike }): void => {
    if (data.buffer instanceof ArrayBuffer && data.buffer.byteLength > SMALL) buffers.add(data.buffer);
  };
  const { weights, base, optimizer, snapshots } = state;
  for (const tensors of [weights, base, optimizer?.m, optimizer?.v, ...Object.values(snapshots ?? {})])
    for (const tensor of tensors?.values() ?? []) {
      add(tensor.data);
      if ("dtype" in tensor && tensor.dtype === "int8") add(tensor.scales);
    }
  return [...buffers];
}
