import { defineFamily } from "./family.ts";
import { wholeNumber } from "./values.ts";

/** Runs the signs on a stack and tells each step. */
function run(signs: readonly (number | string)[], steps: string[] = []): number {
  const stack: number[] = [];
  for (const sign of signs) {
    if (typeof sign === "number") {
      stack.push(sign);
      continue;
    }
    const [b, a] = [stack.pop()!, stack.pop()!];
    const value = sign === "+" ? a + b : sign === "-" ? a - b : a * b;
    steps.push(`${a} ${sign} ${b < 0 ? `(${b})` : b} = ${value}, stack: ${[...stack, value].join(" ")}`);
    stack.push(value);
  }
  return stack[0]!;
}

export const postfix = defineFamily({
  name: "postfix",
  asks: "the value of a calculation in postfix notation",
  grows: "how many numbers, and their size",
  levels: [
    { numbers: 3, largest: 20 },
    { numbers: 4, largest: 20 },
    { numbers: 6, largest: 20 },
    { numbers: 9, largest: 15 },
    { numbers: 13, largest: 12 },
  ],
  draw({ numbers, largest }, random) {
    const signs: (number | string)[] = [];
    let [left, depth] = [numbers, 0];
    while (left > 0 || depth > 1) {
      if (left > 0 && (depth < 2 || random.chance(0.5))) {
        signs.push(random.int(1, largest));
        left--;
        depth++;
      } else {
        signs.push(random.pick(["+", "-", "*"]));
        depth--;
      }
    }
    const value = run(signs);
    return Math.abs(value) > 9 && Math.abs(value) < 1_000_000 ? { signs } : null;
  },
  ask: ({ signs }) =>
    `Work out this calculation in postfix notation: ${signs.join(" ")}\nA number goes on the stack; a sign takes the two topmost numbers, the lower one first, and puts the result back.`,
  kind: wholeNumber,
  solve: ({ signs }) => run(signs),
  steps({ signs }) {
    const steps: string[] = [];
    run(signs, steps);
    return steps.join("\n");
  },
});
