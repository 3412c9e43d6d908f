import { pathToFileURL } from "node:url";
import { type Adapter, adapterFiles } from "../src/checkpoint/adapter-directory.ts";
import { writeDirectoryAtomic } from "../src/checkpoint/files.ts";
import { adapterShapes, type LoraConfig } from "../src/model/lora.ts";
import { random } from "../src/random.ts";
import { tinyConfig } from "./tiny-model.ts";

const lora: LoraConfig = {
  rank: 3,
  alpha: 7,
  dropout: 0,
  targetModules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
  rslora: false,
};

/** An adapter for the tiny model that changes much, the same each time: what scripts/fixtures/peft.py lets PEFT read. */
export function ourAdapter(): Adapter {
  const tensors = new Map(
    [...adapterShapes(tinyConfig, lora)].map(([name, shape]) => {
      const stream = random("peft", name);
      const data = Float32Array.from({ length: shape[0]! * shape[1]! }, () => 0.3 * stream.normal());
      return [name, { shape, data }] as const;
    }),
  );
  return { lora, base: { name: "base", revision: null, weights: null }, tensors };
}

/** `node dist/test/peft-adapter.js DIRECTORY` writes it. */
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await writeDirectoryAtomic(process.argv[2]!, adapterFiles(ourAdapter()));
