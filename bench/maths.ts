import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compareMaths } from "../src/maths/compare.ts";
import { gradeMaths } from "../src/maths/grade.ts";

/**
 * `node dist/bench/maths.js`: pairs of answers compared a second on one core, and completions graded, after warm-up. The
 * pairs are those of the tests, hard ones included. Processor time, so that what else runs does not count.
 */
const file = fileURLToPath(new URL("../../test/fixtures/maths-pairs.jsonl", import.meta.url));
const pairs = readFileSync(file, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as { gold: string; answer: string });

function rate(work: (pair: { gold: string; answer: string }) => unknown): number {
  for (let i = 0; i < 3; i++) pairs.forEach(work);
  const rounds = 10;
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) pairs.forEach(work);
  const { user, system } = process.cpuUsage(before);
  return (rounds * pairs.length) / ((user + system) / 1e6);
}

const thinking = "First we set up the equation and simplify $2x + 6 = 16$, so $x = 5$ and there are 5 of them. ".repeat(
  40,
);
const shown = (x: number): string => Math.round(x).toLocaleString("en");
console.log(`pairs compared a second: ${shown(rate(({ gold, answer }) => compareMaths(gold, answer)))}`);
console.log(
  `completions of 4,000 characters graded a second: ${shown(rate(({ gold, answer }) => gradeMaths(`${thinking}\\boxed{${answer}}`, gold)))}`,
);
console.log(
  `the same without a box: ${shown(rate(({ gold, answer }) => gradeMaths(`${thinking} The answer is $${answer}$.`, gold)))}`,
);
