import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { processorTime } from "../../test/processor-time.ts";
import { compareMaths, mathsEqual } from "./compare.ts";
import { gradeMaths } from "./grade.ts";
import { mathsLimits } from "./limits.ts";

const times = (text: string, count: number): string => text.repeat(count);
const around = (open: string, close: string, count: number, middle = "1"): string =>
  times(open, count) + middle + times(close, count);

/** Text that makes other graders hang, and the limits of this one. */
const hostile: Readonly<Record<string, string>> = {
  "power tower": "9^9^9^9",
  "power tower in Python": "9**9**9**9",
  "10 to the 10 to the 10": "10^{10^{10}}",
  "a tower of 500": `2${times("^2", 500)}`,
  "huge factorial": "1000000000!",
  "factorial of factorial": "100!!!!",
  "many factorials": Array(200).fill("2500!").join("+"),
  "ten thousand braces": around("{", "}", 10_000),
  "1900 brackets": around("(", ")", 1900),
  "5000 fractions": around("\\frac{1}{", "}", 5000, "2"),
  "60 fractions": around("\\frac{1}{", "}", 60, "2"),
  "roots in roots": around("\\sqrt{", "}", 60, "2"),
  "power of a sum": "(a+b+c)^{1000}",
  "product of powers": "(a+b+c+d+e+f)^{20}(a+b+c+d+e+f)^{20}",
  "power of a power of a sum": "((((a+b)^{20}+c)^{20}+d)^{20}+1)^{20}",
  "200 sums multiplied": times("(a+b+c+d)", 200),
  "600 variables": Array.from({ length: 600 }, (_, i) => `x_{${i}}`).join("+"),
  "3900 digits": times("1", 3900),
  "3000 digits to the 3000": `${times("9", 3000)}^{3000}`,
  "long decimal": `0.${times("3", 3900)}`,
  "repeating with dots": `0.${times("1", 3000)}...`,
  "megabyte of letters": times("a", 1_000_000),
  "megabyte of digits": times("1", 1_000_000),
  spaces: `${times(" ", 399_990)}1`,
  "blanks inside": `a${times(" ", 390_000)}b`,
  "blanks inside an answer": `a${times(" ", 3900)}b`,
  "quotes inside an answer": `1${times('"', 3900)}2`,
  "commas inside an answer": `1${times(",", 3900)}2`,
  "stars inside": `1${times("*", 390_000)}2`,
  dollars: times("$", 300_000),
  "dollars and digits": times("$1", 150_000),
  "boxes that never close": times("\\boxed{", 50_000),
  "forty thousand boxes": times("\\boxed{1}", 40_000),
  "boxes in boxes": around("\\boxed{", "}", 2000),
  backslashes: times("\\", 390_000),
  "display brackets": times("\\[", 190_000),
  "the answer is": times("the answer is ", 28_000),
  "answer for": times("answer for ", 30_000),
  "answer for, and blanks": times(`answer for ${times(" ", 70)}`, 4000),
  "equals signs": times("=", 390_000),
  commas: times("1,", 190_000),
  "groups of thousands": times("1,000", 700),
  "braced commas": times("1{,}", 900),
  "plus-minus": times("\\pm 1", 200),
  "list of plus-minus": times("\\pm 1,", 300),
  "sums of sums of sums": "\\sum_{a=1}^{2000}\\sum_{b=1}^{2000}\\sum_{c=1}^{2000} abc",
  "endless sum": "\\sum_{k=1}^{10^9} k",
  "integrals of integrals": "\\int_0^1\\int_0^1\\int_0^1\\int_0^1 xyzw dx dy dz dw",
  "binomial of a billion": "\\binom{10^9}{5\\cdot 10^8}",
  "root of a long number": `\\sqrt{${times("9", 70)}}`,
  determinant: `\\begin{vmatrix}${Array(6).fill(Array(6).fill("x").join("&")).join("\\\\")}\\end{vmatrix}`,
  "large matrix": `\\begin{pmatrix}${Array(30).fill(Array(30).fill("1").join("&")).join("\\\\")}\\end{pmatrix}`,
  "exponent of nine digits": "1e999999999",
  bars: around("|", "|", 1000, "x"),
  "sin of sin": `${times("\\sin", 1000)} x`,
  apples: times("apples ", 500),
  letters: times("x", 3999),
  "union of 300": `${times("(0,1)\\cup", 300)}(2,3)`,
  "500 inequalities": `${times("x<1 or ", 500)}x<2`,
  "ratio of 900": `${times("1:", 900)}1`,
  "fractions with large denominators": Array.from({ length: 200 }, (_, i) => `\\frac{1}{${10_007 + i}}`).join("+"),
  "tags that never close": times("<answer>", 50_000),
  "thinking that never ends": times("<think>", 50_000),
  "indices of indices": `x${around("_{x", "}", 300, "")}`,
  "tower of e": "e^{e^{e^{e^{e^x}}}}",
  dots: times(".", 390_000),
  slashes: times("1/", 190_000),
  "letters and digits": times("a1", 190_000),
  emoji: times("😀", 1900),
  "zeros bytes": times("\u0000", 3000),
};

