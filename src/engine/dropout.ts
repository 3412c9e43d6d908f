import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import { adaptedModules } from "../model/lora.ts";
import { dropoutName } from "../model/parameter-inputs.ts";
import { hashKey, type Key } from "../random.ts";
import type { Value } from "./runtime.ts";

/**
 * Masks of an adapter's dropout for one micro-batch, (rows, width, in) each, named after the inputs they are fed to. They
 * are drawn from (key, module) alone: the recomputed forward pass and a resumed run see the same ones.
 */
export function dropoutMasks(
  config: ModelConfig,
  lora: LoraConfig,
  [rows, width]: readonly [number, number],
  key: readonly Key[],
  /** @default every layer */
  layer?: number,
): Record<string, Value> {
  const masks: Record<string, Value> = {};
  for (const [module, [, inner]] of adaptedModules(config, lora)) {
    if (layer !== undefined && !module.includes(`.layers.${layer}.`)) continue;
    const data = new Float32Array(rows * width * inner);
    fillMask(data, lora.dropout, [...key, module]);
    const name = layer === undefined ? module : module.replace(`.layers.${layer}.`, ".layers.0.");
    masks[dropoutName(name)] = { shape: [rows, width, inner], data };
  }
  return masks;
}

/** 0 with probability `share`, else 1/(1 - share). sfc32 as in random.ts, written out: this runs over every activation. */
function fillMask(data: Float32Array, share: number, key: readonly Key[]): void {
  let a = hashKey(key, 0x811c9dc5);
  let b = hashKey(key, 0x9e3779b9);
  let c = hashKey(key, 0x243f6a88);
  let d = 1;
  const dropped = share * 2 ** 32;
  const kept = 1 / (1 - share);
  for (let i = -12; i < data.length; i++) {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    if (i >= 0) data[i] = t >>> 0 < dropped ? 0 : kept;
  }
}
