import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { countdown } from "../tasks/countdown.ts";
import { defineTask, type Problem, type Reward, type Task } from "../tasks/task.ts";
import { checkTask } from "./check-task.ts";
import { hostile } from "./hostile.ts";
import type { Check, CheckReport } from "./report.ts";

/** A task that is sound; each test breaks one thing of it. */

interface Sum extends Problem {
  readonly total: number;
}

const strict: Reward<Sum> = {
  weight: 1,
  verify({ text, complete }, { total }) {
    if (!complete) return { reward: 0, reason: "truncated", answer: null };
    const given = text.match(/^Answer: (\d{1,9})$/m)?.[1] ?? null;
    const right = given !== null && Number(given) === total;
    return { reward: right ? 1 : 0, reason: right ? "correct" : "wrong", answer: given };
  },
};

function sumTask(changes: Partial<Task<Sum>> = {}): Task<Sum> {
  return {
    name: "sum",
    *problems(split, random) {
      const given = new Set<string>();
      while (split === "train" || given.size < 60) {
        const [a, b] = [random.int(10, 99), random.int(10, 99)];
        const id = `${a}+${b}`;
        if (((a * b) % 5 === 0) !== (split === "eval") || (split === "eval" && given.has(id))) continue;
        given.add(id);
        yield { id, prompt: `What is ${a} + ${b}?`, level: 1, total: a + b };
      }
    },
    rewards: { accuracy: strict },
    gold: ({ total }) => `I add them.\nAnswer: ${total}`,
    ...changes,
  };
}

/** A verifier in the place of the strict one. */
const graded = (verify: Reward<Sum>["verify"]): Task<Sum> => sumTask({ rewards: { accuracy: { weight: 1, verify } } });
const run = (task: Task<Sum>): Promise<CheckReport> => checkTask(task as unknown as Task, { problems: 20 });
const failedOf = ({ checks }: CheckReport): string[] => checks.filter(({ passed }) => !passed).map(({ name }) => name);
const one = ({ checks }: CheckReport, name: string): Check => checks.find((check) => check.name === name)!;

test("a sound task passes, and every check has tried something", async () => {
  const seen: string[] = [];
  const report = await checkTask(sumTask() as unknown as Task, {
    problems: 20,
    onCheck: ({ name }) => seen.push(name),
  });
  assert.deepEqual([report.passed, failedOf(report)], [true, []]);
  for (const { name, tried } of report.checks) assert.ok(tried > 0, name);
  assert.deepEqual(
    seen,
    report.checks.map(({ name }) => name),
  );
  assert.equal(one(report, "hostile").tried, hostile.length * 20);
  assert.deepEqual(report.parts, [{ name: "accuracy", weight: 1, gold: 1, spoiled: 0, hostile: 0 }]);
  assert.ok(report.speed!.verdictsPerSecond > 0);
});

test("Countdown passes", async () => {
  const report = await checkTask(countdown() as unknown as Task, { problems: 20 });
  assert.deepEqual(failedOf(report), []);
});

