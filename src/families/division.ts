import { defineFamily } from "./family.ts";
import type { Kind } from "./values.ts";

/** `12 remainder 5`, `12 R 5`, `12, 5`, `quotient 12, remainder 5`. */
const pattern = /^(?:quotient ?[:=]? ?)?(\d{1,15}) ?(?:,|(?:, ?)?(?:remainder|rem|r))? ?[:=]? ?(\d{1,15})$/i;

const quotientAndRemainder: Kind<readonly [quotient: bigint, remainder: bigint]> = {
  form: "quotient> remainder <remainder",
  parse(value) {
    const match = /\D/.test(value) ? pattern.exec(value) : null;
    return match && [BigInt(match[1]!), BigInt(match[2]!)];
  },
  show: ([quotient, remainder]) => `${quotient} remainder ${remainder}`,
};

export const division = defineFamily({
  name: "division",
  asks: "quotient and remainder of a division",
  grows: "the digits of dividend and divisor",
  levels: [
    { dividend: 3, divisor: 1 },
    { dividend: 4, divisor: 1 },
    { dividend: 4, divisor: 2 },
    { dividend: 6, divisor: 2 },
    { dividend: 8, divisor: 3 },
  ],
  draw({ dividend, divisor }, random) {
    const b = random.int(divisor === 1 ? 3 : 10 ** (divisor - 1), 10 ** divisor - 1);
    return { a: random.int(10 ** (dividend - 1), 10 ** dividend - 1), b };
  },
  ask: ({ a, b }) => `Divide ${a} by ${b}. Give the whole quotient and the remainder, which is less than ${b}.`,
  kind: quotientAndRemainder,
  solve: ({ a, b }): readonly [bigint, bigint] => [BigInt(Math.floor(a / b)), BigInt(a % b)],
  steps: ({ a, b }) =>
    `${b} * ${Math.floor(a / b)} = ${b * Math.floor(a / b)}\n${a} - ${b * Math.floor(a / b)} = ${a % b}, less than ${b}.`,
});
