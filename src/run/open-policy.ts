import type { ReadModel } from "../checkpoint/model-directory.ts";
import type { Engine } from "../engine/engine.ts";
import { openWorkerEngine } from "../engine/worker-engine.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import type { Policy } from "../model/policy.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

export interface Compute {
  readonly provider: "cpu" | "webgpu" | "cuda";
  readonly threads?: number | undefined;
  /** As in EmbeddedOptions. */
  readonly slotBudget?: number | undefined;
  readonly maxRows?: number | undefined;
}

/** An engine for a model, in its worker thread; its weights, or with `lora` its adapter, are fresh from `seed`. */
export function openEngine(
  config: ModelConfig,
  tokenizer: Tokenizer,
  compute: Compute,
  { seed = 0, lora }: { readonly seed?: number; readonly lora?: LoraConfig | undefined } = {},
): Promise<Engine> {
  const { slotBudget, maxRows } = compute;
  return openWorkerEngine(
    {
      config,
      seed,
      tokenTexts: tokenizer.tokenTexts,
      ...(lora && { lora }),
      ...(slotBudget !== undefined && { slotBudget }),
      ...(maxRows !== undefined && { maxRows }),
    },
    { provider: compute.provider, ...(compute.threads !== undefined && { threads: compute.threads }) },
  );
}

/** A model that was read from a directory, ready to sample and train. Close its engine when done. */
export async function openPolicy(model: ReadModel, compute: Compute): Promise<Policy> {
  const engine = await openEngine(model.config, model.tokenizer, compute);
  await engine.load({ weights: model.weights });
  return { engine, tokenizer: model.tokenizer, endTokens: model.endTokens };
}
