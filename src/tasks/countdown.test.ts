import assert from "node:assert/strict";
import { test } from "node:test";
import { processorTime } from "../../test/processor-time.ts";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { type CountdownProblem, countdown } from "./countdown.ts";
import { gradeCountdown } from "./countdown-answer.ts";
import { movesFrom, numberSets, poolAfter, reachable, splitOf } from "./countdown-levels.ts";

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === count) break;
    taken.push(item);
  }
  return taken;
}

function grade(text: string, complete = true) {
  return gradeCountdown({ text, complete }, [2, 7, 9], 65);
}

test("right answers in every accepted form", () => {
  for (const text of [
    "9*7=63 63+2=65 yes",
    "9*7=63 63+2=65",
    "9+7=16 16*2=32 no wait 9*7=63 63+2=65 yes",
    "(9*7)+2",
    "9*7+2=65",
    "2 + 7 * 9 = 65.",
    "7*9=63\n9+2=11 no 7*9=63 2+63=65 \u5bf9",
    "9 \u00d7 7 = 63 63 + 2 = 65",
    "9*7=63 63+2=65 no",
    "9*7=63 [2 63:65] 63+2=65 yes",
    "9+7=16 [2 16:65] 16*2=32 no wait 9*7=63[2 63:65]63+2=65 yes",
  ]) {
    assert.deepEqual(grade(text), { reward: 1, reason: "correct", answer: "65" }, text);
  }
});

test("each zero has its reason and a vote of its own", () => {
  const cases: readonly (readonly [string, string, string | null])[] = [
    ["", "no-answer", null],
    ["yes", "no-answer", null],
    ["65", "no-answer", null],
    ["=65", "no-answer", null],
    ["2 7 9 make 65", "no-answer", null],
    ["\u0669*\u0667=\u0666\u0663", "no-answer", null],
    ["9*7=63 63+2=66 no", "wrong-arithmetic", "wrong-arithmetic 66"],
    ["9+7=63 63+2=65 yes", "wrong-arithmetic", "wrong-arithmetic 65"],
    ["9*7=63 63-2=61 no", "wrong-value", "61"],
    ["9*7=63 no", "numbers-left", "numbers-left 63"],
    ["[9*7=63 63+2=65] yes", "no-answer", null],
    ["9*7=63 [63+2=65 yes", "numbers-left", "numbers-left 63"],
    ["9*7=63 [] 63+1=64", "number-not-available", "number-not-available 64"],
    ["9*7=63 9+2=11", "number-not-available", "number-not-available 11"],
    ["9*7=63 63+1=64", "number-not-available", "number-not-available 64"],
    ["9*7+2+0=65", "number-not-available", "number-not-available 65"],
    ["65+0=65 yes", "number-not-available", "number-not-available 65"],
    ["9*7+2=65 9*7=63 63-2=61", "number-not-available", "number-not-available 61"],
    ["9*7=63 63+2=65 yes 9+7=16 16+2=18 no", "wrong-value", "18"],
    ["9*7=63+2=65", "malformed", null],
    ["9*7=63 63+2=", "malformed", null],
    ["9**9**9", "malformed", null],
    ["(9*7+2", "malformed", null],
    ["9/(7-7)", "division-by-zero", null],
    ["999999999999*9", "too-large", null],
    ["(".repeat(100_000), "too-long", null],
    [`${"(".repeat(900)}1+1`, "too-long", null],
    ["1+1=2 ".repeat(100), "too-long", null],
  ];
  for (const [text, reason, answer] of cases) {
    assert.deepEqual(grade(text), { reward: 0, reason, answer }, text.slice(0, 40));
  }
});

test("an answer that was cut off earns nothing, whatever stands in it", () => {
  assert.deepEqual(grade("9*7=63 63+2=65", false), { reward: 0, reason: "truncated", answer: null });
});

