import { defineFamily } from "./family.ts";
import { text } from "./values.ts";

const pairs: Readonly<Record<string, string>> = { "(": ")", "[": "]", "<": ">" };

/** What closes everything that is still open, in order. */
function closing(opened: string): string {
  const stack: string[] = [];
  for (const sign of opened) {
    if (pairs[sign] !== undefined) stack.push(pairs[sign]);
    else stack.pop();
  }
  return stack.reverse().join("");
}

export const brackets = defineFamily({
  name: "brackets",
  asks: "the brackets that close what is open",
  grows: "length of the text, and how many brackets are open at its end",
  levels: [
    { length: 9, open: [3, 4] },
    { length: 16, open: [4, 6] },
    { length: 30, open: [5, 8] },
    { length: 50, open: [6, 11] },
    { length: 90, open: [8, 16] },
  ],
  draw({ length, open }, random) {
    const stack: string[] = [];
    let opened = "";
    while (opened.length < length) {
      if (stack.length > 0 && random.chance(0.45)) opened += stack.pop();
      else {
        const sign = random.pick(Object.keys(pairs));
        stack.push(pairs[sign]!);
        opened += sign;
      }
    }
    return stack.length >= open[0]! && stack.length <= open[1]! ? { opened } : null;
  },
  ask: ({ opened }) =>
    `In this text brackets are opened, and some closed by their like, the last opened first:\n${opened}\nWhich closing brackets have to follow, in order, so that every bracket is closed?`,
  kind: text("closing brackets without spaces", /^[)\]>]{1,60}$/),
  solve: ({ opened }) => closing(opened),
  steps({ opened }) {
    const open = [...closing(opened)].reverse().map((sign) => Object.keys(pairs).find((one) => pairs[one] === sign));
    return `Still open are, from the first: ${open.join(" ")} ; they are closed from the last to the first.`;
  },
});
