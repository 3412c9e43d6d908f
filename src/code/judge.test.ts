import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { extractCode } from "./extract.ts";
import { jsonFault, parseJson } from "./json.ts";
import { outputMatches, valueMatches } from "./judge.ts";
import { outcome, readReply } from "./protocol.ts";
import { parseTests } from "./tests.ts";

describe("standard output", () => {
  test("white space at the ends and kinds of line end don't count, all else does", () => {
    for (const given of ["1 2\n3\n", "1 2\r\n3", "1 2 \n3\t\n\n\n", "1 2\n3"])
      assert.ok(outputMatches("1 2\n3\n", given), given);
    for (const given of ["1  2\n3", " 1 2\n3", "1 2\n\n3", "1 2 3", "", "1 2\n3\n4", "1 2"])
      assert.ok(!outputMatches("1 2\n3\n", given), given);
    assert.ok(outputMatches("", "\n \n"));
    assert.ok(!outputMatches("YES", "Yes"));
    assert.ok(!outputMatches("0.5", "0.50"));
  });

  test("numbers may be off where a tolerance is given, words may not", () => {
    assert.ok(outputMatches("0.333333 x", "0.3333334  x", 1e-6));
    assert.ok(!outputMatches("0.333333", "0.3334", 1e-6));
    assert.ok(outputMatches("1000000", "1000000.5", 1e-6));
    assert.ok(outputMatches("1e3", "1000", 0));
    assert.ok(!outputMatches("1 2", "1 2 3", 1));
    for (const given of ["nan", "inf", "0x1", "1_0", "", "1.", "--1"].filter((word) => word !== "1."))
      assert.ok(!outputMatches("1", given, 0.5), given);
  });

  test("a long text takes no long time", () => {
    const started = performance.now();
    outputMatches("9".repeat(200_000), `${"9".repeat(200_000)}x`, 1e-9);
    outputMatches(" ".repeat(200_000), `${" ".repeat(200_000)}x`, 1e-9);
    assert.ok(performance.now() - started < 1_000);
  });
});

describe("values", () => {
  test("the same JSON, whatever the order of keys", () => {
    assert.ok(valueMatches({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1.0, { b: null }] }));
    const wrong = [
      [1, true],
      [true, 1],
      [null, 0],
      ["1", 1],
      [[], {}],
      [{}, []],
      [[1], [1, 2]],
      [{ a: 1 }, { b: 1 }],
      [{ a: 1 }, { a: 1, b: 2 }],
      ["", null],
      [
        [1, 2],
        [2, 1],
      ],
    ] as const;
    for (const [expected, given] of wrong) assert.ok(!valueMatches(expected, given), JSON.stringify([expected, given]));
    assert.ok(!valueMatches({ toString: 1 }, {}));
    assert.ok(!valueMatches({ a: 1 }, JSON.parse('{"__proto__": {"a": 1}}')));
  });

  test("floats to a tolerance", () => {
    assert.ok(!valueMatches(0.3, 0.1 + 0.2));
    assert.ok(valueMatches([0.3], [0.1 + 0.2], 1e-9));
    assert.ok(!valueMatches([0.3], [0.31], 1e-9));
    assert.ok(!valueMatches("0.3", 0.3, 1));
  });

  test("what is no JSON is found, however deep", () => {
    assert.equal(parseJson("[1, NaN]"), undefined);
    assert.equal(parseJson(`${"[".repeat(100_000)}`), undefined);
    assert.equal(parseJson(`${"[".repeat(5_000)}${"]".repeat(5_000)}`), undefined);
    assert.equal(jsonFault(new Map()), "an object of a class");
    assert.equal(jsonFault([{ a: undefined }]), "a value of type undefined");
    assert.equal(jsonFault(Number.NaN), "NaN");
  });
});

