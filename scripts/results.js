// Prints the tables of docs/results.md from finished runs: node scripts/results.js runs/zero-1 runs/zero-2 ...
import { readFileSync } from "node:fs";
import { join } from "node:path";

const runs = process.argv.slice(2).map((path) => JSON.parse(readFileSync(join(path, "summary.json"), "utf8")));
if (runs.length === 0) throw new Error("name at least one run directory");

const percent = (x) => (x === null ? "-" : `${(100 * x).toFixed(1)} %`);
const interval = ({ pass1, pass1Interval: [low, high] }) =>
  `${percent(pass1)} (${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)})`;
const minutes = (seconds) => (seconds / 60).toFixed(1);
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const row = (name, of) => [name, ...runs.map(of)];

console.log(
  table(
    ["", ...runs.map(({ seed }) => `seed ${seed}`)],
    [
      row("pass@1 before", ({ before }) => interval(before)),
      row("pass@1 after", ({ after }) => interval(after)),
      row("majority@16 before", ({ before }) => percent(before.majority16)),
      row("majority@16 after", ({ after }) => percent(after.majority16)),
      row("mean length before, tokens", ({ before }) => before.meanLength.toFixed(1)),
      row("mean length after, tokens", ({ after }) => after.meanLength.toFixed(1)),
      row("length, times", ({ before, after }) => (after.meanLength / before.meanLength).toFixed(1)),
      row("reflective words an answer before", ({ before }) => before.reflectiveWordsPerResponse.toFixed(2)),
      row("reflective words an answer after", ({ after }) => after.reflectiveWordsPerResponse.toFixed(2)),
      row("reflective words, times", ({ before, after }) =>
        (after.reflectiveWordsPerResponse / before.reflectiveWordsPerResponse).toFixed(1),
      ),
      row("share cut off after", ({ after }) => percent(after.truncatedShare)),
      row("solved, operations nowhere in the corpus", ({ novelSolutions: n }) =>
        n ? `${n.count} of ${n.solved}` : "-",
      ),
      row("solved, course nowhere in the corpus", ({ novelSolutions: n }) => (n ? String(n.novelCourses) : "-")),
      row("minutes of reinforcement", ({ seconds }) => minutes(seconds.reinforce)),
      row("minutes in all", ({ seconds }) => minutes(seconds.total)),
    ],
  ),
);
for (const { seed, before, after } of runs) {
  console.log(`\nBy difficulty, seed ${seed}:\n`);
  console.log(
    table(
      ["level", "pass@1 before", "pass@1 after", "gain", "length before", "length after", "reflective words after"],
      before.byLevel.map((was, i) => {
        const is = after.byLevel[i];
        return [
          was.level,
          interval(was),
          interval(is),
          (100 * (is.pass1 - was.pass1)).toFixed(1),
          was.meanLength.toFixed(0),
          is.meanLength.toFixed(0),
          is.reflectiveWordsPerResponse.toFixed(1),
        ];
      }),
    ),
  );
}