const ways: readonly ((text: string) => unknown)[] = [
  (text) => gradeMaths(text, "42"),
  (text) => gradeMaths(`so \\boxed{${text}}`, "42"),
  (text) => gradeMaths(`The answer is $${text}$.`, "x^2+1"),
  (text) => gradeMaths(`<answer>${text}</answer>`, "42"),
  (text) => compareMaths("\\sqrt{2}+x", text),
];

describe("hostile text", () => {
  // The first runs of a function are interpreted; what is bounded here is the work.
  for (const text of Object.values(hostile)) for (const way of ways) way(text);

  for (const [name, text] of Object.entries(hostile)) {
    test(name, async () => {
      for (const way of ways) {
        const least = await processorTime(() => way(text), 50);
        const heap = process.memoryUsage().heapUsed;
        way(text);
        const grown = process.memoryUsage().heapUsed - heap;
        assert.ok(least < 50, `${least.toFixed(1)} ms`);
        assert.ok(grown < 64e6, `${(grown / 1e6).toFixed(0)} MB`);
        const verdict = way(text) as { reason: string; reward?: number; equal?: boolean };
        assert.ok(verdict.reward !== 1 && verdict.equal !== true, verdict.reason);
        assert.match(verdict.reason, /^[a-z]+(?:-[a-z]+)*$/);
      }
    });
  }
});

describe("reasons of what is beyond the limits", () => {
  const reasons: readonly (readonly [text: string, reason: string])[] = [
    ["9^{9^{9^9}}", "too-large"],
    ["10^{10^{10}}", "too-large"],
    ["1000000000!", "too-large"],
    ["1e999999999", "too-large"],
    [around("{", "}", 900), "too-deep"],
    [around("\\frac{1}{", "}", 300, "2"), "too-deep"],
    [times("1", mathsLimits.answer + 1), "too-long"],
    ["1/0", "undefined"],
    ["\\frac{1", "malformed"],
  ];
  for (const [text, reason] of reasons) {
    test(`${text.slice(0, 24)}: ${reason}`, () => assert.deepEqual(compareMaths("42", text), { equal: false, reason }));
  }

  test("a completion that is too long is not searched", () => {
    assert.equal(gradeMaths(`${times("a", mathsLimits.text)} \\boxed{42}`, "42").reason, "too-long");
  });

  test("what is just inside the limits still has a value", () => {
    assert.ok(mathsEqual("2^{60000}", "4^{30000}"));
    assert.ok(!mathsEqual("2^{60000}", "4^{30000}+1"));
    assert.ok(mathsEqual("2000!", "2000\\cdot 1999!"));
    assert.ok(mathsEqual(around("(", ")", 20), "1"));
  });

  test("random text never throws and never earns", () => {
    const alphabet = [
      "\\frac",
      "{",
      "}",
      "(",
      ")",
      "[",
      "]",
      "\\sqrt",
      "^",
      "_",
      "1",
      "23",
      "x",
      "i",
      "e",
      "+",
      "-",
      "*",
      "/",
      ",",
      "=",
      "<",
      "\\pm",
      "|",
      "\\begin{pmatrix}",
      "\\end{pmatrix}",
      "&",
      "\\\\",
      "$",
      "\\boxed{",
      "%",
      "\\text{",
      "cm",
      "!",
      "\\sum_{k=1}^{9}",
      "\\cup",
      ":",
      " ",
      ".",
      "\\{",
      "\\}",
      "½",
      "°",
      "and",
      "\\int",
      "dx",
      "\\log_2",
      "\\sin^{-1}",
      "'",
      "~",
    ];
    let seed = 1;
    const next = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 1);
    for (let i = 0; i < 4000; i++) {
      const text = Array.from({ length: 1 + (next() % 14) }, () => alphabet[next() % alphabet.length]).join("");
      const verdict = gradeMaths(text, "987654321");
      assert.equal(verdict.reward, 0, text);
      assert.equal(compareMaths("\\sqrt{987654321}+q", text).equal, false, text);
    }
  });
});
