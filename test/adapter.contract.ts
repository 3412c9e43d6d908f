import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Engine, EngineState, HeldDtype, HeldTensors, Loss, Tensors } from "../src/engine/engine.ts";
import { hold, unhold } from "../src/model/held.ts";
import { adapterShapes, initialAdapter, type LoraConfig, loraModules } from "../src/model/lora.ts";
import { initialWeights } from "../src/model/parameters.ts";
import { mergedWeights } from "./merged-weights.ts";
import type { OpenEngine } from "./sampling.contract.ts";
import {
  adam,
  asDatum,
  ask,
  clipLoss,
  crossEntropy,
  distance,
  gradientsOf,
  norm,
  plain,
  refuses,
  someData,
  stateOf,
  tinyConfig,
} from "./tiny-model.ts";

export const lora: LoraConfig = { rank: 3, alpha: 6, dropout: 0, targetModules: [...loraModules], rslora: false };

/** An adapter that does something: a fresh one's B is zero. */
export function livelyAdapter(config = tinyConfig, of = lora): Tensors {
  const adapter = initialAdapter(config, of, 1);
  for (const [name, { data }] of adapter)
    if (name.endsWith(".lora_B.weight"))
      for (let i = 0; i < data.length; i++) data[i] = 0.1 * Math.sin(i + name.length);
  return adapter;
}

export function held(tensors: Tensors, dtype: HeldDtype): HeldTensors {
  return new Map([...tensors].map(([name, tensor]) => [name, hold(tensor, dtype)]));
}

