import { defineFamily } from "./family.ts";
import { inventedWord } from "./letters.ts";
import { amount } from "./values.ts";

const count = ({ text, letter }: { text: string; letter: string }): number => text.split(letter).length - 1;

export const letterCount = defineFamily({
  name: "letter-count",
  asks: "how often a letter stands in a text",
  grows: "how many words, and how often the letter may be there",
  levels: [
    { words: 4, most: 5 },
    { words: 7, most: 7 },
    { words: 12, most: 9 },
    { words: 20, most: 12 },
    { words: 40, most: 20 },
  ],
  draw({ words }, random) {
    const text = Array.from({ length: words }, () => inventedWord(random, random.int(2, 4))).join(" ");
    return { text, letter: random.pick([...new Set(text.replaceAll(" ", ""))]) };
  },
  balance: { classes: ({ most }) => Array.from({ length: most }, (_, i) => i + 1), of: count },
  ask: ({ text, letter }) => `How many times does the letter "${letter}" stand in this text?\n${text}`,
  kind: amount(["times", "time"], "whole number"),
  solve: count,
  steps(content) {
    const words = content.text.split(" ").filter((word) => word.includes(content.letter));
    const counts = words.map((word) => `${word} has ${count({ ...content, text: word })}`);
    return `${counts.join(", ")}; the other words have none.`;
  },
});
