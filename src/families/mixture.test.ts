import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../random.ts";
import { type Problem, type Task, takeProblems } from "../tasks/task.ts";
import { arithmetic } from "./arithmetic.ts";
import { gcdLcm } from "./gcd-lcm.ts";
import { type MixedProblem, mixture } from "./mixture.ts";
import { parity } from "./parity.ts";

const take = <P extends Problem>(task: Task<P>, split: "train" | "eval", count: number, seed = 1): P[] =>
  takeProblems(task.problems(split, random(seed))[Symbol.iterator](), count);

/** A finite task of the user's own. */
const few = (name: string, count: number, weight = 1): Task => ({
  name,
  problems: () => Array.from({ length: count }, (_, i) => ({ id: `${i}`, prompt: `number ${i}?`, level: 1 })),
  rewards: {
    accuracy: { weight, verify: ({ text }, { id }) => ({ reward: text === id ? 1 : 0, reason: `${name}-graded` }) },
    tidy: { weight: 0.5, verify: () => ({ reward: 1, reason: "tidy" }) },
  },
  gold: ({ id }) => id,
});

test("problems are drawn by weight and say where they come from", () => {
  const task = mixture([
    { task: arithmetic, weight: 3 },
    { task: parity.at([2]), weight: 1 },
  ]);
  assert.equal(task.name, "arithmetic+parity");
  const problems = take(task, "train", 4_000);
  const ofParity = problems.filter(({ family }) => family === "parity");
  assert.ok(Math.abs(ofParity.length / 4_000 - 0.25) < 0.03, `${ofParity.length}`);
  assert.ok(ofParity.every(({ level, id }) => level === 2 && id.startsWith("parity/2-")));
  assert.deepEqual(take(task, "train", 50), problems.slice(0, 50), "the same once more");
  assert.notDeepEqual(take(task, "train", 50, 2), problems.slice(0, 50));
});

test("the held-out list takes the parts in turn, and ends with the first that ends", () => {
  const task = mixture([
    { task: few("few", 7), weight: 9 },
    { task: gcdLcm, weight: 1 },
  ]);
  const held = take(task, "eval", 100);
  assert.equal(held.length, 14);
  held.forEach(({ family }, i) => {
    assert.equal(family, ["few", "gcd-lcm"][i % 2]);
  });
});

test("each problem is graded by its own part, and the gold is its part's", async () => {
  const task = mixture([
    { task: arithmetic, weight: 1 },
    { task: few("few", 9), weight: 1 },
  ]);
  assert.deepEqual(Object.keys(task.rewards), ["accuracy", "format", "tidy"]);
  const seen = new Set<string>();
  for (const problem of take(task, "train", 40)) {
    const answer = { text: task.gold(problem), complete: true };
    const verdict = await task.rewards.accuracy.verify(answer, problem);
    assert.equal(verdict.reward, 1);
    seen.add(verdict.reason);
    const format = await task.rewards.format!.verify(answer, problem);
    assert.equal(format.reason, problem.part === "few" ? "no-such-part" : "as-asked");
  }
  assert.deepEqual([...seen].sort(), ["correct", "few-graded"]);
});

test("a part that ends begins again; problems go through JSON unharmed", () => {
  const task = mixture([{ task: few("few", 3), weight: 1 }]);
  const problems = take(task, "train", 10);
  assert.equal(problems.length, 10);
  assert.deepEqual(JSON.parse(JSON.stringify(problems)) as MixedProblem[], problems);
});

test("refuses what cannot be mixed", () => {
  const refused = (parts: Parameters<typeof mixture>[0], words: RegExp): void => {
    assert.throws(() => mixture(parts), { code: "TASK_MIXTURE", message: words });
  };
  refused([], /at least one/);
  refused([{ task: arithmetic, weight: 0 }], /arithmetic: weight is 0/);
  refused([{ task: arithmetic, weight: Number.NaN }], /NaN/);
  refused(
    [
      { task: few("a", 1), weight: 1 },
      { task: few("a", 2), weight: 1 },
    ],
    /two different tasks/,
  );
  refused(
    [
      { task: few("a", 1), weight: 1 },
      { task: few("b", 2, 2), weight: 1 },
    ],
    /reward accuracy has weight 1 in a and 2 in b/,
  );
  const none = mixture([{ task: few("none", 0), weight: 1 }]);
  assert.throws(() => take(none, "train", 1), { code: "TASK_PROBLEMS" });
  assert.throws(() => take(none, "eval", 1), { code: "TASK_PROBLEMS" });
});
