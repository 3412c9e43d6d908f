import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { compareMaths, mathsEqual } from "./compare.ts";

interface Pair {
  readonly gold: string;
  readonly answer: string;
  readonly equal: boolean;
  readonly category: string;
  readonly note?: string;
}

/** Hand-made; the tests run from dist/src, the fixtures stay where they are. */
const file = fileURLToPath(new URL("../../../test/fixtures/maths-pairs.jsonl", import.meta.url));
const pairs = readFileSync(file, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Pair);

describe("pairs of answers", () => {
  test("there are enough of them, equal and unequal", () => {
    assert.ok(pairs.length >= 450, `${pairs.length}`);
    assert.ok(pairs.filter(({ equal }) => !equal).length >= 150);
    assert.equal(
      new Set(pairs.map(({ gold, answer }) => `${gold}\n${answer}`)).size,
      pairs.length,
      "a pair is there twice",
    );
  });

  for (const category of new Set(pairs.map((pair) => pair.category))) {
    test(category, () => {
      const wrong = pairs
        .filter((pair) => pair.category === category)
        .flatMap(({ gold, answer, equal }) => {
          const comparison = compareMaths(gold, answer);
          return comparison.equal === equal ? [] : [`${gold} | ${answer}: ${comparison.reason}`];
        });
      assert.deepEqual(wrong, []);
    });
  }
});

/** Kinds whose rule looks at the side: what the gold says decides what may be left out. */
const directed = new Set(["percent", "equations", "choices", "lists"]);

describe("what holds of any pair", () => {
  test("an answer equals itself", () => {
    const wrong = pairs.flatMap(({ gold }) => (mathsEqual(gold, gold) ? [] : [gold]));
    assert.deepEqual(wrong, []);
  });

  test("the order of the two does not matter", () => {
    const wrong = pairs
      .filter(
        ({ category, answer }) => !directed.has(category) && /[^\s${}\\]/.test(answer.replace(/\\(?:boxed|text)/, "")),
      )
      .flatMap(({ gold, answer, equal }) => (mathsEqual(answer, gold) === equal ? [] : [`${answer} | ${gold}`]));
    assert.deepEqual(wrong, []);
  });

  const layouts: Readonly<Record<string, (text: string) => string>> = {
    "dollars around": (text) => `$${text}$`,
    "brackets of display mathematics around": (text) => `\\[ ${text} \\]`,
    "blanks around": (text) => `  ${text}\n`,
    "a full stop behind": (text) => `${text}.`,
    "blanks at operators": (text) => text.replace(/(?<=[\w)}])([+=])(?=[\w(\\])/g, " $1 "),
    "\\left and \\right": (text) =>
      text.replace(/(?<!\\left|\\right|\\)\(/g, "\\left(").replace(/(?<!\\left|\\right|\\)\)/g, "\\right)"),
    "\\dfrac for \\frac": (text) => text.replaceAll("\\frac", "\\dfrac"),
    "a box around": (text) => `\\boxed{${text}}`,
  };
  for (const [name, change] of Object.entries(layouts)) {
    test(`${name} changes nothing`, () => {
      const wrong = pairs.flatMap(({ gold, answer, equal, category }) => {
        // Braces that do not match end the box; prices and words have their own dollars and full stops.
        if (category === "broken" || category === "empty" || (category === "words" && /\d, \d/.test(answer))) return [];
        if (/^\$|\$|\*\*|`|"/.test(answer) || answer.endsWith("...")) return [];
        return mathsEqual(gold, change(answer)) === equal ? [] : [`${gold} | ${change(answer)}`];
      });
      assert.deepEqual(wrong, []);
    });
  }
});