describe("the program of an answer", () => {
  const fence = "```";
  const code = (text: string, wanted?: "python" | "javascript" | "typescript"): string | null =>
    extractCode(text, wanted)?.code ?? null;

  test("is the last block in the language", () => {
    const text = `First\n${fence}python\nold\n${fence}\nthen\n${fence}py title="x"\nnew\n${fence}\nwhich prints\n${fence}\n42\n${fence}\n`;
    assert.deepEqual(extractCode(text), { code: "new", tagged: "python" });
    assert.equal(code(text, "javascript"), "42");
    assert.equal(code(`${fence}js\na\n${fence}\n${fence}python\nb\n${fence}`, "javascript"), "a");
    assert.deepEqual(extractCode(`${fence}ts\na\n${fence}`, "javascript"), { code: "a", tagged: "typescript" });
    assert.equal(code(`${fence}js\na\n${fence}`, "python"), null);
    assert.equal(code(`${fence}bash\nls\n${fence}`), null);
  });

  test("is not what was thought of", () => {
    assert.equal(code(`<think>\n${fence}python\ndraft\n${fence}\n</think>\n${fence}python\nfinal\n${fence}`), "final");
    assert.equal(code(`<think>\n${fence}python\ndraft\n${fence}\n`), null);
    assert.equal(code(`${fence}python\ndraft\n${fence}\n</think> no code`), null);
  });

  test("stands in fences of any length, indented, in tags, or unclosed", () => {
    assert.equal(code(`~~~~python\n${fence}\nx\n${fence}\n~~~~`), `${fence}\nx\n${fence}`);
    assert.equal(code(`- item\n  ${fence}python\n  if x:\n      y\n  ${fence}`), "if x:\n    y");
    assert.equal(code(`<answer>${fence}python\nx\n${fence}</answer>`), "x");
    assert.equal(code(`${fence}python\nx = 1`), "x = 1");
    assert.equal(code(`${fence}python\r\nx = 1\r\n${fence}\r\n`), "x = 1");
    assert.equal(code("<think>a</think><answer>print(1)</answer>"), "print(1)");
    for (const none of ["", "print(1)", "`x`", `${fence}x${fence}`, `${fence}python\n\n${fence}`, "<answer> </answer>"])
      assert.equal(code(none), null, none);
  });

  test("is found in linear time", () => {
    const started = performance.now();
    for (const piece of ["`", "```", "```\n", "<answer>", "<think>", "~~~ \n", "```python\n", "   ```"])
      extractCode(piece.repeat(100_000));
    assert.ok(performance.now() - started < 3_000);
  });
});

describe("tests from a file", () => {
  test("are lists of either kind, or an object with a language", () => {
    const tests = [
      { input: "1\n", output: "2\n" },
      { call: "f", args: [1, [2]], expected: { a: null } },
    ];
    assert.deepEqual(parseTests(tests), { language: null, tests });
    assert.deepEqual(parseTests({ language: "typescript", tests }), { language: "typescript", tests });
  });

  test("faults are named with their field", () => {
    const faults: readonly (readonly [unknown, RegExp])[] = [
      [null, /^tests, null, must be a list of tests/],
      ["x", /^tests, "x", must be/],
      [[], /^tests is empty/],
      [[1], /^tests\[0\], 1, must be \{ "input"/],
      [[{ input: "1" }], /^tests\[0\] has the fields input; it must be/],
      [[{ input: 1, output: "" }], /^tests\[0\]\.input, 1, must be text/],
      [[{ input: "", output: null }], /^tests\[0\]\.output, null, must be text/],
      [[{ call: "f()", args: [], expected: 1 }], /^tests\[0\]\.call, "f\(\)", must be the name/],
      [[{ call: "f", args: 1, expected: 1 }], /^tests\[0\]\.args, 1, must be a list/],
      [[{ call: "f", args: [Number.NaN], expected: 1 }], /^tests\[0\] holds NaN/],
      [{ tests: [], language: null, extra: 1 }, /^tests\.extra is unknown/],
      [{ tests: [{ input: "", output: "" }], language: "ruby" }, /^tests\.language, "ruby", must be one of python/],
      [{ tests: 5 }, /^tests\.tests, 5, must be a list/],
    ];
    for (const [value, message] of faults)
      assert.throws(() => parseTests(value), { code: "CODE_TESTS", message }, JSON.stringify(value));
  });
});

describe("what a worker says", () => {
  test("is believed only in the right shape", () => {
    const good = { kind: "outcome", outcome: outcome("done", { stdout: "x" }) };
    assert.deepEqual(readReply(good, 10), good);
    assert.deepEqual(readReply({ kind: "ready", more: 1 }, 10), { kind: "ready" });
    const bad = [
      null,
      1,
      "ready",
      {},
      { kind: "done" },
      { kind: "outcome" },
      { kind: "outcome", outcome: { ...good.outcome, ending: "correct" } },
    ];
    for (const message of bad) assert.equal(readReply(message, 10), null);
    for (const change of [
      { stdout: "x".repeat(11) },
      { stdout: 1 },
      { value: 5 },
      { value: "x".repeat(11) },
      { detail: "x".repeat(2_001) },
      { ms: null },
      { ms: Number.NaN },
    ])
      assert.equal(
        readReply({ kind: "outcome", outcome: { ...good.outcome, ...change } }, 10),
        null,
        JSON.stringify(change),
      );
  });
});
