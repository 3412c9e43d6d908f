// How the gain grows with difficulty: by level, and by a difficulty that no model was asked about, the chance that a random try
// solves a puzzle. Prints tables of docs/results.md, from runs or from evaluations of a base and of trained models, without the first
// puzzles where they are to be left out:
// npm run build && node scripts/gain-by-difficulty.js runs/zero-1 runs/zero-2 ...
// npm run build && node scripts/gain-by-difficulty.js --before evals/base --skip 200 evals/zero-1 evals/zero-2 ...
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { random } from "../dist/src/random.js";
import { reachable } from "../dist/src/tasks/countdown-levels.js";

const fifths = 5;
const resamples = 2000;
const { values: options, positionals } = parseArgs({
  options: { before: { type: "string", multiple: true, default: [] }, skip: { type: "string", default: "0" } },
  allowPositionals: true,
});
const found = new Map();
for (const directory of [...options.before, ...positionals])
  for (const line of readFileSync(join(directory, "answers.jsonl"), "utf8").trimEnd().split("\n")) {
    const { problem, level, prompt, label, rewards, tokens } = JSON.parse(line);
    if (!found.has(problem)) {
      const [target, ...numbers] = prompt.match(/\d+/g).map(Number).reverse();
      found.set(problem, { level, chance: reachable(numbers).get(target) ?? 0, before: [], after: [] });
    }
    const when = label ?? (options.before.includes(directory) ? "before" : "after");
    found.get(problem)[when].push({ right: rewards.accuracy >= 1 ? 1 : 0, tokens });
  }
if (found.size === 0) throw new Error("name at least one finished run, or evaluations and the base's with --before");

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const puzzles = [...found.values()].slice(Number(options.skip)).map(({ level, chance, before, after }) => {
  const of = (answers, field) => mean(answers.map((answer) => answer[field]));
  const [was, is] = [of(before, "right"), of(after, "right")];
  return { level, chance, was, is, gain: 100 * (is - was), lengths: [of(before, "tokens"), of(after, "tokens")] };
});

/** Ends of the 95 % interval of a statistic of the groups: puzzles drawn again within each. */
function interval(groups, statistic) {
  const stream = random("gain-by-difficulty");
  const values = Array.from({ length: resamples }, () =>
    statistic(groups.map((group) => group.map(() => group[stream.int(0, group.length - 1)]))),
  ).sort((a, b) => a - b);
  return `${values[Math.floor(0.025 * resamples)].toFixed(1)} to ${values[Math.ceil(0.975 * resamples) - 1].toFixed(1)}`;
}
const gainOf = (group) => mean(group.map(({ gain }) => gain));
/** Least squares through the groups' mean gains: points from one group to the next. */
function slope(groups) {
  const middle = (groups.length - 1) / 2;
  const [above, below] = groups.reduce(
    ([a, b], group, i) => [a + (i - middle) * gainOf(group), b + (i - middle) ** 2],
    [0, 0],
  );
  return above / below;
}

function print(title, groups, nameOf) {
  console.log(`| ${title} | puzzles | pass@1 before | after | gain | 95 % interval | length before | after |`);
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const group of groups) {
    const [before, after] = [0, 1].map((i) => mean(group.map(({ lengths }) => lengths[i])).toFixed(0));
    const shares = ["was", "is"].map((field) => percent(mean(group.map((puzzle) => puzzle[field]))));
    const gain = [gainOf(group).toFixed(1), interval([group], ([one]) => gainOf(one))];
    console.log(`| ${[nameOf(group), group.length, ...shares, ...gain, before, after].join(" | ")} |`);
  }
  console.log(
    `\nFrom one to the next ${slope(groups).toFixed(1)} points more (95 % interval ${interval(groups, slope)}).\n`,
  );
}

const levels = [...new Set(puzzles.map(({ level }) => level))].sort((a, b) => a - b);
print(
  "level",
  levels.map((level) => puzzles.filter((puzzle) => puzzle.level === level)),
  ([{ level }]) => level,
);
const ranked = puzzles.sort((a, b) => b.chance - a.chance);
print(
  "chance of a random try",
  Array.from({ length: fifths }, (_, i) =>
    ranked.slice((i * ranked.length) / fifths, ((i + 1) * ranked.length) / fifths),
  ),
  (group) => `${percent(group[0].chance)} to ${percent(group.at(-1).chance)}`,
);
