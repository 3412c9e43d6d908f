import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deflateSync } from "node:zlib";
import { AutodidactError } from "../errors.ts";
import { lastBoxed, readGold } from "./gold.ts";
import { checkMapping, columnsOf, type Mapping, mapRow, questionId } from "./mapping.ts";
import { mappings } from "./mappings.ts";
import { normalisedWords, sameQuestion } from "./ngrams.ts";
import type { DatasetProblem } from "./problem.ts";
import { readTests } from "./tests.ts";

const row = (fields: Record<string, unknown>) => ({ file: "a.jsonl", row: 7, fields });
const problemOf = async (fields: Record<string, unknown>, mapping: Mapping): Promise<DatasetProblem> => {
  const found = await mapRow(row(fields), mapping);
  assert.ok(!("skipped" in found));
  return found;
};
const refused = async (
  fields: Record<string, unknown>,
  mapping: Mapping,
  code: string,
  words: RegExp,
): Promise<void> => {
  await assert.rejects(mapRow(row(fields), mapping), (error) => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, /^a\.jsonl, row 7: /);
    assert.match(error.message, words);
    return true;
  });
};

describe("mapping", () => {
  test("columns, dotted ones, templates, alternatives, an instruction", async () => {
    const fields = { q: "2+2?", extra: { gold: 4, list: ["a", "b"] }, "a.b": "dotted", n: 5n };
    const problem = await problemOf(fields, {
      prompt: "{q} {extra.list.1} {a.b} {n}",
      gold: "extra.gold",
      instruction: "Box it.",
    });
    assert.equal(problem.prompt, "2+2? b dotted 5\n\nBox it.");
    assert.equal(problem.question, "2+2? b dotted 5");
    assert.deepEqual([problem.gold, problem.level, problem.row, problem.file], ["4", 1, 7, "a.jsonl"]);
    assert.equal((await problemOf(fields, { prompt: ["question", "q"], gold: "n" })).prompt, "2+2?");
    assert.equal((await problemOf({ q: "cost $1", g: "$&" }, { prompt: "{g} {q}", gold: "g" })).prompt, "$& cost $1");
    assert.deepEqual(columnsOf({ prompt: "{q} and {x.y}", gold: ["a", "b"] }), ["q", "x.y", "x", "a", "b"]);
  });

  test("a missing column, an empty or null value, a wrong type", async () => {
    const mapping = { prompt: "q", gold: "a" };
    await refused({ a: "1" }, mapping, "DATASET_COLUMN", /prompt: there is no column "q"; map prompt to one of: a/);
    await refused({ q: "x" }, mapping, "DATASET_COLUMN", /gold: there is no column "a"/);
    await refused({ q: "  ", a: "1" }, mapping, "DATASET_ROW", /prompt \("q"\) is empty/);
    await refused({ q: "x", a: null }, mapping, "DATASET_ROW", /gold \("a"\) is null/);
    await refused({ q: "x", a: "" }, mapping, "DATASET_GOLD", /gold \("a"\), "", is empty/);
    await refused(
      { q: ["x"], a: "1" },
      mapping,
      "DATASET_ROW",
      /prompt \("q"\) must be text, and is a list; name what is in it/,
    );
    await refused({ q: { x: 1 }, a: "1" }, mapping, "DATASET_ROW", /must be text, and is an object/);
    await refused(
      { q: "x", a: "1", l: 9 },
      { ...mapping, level: "l" },
      "DATASET_ROW",
      /level \("l"\), "9", must be 1 to 5/,
    );
    await refused({ q: "x" }, { prompt: "{q} {r}", gold: "q" }, "DATASET_COLUMN", /there is no column "\{q\} \{r\}"/);
  });

  test("levels by number, by name, by table", async () => {
    const level = async (value: unknown): Promise<number> =>
      (await problemOf({ q: "x", a: "1", l: value }, { prompt: "q", gold: "a", level: "l", levels: { hard: 5 } }))
        .level;
    assert.deepEqual([await level(3), await level("Level 4"), await level("hard"), await level("2")], [3, 4, 5, 2]);
  });

  test("mappings that can make no problem are refused at once", () => {
    const bad: [Mapping, RegExp][] = [
      [{ prompt: "q" }, /neither gold nor tests/],
      [{ prompt: "q", gold: "a", tests: "t" }, /gold and tests/],
      [{ prompt: "", gold: "a" }, /mapping\.prompt is empty/],
      [{ prompt: [], gold: "a" }, /mapping\.prompt is an empty list/],
      [{ prompt: "q", gold: "a", levels: { x: 7 } }, /mapping\.levels\["x"\], 7/],
    ];
    for (const [mapping, words] of bad) {
      assert.throws(
        () => checkMapping(mapping),
        (error) => error instanceof AutodidactError && error.code === "DATASET_MAPPING" && words.test(error.message),
      );
    }
    for (const mapping of Object.values(mappings)) checkMapping(mapping);
  });

  test("ids hang on the question, not on its spelling", () => {
    assert.equal(questionId("What is 2 + 2?"), questionId("what  is 2 + 2"));
    assert.notEqual(questionId("What is 2 + 2?"), questionId("What is 2 - 2?"));
    assert.match(questionId("x"), /^[0-9a-f]{16}$/);
    assert.equal(sameQuestion("A “b”, c.\n5! 3.5"), "a b c 5! 3.5");
  });
});

