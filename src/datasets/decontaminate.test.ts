import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { decontaminate, overlapIndex } from "./decontaminate.ts";
import { normalisedWords } from "./ngrams.ts";

const problem = (id: string, question: string) => ({
  id,
  prompt: `${question}\n\nSame instruction behind every single problem of this one set.`,
  question,
});
const numbered = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `w${from + i}`).join(" ");

describe("decontaminate", () => {
  test("ten words in a row are too many, nine are not; the overlap is named", () => {
    const held = problem("e1", `Start, ${numbered(0, 30)}.`);
    const nine = problem("t1", `other ${numbered(5, 9)} words`);
    const ten = problem("t2", `Other "${numbered(5, 10).toUpperCase().replaceAll(" ", ",  ")}" words`);
    const { kept, removed } = decontaminate([nine, ten], [problem("e0", numbered(100, 20)), held]);
    assert.deepEqual(kept, [nine]);
    assert.equal(removed.length, 1);
    assert.equal(removed[0]!.problem, ten);
    assert.equal(removed[0]!.evaluation, held);
    assert.equal(removed[0]!.ngram, numbered(5, 10));
    assert.deepEqual(decontaminate([nine], [held], { words: 9 }).kept, []);
    assert.deepEqual(decontaminate([ten], [held], { words: 11 }).kept, [ten]);
  });

  test("an n-gram doesn't run from one evaluation problem into the next", () => {
    const evals = [problem("e1", numbered(0, 12)), problem("e2", numbered(12, 12))];
    assert.equal(decontaminate([problem("t", numbered(7, 10))], evals).kept.length, 1);
    assert.equal(decontaminate([problem("t", numbered(11, 11))], evals).removed[0]!.evaluation.id, "e2");
  });

  test("short evaluation problems are found where the whole question is the same", () => {
    const evals = [problem("e", "What is 2 plus 2?")];
    assert.equal(decontaminate([problem("t", "what is 2 plus 2")], evals).removed.length, 1);
    assert.equal(decontaminate([problem("t", "what is 2 plus 3")], evals).removed.length, 0);
    assert.equal(decontaminate([problem("t", "say what is 2 plus 2 now")], evals).removed.length, 0);
    assert.equal(decontaminate([problem("t", "?!")], [problem("e", "...")]).removed.length, 0);
  });

  test("Chinese is compared by words, formulas by their letters and numbers", () => {
    const zh = "一个水池有两个进水管，甲管单独注满需要三小时，乙管单独注满需要五小时，两管同时打开需要多少时间？";
    assert.equal(
      decontaminate([problem("t", `题目：${zh.replaceAll("，", ", ")}`)], [problem("e", zh)]).removed.length,
      1,
    );
    const tex = "Let $x^2 + y^2 = 25$ and $xy = 12$. Find all possible values of $x + y$.";
    const plain = "let x^2+y^2=25 and xy=12, find all possible values of x + y";
    assert.equal(decontaminate([problem("t", plain)], [problem("e", tex)]).removed.length, 1);
  });

  test("the same verdicts as comparing every pair, on random texts of few words", () => {
    const stream = random("overlap");
    const text = (): string => Array.from({ length: stream.int(1, 40) }, () => stream.pick(["a", "b", "c"])).join(" ");
    const evals = Array.from({ length: 60 }, (_, i) => problem(`e${i}`, text()));
    const train = Array.from({ length: 300 }, (_, i) => problem(`t${i}`, text()));
    for (const words of [1, 3, 6, 10]) {
      const grams = (question: string): string[] => {
        const all = normalisedWords(question);
        if (all.length < words) return [`= ${all.join(" ")}`];
        return Array.from({ length: all.length - words + 1 }, (_, i) => all.slice(i, i + words).join(" "));
      };
      const held = new Set(evals.flatMap(({ question }) => grams(question)));
      const expected = train.filter(({ question }) => !grams(question).some((gram) => held.has(gram)));
      assert.deepEqual(decontaminate(train, evals, { words }).kept, expected, `${words} words`);
      assert.equal(overlapIndex(evals, { words }).size, [...held].filter((gram) => !gram.startsWith("=")).length);
    }
  });

  test("words must be a sensible number", () => {
    for (const words of [0, 1.5, 101, Number.NaN]) {
      assert.throws(
        () => decontaminate([], [], { words }),
        (error) => error instanceof AutodidactError && error.code === "DATASET_OVERLAP",
      );
    }
  });

  test("100,000 words of training text against 2,000 evaluation problems in seconds, not minutes", () => {
    const stream = random("speed");
    const question = (): string => Array.from({ length: 100 }, () => `word${stream.int(0, 20_000)}`).join(" ");
    const evals = Array.from({ length: 2000 }, (_, i) => problem(`e${i}`, question()));
    const train = Array.from({ length: 1000 }, (_, i) => problem(`t${i}`, question()));
    const start = performance.now();
    assert.equal(decontaminate(train, evals).kept.length, 1000);
    assert.ok(performance.now() - start < 20_000);
  });
});
