import assert from "node:assert/strict";
import { test } from "node:test";
import type { Group } from "../rollout/rollout.ts";
import type { Answer, Problem, Task } from "../tasks/task.ts";
import { score } from "./score.ts";

const group = (...texts: string[]): Group => ({
  problem: { id: "p", prompt: "?", level: 2 },
  promptTokens: Int32Array.of(1),
  rollouts: texts.map((text, sample) => ({
    sample,
    text,
    tokens: Int32Array.of(2, 3),
    logprobs: Float32Array.of(-1, -1),
    finish: sample === 0 ? "length" : "stop",
    policyVersion: 0,
  })),
});

function taskOf(rewards: Task["rewards"]): Task {
  return { name: "toy", problems: () => [], rewards, gold: () => "" };
}

test("the total is the weighted sum of the parts; reason and answer are accuracy's", async () => {
  const seen: [Answer, Problem][] = [];
  const task = taskOf({
    format: { weight: 0.5, verify: () => ({ reward: 1, reason: "tidy", answer: "not this one" }) },
    accuracy: {
      weight: 2,
      verify(answer, problem) {
        seen.push([answer, problem]);
        return Promise.resolve({ reward: answer.text === "yes" ? 1 : 0.25, reason: "graded", answer: answer.text });
      },
    },
  });
  const given = group("no", "yes");
  const [scored] = await score([given], task);
  assert.deepEqual(
    scored!.rollouts.map(({ rewards, reward, reason, answer }) => ({ rewards, reward, reason, answer })),
    [
      { rewards: { format: 1, accuracy: 0.25 }, reward: 1, reason: "graded", answer: "no" },
      { rewards: { format: 1, accuracy: 1 }, reward: 2.5, reason: "graded", answer: "yes" },
    ],
  );
  // The verifier is told whether the answer was cut off, and sees no tensor.
  assert.deepEqual(seen, [
    [{ text: "no", complete: false }, given.problem],
    [{ text: "yes", complete: true }, given.problem],
  ]);
  assert.equal(scored!.rollouts[1]!.tokens, given.rollouts[1]!.tokens);
  assert.ok(!("reward" in given.rollouts[0]!), "the rollout itself is not changed");
});

test("a verdict without an answer counts as none", async () => {
  const [scored] = await score(
    [group("x")],
    taskOf({ accuracy: { weight: 1, verify: () => ({ reward: 1, reason: "ok" }) } }),
  );
  assert.equal(scored!.rollouts[0]!.answer, null);
});

test("a verifier that never answers is given up after ten seconds", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const task = taskOf({
    accuracy: {
      weight: 1,
      verify: ({ text }) =>
        text === "hang" ? new Promise(() => {}) : Promise.resolve({ reward: 1, reason: "correct", answer: text }),
    },
  });
  const scoring = score([group("hang", "fine")], task);
  let done = false;
  void scoring.then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(9_999);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, false);
  t.mock.timers.tick(1);
  const [scored] = await scoring;
  assert.deepEqual(
    scored!.rollouts.map(({ reward, reason, answer }) => [reward, reason, answer]),
    [
      [0, "verifier-error", null],
      [1, "correct", "fine"],
    ],
  );
});

for (const [what, verify] of [
  [
    "throws",
    () => {
      throw new Error("broken");
    },
  ],
  ["rejects", () => Promise.reject(new Error("broken"))],
  ["gives NaN", () => ({ reward: Number.NaN, reason: "odd" })],
  ["gives infinity", () => ({ reward: Infinity, reason: "odd" })],
  ["gives text for a reward", () => ({ reward: "1" as unknown as number, reason: "odd" })],
  ["gives nothing", () => undefined as unknown as { reward: number; reason: string }],
] as const)
  test(`a verifier that ${what} is recorded as verifier-error; other parts still count`, async () => {
    const task = taskOf({
      accuracy: { weight: 1, verify },
      format: { weight: 1, verify: () => ({ reward: 0.5, reason: "tidy" }) },
    });
    const [scored] = await score([group("x")], task);
    const [{ reward, rewards, reason, answer }] = scored!.rollouts as [(typeof scored & {})["rollouts"][number]];
    assert.deepEqual(
      { reward, rewards, reason, answer },
      {
        reward: 0.5,
        rewards: { accuracy: 0, format: 0.5 },
        reason: "verifier-error",
        answer: null,
      },
    );
  });
