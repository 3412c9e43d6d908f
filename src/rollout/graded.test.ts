import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Completion, Engine } from "../engine/engine.ts";
import type { Policy } from "../model/policy.ts";
import type { Problem, Reward, Task } from "../tasks/task.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import { gradedRollouts } from "./graded.ts";

/** Sampling by the clock: request i ends `pace` milliseconds behind request i - 1, or in the order that is given. */

const tokenizer = characterTokenizer("abcdefgh\n");

interface Pace {
  readonly pace: number;
  /** Order in which requests end. @default as they come */
  readonly order?: readonly number[];
  /** False: an engine that cannot tell when a request has ended. */
  readonly tells?: boolean;
  readonly happened?: string[];
}

function policyOf({ pace, order, tells = true, happened = [] }: Pace): Policy {
  const completion = (text: string): Completion => ({
    tokens: Int32Array.from(tokenizer.encode(text)),
    logprobs: new Float32Array(text.length),
    finish: "stop",
  });
  const engine: Pick<Engine, "sample"> = {
    async sample(requests, { onCompletions }) {
      const results = requests.map(({ count }, i) =>
        Array.from({ length: count }, (_, sample) => completion("abcdefgh"[(i + sample) % 8]!)),
      );
      for (const i of order ?? requests.keys()) {
        await wait(pace);
        if (tells) onCompletions?.(i, results[i]!);
      }
      happened.push("sampled");
      return results;
    },
  };
  return { engine: engine as Engine, tokenizer };
}

const problems: Problem[] = [..."abcd"].map((id) => ({ id, prompt: id, level: 1 }));
const options = { groupSize: 2, maxTokens: 4, temperature: 1, key: [1], policyVersion: 0 };
const taskOf = (verify: Reward<Problem>["verify"]): Task => ({
  name: "toy",
  problems: () => problems,
  rewards: { accuracy: { weight: 1, verify } },
  gold: () => "a",
});

/** A verifier that takes its time and says what it was asked about. */
const slow =
  (milliseconds: number, happened: string[] = []): Reward<Problem>["verify"] =>
  async ({ text }, { id }) => {
    happened.push(`grading ${id}`);
    await wait(milliseconds);
    return { reward: text === id ? 1 : 0, reason: text === id ? "correct" : "wrong", answer: text };
  };

test("a group is graded as soon as it has ended, while others are still being sampled", async () => {
  const happened: string[] = [];
  await gradedRollouts(policyOf({ pace: 20, happened }), taskOf(slow(1, happened)), problems, options);
  const sampled = happened.indexOf("sampled");
  for (const id of "abc") assert.ok(happened.indexOf(`grading ${id}`) < sampled, happened.join(", "));
  assert.equal(happened.length, 1 + 8);
});

test("grading beside sampling takes less than both after each other; what it adds is the reward time", async () => {
  // One answer at a time: 8 x 75 ms of grading beside 4 x 200 ms of sampling. A busy machine adds to both: the best of some.
  const best = { seconds: Number.POSITIVE_INFINITY, rewardSeconds: 0 };
  for (let i = 0; i < 5 && !(best.seconds < 1.3); i++) {
    const began = performance.now();
    const { sampleSeconds, rewardSeconds } = await gradedRollouts(
      policyOf({ pace: 200 }),
      taskOf(slow(75)),
      problems,
      options,
      { concurrency: 1 },
    );
    const seconds = (performance.now() - began) / 1000;
    assert.ok(sampleSeconds >= 0.79, `sampling ${sampleSeconds}`);
    if (seconds < best.seconds) Object.assign(best, { seconds, rewardSeconds });
  }
  assert.ok(best.rewardSeconds < 0.5, `grading added ${best.rewardSeconds}, where it takes 0.6`);
  assert.ok(best.seconds < 1.3, `${best.seconds} in all, where one behind the other takes 1.4`);
});

test("what comes out does not depend on what was ready first, nor on an engine that tells nothing", async () => {
  const wanted = await gradedRollouts(policyOf({ pace: 0 }), taskOf(slow(0)), problems, options);
  assert.deepEqual(
    wanted.groups.map(({ problem, rollouts }) => [
      problem.id,
      ...rollouts.map(({ text, reward }) => `${text}${reward}`),
    ]),
    [
      ["a", "a1", "b0"],
      ["b", "b1", "c0"],
      ["c", "c1", "d0"],
      ["d", "d1", "e0"],
    ],
  );
  let turn = 0;
  const uneven: Reward<Problem>["verify"] = (answer, problem) => slow([9, 0, 4][turn++ % 3]!)(answer, problem);
  for (const pace of [
    { pace: 2, order: [3, 1, 0, 2] },
    { pace: 1, tells: false },
  ]) {
    const { groups } = await gradedRollouts(policyOf(pace), taskOf(uneven), problems, options, { concurrency: 3 });
    assert.deepEqual(groups, wanted.groups);
  }
});

test("an engine that fails, fails the call", async () => {
  const engine = { sample: () => Promise.reject(new Error("out of memory")) } as unknown as Engine;
  await assert.rejects(gradedRollouts({ engine, tokenizer }, taskOf(slow(1)), problems, options), /out of memory/);
});