describe("gold answers", () => {
  const gold = (text: string, form: Parameters<typeof readGold>[1]): string | null => readGold(text, form).gold;

  test("numbers, as GSM8K and AIME write them", () => {
    assert.equal(gold("She has 3*4=<<3*4=12>>12\n#### 1,234,567", "hashes"), "1234567");
    assert.equal(gold("a #### 5 b\n#### -7.50", "hashes"), "-7.50");
    assert.equal(gold("#### $18.", "hashes"), "18");
    assert.equal(gold("025", "number"), "25");
    assert.equal(gold("000", "number"), "0");
    assert.equal(gold("3/4", "number"), "3/4");
    for (const text of ["no mark", "#### ", "#### twelve", "#### 1,23"]) assert.equal(gold(text, "hashes"), null, text);
  });

  test("boxes, braces balanced", () => {
    assert.equal(gold("so $\\boxed{1}$, no, $\\boxed{\\frac{1}{\\sqrt{2}}}$.", "boxed"), "\\frac{1}{\\sqrt{2}}");
    assert.equal(lastBoxed("\\boxed{\\{1, 2\\}}"), "\\{1, 2\\}");
    assert.equal(lastBoxed("is \\boxed 7."), "7");
    assert.equal(lastBoxed("\\fbox{x}"), "x");
    assert.equal(lastBoxed("none"), null);
    assert.equal(gold("\\boxed{1", "boxed"), null);
    assert.equal(gold("\\boxed{}", "boxed-or-text"), null);
    assert.equal(gold("x^2", "boxed-or-text"), "x^2");
    assert.equal(gold("x^2", "boxed"), null);
  });
});

