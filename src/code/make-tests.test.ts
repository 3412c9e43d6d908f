import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { random } from "../random.ts";
import { runTests } from "./grade.ts";
import { integerLists, words } from "./inputs.ts";
import { makeTests } from "./make-tests.ts";
import { openSandboxPool } from "./pool.ts";

const pool = openSandboxPool({ workers: 2 });
after(() => pool.close());

// The problem: the largest sum of a run of neighbours, at least one of them, in a list of 1 to 12 numbers.
const kadane =
  "def best(x):\n    a = b = x[0]\n    for v in x[1:]:\n        b = max(v, b + v)\n        a = max(a, b)\n    return a";
const slow = "def best(x):\n    n = len(x)\n    return max(sum(x[i:j]) for i in range(n) for j in range(i + 1, n + 1))";
const wrong = [
  // Takes the empty run for a run: wrong where all numbers are negative.
  "def best(x):\n    a = b = 0\n    for v in x:\n        b = max(0, b + v)\n        a = max(a, b)\n    return a",
  "def best(x): return sum(x)",
  "def best(x): return max(x)",
  // Wrong in one case in thousands, which none of the generators makes.
  `${kadane.replaceAll("\n    return a", "\n    return a if x != [3, 1, 4, 1, 5] else 0")}`,
];
const lists = integerLists({ least: 1, most: 12 }, { least: -9, most: 9 });
const generators = Object.fromEntries(
  Object.entries(lists).map(([kind, make]) => [kind, (...args: Parameters<typeof make>) => [make(...args)]]),
);
const options = { seed: 7, call: "best", generators, right: [kadane, slow], wrong, count: 8, keep: 5, pool };

describe("making of tests", () => {
  test("keeps what catches wrong solutions, says why the rest went, and gives the same again", async () => {
    const made = await makeTests(options);
    const { report } = made;
    assert.equal(report.proposed, 32);
    assert.equal(report.kept, made.tests.length);
    assert.equal(report.kept, 5);
    assert.equal(report.thrownOut.length, report.proposed - report.kept);
    const [empty, all, one, rare] = report.caught;
    assert.ok(empty! >= 1 && all! >= 1 && one! >= 1, JSON.stringify(report.caught));
    assert.equal(rare, 0);
    assert.ok(report.thrownOut.some(({ why }) => why === "catches-nothing"));
    assert.ok(report.thrownOut.some(({ why }) => why === "duplicate"));
    // The first test catches as many as any does.
    assert.deepEqual(await makeTests(options), made);
    assert.equal((await runTests(kadane, "python", made.tests, { pool })).reason, "correct");
    for (const code of wrong.slice(0, 3))
      assert.equal((await runTests(code, "python", made.tests, { pool })).reason, "wrong-answer");
  });

  test("right solutions throw out inputs that none of them takes, and those they disagree on", async () => {
    const made = await makeTests({
      seed: 1,
      generators: { lines: (_, index) => `${index - 2}\n`, text: (_, index) => `none ${index}\n` },
      count: 5,
      // Whole numbers from 0; the second solution holds only to 1.
      right: ["n = int(input())\nassert n >= 0\nprint(n * n)", "n = int(input())\nprint(n * n if n < 2 else n)"],
      pool,
    });
    assert.deepEqual(
      made.tests,
      [
        { input: "0\n", output: "0\n" },
        { input: "1\n", output: "1\n" },
      ].slice(0, made.tests.length),
    );
    assert.equal(made.tests.length, 2);
    const why = (input: string): string | undefined => made.report.thrownOut.find((one) => one.input === input)?.why;
    assert.equal(why("-1\n"), "right-solution-failed");
    assert.equal(why("2\n"), "right-solutions-disagree");
    assert.equal(why("none 0\n"), "right-solution-failed");
    assert.match(
      made.report.thrownOut.find(({ input }) => input === "none 0\n")!.detail,
      /right\[0\]: runtime-error ValueError/,
    );
  });

  test("says so where nothing can be made", async () => {
    const base = { ...options, right: [kadane] };
    await assert.rejects(makeTests({ ...base, right: [] }), { code: "CODE_MAKE_TESTS", message: /^right is empty/ });
    await assert.rejects(makeTests({ ...base, generators: {} }), {
      code: "CODE_MAKE_TESTS",
      message: /^generators is empty/,
    });
    await assert.rejects(makeTests({ ...base, count: 0 }), { code: "CODE_MAKE_TESTS", message: /^count, 0/ });
    await assert.rejects(makeTests({ ...base, generators: { bad: () => "text" } }), {
      code: "CODE_MAKE_TESTS",
      message: /generators\.bad gave text/,
    });
    await assert.rejects(makeTests({ ...base, right: ["def best(x): return x.y"] }), {
      code: "CODE_MAKE_TESTS",
      message: /none of \d+ inputs is valid \(right-solution-failed, right\[0\]: runtime-error AttributeError/,
    });
  });
});

describe("kinds of inputs", () => {
  test("stay in their ranges and have their shapes", () => {
    for (let index = 0; index < 40; index++) {
      for (const [kind, make] of Object.entries(integerLists({ least: 2, most: 9 }, { least: -3, most: 5 }))) {
        const list = make(random(index, kind), index);
        assert.ok(
          list.length >= 2 &&
            list.length <= 9 &&
            list.every((value) => Number.isInteger(value) && value >= -3 && value <= 5),
          kind,
        );
        if (kind === "equal") assert.equal(new Set(list).size, 1);
        if (kind === "boundary")
          assert.ok([2, 9].includes(list.length) && list.every((value) => value === -3 || value === 5));
      }
      for (const [kind, make] of Object.entries(words({ least: 1, most: 6 }, "ab"))) {
        const word = make(random(index, kind), index);
        assert.match(word, /^[ab]{1,6}$/);
        if (kind === "adversarial" && index % 4 === 3) assert.equal(word, [...word].reverse().join(""));
      }
    }
  });
});
