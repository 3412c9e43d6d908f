import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Datum, Engine, EngineState, Loss, Tensors } from "../src/engine/engine.ts";
import { adapterContract } from "./adapter.contract.ts";
import { type OpenEngine, samplingContract } from "./sampling.contract.ts";
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
  someTokens,
  stateOf,
} from "./tiny-model.ts";

/** What every engine must do, run against each. `open` gives a fresh engine for tinyConfig with weights from `seed`. */
export function engineContract(name: string, open: OpenEngine): void {
  describe(name, () => {
    samplingContract(open);
    describe("training", () => trainingContract(open));
    adapterContract(open);
    describe("state", () => stateContract(open));
  });
}

function trainingContract(open: OpenEngine): void {
  const lengths = [5, 18, 9, 17, 12, 30];
  const data = someData(lengths);
  let engine: Engine;
  before(async () => {
    engine = await open({ seed: 3 });
  });
  after(() => engine.close());

  test("the sampler's log-probability of a token is the trainer's, so every ratio starts at 1", async () => {
    for (const temperature of [1, 0.7]) {
      const requests = [ask(6, 3, 1), ask(11, 3, 2)];
      const completions = await engine.sample(requests, { ...plain, temperature });
      const answers = completions.flatMap((group, i) => group.map((one) => asDatum(requests[i]!.prompt, one)));
      const result = await engine.forwardBackward(answers, { ...clipLoss, temperature });
      const scored = await engine.logprobs(answers, "policy", temperature);
      for (const [i, answer] of answers.entries()) {
        assert.ok(distance(answer.oldLogprobs!, result.logprobs[i]!) < 1e-4);
        assert.ok(distance(answer.oldLogprobs!, scored[i]!) < 1e-4);
      }
      // Each answer's weights sum to 1 and its advantage is 1.
      assert.ok(Math.abs(result.loss + answers.length) < 1e-3, `loss ${result.loss}`);
    }
  });

  test("entropies are those of the distribution that the trainer scores", async () => {
    const prompt = someTokens(4, "entropy");
    const every = Array.from({ length: engine.config.vocab_size }, (_, token) => ({
      tokens: Int32Array.from([...prompt, token]),
      promptLength: prompt.length,
      weights: Float32Array.of(1),
    }));
    const { entropies, logprobs, loss } = await engine.forwardBackward(every, crossEntropy);
    const all = logprobs.map(([logprob]) => logprob!);
    const total = all.reduce((sum, logprob) => sum + Math.exp(logprob), 0);
    const entropy = -all.reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0);
    assert.ok(Math.abs(total - 1) < 1e-5);
    assert.ok(Math.abs(loss + all.reduce((sum, logprob) => sum + logprob, 0)) < 1e-3);
    for (const one of entropies) assert.ok(Math.abs(one[0]! - entropy) < 1e-4);
    await engine.optimStep({ ...adam, learningRate: 0 });
  });

  test("micro-batches of any size give the same gradient, loss and log-probabilities", async () => {
    for (const loss of [crossEntropy, clipLoss, { ...clipLoss, ratio: "sequence" } satisfies Loss]) {
      const small = await open({ seed: 3, slotBudget: 1 });
      const large = await open({ seed: 3, slotBudget: 100_000 });
      const [one, other] = [await gradientsOf(small, data, loss), await gradientsOf(large, data, loss)];
      assert.ok(Math.abs(one.loss - other.loss) < 1e-5);
      for (const [parameter, gradient] of one.gradients)
        assert.ok(distance(gradient, other.gradients.get(parameter)!) < 1e-5 * (1 + norm(gradient)), parameter);
      const [few, many] = [await small.logprobs(data, "policy"), await large.logprobs(data, "policy")];
      for (const [i, logprobs] of few.entries()) {
        assert.equal(logprobs.length, lengths[i]! - 3);
        assert.ok(distance(logprobs, many[i]!) < 1e-4);
      }
      await small.close();
      await large.close();
    }
  });

  test("packed rows give the gradient of one sequence a row, and keep their documents apart", async () => {
    for (const loss of [crossEntropy, { ...clipLoss, klCoef: 0.1 }]) {
      const rows = await gradientsOf(engine, data, loss);
      const packed = await gradientsOf(engine, data, loss, { kind: "packed", rowLength: 48 });
      assert.ok(Math.abs(rows.loss - packed.loss) < 1e-5);
      for (const [parameter, gradient] of rows.gradients)
        assert.ok(distance(gradient, packed.gradients.get(parameter)!) < 1e-5 * (1 + norm(gradient)), parameter);
    }
    const apart = await engine.forwardBackward(data, crossEntropy);
    const together = await engine.forwardBackward(data, crossEntropy, { kind: "packed", rowLength: 48 });
    for (const [i, logprobs] of apart.logprobs.entries()) {
      assert.ok(distance(logprobs, together.logprobs[i]!) < 1e-4);
      assert.ok(distance(apart.entropies[i]!, together.entropies[i]!) < 1e-4);
    }
    await engine.optimStep({ ...adam, learningRate: 0 });
  });

  test("gradients add up over calls", async () => {
    const whole = await gradientsOf(engine, data, crossEntropy);
    await engine.forwardBackward(data.slice(0, 2), crossEntropy);
    const halves = await gradientsOf(engine, data.slice(2), crossEntropy);
    for (const [parameter, gradient] of whole.gradients)
      assert.ok(distance(gradient, halves.gradients.get(parameter)!) < 1e-5 * (1 + norm(gradient)), parameter);
  });

  test("the loss falls over a few updates, and the norm before clipping is reported", async () => {
    const learner = await open({ seed: 4 });
    const losses: number[] = [];
    for (let step = 1; step <= 6; step++) {
      const { loss, paddingShare } = await learner.forwardBackward(data, crossEntropy);
      assert.ok(paddingShare >= 0 && paddingShare < 0.2, `padding ${paddingShare}`);
      losses.push(loss);
      const result = await learner.optimStep(adam);
      assert.equal(result.step, step);
      assert.ok(result.gradNorm > 0 && Number.isFinite(result.gradNorm));
    }
    for (let i = 1; i < losses.length; i++) assert.ok(losses[i]! < losses[i - 1]!, losses.join(" "));
    await learner.close();
  });

  test("the same steps give the same bits", async () => {
    const states: EngineState[] = [];
    for (let run = 0; run < 2; run++) {
      const learner = await open({ seed: 5 });
      for (let step = 0; step < 2; step++) {
        await learner.forwardBackward(data, { ...clipLoss, klCoef: 0.01 });
        await learner.optimStep(adam);
      }
      states.push(await stateOf(learner));
      await learner.close();
    }
    assert.deepEqual(states[0], states[1]);
  });

  test("a gradient that is not finite changes nothing", async () => {
    const before = await stateOf(engine);
    const broken = data.map((one) => ({ ...one, weights: one.weights.map(() => Number.NaN) }));
    await engine.forwardBackward(broken, crossEntropy);
    const { gradNorm, step } = await engine.optimStep(adam);
    assert.ok(!Number.isFinite(gradNorm));
    assert.equal(step, before.optimizer!.step);
    assert.deepEqual(await stateOf(engine), before);
  });

  test("refuses what it cannot train on", async () => {
    const fresh = await open();
    await assert.rejects(fresh.optimStep(adam), refuses("ENGINE_NO_GRADIENT", "forwardBackward"));
    const [one] = data as [Datum];
    const withToken = (token: number) => [{ ...one, tokens: one.tokens.with(4, token) }];
    await assert.rejects(
      fresh.forwardBackward(withToken(31), crossEntropy),
      refuses("BATCH_DATUM", "31", "vocabulary"),
    );
    await assert.rejects(fresh.forwardBackward(withToken(-1), crossEntropy), refuses("BATCH_DATUM", "-1"));
    await assert.rejects(fresh.logprobs(withToken(31), "policy"), refuses("BATCH_DATUM", "datum 0"));
    await assert.rejects(fresh.logprobs([one], "start"), refuses("ENGINE_SNAPSHOT", "start", "snapshot"));
    await assert.rejects(
      fresh.forwardBackward([{ ...one, promptLength: 0 }], crossEntropy),
      refuses("BATCH_DATUM", "promptLength 0"),
    );
    await assert.rejects(
      fresh.forwardBackward([{ ...one, weights: new Float32Array(9) }], crossEntropy),
      refuses("BATCH_DATUM", "weights", "9"),
    );
    await assert.rejects(
      fresh.forwardBackward(someData([98]), crossEntropy),
      refuses("BATCH_DATUM", "98 tokens", "96 positions"),
    );
    await assert.rejects(
      fresh.forwardBackward(data, crossEntropy, { kind: "packed", rowLength: 20 }),
      refuses("BATCH_ROW_LENGTH", "rowLength", "document 5"),
    );
    await assert.rejects(
      fresh.forwardBackward(data, { ...clipLoss, ratio: "sequence" }, { kind: "packed", rowLength: 48 }),
      refuses("BATCH_LAYOUT", "sequence", "rows"),
    );
    await fresh.close();
  });
}

