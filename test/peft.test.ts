import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseAdapterConfig } from "../src/checkpoint/adapter-config.ts";
import {
  adapterFiles,
  checkAdapterShapes,
  readAdapterHeader,
  readAdapterTensors,
} from "../src/checkpoint/adapter-directory.ts";
import { withRangedReader, writeDirectoryAtomic } from "../src/checkpoint/files.ts";
import { parseModelConfig } from "../src/checkpoint/model-config.ts";
import { readSafetensors } from "../src/checkpoint/safetensors.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import type { Datum, Engine } from "../src/engine/engine.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { hold } from "../src/model/held.ts";
import { root } from "./imports.ts";
import { mergedWeights } from "./merged-weights.ts";
import { ourAdapter } from "./peft-adapter.ts";
import { safetensorsBytes } from "./safetensors-bytes.ts";
import { distance, refuses } from "./tiny-model.ts";

/** Adapters of PEFT's (0.21.2, scripts/fixtures/peft.py) are read, and ours are what PEFT has read. */

const folder = join(root, "test/fixtures/peft");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as { tokens: number[][] } & Record<
  "base" | "ours" | "oursMerged" | "theirs",
  number[][]
>;
const data: Datum[] = expected.tokens.map((tokens) => ({
  tokens: Int32Array.from(tokens),
  promptLength: 1,
  weights: new Float32Array(tokens.length - 1),
}));
const config = parseModelConfig(JSON.parse(readFileSync(join(folder, "base/config.json"), "utf8")), "config.json");
const { tensors: base } = await withRangedReader(join(folder, "base/model.safetensors"), (one) => readSafetensors(one));

async function worst(engine: Engine, wanted: readonly number[][]): Promise<number> {
  const found = await engine.logprobs(data, "policy");
  await engine.close();
  return Math.max(...found.map((values, i) => distance(values, wanted[i]!)));
}

for (const name of ["ours", "theirs"] as const)
  describe(name, () => {
    test("base and adapter give PEFT's log-probabilities", async () => {
      const header = await readAdapterHeader(join(folder, name));
      checkAdapterShapes(header.shapes, config, header.lora, name, "base");
      const runtime = await onnxRuntime({ threads: 1 });
      const engine = new EmbeddedEngine(runtime, { config, lora: header.lora });
      const held = new Map([...base].map(([key, tensor]) => [key, hold(tensor, "float32")]));
      await engine.load({ base: held, weights: await readAdapterTensors(header) });
      assert.ok((await worst(engine, expected[name])) < 1e-4);
      assert.ok(
        Math.max(...expected[name].map((values, i) => distance(values, expected.base[i]!))) > 0.5,
        "the adapter changes nothing",
      );
    });

    test("so do the merged weights", async () => {
      const header = await readAdapterHeader(join(folder, name));
      const weights = mergedWeights(base, await readAdapterTensors(header), header.lora);
      const engine = new EmbeddedEngine(await onnxRuntime({ threads: 1 }), { config });
      await engine.load({ weights });
      assert.ok((await worst(engine, expected[name])) < 1e-4);
    });
  });

test("what is written is what PEFT has read, byte for byte", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "autodidact-peft-")), "ours");
  await writeDirectoryAtomic(path, adapterFiles(ourAdapter()));
  const names = readdirSync(path).sort();
  assert.deepEqual(names, [...adapterFiles(ourAdapter()).keys()].sort());
  for (const name of names) {
    const bytes = readFileSync(join(path, name));
    assert.ok(readFileSync(join(folder, "ours", name)).equals(bytes), name);
  }
  rmSync(path, { recursive: true });
});

test("PEFT's settings are understood, and what is not plain LoRA is refused by name", async () => {
  const { lora, base: named } = await readAdapterHeader(join(folder, "theirs"));
  assert.deepEqual(lora, {
    rank: 4,
    alpha: 8,
    dropout: 0.1,
    targetModules: ["q_proj", "v_proj", "down_proj"],
    rslora: true,
  });
  assert.deepEqual(named, { name: "base", revision: null, weights: null });
  const json = JSON.parse(readFileSync(join(folder, "theirs/adapter_config.json"), "utf8")) as object;
  const refused = (changes: object, ...words: string[]) =>
    assert.throws(() => parseAdapterConfig({ ...json, ...changes }, [], "x.json"), refuses("ADAPTER_CONFIG", ...words));
  refused({ use_dora: true }, "x.json", "use_dora");
  refused({ peft_type: "IA3" }, "peft_type");
  refused({ modules_to_save: ["lm_head"] }, "modules_to_save", "lm_head");
  refused({ target_modules: ["q_proj", "embed_tokens"] }, "target_modules", "embed_tokens");
  refused({ bias: "all" }, "bias");
  refused({ lora_bias: true }, "lora_bias");
  assert.equal(parseAdapterConfig({ ...json, base_model_name_or_path: null }, [], "x.json").base.name, "");
  for (const init of ["pissa", "pissa_niter_16", "olora", "corda", "lora_ga", "loftq"])
    refused({ init_lora_weights: init }, "x.json", `init_lora_weights: is "${init}"`, "merge it with PEFT");
  for (const init of [true, false, "gaussian", "eva", "orthogonal"])
    assert.deepEqual(parseAdapterConfig({ ...json, init_lora_weights: init }, [], "x.json").lora, lora);
  refused({ r: 0 }, "r:");
  // A pattern is read off the tensors.
  const pattern = parseAdapterConfig({ ...json, target_modules: ".*_proj" }, ["v_proj", "q_proj"], "x.json");
  assert.deepEqual(pattern.lora.targetModules, ["q_proj", "v_proj"]);
});

test("a rank that differs from the tensors' is the adapter's own fault", async () => {
  const path = mkdtempSync(join(tmpdir(), "autodidact-rank-"));
  cpSync(join(folder, "theirs"), path, { recursive: true });
  const file = join(path, "adapter_config.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), r: 8 }));
  await assert.rejects(
    readAdapterHeader(path),
    refuses("ADAPTER_CONFIG", "adapter_config.json: r: is 8", "has rank 4"),
  );
  rmSync(path, { recursive: true });
});

test("an embedding that was trained beside the adapter is named", async () => {
  const path = mkdtempSync(join(tmpdir(), "autodidact-embedding-"));
  cpSync(join(folder, "theirs"), path, { recursive: true });
  const { tensors } = await withRangedReader(join(path, "adapter_model.safetensors"), (reader) =>
    readSafetensors(reader),
  );
  const embedding = "base_model.model.model.embed_tokens.weight";
  const file = await safetensorsBytes(new Map([...tensors, [embedding, { shape: [1], data: new Float32Array(1) }]]));
  writeFileSync(join(path, "adapter_model.safetensors"), file);
  await assert.rejects(readAdapterHeader(path), refuses("ADAPTER_CONFIG", embedding, "merge the adapter with PEFT"));
  rmSync(path, { recursive: true });
});

test("an adapter that does not fit a model is refused by tensor", async () => {
  const { shapes, lora } = await readAdapterHeader(join(folder, "theirs"));
  const check = (changes: object) => () =>
    checkAdapterShapes(shapes, { ...config, ...changes }, lora, "adapter", "other");
  assert.throws(check({ hidden_size: 48 }), refuses("ADAPTER_BASE", "adapter", "lora_A", "[4, 48]", "[4, 32]"));
  assert.throws(check({ num_hidden_layers: 3 }), refuses("ADAPTER_BASE", "layers.2", "none"));
  assert.throws(check({ num_hidden_layers: 1 }), refuses("ADAPTER_BASE", "layers.1", "no such layer"));
});
