import assert from "node:assert/strict";
import { test } from "node:test";
import { endsInLoop, repetitionShare } from "./repetition.ts";

test("repetition is the share of n-grams that stood there before", () => {
  assert.equal(repetitionShare(""), 0);
  assert.equal(repetitionShare("a b c d e f g"), 0);
  assert.equal(repetitionShare("a b c d e f g h i j"), 0);
  // Ten pieces of one letter: three n-grams, one distinct.
  assert.ok(Math.abs(repetitionShare("a ".repeat(10)) - 2 / 3) < 1e-12);
  // "9*7=63" has five pieces; written twice with a space it gives three n-grams, all different.
  assert.equal(repetitionShare("9*7=63 9*7=63"), 0);
  assert.ok(repetitionShare("9*7=63 63+2=65 no ".repeat(20)) > 0.9);
  assert.ok(repetitionShare("我们先把两个数相加".repeat(10)) > 0.85);
});

test("a loop at the end is found, ordinary text has none", () => {
  assert.equal(endsInLoop(""), false);
  assert.equal(endsInLoop("no no no no"), false);
  assert.equal(endsInLoop(`so ${"9*7=63 no ".repeat(5)}`), true);
  assert.equal(endsInLoop(`so ${"9*7=63 no ".repeat(5)}9*7=`), true);
  assert.equal(endsInLoop(`${"9*7=63 no ".repeat(5)}but then 63+2=65 yes`), false);
  assert.equal(endsInLoop("x".repeat(48)), true);
  assert.equal(endsInLoop("x".repeat(47)), false);
  const sentence = "First we add the two numbers and then divide by three, which gives a remainder. ";
  assert.equal(endsInLoop(sentence.repeat(2)), false);
  assert.equal(endsInLoop(sentence.repeat(3)), true);
  assert.equal(endsInLoop(Array.from({ length: 200 }, (_, i) => `${i} is not it.`).join(" ")), false);
});

test("hostile texts are measured in linear time", () => {
  for (const piece of ["a", "ab", "a ", "\ud800", "中", `${"a".repeat(2000)}b`]) {
    const text = piece.repeat(Math.ceil(400_000 / piece.length));
    const start = performance.now();
    repetitionShare(text);
    endsInLoop(text);
    assert.ok(performance.now() - start < 3000, piece.slice(0, 5));
  }
});
