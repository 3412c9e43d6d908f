import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdvantageSettings, groupAdvantages, isConstant } from "./advantage.ts";
import type { Scored } from "./rewards/score.ts";
import type { Group } from "./rollout/rollout.ts";

function groupOf(rewards: readonly number[], lengths: readonly number[] = []): Group<Scored> {
  return {
    problem: { id: "p", prompt: "?", level: 1 },
    promptTokens: Int32Array.of(1),
    rollouts: rewards.map((reward, sample) => ({
      sample,
      text: "",
      tokens: new Int32Array(lengths[sample] ?? 1),
      logprobs: new Float32Array(lengths[sample] ?? 1),
      finish: "stop",
      policyVersion: 0,
      rewards: { accuracy: reward },
      reward,
      reason: reward === 1 ? "correct" : "wrong-value",
      reasons: {},
      answer: null,
    })),
  };
}

const plain: AdvantageSettings = { baseline: "mean", scale: "none", std: "population", epsilon: 0 };

function advantages(rewards: readonly number[], settings: Partial<AdvantageSettings>): (number | null)[] {
  return groupAdvantages([groupOf(rewards)], { ...plain, ...settings })[0]!.rollouts.map((r) => r.advantage);
}

function assertNear(actual: number | null | undefined, expected: number): void {
  assert.ok(typeof actual === "number" && Math.abs(actual - expected) < 5e-7, `${actual} is not ${expected}`);
}

const rewards = [1, 0, 0, 1, 0, 0, 0, 1];

test("golden numbers: advantages of 3 right answers out of 8", () => {
  const golden: [Partial<AdvantageSettings>, number, number][] = [
    [{ scale: "group-std", std: "sample", epsilon: 1e-4 }, 1.207381, -0.724429],
    [{ scale: "group-std", std: "sample", epsilon: 1e-6 }, 1.207612, -0.724567],
    [{ scale: "group-std", std: "population", epsilon: 1e-4 }, 1.290728, -0.774437],
    [{ scale: "none" }, 0.625, -0.375],
    [{ scale: "none", baseline: "leave-one-out" }, 0.714286, -0.428571],
  ];
  for (const [settings, right, wrong] of golden) {
    const found = advantages(rewards, settings);
    rewards.forEach((reward, i) => {
      assertNear(found[i], reward === 1 ? right : wrong);
    });
  }
});

test("golden numbers: deviations of the same rewards", () => {
  // A = (R - m) / s, so (R - m) / A is s.
  assertNear(0.625 / advantages(rewards, { scale: "group-std", std: "population" })[0]!, 0.484123);
  assertNear(0.625 / advantages(rewards, { scale: "group-std", std: "sample" })[0]!, 0.517549);
});

test("leave-one-out subtracts the mean of the others", () => {
  const found = advantages([3, 1, 0.5], { baseline: "leave-one-out" });
  assertNear(found[0], 3 - 0.75);
  assertNear(found[1], 1 - 1.75);
  assertNear(found[2], 0.5 - 2);
});

test("batch-std standardises R - mean over the mixed groups of the batch", () => {
  const settings: AdvantageSettings = { baseline: "mean", scale: "batch-std", std: "population", epsilon: 0 };
  const groups = groupAdvantages([groupOf([1, 0]), groupOf([1, 1]), groupOf([3, 0, 0])], settings);
  const found = groups.flatMap((group) => group.rollouts.map((r) => r.advantage));
  const scale = Math.sqrt((0.25 * 2 + 4 + 1 + 1) / 5);
  [0.5, -0.5, null, null, 2, -1, -1].forEach((difference, i) => {
    if (difference === null) assert.equal(found[i], null);
    else assertNear(found[i], difference / scale);
  });
  const kept = found.filter((value) => value !== null);
  assertNear(kept.reduce((sum, value) => sum + value, 0) / kept.length, 0);
  assertNear(kept.reduce((sum, value) => sum + value * value, 0) / kept.length, 1);
});

test("constant groups get no advantage, up to rounding", () => {
  for (const scale of ["group-std", "batch-std", "none"] as const) {
    assert.deepEqual(advantages([1, 1, 1], { scale }), [null, null, null]);
    assert.deepEqual(advantages([0.1 + 0.2, 0.3, 0.3], { scale }), [null, null, null]);
    assert.deepEqual(advantages([1], { scale }), [null]);
  }
  assert.ok(isConstant([1000.0001, 1000]));
  assert.ok(!isConstant([0, 1e-5]));
  assert.ok(isConstant([]));
});

test("shaping moves advantages, not rewards, and makes no constant group learn", () => {
  const shaping = (rollout: Scored): number => -rollout.tokens.length;
  const [mixed, solved] = groupAdvantages([groupOf([1, 0], [2, 3]), groupOf([1, 1], [2, 3])], plain, shaping);
  assert.deepEqual(
    mixed!.rollouts.map((r) => [r.reward, r.advantage]),
    [
      [1, 1],
      [0, -1],
    ],
  );
  assert.deepEqual(
    solved!.rollouts.map((r) => r.advantage),
    [null, null],
  );
  // Shaping may also take a difference away.
  const [levelled] = groupAdvantages([groupOf([1, 0], [2, 1])], { ...plain, scale: "group-std" }, shaping);
  assert.equal(levelled!.rollouts[0]!.advantage, null);
});
