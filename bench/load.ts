import { readModelDirectory } from "../src/checkpoint/model-directory.ts";
import type { HeldDtype } from "../src/engine/engine.ts";
import { openWorkerEngine } from "../src/engine/worker-engine.ts";
import { initialAdapter, type LoraConfig, loraModules } from "../src/model/lora.ts";

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
const lora: LoraConfig = { rank: 16, alpha: 32, dropout: 0, targetModules: [...loraModules], rslora: false };

/**
 * Peak memory of this process, program and tokenizer included, once it has read a model directory and loaded it into an
 * engine: weights to train where they are float32, else frozen ones below an adapter.
 */
export async function benchLoad(path: string, hold: HeldDtype): Promise<Record<string, string | number>> {
  const { config, tokenizer, held } = await readModelDirectory(path, { hold });
  let bytes = 0;
  for (const tensor of held.values())
    bytes += tensor.data.byteLength + (tensor.dtype === "int8" ? tensor.scales.byteLength : 0);
  const adapted = hold !== "float32";
  const engine = await openWorkerEngine({ config, tokenTexts: tokenizer.tokenTexts, ...(adapted && { lora }) });
  if (adapted) await engine.load({ base: held, weights: initialAdapter(config, lora, 1) });
  else
    await engine.load({
      weights: new Map([...held].map(([name, one]) => [name, one as { shape: readonly number[]; data: Float32Array }])),
    });
  const peak = process.resourceUsage().maxRSS * 1024;
  await engine.close();
  return { model: path, hold, "weights MiB": mebibytes(bytes), "peak memory MiB": mebibytes(peak) };
}