describe("problems", () => {
  const withProblems = (problems: (count: number) => Record<string, unknown>): Task<Sum> =>
    sumTask({
      *problems(split, random) {
        for (let count = 0; count < 50; count++) {
          const n = 2 * random.int(0, 1e6) + (split === "eval" ? 1 : 0);
          yield { id: `${n}`, prompt: `${n}?`, level: 1, total: n, ...problems(count) } as Sum;
        }
      },
    });

  for (const [what, field, message] of [
    ["no id", { id: "" }, /id is ""/],
    ["an id that is a number", { id: 5 }, /id is 5/],
    ["no prompt", { prompt: undefined }, /prompt is undefined/],
    ["a level of half", { level: 1.5 }, /level is 1.5/],
    ["a map", { content: new Map() }, /content is a Map/],
    ["a function inside", { content: { solve: () => 1 } }, /content.solve is a function/],
    ["a big integer", { content: [1n] }, /content.0 is a bigint/],
    ["NaN", { total: Number.NaN }, /total is NaN/],
  ] as const)
    test(`${what} is no problem`, async () => {
      const report = await run(withProblems((count) => (count === 7 ? field : {})));
      assert.deepEqual(failedOf(report)[0], "problems");
      assert.match(one(report, "problems").failure!.message, message);
    });

  test("two problems with one id, and a problem held out twice", async () => {
    const report = await run(withProblems((count) => (count < 2 ? { id: "same" } : {})));
    assert.ok(failedOf(report).includes("ids"));
    assert.deepEqual(one(report, "ids").failure!.problem, "same");
    const twice = await run(
      sumTask({
        *problems(split) {
          for (;;) yield { id: split, prompt: split, level: 1, total: 1 };
        },
      }),
    );
    assert.match(one(twice, "ids").failure!.message, /held out twice/);
  });

  test("a question in both splits, under the same id or another", async () => {
    const both = (id: (split: string) => string): Task<Sum> =>
      sumTask({
        *problems(split, random) {
          const numbers = random.shuffle(Array.from({ length: 40 }, (_, i) => i));
          for (const n of numbers) yield { id: `${n}${id(split)}`, prompt: `${n}?`, level: 1, total: n };
        },
      });
    assert.match(one(await run(both(() => "")), "splits").failure!.message, /both splits/);
    assert.match(one(await run(both((split) => split)), "splits").failure!.message, /under another id/);
  });

  test("problems that depend on the clock or on each other's streams", async () => {
    let count = 0;
    const report = await run(withProblems(() => ({ total: count++ })));
    assert.ok(failedOf(report).includes("deterministic"));
  });

  test("a stream that ignores random", async () => {
    const report = await run(
      sumTask({
        *problems(split) {
          for (let n = 0; n < 50; n++) {
            const total = 2 * n + (split === "eval" ? 1 : 0);
            yield { id: `${total}`, prompt: `${total}?`, level: 1, total };
          }
        },
      }),
    );
    assert.deepEqual(failedOf(report), ["order"]);
    assert.match(one(report, "order").failure!.message, /shuffle/);
  });

  test("a generator that throws, and one that gives nothing", async () => {
    const throws = await run(
      sumTask({
        problems() {
          throw new Error("no such file: data.csv");
        },
      }),
    );
    assert.match(throws.checks[0]!.failure!.message, /no such file: data\.csv.*\(check-task\.test\.[jt]s:\d+\)/);
    assert.equal(throws.speed, null);
    const nothing = await run(sumTask({ problems: () => [] }));
    assert.match(nothing.checks[0]!.failure!.message, /"train".*endless/);
  });
});

describe("gold", () => {
  test("a gold that is wrong now and then is found, with the problem and the text", async () => {
    const report = await run(sumTask({ gold: ({ total }) => `Answer: ${total % 7 === 0 ? total + 1 : total}` }));
    assert.deepEqual(failedOf(report), ["gold"]);
    const { message, problem, completion, count } = one(report, "gold").failure!;
    assert.match(message, /accuracy is 0 \("wrong"\)/);
    assert.match(problem!, /^\d\d\+\d\d$/);
    assert.match(completion!, /^Answer: \d+$/);
    assert.ok(count > 1);
  });

  test("a gold that throws or is no text", async () => {
    const report = await run(
      sumTask({
        gold() {
          throw new Error("unsolvable");
        },
      }),
    );
    assert.match(one(report, "gold").failure!.message, /gold threw Error: unsolvable/);
    const number = await run(sumTask({ gold: (({ total }: Sum) => total) as unknown as (problem: Sum) => string }));
    assert.match(one(number, "gold").failure!.message, /gold gave number/);
  });

  test("a verifier that gives NaN, throws, or changes its mind", async () => {
    const nan = await run(graded(() => ({ reward: Number.NaN, reason: "odd" })));
    assert.match(one(nan, "gold").failure!.message, /rewards\.accuracy\.verify: reward is NaN/);
    let asked = 0;
    const moody = await run(
      graded((answer, problem) => ({
        ...(strict.verify(answer, problem) as object),
        reason: `asked ${asked++}`,
        reward: 1,
      })),
    );
    assert.match(one(moody, "gold").failure!.message, /two verdicts/);
  });
});

