import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradeFormat, type ThinkFormatOptions, thinkFormat } from "./format.ts";
import { fencesOf, splitThinking } from "./think.ts";

const strict = (text: string): string => gradeFormat({ text, complete: true }).reason;
const lenient = (text: string): string => gradeFormat({ text, complete: true }, { mode: "lenient" }).reason;

describe("thinkFormat", () => {
  test("the template's form scores 1, in both modes", () => {
    for (const text of [
      "<think>2 + 2 is 4</think><answer>4</answer>",
      "\n<think>\nline\n\nline\n</think>\n\n<answer>\n\\boxed{4}\n</answer>\n",
      "<think>x < y and y > z</think> <answer>∞</answer>",
      "<think>code:\n```python\nprint(1)\n```\n</think><answer>```python\nprint(1)\n```</answer>",
      "<think>想一想</think><answer>四</answer>",
    ]) {
      assert.equal(strict(text), "well-formed", text);
      assert.equal(lenient(text), "well-formed", text);
    }
  });

  test("cheats score 0 in both modes", () => {
    const cheats: [string, string][] = [
      ["", "tag-missing"],
      ["4", "tag-missing"],
      ["<think></think><answer>4</answer>", "empty-thinking"],
      ["<think> \n\t </think><answer>4</answer>", "empty-thinking"],
      ["<think>...</think><answer>4</answer>", "empty-thinking"],
      ["<think>\u200b\u2060\ufeff</think><answer>4</answer>", "empty-thinking"],
      ["<think>\u3164\u2800</think><answer>4</answer>", "empty-thinking"],
      ["<think>x</think><answer></answer>", "empty-answer"],
      ["<think>x</think><answer> - </answer>", "empty-answer"],
      ["<think>x<think>y</think></think><answer>4</answer>", "tag-repeated"],
      ["<think>x</think><think>y</think><answer>4</answer>", "tag-repeated"],
      ["<think>x</think><answer>4</answer><answer>5</answer>", "tag-repeated"],
      ["<think>x</think><answer>4<answer>5</answer></answer>", "tag-repeated"],
      ["<think>x<answer>4</answer></think>", "tag-order"],
      ["<think>x <answer>4</answer></think><answer>4</answer>", "tag-repeated"],
      ["<answer>4</answer><think>x</think>", "tag-order"],
      ["</think>x<think><answer>4</answer>", "tag-order"],
      ["<think>x<answer></think>4</answer>", "tag-order"],
      ["<THINK>x</THINK><ANSWER>4</ANSWER>", "tag-misspelt"],
      ["<think>x</think ><answer>4</answer>", "tag-misspelt"],
      ["<think style='a'>x</think><answer>4</answer>", "tag-misspelt"],
      ["<think/>x</think><answer>4</answer>", "tag-misspelt"],
      ["<think>x</think><answer>4", "tag-missing"],
      ["<think>x</think>4", "tag-missing"],
      ["```\n<think>x</think><answer>4</answer>\n```", "tag-in-code"],
      ["<think>x\n```\n</think><answer>\n```\n4</answer>", "tag-in-code"],
      ["<think>x</think>\n~~~~\n<answer>4</answer>", "tag-in-code"],
      ["<think>I write `</think>` here</think><answer>4</answer>", "tag-repeated"],
      ["<think>".repeat(50_000), "tag-repeated"],
    ];
    for (const [text, reason] of cheats) {
      assert.equal(strict(text), reason, text.slice(0, 80));
      assert.notEqual(lenient(text), "well-formed", text.slice(0, 80));
    }
  });

  test("strict allows nothing outside, lenient does; lenient allows a missing opening tag", () => {
    const outside = [
      "Sure! <think>x</think><answer>4</answer>",
      "<think>x</think> so <answer>4</answer>",
      "<think>x</think><answer>4</answer> Done.",
    ];
    for (const text of outside) {
      assert.equal(strict(text), "text-outside", text);
      assert.equal(lenient(text), "well-formed", text);
    }
    const started = "x is 4</think><answer>4</answer>";
    assert.equal(strict(started), "tag-missing");
    assert.equal(lenient(started), "well-formed");
    assert.equal(lenient("</think><answer>4</answer>"), "empty-thinking");
    assert.equal(lenient("x</think>4</answer>"), "tag-missing");
  });

  test("a prompt that opens the thinking, an answer without tags", () => {
    const grade = (text: string, options: ThinkFormatOptions): string =>
      gradeFormat({ text, complete: true }, options).reason;
    assert.equal(grade("x</think><answer>4</answer>", { opened: true }), "well-formed");
    assert.equal(grade("<think>x</think><answer>4</answer>", { opened: true }), "tag-repeated");
    assert.equal(grade("<think>x</think>\n\nIt is \\boxed{4}.", { answer: "text" }), "well-formed");
    assert.equal(grade("<think>x</think>\n", { answer: "text" }), "empty-answer");
    assert.equal(grade("<think>x</think><answer>4</answer>", { answer: "text" }), "tag-repeated");
    assert.equal(grade("Hm. <think>x</think>4", { answer: "text" }), "text-outside");
  });

  test("a truncated answer scores 0 even where its tags are closed; the weight is the recipe's", () => {
    const text = "<think>x</think><answer>4</answer>";
    assert.deepEqual(gradeFormat({ text, complete: false }), { reward: 0, reason: "truncated" });
    assert.equal(thinkFormat().weight, 1);
    assert.equal(thinkFormat({ weight: 0.2 }).weight, 0.2);
    const verdict = thinkFormat().verify({ text, complete: true }, { id: "1", prompt: "?", level: 1 });
    assert.deepEqual(verdict, { reward: 1, reason: "well-formed" });
  });

  test("hostile texts are graded in linear time", () => {
    const hostile = ["<", "< ", "</", "<think ", "`", "```\n", "<think><answer>", "~~~\n", "<think\n".repeat(3)];
    for (const piece of hostile) {
      const text = piece.repeat(Math.ceil(400_000 / piece.length));
      const start = performance.now();
      gradeFormat({ text, complete: true });
      splitThinking(text);
      assert.ok(performance.now() - start < 1000, piece);
    }
  });
});

test("thinking and answer are told apart", () => {
  assert.deepEqual(splitThinking("<think>a</think> <answer>b</answer>!"), { thinking: "a", answer: "b" });
  assert.deepEqual(splitThinking("a</think>b"), { thinking: "a", answer: "b" });
  assert.deepEqual(splitThinking("<think>a"), { thinking: "a", answer: "" });
  assert.deepEqual(splitThinking("b"), { thinking: null, answer: "b" });
});

test("fenced blocks are found as CommonMark has them", () => {
  const text = "a\n```js\nx\n``\n```\nb ```\n~~~\ny\n```\n";
  assert.deepEqual(
    fencesOf(text).map(([start, end]) => text.slice(start, end)),
    ["```js\nx\n``\n```", "~~~\ny\n```\n"],
  );
  assert.deepEqual(fencesOf("```x```\n"), []);
});
