import { defineFamily } from "./family.ts";
import { inventedWord } from "./letters.ts";
import { text } from "./values.ts";

/** Each letter moved by the shift of its turn; spaces stay and take no turn. */
function shift(message: string, shifts: readonly number[], direction: 1 | -1): string {
  let turn = 0;
  return [...message]
    .map((letter) => {
      if (letter === " ") return letter;
      const by = shifts[turn++ % shifts.length]! * direction;
      return String.fromCharCode(97 + ((((letter.charCodeAt(0) - 97 + by) % 26) + 26) % 26));
    })
    .join("");
}

export const cipher = defineFamily({
  name: "cipher",
  asks: "a message read back that was written with shifted letters",
  grows: "length of the message, size of the shift, and how many shifts take turns",
  levels: [
    { words: 1, largestShift: 3, shifts: 1 },
    { words: 2, largestShift: 8, shifts: 1 },
    { words: 3, largestShift: 25, shifts: 1 },
    { words: 3, largestShift: 12, shifts: 2 },
    { words: 6, largestShift: 25, shifts: 4 },
  ],
  draw({ words, largestShift, shifts: count }, random) {
    const message = Array.from({ length: words }, () => inventedWord(random, random.int(2, 3))).join(" ");
    return { message, shifts: Array.from({ length: count }, () => random.int(1, largestShift)) };
  },
  same: ({ message }) => message,
  ask: ({ message, shifts }) =>
    `A message was written by moving each letter ahead in the alphabet (behind z comes a), ${
      shifts.length === 1
        ? `each by ${shifts[0]}`
        : `by ${shifts.join(", ")} in turn and then from the first of these again; spaces take no turn`
    }. It reads:\n${shift(message, shifts, 1)}\nWhat is the message?`,
  kind: text("message", /^[a-z ]{1,120}$/),
  solve: ({ message }) => message,
  steps({ message, shifts }) {
    const written = shift(message, shifts, 1).replaceAll(" ", "");
    const plain = message.replaceAll(" ", "");
    return [...written].map((letter, i) => `${letter}-${shifts[i % shifts.length]}: ${plain[i]}`).join(", ");
  },
});