describe("verifiers that can be cheated", () => {
  const pay = (right: boolean, answer: string | null = null) => ({
    reward: right ? 1 : 0,
    reason: right ? "correct" : "wrong",
    answer,
  });
  for (const [what, verify, failing] of [
    [
      "pays for anything",
      () => pay(true),
      [
        "digits changed",
        "last line removed",
        "cut in half",
        "another's gold",
        "prompt echoed",
        "empty",
        "white space",
        "noise",
        "hostile",
      ],
    ],
    [
      "pays for any number",
      ({ text }) => pay(/\d/.test(text)),
      ["digits changed", "another's gold", "prompt echoed", "hostile"],
    ],
    ["looks for the answer anywhere", ({ text }, { total }) => pay(text.includes(String(total)), String(total)), []],
    [
      "overlooks what was cut off",
      ({ text }, { total }) => pay(total > 0 && /^I add/.test(text)),
      ["digits changed", "last line removed", "cut in half", "another's gold"],
    ],
    [
      "takes NaN for equal",
      ({ text }, { total }) => pay(!(Math.abs(Number(text.match(/Answer: (.*)/)?.[1] ?? "0") - total) > 0)),
      ["hostile"],
    ],
    [
      "pays for blanks",
      ({ text }, { total }) => pay(text.trim() === "" || text.endsWith(`: ${total}`)),
      ["empty", "white space"],
    ],
  ] as readonly (readonly [string, Reward<Sum>["verify"], readonly string[]])[])
    test(`one that ${what}`, async () => {
      const found = failedOf(await run(graded(verify)));
      for (const name of failing) assert.ok(found.includes(name), `${name} is not among ${found.join(", ")}`);
      if (failing.length > 0)
        assert.equal(found.filter((name) => !failing.includes(name) && name !== "hostile").length, 0, found.join());
    });

  test("what breaks a verifier is found with its text", async () => {
    const report = await run(
      graded((answer, problem) => {
        if (answer.text.includes("NaN")) throw new RangeError("not a number");
        return strict.verify(answer, problem);
      }),
    );
    assert.deepEqual(failedOf(report), ["hostile"]);
    const { message, completion } = one(report, "hostile").failure!;
    assert.match(message, /^NaN, bare: rewards\.accuracy\.verify: RangeError: not a number$/);
    assert.equal(completion, "NaN");
  });

  test("a slow verdict is found, with what it was asked", async () => {
    const report = await run(
      graded((answer, problem) => {
        if (answer.text.startsWith(",,,")) for (const end = performance.now() + 400; performance.now() < end; );
        return strict.verify(answer, problem);
      }),
    );
    assert.match(report.speed!.slowest, /"commas"/);
    assert.ok(report.speed!.slowestMilliseconds >= 390);
  });
});

test("asynchronous verifiers have their deadline", async () => {
  const report = await checkTask(graded(() => new Promise(() => {})) as unknown as Task, {
    problems: 1,
    deadline: 0.01,
  });
  assert.match(one(report, "gold").failure!.message, /no verdict within 0.01 s/);
});

test("a strict and a lenient grader stand side by side", async () => {
  const lenient: Reward<Sum> = {
    weight: 0,
    verify: ({ text }, { total }) => ({ reward: text.includes(String(total)) ? 1 : 0, reason: "graded" }),
  };
  const report = await run(sumTask({ rewards: { accuracy: strict, lenient } }));
  assert.equal(report.passed, true);
  const [, part] = report.parts;
  assert.deepEqual([part!.name, part!.weight, part!.gold], ["lenient", 0, 1]);
  assert.ok(part!.spoiled < 0.2 && part!.hostile > 0);
});

test("right by chance is no cheat: the question holds the answer now and then", async () => {
  const task = defineTask({
    name: "larger",
    *problems(split, random) {
      for (let n = 0; n < 100; n++) {
        const [a, b] = [random.int(1, 1e6), random.int(1, 1e6)];
        // Every fortieth question ends with its answer.
        const prompt = (n + 1) % 40 === 0 ? `Which is larger, ${Math.min(a, b)} or ${Math.max(a, b)}` : `${a} + ${b}`;
        yield {
          id: `${split} ${prompt}`,
          prompt,
          level: 1,
          right: String((n + 1) % 40 === 0 ? Math.max(a, b) : a + b),
        };
      }
    },
    rewards: {
      accuracy: {
        weight: 1,
        verify: ({ text }, { right }) => {
          const last = text.slice(-30).match(/\d+$/)?.[0] ?? null;
          return { reward: last === right ? 1 : 0, reason: last === right ? "correct" : "wrong", answer: last };
        },
      },
    },
    gold: ({ right }) => right,
  });
  const report = await checkTask(task as unknown as Task, { problems: 80 });
  assert.deepEqual(failedOf(report), []);
  assert.match(one(report, "prompt echoed").note!, /right by chance/);
});
