import type { Tensor, Tensors } from "../engine/engine.ts";
import { random } from "../random.ts";
import type { ModelConfig } from "./config.ts";
import { parameterShapes } from "./parameters.ts";

/** The linear layers of a block that an adapter can sit on, by their names in PEFT's `target_modules`. */
export const loraModules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;
export type LoraModule = (typeof loraModules)[number];

/** Low-rank adapters (LoRA, 2106.09685): y = W x + s B A x, with W frozen. */
export interface LoraConfig {
  /** r, the inner width of the adapters. */
  readonly rank: number;
  readonly alpha: number;
  /** Share of the adapters' inputs that is zeroed while training. */
  readonly dropout: number;
  readonly targetModules: readonly LoraModule[];
  /** s = alpha / sqrt(r) instead of alpha / r (rsLoRA, 2312.03732). */
  readonly rslora: boolean;
}

/** s, the factor of B A. */
export function loraScale({ alpha, rank, rslora }: LoraConfig): number {
  return alpha / (rslora ? Math.sqrt(rank) : rank);
}

/** "model.layers.0.self_attn.q_proj" -> its names in PEFT's adapter files. */
export function adapterNames(module: string): { readonly a: string; readonly b: string } {
  const prefix = `base_model.model.${module}`;
  return { a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight` };
}

/** Full names of the adapted linear layers, with the shape (out, in) of their weights. */
export function adaptedModules(config: ModelConfig, lora: LoraConfig): Map<string, readonly [number, number]> {
  const modules = new Map<string, readonly [number, number]>();
  for (const [name, shape] of parameterShapes(config)) {
    const module = name.replace(/\.weight$/, "");
    if (name.endsWith(".weight") && isAdapted(module, lora)) modules.set(module, shape as [number, number]);
  }
  return modules;
}

/** Whether a linear layer, "model.layers.0.self_attn.q_proj" for instance, is among the targets. */
export function isAdapted(module: string, { targetModules }: LoraConfig): boolean {
  return targetModules.some((target) => module.endsWith(`.${target}`));
}

/** Names and shapes of an adapter's tensors: A (r, in) and B (out, r) of each adapted layer. */
export function adapterShapes(config: ModelConfig, lora: LoraConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const [module, [out, width]] of adaptedModules(config, lora)) {
    const { a, b } = adapterNames(module);
    shapes.set(a, [lora.rank, width]);
    shapes.set(b, [out, lora.rank]);
  }
  return shapes;
}

/** A fresh adapter changes nothing: A uniform in +-1/sqrt(in), as PEFT draws it, and B zero. */
export function initialAdapter(
  config: ModelConfig,
  lora: LoraConfig,
  seed: number,
): Map<string, { shape: number[]; data: Float32Array }> {
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, shape] of adapterShapes(config, lora)) {
    const data = new Float32Array(shape[0]! * shape[1]!);
    if (name.endsWith(".lora_A.weight")) {
      const bound = 1 / Math.sqrt(shape[1]!);
      const stream = random(seed, "adapter", name);
      for (let i = 0; i < data.length; i++) data[i] = bound * (2 * stream.next() - 1);
    }
    tensors.set(name, { shape, data });
  }
  return tensors;
}

/** W += s B A for the weight of this name, in place; one that has no adapter stays as it is. */
export function addAdapter(name: string, weight: Float32Array, adapter: Tensors, lora: LoraConfig): void {
  const names = adapterNames(name.replace(/\.weight$/, ""));
  const [b, a] = [adapter.get(names.b), adapter.get(names.a)];
  if (b !== undefined && a !== undefined) addProduct(weight, loraScale(lora), b, a);
}

/** into (out, in) += s B A, summed in double precision. */
function addProduct(into: Float32Array, s: number, b: Tensor, a: Tensor): void {
  const [rank, width] = a.shape as [number, number];
  const row = new Float64Array(width);
  for (let out = 0; out < b.shape[0]!; out++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = s * b.data[out * rank + r]!;
      for (let i = 0; i < width; i++) row[i]! += factor * a.data[r * width + i]!;
    }
    for (let i = 0; i < width; i++) into[out * width + i]! += row[i]!;
  }
}
