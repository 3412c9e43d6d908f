import assert from "node:assert/strict";
import { test } from "node:test";
import type { Advantaged } from "../advantage.ts";
import type { Finish } from "../rollout/rollout.ts";
import { overlongPenalty, overlongShaping, tokenWeights } from "./token-weights.ts";

function rollout(length: number, advantage: number | null, finish: Finish = "stop"): Advantaged {
  return {
    sample: 0,
    text: "",
    tokens: new Int32Array(length),
    logprobs: new Float32Array(length),
    finish,
    policyVersion: 0,
    rewards: {},
    reward: 0,
    reason: "",
    reasons: {},
    answer: null,
    advantage,
  };
}

const keep = { policy: "keep", bufferShare: 0, penalty: 0 } as const;
const lengths = [3, 1, 2, 2];
const signs = [0.5, -0.5, -0.5, 0.5];

test("golden numbers: weight x A of each token, and the objective at ratio 1", () => {
  const golden = [
    ["sequence", [0.041667, -0.125, -0.0625, 0.0625], 0],
    ["tokens", [0.0625, -0.0625, -0.0625, 0.0625], 0.125],
    ["constant", [0.03125, -0.03125, -0.03125, 0.03125], 0.0625],
  ] as const;
  for (const [normaliser, expected, objective] of golden) {
    const rollouts = lengths.map((length, i) => rollout(length, signs[i]!));
    const weights = tokenWeights(rollouts, { normaliser, overlong: keep }, 4);
    let total = 0;
    weights.forEach((tokens, i) => {
      assert.equal(tokens.length, lengths[i]);
      for (const weight of tokens) {
        total += weight * signs[i]!;
        assert.ok(Math.abs(weight * signs[i]! - expected[i]!) < 1e-6, `${normaliser}: ${weight * signs[i]!}`);
      }
    });
    assert.ok(Math.abs(total - objective) < 1e-6, `${normaliser}: ${total}`);
  }
});

test("constant groups leave weights and normaliser as if they had not been sampled", () => {
  for (const normaliser of ["sequence", "tokens", "constant"] as const) {
    const mixed = lengths.map((length, i) => rollout(length, signs[i]!));
    const constant = [rollout(7, null), rollout(9, null)];
    const alone = tokenWeights(mixed, { normaliser, overlong: keep }, 10);
    const together = tokenWeights([...constant, ...mixed], { normaliser, overlong: keep }, 10);
    assert.deepEqual(together.slice(2), alone);
    assert.deepEqual(together[0], new Float32Array(7));
  }
});

test("masking leaves truncated answers out of loss and normaliser, and only them", () => {
  const rollouts = [rollout(4, 1, "length"), rollout(2, -1), rollout(2, -1)];
  const masked = tokenWeights(rollouts, { normaliser: "tokens", overlong: { ...keep, policy: "mask" } }, 4);
  assert.deepEqual(masked, [new Float32Array(4), Float32Array.of(0.25, 0.25), Float32Array.of(0.25, 0.25)]);
  const kept = tokenWeights(rollouts, { normaliser: "tokens", overlong: keep }, 4);
  assert.deepEqual(kept[0], new Float32Array(4).fill(1 / 8));
});

test("nothing to train on gives zeros, not NaN", () => {
  const overlong = { ...keep, policy: "mask" } as const;
  for (const normaliser of ["sequence", "tokens", "constant"] as const) {
    const weights = tokenWeights(
      [rollout(3, 1, "length"), rollout(2, null), rollout(0, 1)],
      { normaliser, overlong },
      3,
    );
    assert.deepEqual(weights, [new Float32Array(3), new Float32Array(2), new Float32Array(0)]);
  }
});

test("golden numbers: DAPO's overlong penalty", () => {
  const golden = [
    [16384, 0],
    [17408, -0.25],
    [18432, -0.5],
    [20480, -1],
    [20481, -1],
  ] as const;
  for (const [length, expected] of golden) assert.equal(overlongPenalty(length, 20480, 4096, 1), expected);
});

test("overlong shaping takes its buffer as a share of the token limit", () => {
  const shaping = overlongShaping({ policy: "shape", bufferShare: 0.2, penalty: 0.5 }, 20480);
  assert.equal(shaping(rollout(18432, 1)), -0.25);
  assert.equal(overlongShaping(keep, 10)(rollout(10, 1, "length")), 0);
});
