import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AutodidactError } from "../errors.ts";
import { mathsEqual } from "./compare.ts";
import { extractAnswers } from "./extract.ts";
import { gradeMaths } from "./grade.ts";

const first = (text: string): [string, string] | null => {
  const [found] = extractAnswers(text);
  return found === undefined ? null : [found.source, found.text];
};

describe("where the answer is", () => {
  const cases: readonly (readonly [text: string, source: string, answer: string])[] = [
    ["so \\boxed{42}.", "boxed", "42"],
    ["\\boxed{\\frac{1}{2}}", "boxed", "\\frac{1}{2}"],
    ["\\boxed{1} no, \\boxed{2}", "boxed", "2"],
    ["\\boxed{4} and then a long explanation with 17 numbers, 3 of them odd", "boxed", "4"],
    ["$x=\\boxed{\\{1, \\frac{a}{b}\\}}$", "boxed", "\\{1, \\frac{a}{b}\\}"],
    ["\\fbox{7}", "boxed", "7"],
    ["\\boxed 5", "boxed", "5"],
    ["\\boxed{\\boxed{3}}", "boxed", "3"],
    ["$\\boxed{28}$ percent", "boxed", "28 %"],
    ["$\\boxed{1}$ and $\\boxed{2}$", "boxed", "1 , 2"],
    ["\\boxed{8} is right. Final: \\boxed{8}", "boxed", "8"],
    ["\\boxed{} The answer is 5.", "phrase", "5"],
    ["\\boxed{6", "number", "6"],
    ["<think>\\boxed{1}</think> The answer is 2.", "phrase", "2"],
    ["<answer> 12 </answer>", "tag", "12"],
    ["<answer>1</answer> or rather <answer>2</answer>", "tag", "2"],
    ["<answer>The answer is \\boxed{9}</answer>", "boxed", "9"],
    ["He has 5 + 7 = 12 apples.\n#### 12", "hashes", "12"],
    ["The answer is 7.", "phrase", "7"],
    ["The final answer is $\\frac{2}{3}$. I hope it is correct.", "phrase", "$\\frac{2}{3}$"],
    ["Answer: 3.5", "phrase", "3.5"],
    ["**Answer:** 10 - 2√5", "phrase", "10 - 2√5"],
    ["The answer is\n\n$$x = 4$$", "phrase", "$$x = 4$$"],
    ["The answer is 4 because 2+2=4 and not 5.", "phrase", "4"],
    ["the answer is not 5. The answer is 6.", "phrase", "6"],
    ["答案是 42。", "phrase", "42"],
    ["答案：\\frac{1}{3}", "phrase", "\\frac{1}{3}"],
    ["We add $1$ and $2$ and get $3$.", "formula", "3"],
    ["We get \\[ x = 9 \\]", "formula", "x = 9"],
    ["So\n\\begin{align*} x &= 2+3 \\\\ &= 5 \\end{align*}", "formula", " &= 5 ".replace("&", "").trim()],
    ["so there must be 12 of them in all", "number", "12"],
    ["it costs 1,000.99€", "number", "1,000.99"],
    ["1/2", "whole", "1/2"],
    ["x = 1 or x = 2", "whole", "x = 1 or x = 2"],
    ["28 percent", "whole", "28 percent"],
  ];
  for (const [text, source, answer] of cases) {
    test(JSON.stringify(text), () => {
      const found = first(text);
      assert.equal(found?.[0], source, JSON.stringify(found));
      assert.equal(found?.[1].trim(), answer);
    });
  }

  test("nothing there", () => {
    for (const text of ["", "  \n", "\\boxed{}", "\\boxed{ }", "$$", "I do not know.", "<answer></answer>", "AZYUK2A"])
      assert.equal(first(text), null, text);
  });

  test("strict reads boxes and tags only; the order can be chosen", () => {
    assert.deepEqual(extractAnswers("The answer is 5.", { mode: "strict" }), []);
    assert.deepEqual(extractAnswers("I say \\boxed{4} <answer>5</answer>", { sources: ["tag", "boxed"] }), [
      { source: "tag", text: "5" },
      { source: "boxed", text: "4" },
    ]);
    assert.deepEqual(extractAnswers("<think>\\boxed{4}</think>", { mode: "strict" }), []);
  });
});

