import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseModelConfig } from "../src/checkpoint/model-config.ts";
import { decodeSafetensors } from "../src/checkpoint/safetensors.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import type { Datum, Loss, OptimStep } from "../src/engine/engine.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { referenceRuntime } from "../src/engine/reference.ts";
import type { Runtime } from "../src/engine/runtime.ts";
import { root } from "./imports.ts";
import { clipLoss, crossEntropy, distance, stateOf } from "./tiny-model.ts";

/** Against PyTorch, one `backward()` a sequence, from files that scripts/fixtures/accumulation.py made. */
interface Expected {
  readonly promptLength: number;
  readonly loss: { readonly clipLow: number; readonly clipHigh: number; readonly klCoef: number };
  readonly adam: OptimStep;
  readonly sequences: readonly Readonly<
    Record<"tokens" | "advantages" | "oldLogprobs" | "referenceLogprobs", readonly number[]>
  >[];
  readonly updates: readonly { readonly name: Loss["name"]; readonly loss: number; readonly gradNorm: number }[];
}

const fixture = (name: string): Buffer => readFileSync(join(root, "test/fixtures", name));
const weightsIn = (name: string) => decodeSafetensors(fixture(name), name).tensors;
const expected = JSON.parse(fixture("accumulation/expected.json").toString()) as Expected;
const config = parseModelConfig(JSON.parse(fixture("parity/qwen2/config.json").toString()), "qwen2");
const after = weightsIn("accumulation/after.safetensors");

const { promptLength } = expected;
const count = expected.sequences.reduce((sum, { tokens }) => sum + tokens.length - promptLength, 0);
const data = expected.sequences.map(
  ({ tokens, advantages, oldLogprobs, referenceLogprobs }): Datum => ({
    tokens: Int32Array.from(tokens),
    promptLength,
    weights: new Float32Array(tokens.length - promptLength).fill(1 / count),
    advantages: Float32Array.from(advantages),
    oldLogprobs: Float32Array.from(oldLogprobs),
    referenceLogprobs: Float32Array.from(referenceLogprobs),
  }),
);
const losses: Readonly<Record<Loss["name"], Loss>> = {
  "policy-gradient": { ...clipLoss, ...expected.loss },
  "cross-entropy": crossEntropy,
};

const runtimes: readonly [string, () => Promise<Runtime>][] = [
  ["reference", async () => referenceRuntime()],
  ["onnxruntime/cpu", () => onnxRuntime({ threads: 1 })],
];
/** Slots of a micro-batch (the sequences take 5 to 19), and the calls that bring the data. */
const ways: readonly [string, { slotBudget: number; recompute: boolean }, readonly (readonly Datum[])[]][] = [
  ["at once", { slotBudget: 4096, recompute: false }, [data]],
  ["a sequence each", { slotBudget: 1, recompute: false }, [data]],
  [
    "some sequences, in three calls",
    { slotBudget: 32, recompute: false },
    [data.slice(0, 1), data.slice(1, 4), data.slice(4)],
  ],
  ["layer by layer, in two calls", { slotBudget: 32, recompute: true }, [data.slice(0, 4), data.slice(4)]],
];

for (const [runtime, open] of runtimes)
  for (const [way, options, calls] of ways)
    test(`${runtime}, ${way}: two updates as PyTorch makes them`, async () => {
      const engine = new EmbeddedEngine(await open(), { config, ...options });
      await engine.load({ weights: weightsIn("parity/qwen2/model.safetensors") });
      for (const update of expected.updates) {
        let loss = 0;
        for (const call of calls) loss += (await engine.forwardBackward(call, losses[update.name])).loss;
        assert.ok(
          Math.abs(loss - update.loss) < 2e-6 * Math.max(1, Math.abs(update.loss)),
          `${update.name}: loss ${loss}, expected ${update.loss}`,
        );
        const { gradNorm } = await engine.optimStep(expected.adam);
        assert.ok(
          Math.abs(gradNorm - update.gradNorm) < 1e-5 * update.gradNorm,
          `${update.name}: norm ${gradNorm}, expected ${update.gradNorm}`,
        );
      }
      const { weights } = await stateOf(engine);
      assert.deepEqual([...weights.keys()].sort(), [...after.keys()].sort());
      for (const [name, { data: found }] of weights) {
        const worst = distance(found, after.get(name)!.data);
        assert.ok(worst < 2e-5, `${name}: ${worst} off`);
      }
      await engine.close();
    });
