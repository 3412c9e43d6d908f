import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { publishedConfig } from "../../test/published-models.ts";
import * as ops from "../autodiff/ops.ts";
import { onnxRuntime } from "../engine/onnxruntime.ts";
import { withRotaryTables } from "../engine/rotary-tables.ts";
import { type ModelConfig, modelConfigSchema } from "../model/config.ts";
import { grpoDefaults, sftDefaults } from "../recipe/defaults.ts";
import { grpoSchema, parseRecipe, recipeObjective, sftSchema } from "../recipe/schema.ts";
import { changes } from "./changes.ts";
import { decoding } from "./decoding.ts";
import { graphCost } from "./graph-cost.ts";
import { measureSpeed } from "./measure.ts";
import { memory, peak } from "./memory.ts";
import { batchFlops, type Speed, stepFlops, stepSeconds } from "./seconds.ts";
import { grpoWorkload, sftWorkload, type Workload } from "./workload.ts";

const smollm2 = publishedConfig("SmolLM2-135M");
const qwen = publishedConfig("Qwen2.5-0.5B");
const tiny = modelConfigSchema.parse({
  model_type: "llama",
  vocab_size: 60,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
});

const recipeOf = (more: object = {}) => parseRecipe(grpoSchema, { ...grpoDefaults, model: "m", task: "t", ...more });
function workload(config: ModelConfig, more: object = {}, meanLength?: number): Workload {
  const recipe = recipeOf(more);
  return grpoWorkload(recipe, recipeObjective(recipe), { config, tokens: config.vocab_size }, [40, 60], meanLength);
}
const peakOf = (config: ModelConfig, more?: object): number => peak(memory(workload(config, more))).total;
const even: Speed = {
  forward: 1e11,
  training: 1e11,
  head: 1e11,
  headTraining: 1e11,
  decode: [
    { rows: 1, seconds: 0.01 },
    { rows: 32, seconds: 0.03 },
  ],
  choose: 1e-4,
  add: 1e-9,
  update: 4e-9,
  compile: 0.5,
  spread: { least: 0.9, most: 1.2 },
};

describe("cost of a graph", () => {
  it("counts the products, and what is alive at one time", () => {
    const [x, w] = [ops.input("x", ["N", 8]), ops.input("w", [16, 8])];
    const wide = ops.matmul(x, w, { transB: true });
    const back = ops.matmul(ops.exp(wide), w);
    const cost = graphCost({ outputs: new Map([["y", back]]) }, { N: 10 });
    assert.deepEqual(cost, { flops: 2 * 10 * 8 * 16 * 2, peakBytes: 4 * (10 * 16 + 10 * 8), outputBytes: 4 * 10 * 8 });
  });

  it("keeps what a later operator reads", () => {
    const x = ops.input("x", ["N"]);
    const e = ops.exp(x);
    const y = ops.mul(ops.sigmoid(e), e); // e is still read when the sigmoid is made
    assert.equal(graphCost({ outputs: new Map([["y", y]]) }, { N: 100 }).peakBytes, 800);
  });
});

describe("arithmetic", () => {
  it("is two operations a weight and token forward, and six more with gradients and the layers computed again", () => {
    // Attention: two products of T x T for each head, on whole squares.
    const batch = { rows: 4, width: 128, learned: 512 };
    const matrices = 30 * (2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576);
    const attention = 30 * 2 * 2 * 4 * 9 * 64 * 128 * 128;
    const flops = batchFlops(workload(smollm2), batch, true);
    assert.equal(flops.forward, 2 * 512 * matrices + attention);
    assert.equal(flops.training, 3 * flops.forward);
    const slices = 3 * 16384; // of 49,152 rows, three of 16,384 keep 512 tokens within 32 MiB
    assert.equal(flops.head, 2 * 512 * slices * 576);
    assert.equal(flops.headTraining, 3 * flops.head);
  });

  it("with adapters leaves out the gradients of frozen weights", () => {
    const batch = { rows: 4, width: 128, learned: 512 };
    const [full, lora] = [{}, { lora: {} }].map((more) => batchFlops(workload(smollm2, more), batch, true));
    assert.ok(lora!.training < 0.8 * full!.training, `${lora!.training} of ${full!.training}`);
    assert.ok(lora!.headTraining < 0.7 * full!.headTraining);
    assert.ok(lora!.forward > full!.forward);
  });
});

describe("decoding", () => {
  it("gives a row that is free to who waits", () => {
    const length = (completion: number) => ({ prompt: 30, completion });
    assert.deepEqual(decoding([length(3), length(5), length(4)], 2), [
      { rows: 2, steps: 2, slots: 32 },
      { rows: 2, steps: 2, slots: 64 },
      { rows: 1, steps: 1, slots: 64 },
    ]);
    assert.deepEqual(decoding([length(1)], 2), []);
  });
});