describe("verdicts", () => {
  test("right and wrong, with the answer for votes", () => {
    assert.deepEqual(gradeMaths("so \\boxed{0.5}", "\\frac12"), { reward: 1, reason: "correct", answer: "1/2" });
    assert.deepEqual(gradeMaths("so \\boxed{0.6}", "\\frac12"), { reward: 0, reason: "wrong-value", answer: "3/5" });
    assert.deepEqual(gradeMaths("1/2", "0.5"), { reward: 1, reason: "correct", answer: "1/2" });
    assert.deepEqual(gradeMaths("Evelyn", "\\text{Evelyn}"), { reward: 1, reason: "correct", answer: "evelyn" });
    assert.equal(gradeMaths("May 5, 2020", "May 5, 2020").reward, 1);
    assert.equal(gradeMaths("May 6, 2020", "May 5, 2020").reward, 0);
  });

  test("steps one below the other", () => {
    const steps = "\\begin{align*} x &= 2+3 \\\\ &= 5 \\end{align*}";
    for (const text of [steps, `We see\n${steps}`, `so \\boxed{${steps}}`])
      assert.equal(gradeMaths(text, "5").reward, 1, text);
    assert.equal(mathsEqual("x=1, y=2", "\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned}"), true);
  });

  test("no answer, cut off, several answers", () => {
    assert.deepEqual(gradeMaths("", "5"), { reward: 0, reason: "no-answer", answer: null });
    assert.equal(gradeMaths("\\boxed{}", "5").reason, "no-answer");
    assert.deepEqual(gradeMaths("\\boxed{5}", "5", { complete: false }), {
      reward: 0,
      reason: "truncated",
      answer: null,
    });
    assert.equal(gradeMaths("\\boxed{5 or 6}", "5").reason, "ambiguous");
    assert.equal(gradeMaths("\\boxed{5}, \\boxed{6}", "5").reason, "ambiguous");
    assert.equal(gradeMaths("The answer is 5", "5", { mode: "strict" }).reason, "no-answer");
    assert.equal(gradeMaths("The answer is 5", "5", { mode: "lenient" }).reward, 1);
  });

  test("the gold may stand in a box, behind ####, in a solution", () => {
    for (const gold of [
      "5",
      "$5$",
      "\\boxed{5}",
      "2 + 3 = 5\n#### 5",
      "We add and get $\\boxed{5}$, as said.",
      "The final answer is $5$. I hope it is correct.",
    ]) {
      assert.equal(gradeMaths("so it is \\boxed{5}", gold).reward, 1, gold);
      assert.equal(gradeMaths("so it is \\boxed{4}", gold).reward, 0, gold);
    }
  });

  test("a gold that is no answer is the caller's error, never a reward", () => {
    for (const gold of ["", "   ", "$$", "\\boxed{}", "9".repeat(5000)]) {
      const refused = (error: unknown): boolean => error instanceof AutodidactError && error.code === "MATHS_GOLD";
      assert.throws(() => gradeMaths("\\boxed{}", gold), refused, gold.slice(0, 20));
      assert.throws(() => mathsEqual(gold, gold), refused, gold.slice(0, 20));
    }
  });

  test("a percentage may be told as one or as a share", () => {
    assert.equal(mathsEqual("28\\%", "28"), true);
    assert.equal(mathsEqual("28\\%", "28", { percent: "exact" }), false);
    assert.equal(mathsEqual("28\\%", "0.28", { percent: "exact" }), true);
  });
});

test("completions as models write them", () => {
  const file = fileURLToPath(new URL("../../../test/fixtures/maths-completions.jsonl", import.meta.url));
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.ok(lines.length >= 140);
  const wrong = lines.flatMap((line) => {
    const { text, gold, reward } = JSON.parse(line) as { text: string; gold: string; reward: number };
    const verdict = gradeMaths(text, gold);
    return verdict.reward === reward ? [] : [`${text} | ${gold}: ${verdict.reason}`];
  });
  assert.deepEqual(wrong, []);
});
