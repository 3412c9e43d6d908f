import type { Node, Shape } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import type { HeldDtype } from "../engine/engine.ts";
import type { ModelConfig } from "./config.ts";
import { adapterNames, isAdapted, type LoraConfig, loraScale } from "./lora.ts";
import { parameterShapes } from "./parameters.ts";

export interface ParameterOptions {
  /** Adapters stand on the target modules and are what is trained; the rest is frozen. @default none */
  readonly lora?: LoraConfig | undefined;
  /** How a frozen weight is held. @default float32, all of them */
  readonly dtypeOf?: (name: string) => HeldDtype;
  /** Adapters' inputs are multiplied by masks, one more input each. @default false */
  readonly dropout?: boolean;
}

/**
 * A model's weights as inputs of a graph, fed by their Hugging Face names (adapters by PEFT's). A name becomes an input
 * when it is first asked for, so that a graph of one layer has that layer's only.
 */
export interface Parameters {
  /** Inputs that are trained, by name, as far as they were asked for. */
  readonly trained: ReadonlyMap<string, Node>;
  /** A weight as float. */
  get(name: string): Node;
  /** Rows of a matrix: indices (...) -> (..., C). */
  rows(name: string, indices: Node): Node;
  /** x W^T. Of a matrix that is held as something else than float32, only so many rows are there as float at one time. */
  product(x: Node, name: string): Node;
  /** x W^T plus the bias, plus s x A^T B^T where the module has an adapter. */
  linear(x: Node, module: string, bias: boolean): Node;
}

export function parameterInputs(
  config: ModelConfig,
  { lora, dtypeOf = () => "float32", dropout = false }: ParameterOptions = {},
): Parameters {
  const shapes = parameterShapes(config);
  const inputs = new Map<string, HeldInput>();
  const trained = new Map<string, Node>();
  const weight = (name: string): HeldInput => {
    const known = inputs.get(name);
    if (known !== undefined) return known;
    const made = heldInput(name, shapes.get(name)!, lora === undefined ? "float32" : dtypeOf(name));
    inputs.set(name, made);
    if (lora === undefined) trained.set(name, made.held);
    return made;
  };
  const adapter = (name: string, shape: readonly number[]): Node => {
    const made = trained.get(name) ?? ops.input(name, shape);
    trained.set(name, made);
    return made;
  };
  const get = (name: string): Node => weight(name).float;
  return {
    trained,
    get,
    rows(name, indices) {
      const { held, scales } = weight(name);
      const rows = ops.gather(held, indices);
      if (held.dtype === "float") return rows;
      if (held.dtype === "bfloat16") return ops.cast(rows);
      const factors = ops.gather(scales!, indices);
      return ops.mul(ops.cast(rows), ops.reshape(factors, [...indices.shape, 1]));
    },
    product: (x, name) => heldProduct(x, weight(name)),
    linear(x, module, bias) {
      const name = `${module}.weight`;
      const plain = ops.linear(x, get(name), bias ? get(`${module}.bias`) : undefined);
      if (lora === undefined || !isAdapted(module, lora)) return plain;
      const [out, width] = shapes.get(name) as [number, number];
      const names = adapterNames(module);
      const a = adapter(names.a, [lora.rank, width]);
      const b = adapter(names.b, [out, lora.rank]);
      const seen = dropout ? ops.mul(x, ops.input(dropoutName(module), x.shape)) : x;
      return ops.add(plain, ops.matmul(ops.linear(seen, a), b, { transB: true, alpha: loraScale(lora) }));
    },
  };
}

/** A weight as it is fed, and as float. */
export interface HeldInput {
  readonly held: Node;
  readonly float: Node;
  /** Of int8 only. */
  readonly scales?: Node;
}

export function heldInput(name: string, shape: Shape, dtype: HeldDtype): HeldInput {
  if (dtype === "float32") {
    const node = ops.input(name, shape);
    return { held: node, float: node };
  }
  const held = ops.input(name, shape, dtype);
  if (dtype === "bfloat16") return { held, float: ops.cast(held) };
  const scales = ops.input(scalesName(name), [shape[0]!]);
  return { held, scales, float: ops.dequantize(held, scales) };
}

/** Bytes as float of the rows of the output matrix that are taken at one time, by `product` and by engine/head.ts. */
export const FLOAT_BYTES = 2 ** 26;

/** x (..., C) times rows [first, end) of a held matrix (V, C): (..., end - first), halved until the halves are small enough. */
export function heldProduct(
  x: Node,
  input: HeldInput,
  bytes = FLOAT_BYTES,
  first = 0,
  end = input.held.shape[0] as number,
): Node {
  const { held, scales, float } = input;
  const [V, C] = held.shape as [number, number];
  const count = end - first;
  if (held.dtype === "float" || 4 * V * C <= bytes) return ops.linear(x, float);
  if (count === 1 || 4 * count * C <= bytes) {
    const part = (of: Node): Node => ops.slice(of, 0, first, end, count);
    return ops.linear(x, scales ? ops.dequantize(part(held), part(scales)) : ops.cast(part(held)));
  }
  const middle = first + Math.ceil(count / 2);
  return ops.concat(heldProduct(x, input, bytes, first, middle), heldProduct(x, input, bytes, middle, end), -1);
}

/** The input with an int8 weight's scales, (rows). */
export const scalesName = (weight: string): string => `${weight} scales`;

/** The input with a module's mask, of the shape of what goes into the module: 0 or 1/(1 - share). */
export const dropoutName = (module: string): string => `${module} dropout`;
