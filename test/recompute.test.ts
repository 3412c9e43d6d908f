import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type MicroBatch, microBatches } from "../src/engine/batching.ts";
import { EmbeddedEngine, type EmbeddedOptions } from "../src/engine/embedded.ts";
import type { Datum, EngineState, Layout, Loss } from "../src/engine/engine.ts";
import { LayeredModel } from "../src/engine/layered-model.ts";
import { batchOf } from "../src/engine/model-pass.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { referenceRuntime } from "../src/engine/reference.ts";
import { withRotaryTables } from "../src/engine/rotary-tables.ts";
import type { Runtime } from "../src/engine/runtime.ts";
import type { ModelConfig } from "../src/model/config.ts";
import type { LoraConfig } from "../src/model/lora.ts";
import { initialWeights } from "../src/model/parameters.ts";
import { held, livelyAdapter, lora } from "./adapter.contract.ts";
import { adam, clipLoss, crossEntropy, distance, gradientsOf, norm, someData, tinyConfig } from "./tiny-model.ts";

/** Layer by layer with recomputation, against one graph that keeps everything. */
const runtimes: readonly [string, () => Promise<Runtime>][] = [
  ["reference", async () => referenceRuntime()],
  ["onnxruntime/cpu", () => onnxRuntime({ threads: 1 })],
];

const configs: Readonly<Record<string, ModelConfig>> = {
  "llama, untied": tinyConfig,
  "llama, tied": { ...tinyConfig, tie_word_embeddings: true },
  "qwen2, QKV bias": { ...tinyConfig, model_type: "qwen2", tie_word_embeddings: true },
  "qwen3, QK-norm": { ...tinyConfig, model_type: "qwen3" },
  "llama with every bias": { ...tinyConfig, attention_bias: true },
};

const packed: Layout = { kind: "packed", rowLength: 48 };
const losses: readonly [string, Loss, Layout?][] = [
  ["cross-entropy", crossEntropy],
  ["cross-entropy, packed", crossEntropy, packed],
  ["clip", { ...clipLoss, temperature: 0.7 }],
  ["clip with KL, packed", { ...clipLoss, klCoef: 0.1, klEstimator: "unbiased" }, packed],
  ["sequence ratio with KL", { ...clipLoss, ratio: "sequence", klCoef: 0.05 }],
  ["cispo", { ...clipLoss, surrogate: "cispo" }],
  ["no ratio", { ...clipLoss, surrogate: "none", klCoef: 0.1, klEstimator: "k2" }],
];
const data = someData([5, 18, 9, 17, 12, 30]);

async function same(
  open: (recompute: boolean) => Promise<EmbeddedEngine>,
  loss: Loss,
  layout: Layout | undefined,
  tolerance = 2e-5,
  training: readonly Datum[] = data,
): Promise<void> {
  const [whole, layered] = [await open(false), await open(true)];
  const [wanted, found] = [
    await whole.forwardBackward(training, loss, layout),
    await layered.forwardBackward(training, loss, layout),
  ];
  assert.ok(
    Math.abs(wanted.loss - found.loss) < tolerance * (1 + Math.abs(wanted.loss)),
    `${wanted.loss} ${found.loss}`,
  );
  for (const part of ["logprobs", "entropies"] as const)
    for (const [i, values] of wanted[part].entries())
      assert.ok(distance(values, found[part][i]!) < tolerance, `${part} ${i}`);
  for (const engine of [whole, layered]) await engine.optimStep({ ...adam, learningRate: 0 });
  const [a, b] = [await gradientsOf(whole, training, loss, layout), await gradientsOf(layered, training, loss, layout)];
  assert.deepEqual([...a.gradients.keys()], [...b.gradients.keys()]);
  let most = 0;
  for (const [name, gradient] of a.gradients) {
    most = Math.max(most, norm(gradient));
    assert.ok(distance(gradient, b.gradients.get(name)!) < tolerance * (1 + norm(gradient)), name);
  }
  assert.ok(most > 1e-3, "there is a gradient");
  const temperature = loss.name === "cross-entropy" ? 1 : loss.temperature;
  const [scored, alike] = [
    await whole.logprobs(training, "policy", temperature),
    await layered.logprobs(training, "policy", temperature),
  ];
  for (const [i, values] of scored.entries()) assert.ok(distance(values, alike[i]!) < tolerance, `score ${i}`);
  await whole.close();
  await layered.close();
}

