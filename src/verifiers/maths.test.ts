import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "../tasks/task.ts";
import { maths } from "./maths.ts";

interface Sum extends Problem {
  readonly right: string;
}
const problem: Sum = { id: "a", prompt: "1/4 + 1/4", level: 1, right: "1/2" };
const gold = (one: Sum): string => one.right;

test("a strict and a lenient reward side by side", () => {
  const [strict, lenient] = [maths({ gold, mode: "strict", weight: 0 }), maths({ gold })];
  assert.deepEqual([strict.weight, lenient.weight], [0, 1]);
  const plain = { text: "The answer is 0.5.", complete: true };
  const boxed = { text: "\\boxed{\\frac12}", complete: true };
  assert.deepEqual(strict.verify(plain, problem), { reward: 0, reason: "no-answer", answer: null });
  assert.deepEqual(lenient.verify(plain, problem), { reward: 1, reason: "correct", answer: "1/2" });
  assert.deepEqual(strict.verify(boxed, problem), lenient.verify(boxed, problem));
});

test("what the token limit cut off earns nothing", () => {
  assert.deepEqual(maths({ gold }).verify({ text: "\\boxed{1/2}", complete: false }, problem), {
    reward: 0,
    reason: "truncated",
    answer: null,
  });
});
