import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { lettersOf } from "./letters.ts";
import { text } from "./values.ts";

type Edit = readonly [kind: string, ...with: (string | number)[]];

function apply(word: string, [kind, a, b]: Edit): string {
  const at = Number(a);
  switch (kind) {
    case "reverse":
      return [...word].reverse().join("");
    case "rotate":
      return word.slice(at) + word.slice(0, at);
    case "delete":
      return word.replaceAll(String(a), "");
    case "replace":
      return word.replaceAll(String(a), String(b));
    case "swap":
      return word.at(-1)! + word.slice(1, -1) + word[0]!;
    case "double":
      return word + word.at(-1)!;
    case "insert":
      return word.slice(0, at) + String(b) + word.slice(at);
    default:
      return word.slice(0, at - 1) + word.slice(at);
  }
}

function say([kind, a, b]: Edit): string {
  const said: Readonly<Record<string, string>> = {
    reverse: "write it backwards",
    rotate: `move the first ${a} letters to the end`,
    delete: `remove every "${a}"`,
    replace: `turn every "${a}" into "${b}"`,
    swap: "swap the first and the last letter",
    double: "write the last letter once more at the end",
    insert: `put "${b}" behind letter number ${a}`,
    drop: `remove letter number ${a}`,
  };
  return said[kind]!;
}

const kinds = ["reverse", "rotate", "delete", "replace", "swap", "double", "insert", "drop"];

function drawEdit(word: string, random: Random): Edit {
  const kind = random.pick(kinds);
  const letter = word[random.int(0, word.length - 1)]!;
  if (kind === "rotate") return [kind, random.int(2, Math.max(2, word.length - 2))];
  if (kind === "delete") return [kind, letter];
  if (kind === "replace") return [kind, letter, random.pick([..."aehkmoprstuwx"])];
  if (kind === "insert") return [kind, random.int(1, word.length), random.pick([..."aehkmoprstuwx"])];
  return kind === "drop" ? [kind, random.int(1, word.length)] : [kind];
}

export const stringEdit = defineFamily({
  name: "string-edit",
  asks: "a string after a list of edits",
  grows: "how many edits, and how long the string is",
  levels: [
    { letters: 5, edits: 1 },
    { letters: 6, edits: 2 },
    { letters: 8, edits: 4 },
    { letters: 11, edits: 6 },
    { letters: 16, edits: 10 },
  ],
  draw({ letters, edits: count }, random) {
    const start = lettersOf(random, letters, "aehkmoprstuwx");
    const edits: Edit[] = [];
    let word = start;
    while (edits.length < count) {
      const edit = drawEdit(word, random);
      const next = apply(word, edit);
      if (next === word || next.length < 3) return null;
      edits.push(edit);
      word = next;
    }
    return { start, edits };
  },
  ask: ({ start, edits }) =>
    `Begin with the string ${start} and do this, one after the other; letters are numbered from 1:\n${edits.map((edit, i) => `${i + 1}. ${say(edit)}`).join("\n")}\nWhat is the string then?`,
  kind: text("string", /^[a-z]{1,60}$/),
  solve: ({ start, edits }) => edits.reduce(apply, start),
  steps({ start, edits }) {
    let word = start;
    return edits
      .map((edit, i) => {
        word = apply(word, edit);
        return `${i + 1}. ${word} (${say(edit)})`;
      })
      .join("\n");
  },
});