function stateContract(open: OpenEngine): void {
  const data = someData([9, 14]);
  const update = async (engine: Engine): Promise<void> => {
    await engine.forwardBackward(data, crossEntropy);
    await engine.optimStep(adam);
  };

  test("a saved state goes on in a new engine as if nothing had been", async () => {
    const first = await open({ seed: 6 });
    await update(first);
    await first.snapshot("reference");
    await update(first);
    const state = await stateOf(first);
    const second = await open({ seed: 7 });
    await second.load(structuredClone(state));
    assert.deepEqual(await stateOf(second), state);
    assert.equal(state.optimizer!.step, 2);
    await update(first);
    await update(second);
    assert.deepEqual(await stateOf(second), await stateOf(first));
    const requests = [ask(5, 2, 1)];
    assert.deepEqual(await second.sample(requests, plain), await first.sample(requests, plain));
    for (const weights of ["policy", "reference"] as const)
      assert.deepEqual(await second.logprobs(data, weights), await first.logprobs(data, weights));
    await first.close();
    await second.close();
  });

  test("a saved tensor can be read again and in any order, until an update", async () => {
    const engine = await open({ seed: 6 });
    const { weights, optimizer } = await engine.save();
    const [norm, embedding] = ["model.norm.weight", "model.embed_tokens.weight"] as const;
    const read = async (tensors: typeof weights, name: string) => Float32Array.from(await tensors.get(name)!.read());
    const first = [await read(weights, embedding), await read(weights, norm)];
    assert.ok((await read(optimizer!.m, embedding)).every((value) => value === 0));
    assert.deepEqual([await read(weights, norm), await read(weights, embedding)], first.toReversed());
    await update(engine);
    assert.notDeepEqual(await read((await engine.save()).weights, embedding), first[0]);
    await engine.close();
  });

  test("weights without optimizer state start the optimizer again, and drop snapshots and gradients", async () => {
    const engine = await open({ seed: 6 });
    const { weights } = await stateOf(engine);
    await engine.snapshot("start");
    await update(engine);
    await engine.forwardBackward(data, crossEntropy);
    await engine.load({ weights });
    const { optimizer, snapshots } = await stateOf(engine);
    assert.equal(optimizer!.step, 0);
    assert.ok([...optimizer!.m.values(), ...optimizer!.v.values()].every((one) => one.data.every((x) => x === 0)));
    assert.deepEqual(snapshots, {});
    await assert.rejects(engine.optimStep(adam), refuses("ENGINE_NO_GRADIENT"));
    await engine.close();
  });

  test("a snapshot keeps its weights while the policy learns, until it is taken again", async () => {
    const engine = await open({ seed: 6 });
    await engine.snapshot("start");
    await engine.snapshot("reference");
    const before = await engine.logprobs(data, "policy");
    await update(engine);
    assert.deepEqual(await engine.logprobs(data, "start"), before);
    const after = await engine.logprobs(data, "policy");
    assert.notDeepEqual(after, before);
    await engine.snapshot("reference");
    assert.deepEqual(await engine.logprobs(data, "reference"), after);
    assert.deepEqual(await engine.logprobs(data, "start"), before);
    await engine.close();
  });

  test("load refuses missing, misshapen and unknown tensors by name, and leaves the engine as it was", async () => {
    const engine = await open({ seed: 6 });
    await update(engine);
    const state = await stateOf(engine);
    const name = "model.layers.0.mlp.up_proj.weight";
    const [tensor] = [state.weights.get(name)!];
    const without = new Map([...state.weights].filter(([key]) => key !== name));
    const turned = new Map([...state.weights, [name, { shape: [32, 40], data: tensor.data }]] as const);
    const short = new Map([...state.weights, [name, { shape: tensor.shape, data: tensor.data.slice(1) }]] as const);
    const more = new Map([...state.weights, ["model.extra.weight", tensor]] as const);
    const refusals: readonly [Tensors, string[]][] = [
      [without, [name, "missing", "40,32"]],
      [turned, [name, "32,40", "40,32"]],
      [short, [name]],
      [more, ["model.extra.weight", "not part"]],
    ];
    for (const [tensors, words] of refusals) {
      await assert.rejects(engine.load({ weights: tensors }), refuses("MODEL_TENSOR", "weights", ...words));
      const { optimizer, weights } = state;
      await assert.rejects(
        engine.load({ weights, optimizer: { ...optimizer!, v: tensors } }),
        refuses("MODEL_TENSOR", "optimizer.v", ...words),
      );
      await assert.rejects(
        engine.load({ weights, snapshots: { start: tensors } }),
        refuses("MODEL_TENSOR", "snapshot start", ...words),
      );
    }
    assert.deepEqual(await stateOf(engine), state);
    await engine.close();
  });
}
