// Gain by a difficulty that no model was asked about: the chance that a random try solves a puzzle. Prints a table of docs/results.md:
// npm run build && node scripts/gain-by-chance.js runs/zero-1 runs/zero-2 ...
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reachable } from "../dist/src/tasks/countdown-levels.js";

const fifths = 5;
const puzzles = new Map();
for (const run of process.argv.slice(2))
  for (const line of readFileSync(join(run, "answers.jsonl"), "utf8").trimEnd().split("\n")) {
    const { problem, prompt, label, rewards, tokens } = JSON.parse(line);
    if (!puzzles.has(problem)) {
      const [target, ...numbers] = prompt.match(/\d+/g).map(Number).reverse();
      puzzles.set(problem, { chance: reachable(numbers).get(target) ?? 0, before: [], after: [] });
    }
    puzzles.get(problem)[label].push({ right: rewards.accuracy >= 1 ? 1 : 0, tokens });
  }
if (puzzles.size === 0) throw new Error("name at least one finished run");

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const ranked = [...puzzles.values()].sort((a, b) => b.chance - a.chance);
console.log("| chance of a random try | puzzles | pass@1 before | after | gain | length before | after |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (let i = 0; i < fifths; i++) {
  const part = ranked.slice((i * ranked.length) / fifths, ((i + 1) * ranked.length) / fifths);
  const of = (label, field) => mean(part.map((puzzle) => mean(puzzle[label].map((answer) => answer[field]))));
  const [before, after] = [of("before", "right"), of("after", "right")];
  const range = `${percent(part[0].chance)} to ${percent(part.at(-1).chance)}`;
  const lengths = [of("before", "tokens"), of("after", "tokens")].map((length) => length.toFixed(0));
  const cells = [range, part.length, percent(before), percent(after), (100 * (after - before)).toFixed(1), ...lengths];
  console.log(`| ${cells.join(" | ")} |`);
}
