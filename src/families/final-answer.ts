/**
 * Finds the final answer in a completion. One convention for every family: the last line is `Answer: ` and the value,
 * nothing behind it. What is asked is strict, what counts is lenient about wording:
 *
 * | taken as the answer | strict |
 * |---|---|
 * | last line `Answer: 42` | yes |
 * | last line that has `answer:`, `answer is`, `\boxed{}` or `<answer>`; value on the same line or the next | no |
 * | no such line: the last line, where it is a value and nothing else | no |
 *
 * The last such line counts, so who changes his mind is graded by where he stopped. The value is read whole: "5 or 6",
 * "yes and no", or a value with a sentence behind it is not one value. Thoughts between `<think>` tags are not read.
 */

/** Characters read, from the end. A completion may be longer; its answer stands at its end. */
const longestTail = 8_000;
/** Characters of a value. */
export const longestValue = 1_000;

export type FinalAnswer =
  | { readonly found: true; readonly value: string; readonly marked: boolean }
  | { readonly found: false };

/** `answer:`, `**Answer:**`, `the answer is`, `Final answer = `. */
const marker = /\banswer\b[*_`]{0,3} {0,3}(?::|=|is\b:?)[*_`]{0,3}/gi;

/** The text behind the thoughts; null where they have no end. */
function behindThoughts(text: string): string | null {
  const end = text.lastIndexOf("</think>");
  if (text.lastIndexOf("<think>") > end) return null;
  return end < 0 ? text : text.slice(end + "</think>".length);
}

/** What stands in the last `\boxed{...}` of a line, braces balanced; null without one. */
function boxed(line: string): string | null {
  const start = line.lastIndexOf("\\boxed{");
  if (start < 0) return null;
  let depth = 1;
  let at = start + "\\boxed{".length;
  for (const from = at; at < line.length; at++) {
    if (line[at] === "{") depth++;
    if (line[at] === "}" && --depth === 0) return line.slice(from, at);
  }
  return null;
}

/** Takes off what surrounds a value without being part of it: emphasis, code marks, dollar signs, a full stop. */
export function bare(text: string): string {
  let value = text.trim();
  for (let round = 0; round < 6; round++) {
    const before = value;
    if (/[.;!]$/.test(value)) value = value.slice(0, -1).trimEnd();
    for (const [open, close] of wrappers)
      if (value.length > open.length + close.length && value.startsWith(open) && value.endsWith(close))
        value = value.slice(open.length, -close.length).trim();
    if (value.startsWith("\\boxed{") && boxed(value) === value.slice(7, -1)) value = value.slice(7, -1).trim();
    if (value === before) break;
  }
  return value;
}

const wrappers: readonly (readonly [string, string])[] = [
  ["**", "**"],
  ["__", "__"],
  ["`", "`"],
  ["$", "$"],
  ["\\(", "\\)"],
  ["\\text{", "}"],
  ["<", ">"],
  ['"', '"'],
  ["'", "'"],
  ["\u201c", "\u201d"],
];

/** Where the answer stands in a completion, by the table above. Time is linear in `longestTail`. */
export function finalAnswer(text: string): FinalAnswer {
  const written = behindThoughts(text);
  if (written === null) return { found: false };
  const tail = written.slice(-longestTail).replaceAll("</answer>", "\n").replaceAll("<answer>", "\nAnswer: ");
  const lines = tail.split("\n").filter((line) => line.trim() !== "");
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]!;
    const last = [...line.matchAll(marker)].at(-1);
    const rest = last && line.slice(last.index + last[0].length).trim();
    if (rest) return { found: true, value: bare(rest), marked: true };
    // Two boxes in a line are two answers: read as one, they are no value.
    if (line.includes("\\boxed{") && rest === undefined)
      return {
        found: true,
        value: bare(line.split("\\boxed{").length === 2 ? (boxed(line) ?? line) : line),
        marked: true,
      };
    if (rest === "" && i + 1 < lines.length) return { found: true, value: bare(lines[i + 1]!), marked: true };
  }
  const end = lines.at(-1);
  return end === undefined ? { found: false } : { found: true, value: bare(end), marked: false };
}

/** The value of a completion that keeps to the letter: its last line is `Answer: VALUE`, and no other line is. */
export function strictAnswer(text: string): string | null {
  const written = behindThoughts(text);
  if (written === null) return null;
  const lines = written.trimEnd().slice(-longestTail).split("\n");
  const asked = lines.filter((line) => line.startsWith("Answer: "));
  const end = lines.at(-1)!;
  if (asked.length !== 1 || !end.startsWith("Answer: ")) return null;
  const value = end.slice("Answer: ".length);
  return value !== "" && value === bare(value) ? value : null;
}