describe("ready mappings on rows as those sets have them", () => {
  test("GSM8K, MATH, MATH-500, AIME", async () => {
    const gsm = await problemOf({ question: "Eggs?", answer: "16 - 7 = <<16-7=9>>9\n#### 18" }, mappings.gsm8k);
    assert.deepEqual([gsm.gold, gsm.question], ["18", "Eggs?"]);
    assert.match(gsm.prompt, /^Eggs\?\n\n.*\\boxed\{\}\.$/);
    await refused({ question: "Eggs?", answer: "18" }, mappings.gsm8k, "DATASET_GOLD", /has no "####"/);

    const math = { problem: "Find x.", level: "Level 5", type: "Algebra", solution: "We get $\\boxed{\\frac{3}{4}}$." };
    const first = await problemOf(math, mappings.math);
    assert.deepEqual([first.gold, first.level, first.solution], ["\\frac{3}{4}", 5, math.solution]);
    assert.equal((await problemOf({ ...math, level: "Level ?" }, mappings.math)).level, 3);
    const math500 = {
      problem: "Find y.",
      solution: "...",
      answer: "\\left( 3, \\frac{\\pi}{2} \\right)",
      level: 2,
      unique_id: "test/x/1.json",
    };
    assert.deepEqual((await problemOf(math500, mappings.math)).gold, math500.answer);

    for (const fields of [
      { id: 60, problem: "P", solution: "\\boxed{204}", answer: "204", year: "2024" },
      { ID: "2024-II-4", Problem: "P", Solution: "...", Answer: 204 },
      { id: 1, problem: "P", solution: "\\boxed{204}", url: "u" },
      { question: "P", answer: "204" },
      { ID: "1983-1", Question: "P", Answer: "204" },
    ]) {
      assert.equal((await problemOf(fields, mappings.aime)).gold, "204");
    }
  });

  test("APPS and TACO: standard input, calls, lists of lines", async () => {
    const tests = async (value: unknown, more = {}): Promise<unknown> => {
      const fields = { question: "Q", input_output: JSON.stringify(value), difficulty: "interview", ...more };
      const problem = await problemOf(fields, mappings.apps);
      assert.equal(problem.level, 3);
      return problem.tests;
    };
    assert.deepEqual(await tests({ inputs: ["1 2\n", ["3", "4"]], outputs: ["3\n", ["7"]] }), [
      { input: "1 2\n", output: "3\n" },
      { input: "3\n4", output: "7" },
    ]);
    assert.deepEqual(await tests({ fn_name: "add", inputs: [[1, 2]], outputs: [[3]] }), [
      { call: "add", args: [1, 2], expected: 3 },
    ]);
    const starter = { starter_code: "class Solution:\n    def add(self, a, b):" };
    assert.deepEqual(await tests({ fn_name: "add", inputs: [[1, 2]], outputs: [3] }, starter), [
      { call: "Solution.add", args: [1, 2], expected: 3 },
    ]);
    const broken = { question: "Q", difficulty: "interview" };
    await refused(
      { ...broken, input_output: "{" },
      mappings.apps,
      "DATASET_GOLD",
      /tests \("input_output"\): the tests is not JSON/,
    );
    await refused(
      { ...broken, input_output: '{"inputs":["a"],"outputs":[]}' },
      mappings.apps,
      "DATASET_GOLD",
      /1 inputs and 0 outputs/,
    );
    await refused(
      { ...broken, input_output: '{"inputs":[1],"outputs":["a"]}' },
      mappings.apps,
      "DATASET_GOLD",
      /input/,
    );
    await refused({ ...broken, input_output: "[]" }, mappings.apps, "DATASET_GOLD", /must be an object/);
    await refused(broken, mappings.apps, "DATASET_COLUMN", /no column "input_output"/);
    assert.deepEqual(await mapRow(row({ ...broken, input_output: "" }), mappings.apps), { skipped: "no-tests" });
  });

  test("LiveCodeBench with its packed hidden tests", async () => {
    const hidden = JSON.stringify([{ input: "5 é\n", output: "6", testtype: "stdin" }]);
    // pickle.dumps(text), protocol 4: PROTO, FRAME, BINUNICODE, MEMOIZE, STOP.
    const text = Buffer.from(hidden, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    const pickle = Buffer.concat([
      Buffer.from([0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x58]),
      length,
      text,
      Buffer.from([0x94, 0x2e]),
    ]);
    const fields = {
      question_content: "Q",
      question_id: "abc_a",
      difficulty: "easy",
      starter_code: "",
      metadata: "{}",
      public_test_cases: JSON.stringify([{ input: "1\n", output: "2", testtype: "stdin" }]),
      private_test_cases: deflateSync(pickle).toString("base64"),
    };
    const problem = await problemOf(fields, mappings.livecodebench);
    assert.equal(problem.id, "abc_a");
    assert.deepEqual(problem.tests, [
      { input: "1\n", output: "2" },
      { input: "5 é\n", output: "6" },
    ]);
    const functional = {
      ...fields,
      starter_code: "class Solution:\n    def f(self, a: List[int], b: str)",
      metadata: '{"func_name": "f"}',
      public_test_cases: JSON.stringify([{ input: '[1, 2]\n"x"', output: "true", testtype: "functional" }]),
      private_test_cases: "[]",
    };
    assert.deepEqual((await problemOf(functional, mappings.livecodebench)).tests, [
      { call: "Solution.f", args: [[1, 2], "x"], expected: true },
    ]);
    // A pickle that would call something is never run: GLOBAL "os system".
    const evil = deflateSync(Buffer.from("cos\nsystem\n(S'echo hi'\ntR.")).toString("base64");
    for (const packed of [evil, "!!", "aGVsbG8=", deflateSync(pickle).toString("base64").slice(0, 20)]) {
      await refused(
        { ...fields, private_test_cases: packed },
        mappings.livecodebench,
        "DATASET_GOLD",
        /private_test_cases/,
      );
    }
  });

  test("Codeforces and CodeContests; what needs a checker of its own is left out by name", async () => {
    const fields = {
      id: "1/A",
      title: "T",
      description: "D",
      input_format: "I",
      output_format: "O",
      input_mode: "stdio",
      generated_checker: null,
      official_tests: [{ input: "1", output: "1" }],
    };
    const problem = await problemOf(fields, mappings.codeforces);
    assert.match(problem.prompt, /^T\n\nD\n\nInput\n\nI\n\nOutput\n\nO\n\nWrite a Python/);
    assert.deepEqual(await mapRow(row({ ...fields, generated_checker: "def check" }), mappings.codeforces), {
      skipped: "needs-checker",
    });
    assert.deepEqual(await mapRow(row({ ...fields, input_mode: "file" }), mappings.codeforces), {
      skipped: "file-input",
    });
    assert.deepEqual(await mapRow(row({ ...fields, official_tests: null }), mappings.codeforces), {
      skipped: "no-tests",
    });
    const contest = {
      name: "n",
      description: "D",
      public_tests: { input: ["1"], output: ["2"] },
      private_tests: { input: [], output: [] },
      generated_tests: { input: ["3"], output: ["4"] },
    };
    assert.deepEqual((await problemOf(contest, mappings["code-contests"])).tests, [
      { input: "1", output: "2" },
      { input: "3", output: "4" },
    ]);
  });

  test("tests of another shape than the form says are told apart", async () => {
    for (const [value, form] of [
      [{ inputs: [], outputs: [] }, "tests"],
      ["nonsense", "tests"],
      [[{ input: "1" }], "tests"],
      [[1], "livecodebench"],
      [3, "code-contests"],
    ] as const) {
      assert.ok("problem" in (await readTests(value, form, {})), form);
    }
  });
});

test("words are normalised for comparison", () => {
  assert.deepEqual(normalisedWords("Don't STOP: $x^2$, 3.5!"), ["dont", "stop", "x", "2", "3", "5"]);
  assert.deepEqual(normalisedWords("ＡＢＣ　Ünï ﬁn"), ["abc", "ünï", "fin"]);
  assert.ok(normalisedWords("我们先把两个数相加，然后除以三。").length >= 8);
});
