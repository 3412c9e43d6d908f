import { defineFamily } from "./family.ts";
import { wholeNumber } from "./values.ts";

export const product = defineFamily({
  name: "product",
  asks: "the product of two whole numbers",
  grows: "the digits of the two numbers",
  levels: [{ digits: [3, 1] }, { digits: [2, 2] }, { digits: [3, 2] }, { digits: [3, 3] }, { digits: [5, 4] }],
  draw({ digits }, random) {
    const [a, b] = digits.map((count) => random.int(Math.max(2, 10 ** (count - 1)), 10 ** count - 1));
    return { a: a!, b: b! };
  },
  same: ({ a, b }) => `${Math.min(a, b)} ${Math.max(a, b)}`,
  ask: ({ a, b }) => `What is ${a} times ${b}?`,
  kind: wholeNumber,
  solve: ({ a, b }) => a * b,
  steps({ a, b }) {
    const digits = [...String(b)].reverse();
    const rows = digits.map((digit, i) => Number(digit) * 10 ** i).filter((part) => part > 0);
    const sum = rows.map((part) => a * part).join(" + ");
    return [
      ...rows.map((part) => `${a} * ${part} = ${a * part}`),
      ...(rows.length > 1 ? [`${sum} = ${a * b}`] : []),
    ].join("\n");
  },
});
