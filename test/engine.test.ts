import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { availableProviders, executionProviders, onnxRuntime } from "../src/engine/onnxruntime.ts";
import { referenceRuntime } from "../src/engine/reference.ts";
import { openWorkerEngine } from "../src/engine/worker-engine.ts";
import { engineContract } from "./engine.contract.ts";
import { refuses, someTokens, tinyConfig } from "./tiny-model.ts";

const config = tinyConfig;
engineContract("reference engine", async (options) => new EmbeddedEngine(referenceRuntime(), { ...options, config }));
engineContract(
  "ONNX Runtime engine on cpu",
  async (options) => new EmbeddedEngine(await onnxRuntime({ threads: 1 }), { ...options, config }),
);
engineContract("worker engine", (options) => openWorkerEngine({ ...options, config }, { threads: 1 }));

test("a provider that is not there is refused, and what is there is named", async (t) => {
  const available = await availableProviders();
  assert.ok(available.includes("cpu"));
  const missing = executionProviders.find((provider) => !available.includes(provider));
  if (missing === undefined) return t.skip(`every provider is there: ${available.join(", ")}`);
  const refused = refuses("ENGINE_PROVIDER", missing, `available: ${available.join(", ")}`);
  await assert.rejects(onnxRuntime({ provider: missing }), refused);
  await assert.rejects(openWorkerEngine({ config }, { provider: missing }), refused);
});

test("a worker refuses impossible sizes as it starts", async () => {
  const odd = { ...config, num_key_value_heads: 3 };
  await assert.rejects(
    openWorkerEngine({ config: odd }, { threads: 1 }),
    refuses("MODEL_CONFIG", "num_key_value_heads"),
  );
});

test("a closed worker refuses further verbs instead of waiting for ever", async () => {
  const engine = await openWorkerEngine({ config }, { threads: 1 });
  assert.equal(engine.name, "onnxruntime/cpu");
  await engine.close();
  await assert.rejects(engine.save(), /worker thread ended/);
});

test("closing a worker gives up the sampling under way", async () => {
  const engine = await openWorkerEngine({ config }, { threads: 1 });
  const requests = [{ prompt: someTokens(4), count: 100_000, key: [1] }];
  const sampling = engine.sample(requests, { maxTokens: 90, temperature: 1, endTokens: [] });
  const failed = assert.rejects(sampling, /engine was closed/);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const began = performance.now();
  await engine.close();
  await failed;
  assert.ok(performance.now() - began < 5000);
});

/** Debian's chromium carries a Vulkan loader and a software adapter. */
const chromium = "/usr/lib/chromium";
const swiftShader = `${chromium}/vk_swiftshader_icd.json`;

test("a training step and a decode on WebGPU equal the reference", async (t) => {
  const software = existsSync(swiftShader)
    ? {
        VK_DRIVER_FILES: swiftShader,
        LD_LIBRARY_PATH: [chromium, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
      }
    : {};
  const child = spawn(process.execPath, [fileURLToPath(new URL("webgpu-check.js", import.meta.url))], {
    env: { ...process.env, ...software },
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (...end) => resolve(end)),
  );
  if (code === 77) return t.skip(`no WebGPU adapter: ${err.trim().split("\n").at(-1)}`);
  if (code !== 0 && !out.includes("adapter"))
    return t.skip(`looking for a WebGPU adapter ended with ${signal ?? code}`);
  assert.equal(code, 0, `ended with ${signal ?? code}: ${err}`);
});
