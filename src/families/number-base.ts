import { defineFamily } from "./family.ts";
import { text } from "./values.ts";

const digits = text("digits", /^[0-9a-z]{1,40}$/i);

export const numberBase = defineFamily({
  name: "number-base",
  asks: "a number written in another base",
  grows: "size of the number; conversions between two bases other than ten from level 4 on",
  levels: [
    { numbers: [20, 999], from: [2, 3, 4, 5], to: [10] },
    { numbers: [50, 1_500], from: [10], to: [2, 3, 4, 5] },
    { numbers: [500, 9_999], from: [6, 7, 8, 16, 10], to: [10, 8, 9, 16] },
    { numbers: [500, 9_999], from: [2, 3, 5, 7], to: [4, 6, 8, 9, 16] },
    { numbers: [20_000, 999_999], from: [5, 6, 7, 9, 16], to: [2, 3, 8, 11, 12] },
  ],
  draw({ numbers, from, to }, random) {
    const [source, target] = [random.pick(from), random.pick(to)];
    if (source === target) return null;
    return { written: random.int(numbers[0]!, numbers[1]!).toString(source), from: source, to: target };
  },
  same: ({ written, from }) => String(Number.parseInt(written, from)),
  ask: ({ written, from, to }) =>
    `The number ${written} is written in base ${from}. Write it in base ${to}.${Math.max(from, to) > 10 ? " The digits above 9 are a, b, c and so on." : ""}`,
  kind: {
    ...digits,
    parse: (value) => digits.parse(value.replaceAll(/[ _]/g, "")),
    show: (value) => value.toLowerCase().replace(/^0+(?=.)/, ""),
  },
  solve: ({ written, from, to }) => Number.parseInt(written, from).toString(to),
  steps: ({ written, from, to }) =>
    `In base 10 it is ${[...written].map((digit, i) => `${Number.parseInt(digit, from)}*${from ** (written.length - 1 - i)}`).join(" + ")} = ${Number.parseInt(written, from)} ; dividing by ${to} again and again gives the digits from the last to the first.`,
});
