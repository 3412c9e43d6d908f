import { formatRational, rational } from "../rewards/expression.ts";
import { defineFamily } from "./family.ts";
import { signed } from "./integers.ts";
import { type Kind, parseRational } from "./values.ts";

const number: Kind<NonNullable<ReturnType<typeof parseRational>>> = {
  form: "value of x, a whole number or a fraction a/b",
  parse: parseRational,
  show: formatRational,
};

/** `3x - 7`, `-x`, `5`: a term is left out where it is 0. */
function side(a: number, b: number): string {
  const first = a === 0 ? "" : `${a === 1 ? "" : a === -1 ? "-" : a}x`;
  if (first === "") return String(b);
  return b === 0 ? first : `${first} ${b < 0 ? "-" : "+"} ${Math.abs(b)}`;
}

export const linearEquation = defineFamily({
  name: "linear-equation",
  asks: "the x that solves a linear equation",
  grows: "size of the coefficients, x on both sides, solutions that are fractions",
  levels: [
    { coefficients: 9, constants: 30, bothSides: "no", solution: "whole" },
    { coefficients: 15, constants: 99, bothSides: "no", solution: "whole" },
    { coefficients: 15, constants: 99, bothSides: "yes", solution: "whole" },
    { coefficients: 15, constants: 60, bothSides: "yes", solution: "fraction" },
    { coefficients: 60, constants: 500, bothSides: "yes", solution: "fraction" },
  ],
  draw({ coefficients, constants, bothSides, solution }, random) {
    const a = signed(random, coefficients);
    const c = bothSides === "yes" ? signed(random, coefficients) : 0;
    const [b, d] = [signed(random, constants), signed(random, constants)];
    if (a === c || (a === 1 && c === 0)) return null;
    const whole = (d - b) % (a - c) === 0;
    return whole === (solution === "whole") ? { a, b, c, d } : null;
  },
  ask: ({ a, b, c, d }) => `Solve for x: ${side(a, b)} = ${side(c, d)}`,
  kind: number,
  solve: ({ a, b, c, d }) => rational(BigInt(d - b), BigInt(a - c))!,
  steps: ({ a, b, c, d }) =>
    `${side(a - c, 0)} = ${d - b}\nx = ${d - b} / ${a - c < 0 ? `(${a - c})` : a - c}, which is ${formatRational(rational(BigInt(d - b), BigInt(a - c))!)}.`,
});
