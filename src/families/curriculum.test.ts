import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { random } from "../random.ts";
import { type Observation, type Problem, type Task, takeProblems } from "../tasks/task.ts";
import { arithmetic } from "./arithmetic.ts";
import { type Curriculum, curriculum } from "./curriculum.ts";
import { mixture } from "./mixture.ts";
import { parity } from "./parity.ts";

const mixed = () =>
  mixture([
    { task: arithmetic, weight: 1 },
    { task: parity, weight: 1 },
  ]);

function take<P extends Problem>(task: Task<P>, count: number, split: "train" | "eval" = "train", seed = 1): P[] {
  return takeProblems(task.problems(split, random(seed))[Symbol.iterator](), count);
}

const went = (family: string, level: number, right: number, answers: number): Observation => ({
  problem: { id: "", prompt: "", family, level },
  right,
  answers,
});

const share = (problems: readonly Problem[], family: string, level: number): number =>
  problems.filter((problem) => problem.family === family && problem.level === level).length / problems.length;

describe("curriculum", () => {
  test("as it comes, until enough answers were seen", () => {
    const task = curriculum(mixed());
    task.observe([went("parity", 1, 0, 31)]);
    const problems = take(task, 2_000);
    for (const family of ["arithmetic", "parity"])
      for (const level of [1, 2, 3, 4, 5]) assert.ok(Math.abs(share(problems, family, level) - 0.1) < 0.03);
  });

  test("cells always right or always wrong are dropped, and revisited now and then; mixed ones come most", () => {
    const task = curriculum(mixed());
    for (const level of [1, 2, 3, 4, 5]) {
      task.observe([went("parity", level, 64, 64)]);
      task.observe([went("arithmetic", level, level === 5 ? 0 : [32, 8, 56, 63][level - 1]!, 64)]);
    }
    const problems = take(task, 6_000);
    const chances = [1, 0.4375, 0.4375, 0.05, 0.05]; // 4 p (1 - p), at least the chance to be revisited; dropped
    const total = chances.reduce((sum, chance) => sum + chance) + 5 * 0.05;
    for (const [i, chance] of chances.entries()) {
      const found = share(problems, "arithmetic", i + 1);
      const wanted = chance / total;
      // 63 of 64 is beyond 0.98: dropped as well.
      assert.ok(Math.abs(found - wanted) < 0.03, `level ${i + 1}: ${found}, not ${wanted}`);
    }
    assert.ok(share(problems, "parity", 3) > 0, "dropped cells are still looked at");
    assert.ok(share(problems, "parity", 3) < 0.05);
  });

  test("old answers fade: what was always wrong and is now half right comes back", () => {
    const task = curriculum(mixed());
    const problem = { id: "", prompt: "", family: "parity", level: 2 };
    for (let step = 0; step < 10; step++) task.observe([went("parity", 2, 0, 16)]);
    assert.equal(task.chanceOf(problem), 0.05);
    for (let step = 0; step < 20; step++) task.observe([went("parity", 2, 8, 16)]);
    assert.ok(task.chanceOf(problem) > 0.9);
  });

  test("several groups of a cell in one step fade the older ones once", () => {
    const [one, other] = [curriculum(mixed()), curriculum(mixed())];
    one.observe([went("parity", 2, 3, 16), went("parity", 2, 5, 16)]);
    other.observe([went("parity", 2, 8, 32)]);
    assert.deepEqual(one.save(), other.save());
  });

  test("the state goes through JSON, and with it the same problems come; without family, the task's name is the cell", () => {
    const before = curriculum(mixed());
    before.observe([went("parity", 1, 64, 64), went("arithmetic", 3, 20, 64)]);
    const after = curriculum(mixed());
    after.restore(JSON.parse(JSON.stringify(before.save())));
    assert.equal(JSON.stringify(after.save()), JSON.stringify(before.save()));
    assert.deepEqual(take(after, 300), take(before, 300));
    assert.notDeepEqual(take(curriculum(mixed()), 300), take(before, 300));
    const bare: Curriculum = curriculum({ ...arithmetic });
    bare.observe([{ problem: { id: "", prompt: "", level: 4 }, right: 1, answers: 2 }]);
    assert.deepEqual(bare.save(), { cells: { "arithmetic level 4": { right: 1, answers: 2 } } });
  });

  test("where everything is dropped the task goes on; held-out problems stay as they are", () => {
    const task = curriculum(parity, { revisit: 0.001 });
    for (const level of [1, 2, 3, 4, 5]) task.observe([went("parity", level, 64, 64)]);
    assert.equal(take(task, 20).length, 20);
    assert.deepEqual(take(task, 100, "eval"), take(parity, 100, "eval"));
  });

  test("a curriculum inside a mixture hears of its own problems, and its state is kept by name", () => {
    const inner = curriculum(parity);
    const task = mixture([
      { task: inner, weight: 1 },
      { task: arithmetic, weight: 1 },
    ]);
    const problems = take(task, 30);
    task.observe!(problems.map((problem) => ({ problem, right: 1, answers: 4 })));
    const cells = Object.keys(inner.save().cells);
    assert.ok(cells.length > 0 && cells.every((name) => name.startsWith("parity level ")));
    const state = task.save!();
    inner.restore({ cells: {} });
    task.restore!(JSON.parse(JSON.stringify(state)));
    assert.deepEqual(Object.keys(inner.save().cells), cells);
  });

  test("refuses options and states that cannot be", () => {
    const refused = (make: () => unknown, message: RegExp): void => {
      assert.throws(make, { code: "TASK_CURRICULUM", message });
    };
    refused(() => curriculum(parity, { drop: [0.5, 0.2] }), /drop: is \[0.5, 0.2\]/);
    refused(() => curriculum(parity, { drop: [-1, 1] }), /drop/);
    refused(() => curriculum(parity, { revisit: 0 }), /revisit: is 0/);
    refused(() => curriculum(parity, { memory: 1.5 }), /memory/);
    for (const state of [null, {}, { cells: { a: { right: 2, answers: 1 } } }, { cells: { a: null } }])
      refused(() => curriculum(parity).restore(state), /state/);
  });
});
