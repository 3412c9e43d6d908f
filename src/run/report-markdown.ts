import { visible } from "./html.ts";
import type { AnswerLine } from "./records.ts";
import type { ReportData } from "./report-data.ts";
import { wordWindow } from "./report-data.ts";
import * as words from "./report-words.ts";
import { percentText } from "./report-words.ts";

/** report.md: the report's figures as text. */
export function reportMarkdown(data: ReportData): string {
  const { summary } = data;
  const { before, after, machine } = summary;
  const graders = words.graders(data);
  const novelty = words.novelty(data);
  return [
    `# ${words.headline(data)}`,
    `${percentText(before.pass1, 1)} (95 % interval ${words.intervalText(before)}) before, **${percentText(after.pass1, 1)}** (${words.intervalText(after)}) after. The charts are in report.html.`,
    words.story(data).join(" "),
    "## Before and after",
    table(...words.overall(summary)),
    ...section("## By difficulty", words.byLevel(summary)),
    ...section("## By family", words.byFamily(summary)),
    "## Words of second thought",
    `Uses in 100 answers; "doubled" is the first step at which the rate over ${wordWindow} steps is more than twice the base's.`,
    table(
      ["word", "base", `last ${wordWindow} steps`, "first used, step", "doubled, step"],
      data.words.map((one) => [
        one.word,
        words.number(100 * one.baseRate),
        words.number(100 * one.finalRate),
        String(one.firstStep ?? "never"),
        String(one.doubledStep ?? "never"),
      ]),
    ),
    "## More than one try",
    table(
      ["k", "pass@k base, 95 % interval", "trained, 95 % interval"],
      words.passAtK(data).map(({ k, before, after }) => [String(k), before, after]),
    ),
    "## Why answers were right or wrong",
    table(
      ["reason", "base", "trained"],
      words.reasons(data).map((one) => [one.reason, percentText(one.before, 1), percentText(one.after, 1)]),
    ),
    ...(graders.length === 0
      ? []
      : [
          "## What each grader says",
          "Mean of each reward part over the held-out answers. A strict and a lenient grader side by side tell a gain in form from a gain in reasoning.",
          table(["part", "weight", "base", "trained"], graders),
        ]),
    "## The same problems, before and after",
    ...data.examples.flatMap(({ before: old, after: now }) => [
      `### Level ${old.level}: ${code(old.problem)}`,
      fence(old.prompt),
      answer("Base", old),
      answer("Trained", now),
    ]),
    ...(novelty === null ? [] : ["## Solutions it cannot have copied", novelty]),
    "## What was maximised",
    fence(summary.objective.text),
    table(
      ["setting", "value"],
      words.objectiveFields(data).map(([field, value]) => [field, value]),
    ),
    "## Where and how long",
    table(
      ["", ""],
      [
        ["machine", `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB memory`],
        ["system", `${machine.system}, Node ${machine.node}, engine ${machine.engine}`],
        ["seed", String(summary.seed)],
        ["steps", String(summary.steps)],
        ...words.phases(data).map(([phase, seconds]) => [`time: ${phase}`, words.duration(seconds)]),
        ...words.planned(summary.seconds.reinforce, summary),
      ],
    ),
    "## Do it again",
    fence(summary.command),
    "",
  ].join("\n\n");
}

function section(title: string, content: words.Table | null): string[] {
  return content === null ? [] : [title, table(...content)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** Text of others in a table cell: no new rows, columns, markup or tags. */
function cell(text: string): string {
  return visible(text)
    .replace(/\s*\n\s*/g, " ")
    .replace(/[\\|<>`*_[\]]/g, "\\$&");
}

const code = (text: string): string => {
  const shown = visible(text).replace(/\n/g, " ");
  const ticks = "`".repeat(longestTicks(shown) + 1);
  return `${ticks} ${shown} ${ticks}`;
};

/** A code block whose fence is longer than any run of backticks inside, so that no answer can close it. */
function fence(text: string): string {
  const shown = visible(text);
  const ticks = "`".repeat(Math.max(3, longestTicks(shown) + 1));
  return `${ticks}text\n${shown}\n${ticks}`;
}

const longestTicks = (text: string): number => Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));

function answer(name: string, line: AnswerLine): string {
  const right = (line.rewards.accuracy ?? line.reward) >= 1;
  return `${name}: ${right ? "right" : "wrong"} (${cell(line.reason)}), reward ${words.number(line.reward, 2)}, ${line.tokens} tokens${line.finish === "length" ? ", cut off" : ""}\n\n${fence(line.text)}`;
}