test("a long hostile completion is graded in bounded time", async () => {
  const texts = [
    "9*7=63 ".repeat(2_800),
    "9+".repeat(9_000),
    "1+1 no ".repeat(2_800),
    "+".repeat(19_999),
    "[".repeat(19_999),
    "[]".repeat(9_999),
  ];
  const took = await processorTime(() => texts.map((text) => grade(text)), 500);
  assert.ok(took < 500, `${took} ms`);
});

test("fractions count exactly", () => {
  const numbers = [3, 3, 8, 8];
  assert.equal(gradeCountdown({ text: "8/(3-8/3)", complete: true }, numbers, 24).reason, "correct");
  assert.equal(gradeCountdown({ text: "7/2=3.5 3.5*4=14", complete: true }, [2, 4, 7], 14).reason, "correct");
});

test("moves keep the pool: two numbers out, one in", () => {
  assert.deepEqual(
    movesFrom([2, 2, 6]).map((move) => `${move.left}${move.operation}${move.right}=${move.result}`),
    ["2+2=4", "2*2=4", "2/2=1", "6+2=8", "6-2=4", "6*2=12", "6/2=3"],
  );
  assert.deepEqual(poolAfter([2, 2, 6], { left: 6, operation: "/", right: 2, result: 3 }), [2, 3]);
  // To 10: after 2+2=4 and 2*2=4 comes 6+4, after 6+2=8 comes 8+2, after 6*2=12 comes 12-2; the other three do not.
  assert.equal(reachable([2, 2, 6]).get(10)?.toFixed(6), (4 / 7).toFixed(6));
});

test("splits share no set of numbers and no problem", () => {
  const task = countdown();
  const held = take(task.problems("eval", random(1)), 320);
  assert.equal(held.length, 320);
  for (let level = 1; level <= 5; level++) assert.equal(held.filter((problem) => problem.level === level).length, 64);
  assert.equal(new Set(held.map((problem) => problem.id)).size, held.length);
  const heldSets = new Set(held.map(({ numbers }) => numbers.join()));
  for (const problem of take(task.problems("train", random(2)), 5000)) {
    assert.equal(splitOf(problem.numbers), "train");
    assert.equal(heldSets.has(problem.numbers.join()), false);
  }
});

test("held-out problems are the same every time, training ones follow their key", () => {
  const ids = (problems: Iterable<CountdownProblem>): string[] => take(problems, 50).map((problem) => problem.id);
  assert.deepEqual(ids(countdown().problems("eval", random(1))), ids(countdown().problems("eval", random(2))));
  assert.deepEqual(ids(countdown().problems("train", random(1))), ids(countdown().problems("train", random(1))));
  assert.notDeepEqual(ids(countdown().problems("train", random(1))), ids(countdown().problems("train", random(2))));
});

test("gold earns full marks on every level, spoiled gold none", async () => {
  const task = countdown();
  for (const split of ["train", "eval"] as const) {
    for (const problem of take(task.problems(split, random(3)), 300)) {
      const gold = task.gold(problem);
      const { verify } = task.rewards.accuracy;
      assert.equal((await verify({ text: gold, complete: true }, problem)).reward, 1, `${problem.id}: ${gold}`);
      const spoiled = [
        gold.replace(/=(\d+) yes$/, (_, value: string) => `=${Number(value) + 1} yes`),
        gold.slice(gold.indexOf(" ") + 1),
        `${gold} 1+1=2`,
      ];
      for (const text of spoiled) {
        assert.equal((await verify({ text, complete: true }, problem)).reward, 0, `${problem.id}: ${text}`);
      }
      assert.equal((await verify({ text: gold, complete: false }, problem)).reward, 0);
    }
  }
});

test("levels can be chosen; what is not a level is refused", () => {
  const problems = take(countdown({ levels: [2] }).problems("train", random(1)), 20);
  assert.ok(problems.every((problem) => problem.level === 2 && problem.numbers.length === 4));
  for (const levels of [[], [0], [6], [1.5]]) {
    assert.throws(
      () => countdown({ levels }),
      (error) => error instanceof AutodidactError && error.code === "COUNTDOWN_LEVELS",
    );
  }
  for (let level = 1; level <= 5; level++) assert.ok(numberSets(level).length > 100);
});
