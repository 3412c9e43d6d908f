import type { Tensor, Tensors } from "../src/engine/engine.ts";
import { addAdapter, type LoraConfig } from "../src/model/lora.ts";

/** The full model that base and adapter make together: W + s B A where there is an adapter, the base's values elsewhere. */
export function mergedWeights(base: Tensors, adapter: Tensors, lora: LoraConfig): Map<string, Tensor> {
  const merged = new Map<string, Tensor>();
  for (const [name, { shape, data }] of base) {
    const sum = data.slice();
    addAdapter(name, sum, adapter, lora);
    merged.set(name, { shape, data: sum });
  }
  return merged;
}
