import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../random.ts";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import { bootstrapMean, evalReport, majorityVote, passAtK, percentile } from "./statistics.ts";

/** Samples as [answer, right] pairs; a sample's length is its position + 1. */
function problem(level: number, samples: readonly (readonly [string | null, boolean])[]): Group<Scored> {
  return {
    problem: { id: `${level}`, prompt: "?", level },
    promptTokens: Int32Array.of(1),
    rollouts: samples.map(([answer, right], sample) => ({
      sample,
      text: sample === 0 ? "wait" : "",
      tokens: new Int32Array(sample + 1),
      logprobs: new Float32Array(sample + 1),
      finish: answer === null ? "length" : "stop",
      policyVersion: 0,
      rewards: { accuracy: right ? 1 : 0, format: 1 },
      reward: right ? 1.1 : 0.1,
      reason: right ? "correct" : answer === null ? "no-answer" : "wrong-value",
      reasons: {},
      answer,
    })),
  };
}

test("golden numbers: unbiased pass@k with 4 right of 16", () => {
  const golden = [
    [1, 0.25],
    [2, 0.45],
    [4, 0.728022],
    [8, 0.961538],
    [16, 1],
  ] as const;
  for (const [k, expected] of golden) assert.ok(Math.abs(passAtK(16, 4, k) - expected) < 5e-7, `pass@${k}`);
  assert.equal(passAtK(16, 0, 16), 0);
  assert.equal(passAtK(16, 16, 1), 1);
});

test("majority vote: most votes, then first in sample order; null has no vote", () => {
  assert.equal(majorityVote(["a", "b", "b"]), "b");
  assert.equal(majorityVote(["b", "a", "a", "b"]), "b");
  assert.equal(majorityVote([null, null, "a"]), "a");
  assert.equal(majorityVote([null, null]), null);
});

test("percentile interpolates as NumPy does", () => {
  assert.equal(percentile([4, 1, 3, 2], 0.5), 2.5);
  assert.ok(Math.abs(percentile([10, 1, 2, 3], 0.95) - 8.95) < 1e-12);
  assert.equal(percentile([7], 0.95), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("the bootstrap interval repeats, holds the mean and has the width of theory", () => {
  const values = Array.from({ length: 400 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const found = bootstrapMean(values, ["a"]);
  assert.deepEqual(bootstrapMean(values, ["a"]), found);
  assert.notDeepEqual(bootstrapMean(values, ["b"]), found);
  assert.equal(found.value, 0.2);
  const half = 1.96 * Math.sqrt((0.2 * 0.8) / 400);
  assert.ok(
    Math.abs(found.low - (0.2 - half)) < 0.006 && Math.abs(found.high - (0.2 + half)) < 0.006,
    JSON.stringify(found),
  );
});

test("the 95 % interval covers the true mean about 95 times in 100", () => {
  let covered = 0;
  for (let trial = 0; trial < 300; trial++) {
    const stream = random("coverage", trial);
    const { low, high } = bootstrapMean(
      Array.from({ length: 100 }, () => stream.next()),
      [trial],
      400,
    );
    if (low <= 0.5 && 0.5 <= high) covered++;
  }
  assert.ok(covered >= 270 && covered <= 297, `${covered} of 300`);
});

test("a report counts what it should", () => {
  const groups = [
    problem(2, [
      ["a", true],
      ["b", false],
      ["a", true],
      [null, false],
    ]),
    problem(1, [
      ["c", false],
      ["c", false],
      ["d", true],
      [null, false],
    ]),
    problem(2, [
      [null, false],
      [null, false],
      [null, false],
      [null, false],
    ]),
  ];
  const countReflectiveWords = (text: string): number => (text === "wait" ? 1 : 0);
  const report = evalReport(groups, {
    temperature: 1,
    maxTokens: 8,
    countReflectiveWords,
    weights: { accuracy: 1, format: 0.1 },
  });
  assert.equal(report.problems, 3);
  assert.equal(report.samplesPerProblem, 4);
  assert.equal(report.pass1.value, 0.25);
  assert.ok(report.pass1.low <= 0.25 && report.pass1.high >= 0.25);
  // By hand: with 2, 1 and 0 right of 4, pass@2 is 5/6, 1/2 and 0.
  assert.deepEqual(Object.keys(report.passAtK), ["1", "2", "4"]);
  assert.ok(Math.abs(report.passAtK["1"]! - 0.25) < 1e-12);
  assert.ok(Math.abs(report.passAtK["2"]! - (5 / 6 + 1 / 2) / 3) < 1e-12);
  assert.ok(Math.abs(report.passAtK["4"]! - 2 / 3) < 1e-12);
  // Only the first problem's vote is right: the second's goes to the wrong "c", the third has none.
  assert.ok(Math.abs(report.majority.value - 1 / 3) < 1e-12);
  assert.equal(report.meanLength, 2.5);
  assert.equal(report.p95Length, 4);
  assert.equal(report.truncatedShare, 0.5);
  assert.equal(report.parseFailureShare, 0.5);
  assert.equal(report.reflectiveWordsPerResponse, 0.25);
  assert.deepEqual(report.rewardParts, { accuracy: { weight: 1, mean: 0.25 }, format: { weight: 0.1, mean: 1 } });
  assert.equal(report.verifierErrorShare, 0);
  assert.deepEqual(report.reasons, { correct: 0.25, "no-answer": 0.5, "wrong-value": 0.25 });
  assert.deepEqual(
    report.byLevel.map(({ level, problems, pass1, majority }) => [level, problems, pass1.value, majority]),
    [
      [1, 1, 0.25, 0],
      [2, 2, 0.25, 0.5],
    ],
  );
});

test("a report on nothing, or on uneven samples, is refused", () => {
  const settings = { temperature: 1, maxTokens: 8, countReflectiveWords: () => 0, weights: {} };
  assert.throws(() => evalReport([], settings), RangeError);
  assert.throws(() => evalReport([problem(1, [["a", true]]), problem(1, [])], settings), RangeError);
});
