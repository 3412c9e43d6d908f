import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeSharedPool } from "../src/code/pool.ts";
import { families } from "../src/families/families.ts";
import type { FamilyProblem } from "../src/families/family.ts";
import { problemsOf, taskContract, verdictOf } from "./task.contract.ts";

/** Answers that can only be one of two. */
const binary: readonly string[] = ["parity", "entailment"];
/** Puzzles of which there are not more. */
const few: Readonly<Record<string, number>> = {};

for (const [name, { load, summary }] of Object.entries(families)) {
  // Its answer is a program, not a value: tested below.
  if (name !== "write-program")
    taskContract<FamilyProblem>(name, load, {
      perLevel: few[name] ?? 100,
      mostFrequent: binary.includes(name) ? 0.55 : 0.25,
    });
  test(`family ${name} is registered under its name and says what it asks`, async () => {
    const family = await load();
    assert.deepEqual([family.name, family.asks], [name, summary]);
    assert.equal(family.levels.length, 5);
    assert.equal(new Set(family.levels.map((size) => JSON.stringify(size))).size, 5, "every level has its own size");
  });
}

after(() => closeSharedPool());

test("write-program: golds pass the hidden tests, other problems' golds and half programs do not", async () => {
  const task = await families["write-program"]!.load();
  const [train, held] = [problemsOf(task, "train", 2_000), problemsOf(task, "eval", 500)];
  const prompts = new Set(train.map(({ prompt }) => prompt));
  assert.ok(held.every(({ prompt }) => !prompts.has(prompt)));
  assert.equal(new Set(held.map(({ id }) => id)).size, held.length);
  assert.deepEqual(problemsOf(task, "train", 100), train.slice(0, 100));
  const some = train.slice(0, 10);
  for (const [i, problem] of some.entries()) {
    const gold = task.gold(problem);
    const { reward, reason, answer } = await verdictOf(task, problem, gold);
    assert.deepEqual([reward, reason], [1, "correct"], gold);
    assert.ok(gold.includes(answer!) && answer!.includes("print("));
    const lines = gold.split("\n");
    for (const [what, text] of [
      ["another problem's", task.gold(some[(i + 1) % some.length]!)],
      ["a step left out", [...lines.slice(0, 3), ...lines.slice(4)].join("\n")],
      ["no program", lines[0]!],
      ["prompt echoed", problem.prompt],
      ["thoughts only", `<think>${gold}</think>`],
      [
        "the shown outputs",
        `\`\`\`python\nprint(${JSON.stringify(problem.prompt.split("Output: ").at(-1)!.split("\n")[0])})\n\`\`\``,
      ],
    ] as const)
      assert.equal((await verdictOf(task, problem, text)).reward, 0, `${what}: ${problem.prompt}`);
    assert.equal((await verdictOf(task, problem, gold, false)).reason, "truncated");
  }
});
