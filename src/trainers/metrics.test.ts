import assert from "node:assert/strict";
import { test } from "node:test";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import { k3Divergence, ratioGap, rolloutMetrics, type TrainedAnswer, updateMetrics } from "./metrics.ts";

const end = 0;

function answer(accuracy: number, format: number, tokens: readonly number[], text = ""): Scored {
  const finish = tokens.at(-1) === end ? "stop" : "length";
  return {
    sample: 0,
    text,
    tokens: Int32Array.from(tokens),
    logprobs: new Float32Array(tokens.length),
    finish,
    policyVersion: 0,
    rewards: { accuracy, format },
    reward: accuracy + 0.1 * format,
    reason: accuracy === 1 ? "correct" : "wrong-value",
    reasons: {},
    answer: format === 1 ? "x" : null,
  };
}

function group(...rollouts: Scored[]): Group<Scored> {
  return { problem: { id: "p", prompt: "?", level: 1 }, promptTokens: Int32Array.of(1), rollouts };
}

test("metrics of a step's answers", () => {
  const found = rolloutMetrics(
    [
      group(answer(1, 1, [5, end], "wait, wait"), answer(1, 1, [end])),
      group(answer(0, 0, [5, 5, 5]), answer(0, 0, [5, 5, 5])),
      group(answer(0, 1, [5, end]), answer(0, 0, [5, end])),
      group(answer(1, 1, [5, end]), answer(0, 1, [end])),
    ],
    [end],
    (text) => text.split("wait").length - 1,
  );
  assert.deepEqual(
    { ...found, reward: found.reward.toFixed(6), lengthP95: found.lengthP95.toFixed(6) },
    {
      reward: (3 / 8 + 0.1 * (5 / 8)).toFixed(6),
      rewardParts: { "reward/accuracy": 3 / 8, "reward/format": 5 / 8 },
      pass1: 3 / 8,
      groupsAllRight: 1 / 4,
      groupsAllWrong: 1 / 4,
      groupsMixed: 2 / 4,
      lengthMean: 2,
      lengthP95: "3.000000",
      truncatedShare: 1 / 4,
      endedShare: 3 / 4,
      parseFailureShare: 3 / 8,
      verifierErrorShare: 0,
      reflectiveWordsPerResponse: 2 / 8,
      repetitionShare: 0,
      loopShare: 0,
      languageMixing: 0,
      tokens: 16,
    },
  );
});

function trained(advantage: number, ratios: readonly number[], entropy = 1): TrainedAnswer {
  return {
    advantage,
    logprobs: Float32Array.from(ratios, Math.log),
    oldLogprobs: new Float32Array(ratios.length),
    entropies: new Float32Array(ratios.length).fill(entropy),
  };
}

test("clip shares count the tokens whose gradient is gone", () => {
  const answers = [trained(1, [0.5, 1, 1.1, 1.5]), trained(-1, [0.5, 0.7, 1, 1.5], 3)];
  const clip = { surrogate: "clip", ratio: "token", clipLow: 0.2, clipHigh: 0.2 } as const;
  assert.deepEqual(updateMetrics(answers, clip), { entropy: 2, clipShareLow: 2 / 8, clipShareHigh: 1 / 8 });
  const cispo = { surrogate: "cispo", ratio: "token", clipLow: 0, clipHigh: 1.2 } as const;
  assert.deepEqual(updateMetrics(answers, cispo), { entropy: 2, clipShareLow: 0, clipShareHigh: 2 / 8 });
  // Geometric means .953 and .851: with one ratio an answer, only the second leaves the range.
  const sequence = { surrogate: "clip", ratio: "sequence", clipLow: 0.1, clipHigh: 0.1 } as const;
  assert.deepEqual(updateMetrics(answers, sequence), { entropy: 2, clipShareLow: 4 / 8, clipShareHigh: 0 });
  assert.ok(Number.isNaN(updateMetrics([], clip).entropy));
});

test("ratio gap and k3 run over all tokens", () => {
  const left = [Float32Array.of(-1, -2), Float32Array.of(-3)];
  const right = [Float32Array.of(-1, -2.5), Float32Array.of(-2)];
  assert.deepEqual(ratioGap(left, right), { ratioGapMean: 0.5, ratioGapMax: 1 });
  // d = 0, .5, -1.
  const k3 = (Math.exp(-0.5) - 1 + 0.5 + Math.exp(1) - 1 - 1) / 3;
  assert.ok(Math.abs(k3Divergence(left, right) - k3) < 1e-12);
  assert.ok(Number.isNaN(ratioGap([Float32Array.of(NaN, 0)], [Float32Array.of(0, 0)]).ratioGapMax));
});
