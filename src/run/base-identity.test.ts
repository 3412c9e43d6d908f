import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { root } from "../../test/imports.ts";
import { adapterFiles } from "../checkpoint/adapter-directory.ts";
import { writeDirectoryAtomic } from "../checkpoint/files.ts";
import { readModelDirectory } from "../checkpoint/model-directory.ts";
import { parseModelId } from "../hub/model-id.ts";
import { initialAdapter } from "../model/lora.ts";
import { baseSpec, hashWeights, identifyBase } from "./base-identity.ts";
import { findBackend } from "./open-backend.ts";
import { openModel } from "./open-model.ts";

const folder = mkdtempSync(join(tmpdir(), "base-identity-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the files that weights are read from say which base an adapter has, whatever their names", async () => {
  const base = join(folder, "base");
  const [own, index] = ["weights-a.safetensors", "model.safetensors.index.json"];
  cpSync(join(root, "models/countdown-base"), base, { recursive: true });
  const { config, weights } = await readModelDirectory(base);
  renameSync(join(base, "model.safetensors"), join(base, own));
  const map = Object.fromEntries([...weights.keys()].map((name) => [name, own]));
  writeFileSync(join(base, index), JSON.stringify({ weight_map: map }));
  // Lies there, and is not read.
  copyFileSync(join(base, "tokenizer.json"), join(base, "model-other.safetensors"));

  const lora = { rank: 1, alpha: 1, dropout: 0, targetModules: ["q_proj"], rslora: false } as const;
  const identity = await identifyBase({ path: base, hub: null });
  assert.deepEqual(Object.keys(identity.weights!), [own]);
  const adapter = join(folder, "adapter");
  await writeDirectoryAtomic(adapter, adapterFiles({ lora, base: identity, tensors: initialAdapter(config, lora, 1) }));
  const settings = { backend: "embedded", model: adapter, endpoint: null, provider: "cpu" } as const;
  const { weights: recorded } = await findBackend(settings, {});
  assert.deepEqual(recorded, {
    ...identity.weights,
    ...(await hashWeights(join(adapter, "adapter_model.safetensors"))),
  });

  const bytes = readFileSync(join(base, own));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(join(base, own), bytes);
  await assert.rejects(openModel(adapter), { code: "ADAPTER_BASE", message: /weights-a\.safetensors/ });
  await assert.rejects(findBackend(settings, {}), { code: "ADAPTER_BASE" });
  rmSync(join(base, own));
  await assert.rejects(hashWeights(base), { code: "MODEL_WEIGHTS", message: /weights-a\.safetensors/ });
});

test("a base of the hub is named by its commit, and by its file where that is a GGUF", async () => {
  const file = join(folder, "m-Q8_0.gguf");
  writeFileSync(file, "weights");
  const hub = { id: "owner/name", commit: "c0ffee", file: null };
  const named = await Promise.all(
    [null, "q/m-Q8_0.gguf"].map((one) => identifyBase({ path: file, hub: { ...hub, file: one } })),
  );
  assert.deepEqual(named.map(baseSpec), ["owner/name@c0ffee", "owner/name@c0ffee:q/m-Q8_0.gguf"]);
  assert.deepEqual(parseModelId(baseSpec(named[1]!)), { id: "owner/name", revision: "c0ffee", file: "q/m-Q8_0.gguf" });
  assert.equal(baseSpec(await identifyBase({ path: file, hub: null })), file);
});
