import { z } from "zod";
import type { Check, CheckReport, PartSummary } from "../check/report.ts";
import { AutodidactError } from "../errors.ts";
import { defineCommand } from "./command.ts";
import { clean } from "./spans.ts";

export const taskCheck = defineCommand({
  name: "task check",
  summary: "try a task without a model: gold answers, spoiled ones, cheats, splits, speed",
  description:
    "Tries a task without a model: problems are sound and the same for the same seed, no problem is in both splits, gold answers earn full marks and spoiled ones don't, completions written to cheat or hang the verifier earn nothing. Ends with exit code 1 where a check fails.",
  examples: [
    { command: "autodidact task check ./my-task.ts", what: "a task of your own, the default export of a file" },
    { command: "autodidact task check ./my-tasks.ts#sum", what: "another export of it" },
    { command: "autodidact task check gcd-lcm --json", what: "a task that ships, for a program" },
  ],
  options: z.object({
    problems: z
      .int()
      .min(1)
      .max(100_000)
      .default(100)
      .describe("problems of each split whose answers are tried")
      .meta({ value: "N" }),
    seed: z.int().min(0).default(1).describe("names the training problems").meta({ value: "N" }),
    deadline: z
      .number()
      .positive()
      .default(10)
      .describe("seconds that an asynchronous verifier has for one answer")
      .meta({ value: "S" }),
  }),
  positionals: z.object({ task: z.string().min(1).describe("a .ts or .js file, or a name as in task list") }),
  async run({ task: spec, problems, seed, deadline }, context) {
    const { checkInWorker } = await import("../run/check-in-worker.ts");
    const report = await checkInWorker({
      spec,
      cwd: context.cwd,
      problems,
      seed,
      deadline,
      signal: context.signal,
    });
    context.result(report, reportText(report));
    if (report.passed) return;
    const names = report.checks.filter(({ passed }) => !passed).map(({ name }) => name);
    throw new AutodidactError(
      "TASK_CHECK",
      `${spec}: ${names.length === 1 ? "a check" : `${names.length} checks`} failed (${names.join(", ")}); mend the task before training on it`,
    );
  },
});

/** The report as lines: a table of checks, what each part paid, and the first failing example of each check. */
export function reportText({ task, checks, parts, speed, passed }: CheckReport): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(
    ({ name, demands, passed, tried, note }) =>
      `${passed ? "pass" : "FAIL"}  ${name.padEnd(width)}  ${String(tried).padStart(7)}  ${demands}${note === undefined ? "" : ` (${note})`}`,
  );
  const rates =
    speed === null
      ? []
      : [
          "",
          `${Math.round(speed.verdictsPerSecond).toLocaleString("en-US")} verdicts a second; the slowest took ${speed.slowestMilliseconds.toFixed(1)} ms, on ${clean(speed.slowest)}`,
        ];
  const failed = checks.filter((check) => !check.passed);
  return [
    `task ${clean(task)}`,
    "",
    `      ${"check".padEnd(width)}  ${"tried".padStart(7)}  demands`,
    ...lines,
    ...partLines(parts),
    ...rates,
    ...failed.flatMap(failureLines),
    "",
    passed ? "All checks passed." : `${failed.length} of ${checks.length} checks failed.`,
  ].join("\n");
}

function partLines(parts: readonly PartSummary[]): string[] {
  if (parts.length === 0) return [];
  const width = Math.max(6, ...parts.map(({ name }) => name.length));
  const figure = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : "–").padStart(8);
  return [
    "",
    `  ${"reward".padEnd(width)}  weight    gold  spoiled  hostile`,
    ...parts.map(
      ({ name, weight, gold, spoiled, hostile }) =>
        `  ${name.padEnd(width)}  ${String(weight).padStart(6)}${figure(gold)} ${figure(spoiled)} ${figure(hostile)}${weight === 0 ? "  reported only" : ""}`,
    ),
  ];
}

/** Lines of a completion that are shown. */
const shownLines = 8;

function failureLines({ name, failure }: Check): string[] {
  if (failure === undefined) return [];
  const times = failure.count > 1 ? ` (${failure.count} times, the first:)` : "";
  const all = failure.completion === undefined ? [] : clean(failure.completion).split("\n");
  const shown = all.slice(0, shownLines).map((line) => `    | ${line.length > 200 ? `${line.slice(0, 200)}…` : line}`);
  const problem = failure.problem === undefined ? "" : `problem ${clean(failure.problem)}: `;
  return [
    "",
    `FAIL  ${name}${times}`,
    `    ${problem}${clean(failure.message)}`,
    ...shown,
    ...(all.length > shownLines ? [`    | … ${all.length - shownLines} more lines`] : []),
  ];
}
