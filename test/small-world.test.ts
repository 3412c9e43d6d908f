import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readModelDirectory } from "../src/checkpoint/model-directory.ts";
import * as corpus from "../src/corpus/corpus.ts";
import * as writers from "../src/corpus/writers.ts";
import { documentOf } from "../src/run/pretrain.ts";
import { levelCount, type NumberSet, numberSets, splitOf } from "../src/tasks/countdown-levels.ts";
import { characterTokenizer } from "../src/tokenizer/character.ts";
import { renderChat } from "../src/tokenizer/chat.ts";
import { root } from "./imports.ts";

const page = readFileSync(join(root, "docs", "small-world.md"), "utf8");

function sizes(sets: readonly NumberSet[], split: "train" | "eval"): string {
  const chosen = sets.filter(({ numbers }) => splitOf(numbers) === split);
  return `${chosen.length} | ${chosen.reduce((sum, { targets }) => sum + targets.length, 0)}`;
}

test("docs/small-world.md has the levels of the code", () => {
  const expected = Array.from({ length: levelCount }, (_, i) => {
    const sets = numberSets(i + 1);
    const targets = sets.flatMap((set) => set.targets);
    const largest = Math.max(...sets.flatMap(({ numbers }) => numbers));
    const range = `${Math.min(...targets)}-${Math.max(...targets)}`;
    const count = sets[0]!.numbers.length;
    return `| ${i + 1} | ${count} | ${largest} | ${range} | ${sizes(sets, "train")} | ${sizes(sets, "eval")} |`;
  });
  assert.deepEqual(page.match(/^\| \d \| \d \|.*$/gm), expected);
});

test("docs/small-world.md has every share of the corpus and no other", () => {
  const shares: Readonly<Record<string, unknown>> = { ...corpus, ...writers };
  const expected = Object.entries(shares).flatMap(([name, value]) =>
    typeof value === "number" && name.endsWith("Share") ? [`${name} ${Math.round(value * 100)} %`] : [],
  );
  const listed = [...page.matchAll(/^\| `(\w+Share)` \| (\d+ %) \|/gm)].map(([, name, share]) => `${name} ${share}`);
  assert.deepEqual(listed.sort(), expected.sort());
});

test("the base model is asked exactly as the puzzles it has read begin", async () => {
  const shipped = (await readModelDirectory(join(root, "models", "countdown-base"))).tokenizer;
  for (const tokenizer of [characterTokenizer(corpus.corpusAlphabet), shipped]) {
    let puzzles = 0;
    for (const { kind, text } of corpus.corpus(3)) {
      if (kind !== "careless" && kind !== "reflective") continue;
      const [question, answer] = text.split("\n") as [string, string];
      const asked = renderChat(tokenizer, [{ role: "user", content: question }], { addGenerationPrompt: true });
      const read = documentOf(text, tokenizer).tokens;
      assert.deepEqual([...tokenizer.encode(asked)], [...read.subarray(0, question.length + 2)]);
      assert.deepEqual([...tokenizer.encode(`${asked}${answer}`), tokenizer.endTokens[0]], [...read]);
      if (++puzzles === 50) break;
    }
  }
});
