import { readModelDirectory } from "../src/checkpoint/model-directory.ts";
import type { HeldDtype } from "../src/engine/engine.ts";
import { heldBytes } from "../src/model/held.ts";
import { initialAdapter, type LoraConfig, loraModules } from "../src/model/lora.ts";
import { openEngine } from "../src/run/open-policy.ts";

/**
 * Peak memory of this process, program and tokenizer included, once it has read a model directory and loaded it into an
 * engine: weights to train where they are float32, else frozen ones below an adapter, whose tensors count as well.
 */
export async function benchLoad(path: string, hold: HeldDtype): Promise<Record<string, string | number>> {
  const { config, tokenizer, lora, state, bytes } = await (hold === "float32" ? trained(path) : frozen(path, hold));
  const engine = await openEngine(config, tokenizer, { provider: "cpu" }, { lora });
  await engine.load(state);
  const peak = process.resourceUsage().maxRSS * 1024;
  await engine.close();
  return { model: path, hold, "weights MiB": mebibytes(bytes), "peak memory MiB": mebibytes(peak) };
}

async function trained(path: string) {
  const { weights, ...model } = await readModelDirectory(path);
  const bytes = sum([...weights.values()].map(({ data }) => data.byteLength));
  return { ...model, lora: undefined, state: { weights }, bytes };
}

async function frozen(path: string, hold: HeldDtype) {
  const { held, ...model } = await readModelDirectory(path, { hold });
  const lora: LoraConfig = { rank: 16, alpha: 32, dropout: 0, targetModules: [...loraModules], rslora: false };
  const state = { base: held, weights: initialAdapter(model.config, lora, 1) };
  const adapter = [...state.weights.values()].map(({ data }) => data.byteLength);
  return { ...model, lora, state, bytes: sum([...held.values()].map(heldBytes)) + sum(adapter) };
}

const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
