import assert from "node:assert/strict";
import { after, test } from "node:test";
import { importsOf } from "../../test/imports.ts";
import { openSandboxPool } from "../code/pool.ts";
import type { CodeTests } from "../code/tests.ts";
import type { Problem } from "../tasks/task.ts";
import { code } from "./code.ts";

interface Programming extends Problem {
  readonly tests: CodeTests;
}

const pool = openSandboxPool({ workers: 1 });
after(() => pool.close());

test("the code reward grades an answer by its problem's tests", async () => {
  const reward = code<Programming>({
    tests: ({ tests }) => tests,
    weight: 2,
    reward: "share",
    language: "javascript",
    pool,
  });
  assert.equal(reward.weight, 2);
  const problem: Programming = {
    id: "double",
    prompt: "Write double(x).",
    level: 1,
    tests: [1, 2, 3, 4].map((x) => ({ call: "double", args: [x], expected: 2 * x })),
  };
  const grade = (text: string, complete = true) => reward.verify({ text, complete }, problem);
  assert.deepEqual(await grade("```js\nconst double = (x) => 2 * x;\n```"), {
    reward: 1,
    reason: "correct",
    answer: null,
  });
  assert.deepEqual(await grade("```js\nconst double = (x) => x ** 2;\n```"), {
    reward: 0.25,
    reason: "wrong-answer",
    answer: null,
  });
  assert.deepEqual(await grade("```js\nconst double = (x) => 2 * x;\n```", false), {
    reward: 0,
    reason: "truncated",
    answer: null,
  });
});

test("naming the reward loads no sandbox", () => {
  const loads = importsOf("src/verifiers/code.ts").filter(({ kind }) => kind === "value");
  assert.deepEqual(loads, []);
});
