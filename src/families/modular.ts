import { defineFamily } from "./family.ts";
import { wholeNumber } from "./values.ts";

/** base ** exponent mod modulus by repeated squaring; the modulus stays below 2^26, so products are exact. */
function power(base: number, exponent: number, modulus: number): number {
  let result = 1 % modulus;
  let square = base % modulus;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function solve({ a, b, c, exponent, modulus }: Record<"a" | "b" | "c" | "exponent" | "modulus", number>): number {
  return (power(a, exponent, modulus) * (b % modulus) + c) % modulus;
}

export const modular = defineFamily({
  name: "modular",
  asks: "the remainder of a product and sum, or of a power",
  grows: "size of numbers and modulus; powers from level 3 on",
  levels: [
    { numbers: 20, exponent: 1, modulus: [7, 15] },
    { numbers: 99, exponent: 1, modulus: [11, 40] },
    { numbers: 30, exponent: 3, modulus: [11, 40] },
    { numbers: 50, exponent: 20, modulus: [13, 60] },
    { numbers: 200, exponent: 99, modulus: [31, 200] },
  ],
  draw({ numbers, exponent, modulus }, random) {
    return {
      a: random.int(2, numbers),
      b: random.int(2, numbers),
      c: random.int(1, numbers),
      exponent: exponent === 1 ? 1 : random.int(2, exponent),
      modulus: random.int(modulus[0]!, modulus[1]!),
    };
  },
  ask: ({ a, b, c, exponent, modulus }) =>
    `What is the remainder when ${a}${exponent === 1 ? "" : `^${exponent}`} * ${b} + ${c} is divided by ${modulus}?`,
  kind: wholeNumber,
  solve,
  steps({ a, b, c, exponent, modulus }) {
    const first = power(a, exponent, modulus);
    return [
      `${a}${exponent === 1 ? "" : `^${exponent}`} leaves ${first}.`,
      `${first} * ${b} + ${c} = ${first * b + c}, which leaves ${solve({ a, b, c, exponent, modulus })}.`,
    ].join("\n");
  },
});
