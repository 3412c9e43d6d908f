import type { Problem } from "../tasks/task.ts";

/** Ways to spoil a gold answer. Deterministic: the same gold is spoiled the same way. */

export interface Spoiling {
  readonly name: string;
  readonly demands: string;
  /** False where the text was cut off by the token limit. */
  readonly complete: boolean;
  /**
   * "hollow": nothing is left that could be right. "partial": what is left may still hold the same answer, and where the
   * verifier reads that, nothing was spoiled. "foreign": something else, right now and then by chance.
   */
  readonly kind: "hollow" | "partial" | "foreign";
  /** null where this gold cannot be spoiled so. `other` is the gold of another problem. */
  spoil(gold: string, problem: Problem, other: string | null): string | null;
}

/** Index of the last line that says something: a code fence or a closing tag of signs alone does not. */
function lastIndex(lines: readonly string[]): number {
  return lines.findLastIndex((line) => /[\p{L}\p{N}]/u.test(line));
}

/** The last line that says something, where an answer stands as a rule. */
export function lastLine(text: string): string {
  const lines = text.split("\n");
  return (lines[lastIndex(lines)] ?? "").trim();
}

export const spoilings: readonly Spoiling[] = [
  {
    name: "digits changed",
    demands: "every digit one higher: no full marks",
    complete: true,
    kind: "partial",
    spoil: (gold) =>
      /\d/.test(lastLine(gold)) ? gold.replace(/\d/g, (digit) => String((Number(digit) + 1) % 10)) : null,
  },
  {
    name: "last line removed",
    demands: "the answer's line is missing: no full marks",
    complete: true,
    kind: "partial",
    spoil(gold) {
      const lines = gold.split("\n");
      const last = lastIndex(lines);
      return last < 1 ? null : lines.slice(0, last).join("\n");
    },
  },
  {
    name: "cut in half",
    demands: "the first half, cut off by the token limit: no full marks",
    complete: false,
    kind: "partial",
    spoil: (gold) => (gold.length < 2 ? null : gold.slice(0, Math.floor(gold.length / 2))),
  },
  {
    name: "another's gold",
    demands: "the gold of another problem: no full marks",
    complete: true,
    kind: "foreign",
    // Where the last lines are the same, so may the answers be ("yes"), and nothing would be spoiled.
    spoil: (gold, _, other) => (other !== null && lastLine(other) !== lastLine(gold) ? other : null),
  },
  {
    name: "prompt echoed",
    demands: "the question given back: no full marks",
    complete: true,
    kind: "foreign",
    spoil: (_, { prompt }) => prompt,
  },
  { name: "empty", demands: "nothing at all: 0", complete: true, kind: "hollow", spoil: () => "" },
  {
    name: "white space",
    demands: "blanks and line ends: 0",
    complete: true,
    kind: "hollow",
    spoil: () => " \n\t\r\n \u00a0\u2003",
  },
  { name: "noise", demands: "100 kB of symbols: 0", complete: true, kind: "hollow", spoil: () => noise },
];

/** 100 kB of symbols without a digit or a letter, the same each time. */
const noise: string = (() => {
  const symbols = "~!@#$%^&*()_+-=[]{};:,.<>?/|\\ \n";
  let state = 1;
  let text = "";
  while (text.length < 100_000) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += symbols[state >>> 27];
  }
  return text;
})();
