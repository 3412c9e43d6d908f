import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { lettersOf } from "./letters.ts";
import type { Kind } from "./values.ts";

const alphabet = "abcd";

/** Levenshtein distances of all prefixes: rows[i][j] between the first i letters of a and the first j of b. */
function distances(a: string, b: string): number[][] {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, change));
    }
    rows.push(row);
  }
  return rows;
}

export function editDistance(a: string, b: string): number {
  return distances(a, b)[a.length]![b.length]!;
}

/** A shortest chain from a to b, both ends included: letters are changed from the last to the first. */
function chain(a: string, b: string): string[] {
  const rows = distances(a, b);
  const words = [a];
  let [i, j, word] = [a.length, b.length, a];
  while (i > 0 || j > 0) {
    const here = rows[i]![j]!;
    const same = i > 0 && j > 0 && a[i - 1] === b[j - 1];
    if (i > 0 && j > 0 && rows[i - 1]![j - 1]! + (same ? 0 : 1) === here) {
      if (!same) word = word.slice(0, i - 1) + b[j - 1] + word.slice(i);
      [i, j] = [i - 1, j - 1];
      if (same) continue;
    } else if (i > 0 && rows[i - 1]![j]! + 1 === here) {
      word = word.slice(0, i - 1) + word.slice(i);
      i--;
    } else {
      word = word.slice(0, i) + b[j - 1] + word.slice(i);
      j--;
    }
    words.push(word);
  }
  return words;
}

const words: Kind<readonly string[]> = {
  form: "strings from the first to the last, with > between",
  parse(text) {
    const parts = text.split(/ ?(?:->|=>|\u2192|>|,) ?/);
    return parts.length <= 40 && parts.every((part) => /^[a-z]{0,40}$/.test(part)) ? parts : null;
  },
  show: (value) => value.join(" > "),
};

/** What is wrong with a chain, whatever its length. */
function faultOf(chain: readonly string[], { from, to }: { from: string; to: string }): string | null {
  if (chain[0] !== from || chain.at(-1) !== to) return "wrong-ends";
  return chain.slice(1).every((word, i) => editDistance(chain[i]!, word) === 1) ? null : "not-one-edit";
}

function mutate(word: string, random: Random): string {
  const at = random.int(0, word.length - 1);
  const letter = lettersOf(random, 1, alphabet);
  return random.pick([
    word.slice(0, at) + letter + word.slice(at + 1),
    word.slice(0, at) + word.slice(at + 1),
    word.slice(0, at) + letter + word.slice(at),
  ]);
}

export const editScript = defineFamily({
  name: "edit-script",
  asks: "a shortest chain of edits from one string to another",
  grows: "length of the strings and of the chain",
  levels: [
    { letters: 5, edits: 2 },
    { letters: 7, edits: 3 },
    { letters: 9, edits: 4 },
    { letters: 12, edits: 5 },
    { letters: 16, edits: 7 },
  ],
  draw({ letters, edits }, random) {
    const from = lettersOf(random, letters, alphabet);
    let to = from;
    for (let i = 0; i < edits; i++) to = mutate(to, random);
    return editDistance(from, to) === edits ? { from, to, edits } : null;
  },
  same: ({ from, to }) => [from, to].sort().join(" "),
  ask: ({ from, to, edits }) =>
    `Turn ${from} into ${to} in ${edits} steps. A step inserts one letter, removes one letter, or changes one letter. Write all strings on the way, ${from} first and ${to} last, ${edits + 1} strings in all.`,
  kind: words,
  solve: ({ from, to }) => chain(from, to),
  check(value, content) {
    const fault = faultOf(value, content);
    if (fault !== null) return fault;
    return value.length === content.edits + 1 ? "correct" : "too-many-steps";
  },
  vote(value, content) {
    const fault = faultOf(value, content);
    return fault === null ? `${value.length - 1} steps` : fault;
  },
  steps: ({ from, to, edits }) =>
    `The strings differ by ${edits} edits; changing them from the end of ${from} gives ${to} .`,
});