for (const [runtimeName, runtime] of runtimes)
  describe(`recomputation on ${runtimeName} equals the whole graph`, () => {
    const opener = (options: EmbeddedOptions, state?: () => EngineState) => async (recompute: boolean) => {
      const engine = new EmbeddedEngine(await runtime(), { ...options, recompute });
      if (state !== undefined) await engine.load(state());
      return engine;
    };

    for (const [name, loss, layout] of losses)
      test(name, () => same(opener({ config: tinyConfig, seed: 3 }), loss, layout));

    for (const [name, config] of Object.entries(configs)) {
      test(name, () => same(opener({ config, seed: 3 }), crossEntropy, packed));

      for (const dropout of [0, 0.3]) {
        const adapter: LoraConfig = { ...lora, dropout, rslora: dropout > 0 };
        test(`${name}, LoRA with dropout ${dropout}`, async () => {
          const open = opener({ config, seed: 3, lora: adapter }, () => ({ weights: livelyAdapter(config) }));
          await same(open, { ...clipLoss, klCoef: 0.1 }, undefined);
        });
      }
    }

    for (const dtype of ["bfloat16", "int8"] as const)
      test(`frozen weights held as ${dtype}`, async () => {
        const base = held(initialWeights(tinyConfig, 3), dtype);
        const open = opener({ config: tinyConfig, lora }, () => ({ base, weights: livelyAdapter(tinyConfig) }));
        await same(open, clipLoss, undefined);
      });
  });

test("an adapter's gradient is the finite difference of the loss", async () => {
  const config = { ...tinyConfig, model_type: "qwen2" as const };
  const few = someData([7, 12]);
  const adapter = livelyAdapter(config);
  const engine = new EmbeddedEngine(referenceRuntime("float64"), { config, lora, seed: 3, recompute: true });
  const lossWith = async (name: string, at: number, value: number): Promise<number> => {
    const moved = structuredClone(adapter) as Map<string, { shape: number[]; data: Float32Array }>;
    moved.get(name)!.data[at] = value;
    await engine.load({ weights: moved });
    return (await engine.forwardBackward(few, crossEntropy)).loss;
  };
  await engine.load({ weights: structuredClone(adapter) });
  const { gradients } = await gradientsOf(engine, few, crossEntropy);
  for (const [i, [name, gradient]] of [...gradients].entries()) {
    const at = (i * 7) % gradient.length;
    const value = adapter.get(name)!.data[at]!;
    const [below, above] = [Math.fround(value - 2 ** -8), Math.fround(value + 2 ** -8)];
    const slope = ((await lossWith(name, at, above)) - (await lossWith(name, at, below))) / (above - below);
    const most = Math.max(...gradient.map(Math.abs));
    assert.ok(Math.abs(slope - gradient[at]!) < 1e-2 * most, `${name}[${at}]: ${slope}, gradient ${gradient[at]}`);
  }
});

test("the vocabulary in slices of any size gives the same loss, log-probabilities, entropies and gradients", async () => {
  for (const config of [tinyConfig, { ...tinyConfig, tie_word_embeddings: true }]) {
    const weights = { frozen: new Map(), trained: initialWeights(config, 3) };
    const [placed] = microBatches(data, packed, () => 1000) as [MicroBatch];
    const batch = batchOf(data, placed, packed, []);
    const N = placed.placements.reduce((sum, { datum }) => sum + data[datum]!.weights.length, 0);
    const through = async (rows: number) => {
      const runtime = withRotaryTables(await onnxRuntime({ threads: 1 }), config);
      const model = new LayeredModel(runtime, config, undefined, 4 * N * rows);
      const sums = new Map([...weights.trained].map(([name, { data }]) => [name, new Float32Array(data.length)]));
      const scored = await model.train(weights, batch, { ...clipLoss, temperature: 0.8 }, sums);
      await model.release();
      return { ...scored, sums };
    };
    const whole = await through(31);
    for (const rows of [1, 7, 16, 30]) {
      const sliced = await through(rows);
      assert.ok(Math.abs(whole.loss - sliced.loss) < 1e-5);
      for (const part of ["logprobs", "entropies"] as const)
        assert.ok(distance(whole[part], sliced[part]) < 1e-5, `${part}, ${rows} rows`);
      for (const [name, sum] of whole.sums)
        assert.ok(distance(sum, sliced.sums.get(name)!) < 1e-5 * (1 + norm(sum)), `${name}, ${rows} rows`);
    }
  }
});
