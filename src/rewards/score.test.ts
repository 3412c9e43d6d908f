import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Group } from "../rollout/rollout.ts";
import type { Answer, Problem, Reward, Task, Verdict } from "../tasks/task.ts";
import { type Scored, score, type VerifierFailure } from "./score.ts";
import { verifierTrouble } from "./verifier-trouble.ts";

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

/** Lets everything run that waits for nothing but its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a verifier that never answers is given up at its deadline: the part's, the call's, or ten seconds", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hang = () => new Promise<Verdict>(() => {});
  for (const [deadline, own, seconds] of [
    [undefined, undefined, 10],
    [3, undefined, 3],
    [3, 60, 60],
  ] as const) {
    const task = taskOf({
      accuracy: {
        weight: 1,
        ...(own && { deadline: own }),
        verify: ({ text }) =>
          text === "hang" ? hang() : Promise.resolve({ reward: 1, reason: "correct", answer: text }),
      },
    });
    const scoring = score([group("hang", "fine")], task, deadline === undefined ? {} : { deadline });
    let done = false;
    void scoring.then(() => {
      done = true;
    });
    await turn();
    t.mock.timers.tick(seconds * 1000 - 1);
    await turn();
    assert.equal(done, false);
    t.mock.timers.tick(1);
    const [scored] = await scoring;
    assert.deepEqual(
      scored!.rollouts.map(({ reward, reason, answer, failures }) => [reward, reason, answer, failures]),
      [
        [0, "verifier-timeout", null, [{ part: "accuracy", kind: "late", message: `no verdict within ${seconds} s` }]],
        [1, "correct", "fine", undefined],
      ],
    );
  }
});

const broken = (): never => {
  throw new Error("broken");
};
for (const [what, verify, kind, message] of [
  ["throws", broken, "threw", "Error: broken"],
  ["rejects", () => Promise.reject(new RangeError("broken")), "threw", "RangeError: broken"],
  ["throws no error", () => Promise.reject(7), "threw", "threw 7"],
  ["gives NaN", () => ({ reward: Number.NaN, reason: "odd" }), "not-finite", "reward is NaN, not a finite number"],
  ["gives infinity", () => ({ reward: Infinity, reason: "odd" }), "not-finite", /Infinity/],
  ["gives text for a reward", () => ({ reward: "1", reason: "odd" }), "not-finite", /"1"/],
  ["gives no reward", () => ({ reason: "odd" }), "not-finite", /undefined/],
  ["gives nothing", () => undefined, "no-verdict", "gave undefined instead of { reward, reason }"],
  ["gives a number", () => Promise.resolve(1), "no-verdict", /gave 1/],
  ["gives no reason", () => ({ reward: 1 }), "no-verdict", /reason is undefined/],
  ["gives a number for an answer", () => ({ reward: 1, reason: "ok", answer: 5 }), "no-verdict", /answer is 5/],
  ["throws at length", () => Promise.reject(new Error("x".repeat(1e6))), "threw", /^Error: x{292}…$/],
] as const)
  test(`a verifier that ${what} is recorded with its cause; other parts still count`, async () => {
    const task = taskOf({
      accuracy: { weight: 1, verify: verify as Reward<Problem>["verify"] },
      format: { weight: 1, verify: () => ({ reward: 0.5, reason: "tidy" }) },
    });
    const [scored] = await score([group("x")], task);
    const [{ reward, rewards, reason, reasons, answer, failures }] = scored!.rollouts as [Scored];
    assert.deepEqual(
      { reward, rewards, reason, reasons, answer },
      {
        reward: 0.5,
        rewards: { accuracy: 0, format: 0.5 },
        reason: "verifier-error",
        reasons: { accuracy: "verifier-error", format: "tidy" },
        answer: null,
      },
    );
    assert.equal(failures?.length, 1);
    const [failure] = failures as [VerifierFailure];
    assert.deepEqual([failure.part, failure.kind], ["accuracy", kind]);
    if (typeof message === "string") assert.equal(failure.message, message);
    else assert.match(failure.message, message);
  });

test("a part of weight 0 is reported and takes no part in the total", async () => {
  const task = taskOf({
    accuracy: { weight: 1, verify: () => ({ reward: 0.5, reason: "half" }) },
    lenient: { weight: 0, verify: () => ({ reward: -3, reason: "odd" }) },
  });
  const [scored] = await score([group("x")], task);
  assert.deepEqual([scored!.rollouts[0]!.reward, scored!.rollouts[0]!.rewards.lenient], [0.5, -3]);
});

test("so many answers at a time, whatever the group; the order of the results is that of the answers", async () => {
  let [now, most] = [0, 0];
  const ends: (() => void)[] = [];
  const task = taskOf({
    accuracy: {
      weight: 1,
      async verify({ text }) {
        most = Math.max(most, ++now);
        await new Promise<void>((resolve) => ends.push(resolve));
        now--;
        return { reward: Number(text), reason: "graded" };
      },
    },
  });
  const scoring = score([group("1", "2", "3"), group("4", "5")], task, { concurrency: 2 });
  // The one that was begun last ends first.
  for (let left = 5; left > 0; left--) {
    while (ends.length === 0) await turn();
    ends.pop()!();
    await turn();
  }
  const scored = await scoring;
  assert.equal(most, 2);
  assert.deepEqual(
    scored.map(({ rollouts }) => rollouts.map(({ reward }) => reward)),
    [
      [1, 2, 3],
      [4, 5],
    ],
  );
});

describe("verifierTrouble", () => {
  const failing = taskOf({
    accuracy: { weight: 1, verify: ({ text }) => (text === "bad" ? broken() : { reward: 1, reason: "correct" }) },
    format: { weight: 0, verify: ({ text }) => (text === "bad" ? (null as never) : { reward: 1, reason: "tidy" }) },
  });

  test("names task, part, first cause and remedy once the share is above the bound", async () => {
    const scored = await score([group("fine", "bad"), group("bad", "fine")], failing);
    const error = verifierTrouble(scored, "toy", 0.49);
    assert.equal(error?.code, "VERIFIER_FAILS");
    for (const words of ["task toy", "rewards.accuracy", "2 of 4", "0.49", "problem p, answer 1", "Error: broken"])
      assert.ok(error.message.includes(words), error.message);
    assert.match(error.message, /task check.*resume.*maxErrorShare/);
  });

  test("up to the bound, and without failures, there is none", async () => {
    const scored = await score([group("fine", "bad"), group("bad", "fine")], failing);
    assert.equal(verifierTrouble(scored, "toy", 0.5), null);
    assert.notEqual(verifierTrouble(scored, "toy"), null);
    assert.equal(verifierTrouble(await score([group("fine")], failing), "toy", 0), null);
    assert.equal(verifierTrouble([], "toy", 0), null);
  });
});