/** The part of the engine contract that is about adapters on frozen weights. */
export function adapterContract(open: OpenEngine): void {
  const data = someData([9, 14, 22]);
  const base = (): Tensors => initialWeights(tinyConfig, 3);
  const withAdapter = async (options: Partial<LoraConfig> = {}, dtype: HeldDtype = "float32"): Promise<Engine> => {
    const engine = await open({ seed: 3, lora: { ...lora, ...options } });
    await engine.load({ base: held(base(), dtype), weights: livelyAdapter(tinyConfig, { ...lora, ...options }) });
    return engine;
  };
  const plainEngine = async (weights: Tensors): Promise<Engine> => {
    const engine = await open();
    await engine.load({ weights });
    return engine;
  };
  const sameScores = async (one: Engine, other: Engine, tolerance: number): Promise<void> => {
    const [found, wanted] = [await one.logprobs(data, "policy"), await other.logprobs(data, "policy")];
    for (const [i, logprobs] of found.entries()) assert.ok(distance(logprobs, wanted[i]!) <= tolerance, `datum ${i}`);
  };

  describe("adapters", () => {
    test("a fresh adapter changes nothing, and only the adapter is saved", async () => {
      const [adapted, bare] = [await open({ seed: 3, lora }), await open({ seed: 3 })];
      await sameScores(adapted, bare, 1e-5);
      const { weights, base, optimizer } = await stateOf(adapted);
      const shapes = adapterShapes(tinyConfig, lora);
      for (const tensors of [weights, optimizer!.m, optimizer!.v])
        assert.deepEqual(new Map([...tensors].map(([name, { shape }]) => [name, shape])), shapes);
      assert.equal(base, undefined);
      await adapted.close();
      await bare.close();
    });

    test("base and adapter give what the merged weights give, in scoring, training and sampling", async () => {
      for (const rslora of [false, true]) {
        const config = { ...lora, rslora, targetModules: ["q_proj", "down_proj"] as const };
        const merged = await plainEngine(mergedWeights(base(), livelyAdapter(tinyConfig, config), config));
        const adapted = await withAdapter(config);
        await sameScores(adapted, merged, 1e-4);
        const requests = [ask(6, 3, 1), ask(11, 3, 2)];
        const completions = await adapted.sample(requests, plain);
        const answers = completions.flatMap((group, i) => group.map((one) => asDatum(requests[i]!.prompt, one)));
        const { logprobs } = await adapted.forwardBackward(answers, clipLoss);
        const scored = await merged.logprobs(answers, "policy");
        for (const [i, { oldLogprobs }] of answers.entries()) {
          assert.ok(distance(oldLogprobs!, logprobs[i]!) < 1e-4);
          assert.ok(distance(oldLogprobs!, scored[i]!) < 1e-4);
        }
        await adapted.close();
        await merged.close();
      }
    });

    test("the gradient is that of the merged weights, carried over to A and B", async () => {
      // W + s B A: dB = s dW A^T, dA = s B^T dW, whatever the loss.
      const loss: Loss = { ...clipLoss, klCoef: 0.1 };
      const merged = await plainEngine(mergedWeights(base(), livelyAdapter(), lora));
      const adapted = await withAdapter();
      const [whole, own] = [await gradientsOf(merged, data, loss), await gradientsOf(adapted, data, loss)];
      assert.ok(Math.abs(whole.loss - own.loss) < 1e-4);
      assert.deepEqual([...own.gradients.keys()], [...adapterShapes(tinyConfig, lora).keys()]);
      const tensors = livelyAdapter();
      for (const name of [...own.gradients.keys()].filter((key) => key.endsWith(".lora_A.weight"))) {
        const nameB = name.replace("lora_A", "lora_B");
        const [a, b] = [tensors.get(name)!, tensors.get(nameB)!];
        const dW = whole.gradients.get(name.replace("base_model.model.", "").replace(".lora_A", ""))!;
        const [rank, inner] = a.shape as [number, number];
        const [dA, dB] = [new Float32Array(a.data.length), new Float32Array(b.data.length)];
        for (let out = 0; out < b.shape[0]!; out++)
          for (let i = 0; i < inner; i++)
            for (let r = 0; r < rank; r++) {
              dA[r * inner + i]! += 2 * b.data[out * rank + r]! * dW[out * inner + i]!;
              dB[out * rank + r]! += 2 * a.data[r * inner + i]! * dW[out * inner + i]!;
            }
        for (const [found, wanted] of [
          [own.gradients.get(name)!, dA],
          [own.gradients.get(nameB)!, dB],
        ] as const) {
          assert.ok(norm(wanted) > 1e-4, name);
          assert.ok(distance(found, wanted) < 2e-4 * (1 + norm(wanted)), name);
        }
      }
      await adapted.close();
      await merged.close();
    });

    test("bfloat16 and int8 are the float32 weights they stand for, to the last bit", async () => {
      for (const dtype of ["bfloat16", "int8"] as const) {
        const rounded = held(base(), dtype);
        const engine = await withAdapter({}, dtype);
        const unheld = new Map([...rounded].map(([name, one]) => [name, { shape: one.shape, data: unhold(one) }]));
        const other = await open({ seed: 3, lora });
        await other.load({ base: held(unheld, "float32"), weights: livelyAdapter() });
        await sameScores(engine, other, 0);
        const [found, wanted] = [await gradientsOf(engine, data, clipLoss), await gradientsOf(other, data, clipLoss)];
        assert.deepEqual(found, wanted);
        const requests = [ask(6, 2, 1), ask(11, 2, 2)];
        assert.deepEqual(await engine.sample(requests, plain), await other.sample(requests, plain));
        await engine.close();
        await other.close();
      }
    });

    test("training moves the adapter; snapshots keep theirs on the shared base", async () => {
      const engine = await withAdapter();
      await engine.snapshot("reference");
      const before = await engine.logprobs(data, "policy");
      const losses: number[] = [];
      for (let step = 0; step < 5; step++) {
        losses.push((await engine.forwardBackward(data, crossEntropy)).loss);
        await engine.optimStep(adam);
      }
      for (let i = 1; i < losses.length; i++) assert.ok(losses[i]! < losses[i - 1]!, losses.join(" "));
      assert.deepEqual(await engine.logprobs(data, "reference"), before);
      await engine.close();
    });

    test("dropout is drawn from seed, step and call: a rerun and a resumed run give the same bits", async () => {
      const options = { dropout: 0.4 };
      const train = async (engine: Engine, steps: number): Promise<EngineState> => {
        for (let step = 0; step < steps; step++) {
          await engine.forwardBackward(data, crossEntropy);
          await engine.forwardBackward(data.slice(1), clipLoss);
          await engine.optimStep(adam);
        }
        return stateOf(engine);
      };
      const [one, two, resumed] = [await withAdapter(options), await withAdapter(options), await withAdapter(options)];
      const whole = await train(one, 3);
      const half = await train(two, 1);
      await resumed.load(half);
      assert.deepEqual(await train(resumed, 2), whole);
      // Only training drops, and it drops something else each time.
      await sameScores(one, resumed, 0);
      const still = { ...adam, learningRate: 0 };
      const [first, second] = [
        (await one.forwardBackward(data, crossEntropy)).loss,
        (await one.forwardBackward(data, crossEntropy)).loss,
      ];
      await one.optimStep(still);
      assert.notEqual(first, second);
      for (const engine of [one, two, resumed]) await engine.close();
    });

    test("refuses a base without adapters, and one that does not fit", async () => {
      const [bare, adapted] = [await open(), await withAdapter()];
      const weights = livelyAdapter();
      const name = "model.layers.1.mlp.up_proj.weight";
      await assert.rejects(
        bare.load({ base: held(base(), "float32"), weights: base() }),
        refuses("MODEL_TENSOR", "base", "lora"),
      );
      await assert.rejects(
        adapted.load({ base: new Map([...held(base(), "int8")].filter(([key]) => key !== name)), weights }),
        refuses("MODEL_TENSOR", "base", name, "missing"),
      );
      await assert.rejects(
        adapted.load({ weights: new Map([...weights].slice(1)) }),
        refuses("MODEL_TENSOR", "weights", "lora_A"),
      );
      const short = held(base(), "int8");
      const one = short.get(name)!;
      assert.ok(one.dtype === "int8");
      const cut = new Map([...short, [name, { ...one, scales: one.scales.slice(1) }]] as const);
      await assert.rejects(adapted.load({ base: cut, weights }), refuses("MODEL_TENSOR", name, "scales"));
      const untouched = await withAdapter();
      await sameScores(adapted, untouched, 0);
      for (const engine of [bare, adapted, untouched]) await engine.close();
    });
  });
}
