import type { Estimate, EvalReport, PartReport } from "../eval/report.ts";
import type { EvalRecord } from "./eval-record.ts";

/** An evaluation in words: lines for a terminal, and eval.md. Both say the same figures, and what each is. */

export const percent = (share: number): string => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–");
/** A bootstrap of values that are all the same says nothing of how sure one can be. */
export const range = ({ low, high }: Pick<Estimate, "low" | "high">): string =>
  low === high ? "all alike" : `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)} %`;

const noInterval = "";

/** Columns of equal width; the first to the left, the others to the right where `right` says so. */
export function table(rows: readonly (readonly string[])[], right: readonly boolean[] = []): string[] {
  const widths =
    right.length > 0 || rows.length > 0 ? rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length))) : [];
  return rows.map((row) =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("   ")
      .trimEnd(),
  );
}

/** The same as Markdown; the first row is the head. */
export function markdownTable(
  [head, ...rows]: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head!), `|${head!.map((_, i) => (right[i] ? "---:" : "---")).join("|")}|`, ...rows.map(line)];
}

/** [what, figure, its interval, what it means] */
function scoreRows(report: EvalReport): string[][] {
  const { samplesPerProblem: k, pass1, passAtK, passAtKIntervals, majority } = report;
  const rows = [["pass@1", percent(pass1.value), range(pass1), "share of all answers that are right"]];
  if (k === 1) return rows;
  for (const [tries, value] of Object.entries(passAtK)) {
    if (tries === "1") continue;
    const interval = passAtKIntervals?.[tries];
    rows.push([
      `pass@${tries}`,
      percent(value),
      interval ? range(interval) : noInterval,
      `chance that at least one of ${tries} answers is right`,
    ]);
  }
  rows.push([
    `majority@${k}`,
    percent(majority.value),
    range(majority),
    `share of problems whose most common answer of ${k} is right`,
  ]);
  return rows;
}

/** [what, figure] */
function answerRows({ report, estimatedLengths }: EvalRecord): string[][] {
  const about = estimatedLengths ? "about " : "";
  const rows = [
    ["length, mean", `${about}${report.meanLength.toFixed(0)} tokens`],
    ["length, 95 % are shorter than", `${about}${report.p95Length.toFixed(0)} tokens`],
    ["cut off by the token limit", percent(report.truncatedShare)],
    ["no answer to grade in them", percent(report.parseFailureShare)],
    ["end in a loop, repeating a text", percent(report.loopShare)],
  ];
  if (report.verifierErrorShare > 0) rows.push(["could not be graded", percent(report.verifierErrorShare)]);
  return rows;
}

function reasonRows({ reasons }: EvalReport): string[][] {
  return Object.entries(reasons)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([reason, share]) => [reason, percent(share)]);
}

function partRows(name: string, parts: readonly (readonly [string, PartReport])[], k: number): string[][] {
  return [
    [name, "problems", "pass@1", "95 % interval", ...(k > 1 ? [`majority@${k}`] : []), "mean length"],
    ...parts.map(([label, part]) => [
      label,
      String(part.problems),
      percent(part.pass1.value),
      range(part.pass1),
      ...(k > 1 ? [percent(part.majority)] : []),
      part.meanLength.toFixed(0),
    ]),
  ];
}

const levelParts = ({ byLevel }: EvalReport) => byLevel.map((part) => [String(part.level), part] as const);
const familyParts = ({ byFamily = [] }: EvalReport) => byFamily.map((part) => [part.family, part] as const);

/** "200 held-out problems, 16 answers to each; temperature 0.6, ..." */
function settingsText({ recipe }: EvalRecord): string {
  const { problems, samplesPerProblem: k, temperature, topP, topK, maxTokens, seed } = recipe;
  return [
    `${problems} held-out ${problems === 1 ? "problem" : "problems"}, ${k === 1 ? "one answer" : `${k} answers`} to each`,
    `temperature ${temperature}, top-p ${topP}${topK > 0 ? `, top-k ${topK}` : ""}, at most ${maxTokens} tokens, seed ${seed}`,
  ].join("; ");
}

const intervalNote =
  "The 95 % intervals come from drawing the problems anew (bootstrap): other problems of this kind would mostly give a figure inside.";
const estimateNote = "The endpoint counts no tokens: lengths are a fourth of the characters.";

function modelText({ recipe, engine }: EvalRecord): string {
  return recipe.endpoint === null ? `${recipe.model} (${engine})` : `${recipe.model} at ${recipe.endpoint}`;
}

/** Lines for a terminal. */
export function evalLines(record: EvalRecord): string[] {
  const { report, recipe } = record;
  const numbers = [false, true, true, true, true, true];
  const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
  const parts = (name: string, list: readonly (readonly [string, PartReport])[]): string[] =>
    list.length < 2 ? [] : ["", ...indented(table(partRows(name, list, report.samplesPerProblem), numbers))];
  return [
    `${modelText(record)} on ${recipe.task}`,
    settingsText(record),
    "",
    "Scores",
    ...indented(table([["", "", "95 % interval", ""], ...scoreRows(report)], [false, true, true])),
    "",
    "Answers",
    ...indented(table(answerRows(record))),
    "",
    "Why answers count as they do",
    ...indented(table(reasonRows(report), [false, true])),
    ...parts("level", levelParts(report)),
    ...parts("family", familyParts(report)),
    "",
    intervalNote,
    ...(record.estimatedLengths ? [estimateNote] : []),
  ];
}

/** eval.md */
export function evalMarkdown(record: EvalRecord): string {
  const { report, recipe } = record;
  const numbers = [false, true, true, true, true, true];
  const parts = (title: string, name: string, list: readonly (readonly [string, PartReport])[]): string[] =>
    list.length < 2
      ? []
      : ["", `## ${title}`, "", ...markdownTable(partRows(name, list, report.samplesPerProblem), numbers)];
  const more = [
    ...(recipe.system === null ? [] : [["system message", code(recipe.system)]]),
    ...(recipe.instruction === null ? [] : [["behind every question", code(recipe.instruction)]]),
    ...(recipe.template === "chat" ? [] : [["template", code(recipe.template)]]),
    ...(recipe.stop.length === 0 ? [] : [["ends behind", recipe.stop.map(code).join(", ")]]),
    ...Object.entries(recipe.weights ?? {}).map(([file, hash]) => [`SHA-256 of ${file}`, code(hash)]),
    ["SHA-256 of the problems", code(recipe.problemList)],
    ["autodidact", record.autodidact],
  ];
  return `${[
    `# ${modelText(record)} on ${recipe.task}`,
    "",
    `${settingsText(record)}.`,
    "",
    ...markdownTable([["score", "value", "95 % interval", "what it is"], ...scoreRows(report)], [false, true, true]),
    "",
    intervalNote,
    "",
    "## Answers",
    "",
    ...markdownTable([["of all answers", ""], ...answerRows(record)], [false, true]),
    ...(record.estimatedLengths ? ["", estimateNote] : []),
    "",
    "## Why answers count as they do",
    "",
    ...markdownTable([["reason", "share"], ...reasonRows(report)], [false, true]),
    ...parts("By level", "level", levelParts(report)),
    ...parts("By family", "family", familyParts(report)),
    "",
    "## Made with",
    "",
    ...markdownTable([["", ""], ...more]),
  ].join("\n")}\n`;
}

/** A text as code within a table's cell. */
function code(text: string): string {
  const short = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return `\`${short.replaceAll(/\s+/g, " ").replaceAll("`", "'")}\``;
}