describe("memory", () => {
  it("has no more key-value cache than the sampler takes", () => {
    // 100 held-out problems x 4 answers of up to 60 + 256 tokens do not fit into 2 GiB together.
    for (const config of [smollm2, publishedConfig("Qwen3-0.6B")]) {
      const { keyValueCache } = memory(workload(config))[0]!.parts;
      assert.ok(keyValueCache <= 2 ** 31 && keyValueCache > 0.9 * 2 ** 31, `${keyValueCache}`);
    }
    const few = memory(workload(smollm2, { maxRows: 8 }))[0]!.parts;
    assert.equal(few.keyValueCache, 8 * (8 * 30 * 3 * 64) * 320); // slots in steps of 32
  });

  it("is the sum of its parts in each phase", () => {
    for (const { parts, total } of memory(workload(smollm2)))
      assert.equal(
        Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
        total,
      );
  });

  it("has weights, moments, snapshots and gradients of each trained number, without gradients while a large model samples", () => {
    const phases = memory(workload(smollm2, { objective: { preset: "r1", minibatches: 1 } }));
    const weights = 4 * 134_515_008;
    const [sampling, training] = phases.map(({ parts }) => parts);
    for (const [parts, gradients] of [
      [sampling!, 0],
      [training!, weights],
    ] as const)
      assert.deepEqual(
        [parts.weights, parts.optimizer, parts.snapshots, parts.gradients],
        [weights, 2 * weights, 2 * weights, gradients],
      );
    assert.deepEqual([sampling!.activations, training!.decoding, training!.keyValueCache], [0, 0, 0]);
    const [small] = memory(workload(tiny));
    assert.ok(small!.parts.activations > 0 && small!.parts.gradients > 0);
  });

  it("of a held model is a quarter and a little", () => {
    const [float, int8] = ["float32", "int8"].map(
      (hold) => memory(workload(qwen, { lora: {}, hold }))[0]!.parts.weights,
    );
    assert.ok(int8! > 0.25 * float! && int8! < 0.28 * float!);
  });

  it("grows with answers, limit, rows and micro-batch", () => {
    // Not each of these is felt in the phase that needs most.
    const allPhases = (more: object): number =>
      memory(workload(smollm2, more)).reduce((sum, { total }) => sum + total, 0);
    for (const [less, more] of [
      [{ groupSize: 2 }, { groupSize: 32 }],
      [{ maxTokens: 128 }, { maxTokens: 512 }],
      [{ maxRows: 32 }, { maxRows: 256 }],
      [{ slotBudget: 512 }, { slotBudget: 4096 }],
      [{ lora: {} }, {}],
    ] as const)
      assert.ok(allPhases(less) < allPhases(more), JSON.stringify(more));
    assert.ok(peakOf(tiny) < peakOf(smollm2) && peakOf(smollm2) < peakOf(qwen));
  });
});

describe("seconds", () => {
  it("add up and grow with the mean length", () => {
    const [short, long] = [64, 128].map((mean) => stepSeconds(workload(smollm2, {}, mean), even));
    for (const { total, idle, ...phases } of [short!, long!])
      assert.ok(Math.abs(total - Object.values(phases).reduce((sum, one) => sum + one, 0)) < 1e-9);
    assert.ok(short!.decode < long!.decode && short!.training < long!.training && short!.prefill === long!.prefill);
    assert.ok(stepFlops(workload(tiny)).scoring > 0);
    // Groups that are all right or all wrong are only sampled, and scored for the KL to the start.
    assert.ok(Math.abs(short!.idle! - (short!.prefill + short!.decode + short!.scoring + even.compile)) < 1e-9);
    const preset = (name: string) =>
      stepSeconds(workload(smollm2, { objective: { preset: name, minibatches: 1 } }, 64), even);
    const [dapo, r1] = [preset("dapo"), preset("r1")];
    assert.equal(dapo.idle, null, "such groups are sampled again");
    assert.ok(r1.scoring > 4 * dapo.scoring, "a reference scores every answer");
  });
});

describe("changes", () => {
  it("come with the largest saving first, and none that saves nothing", () => {
    const recipe = recipeOf();
    const workloadOf = (one: typeof recipe) =>
      grpoWorkload(one, recipeObjective(one), { config: smollm2, tokens: 49152 }, [60]);
    const now = peak(memory(workloadOf(recipe))).total;
    const list = changes(recipe, now, workloadOf, even);
    assert.ok(list.some(({ option }) => option.startsWith("--lora")));
    assert.ok(list.every(({ peakBytes }, i) => peakBytes < now && peakBytes >= (list[i - 1]?.peakBytes ?? 0)));
    assert.equal(list.find(({ option }) => option.includes("int8"))!.seconds, null);
  });
});

describe("a plan of supervised fine-tuning", () => {
  it("takes a step's documents from all lengths, and the longest for memory", () => {
    const recipe = parseRecipe(sftSchema, {
      ...sftDefaults,
      model: "m",
      data: ["d"],
      tokensPerStep: 300,
      packing: false,
    });
    const documents = [10, 100, 200, 90].map((n) => ({ tokens: new Int32Array(n), promptLength: 1 }));
    const load = sftWorkload(recipe, { config: tiny, tokens: 60 }, documents);
    const total = ({ prompt, completion }: { prompt: number; completion: number }): number => prompt + completion;
    // (300 + 14351 / 198) / 99: the last of them reaches beyond the 300.
    assert.deepEqual(load.expected.map(total), [200, 100, 90, 10]);
    assert.equal(Math.max(...load.largest.map(total)), 200);
    assert.deepEqual(
      memory(load).map(({ phase }) => phase),
      ["training"],
    );
  });
});

describe("the machine", () => {
  it("is measured with the model's own graphs, whole or layer by layer, held or not", async () => {
    const runtime = withRotaryTables(await onnxRuntime(), tiny);
    // With so large a micro-batch even a tiny model goes layer by layer.
    for (const more of [{}, { slotBudget: 1e8 }, { slotBudget: 1e8, lora: {}, hold: "int8" }]) {
      const load = workload(tiny, { groupSize: 4, problemsPerStep: 2, maxTokens: 16, ...more });
      const speed = await measureSpeed(runtime, load);
      for (const rate of [speed.forward, speed.training, speed.head, speed.choose, speed.add, speed.update])
        assert.ok(rate > 0 && Number.isFinite(rate));
      assert.equal(speed.compile > 0, "slotBudget" in more);
      assert.ok(speed.spread.least <= 1 && speed.spread.most >= 1);
      assert.ok(speed.decode.length === 3 && stepSeconds(load, speed).total > 0);
    }
  });
});
