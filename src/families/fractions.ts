import type { Rational } from "../rewards/expression.ts";
import { equal, formatRational, rational } from "../rewards/expression.ts";
import { defineFamily } from "./family.ts";
import { gcd } from "./integers.ts";
import { type Kind, parseFraction } from "./values.ts";

type Fraction = readonly [over: number, under: number];

const lowestTerms: Kind<{ readonly numerator: bigint; readonly denominator: bigint }> = {
  form: "fraction a/b in lowest terms, or a whole number",
  parse: parseFraction,
  show: ({ numerator, denominator }) => (denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`),
};

function combine(a: Rational, operator: string, b: Rational): Rational {
  const [n, d, m, e] = [a.numerator, a.denominator, b.numerator, b.denominator];
  switch (operator) {
    case "+":
      return rational(n * e + m * d, d * e)!;
    case "-":
      return rational(n * e - m * d, d * e)!;
    case "*":
      return rational(n * m, d * e)!;
    default:
      return rational(n * e, d * m)!;
  }
}

const exact = ([over, under]: Fraction): Rational => rational(BigInt(over), BigInt(under))!;

/** Values after each operation, from left to right. */
function course({ terms, operators }: { terms: readonly Fraction[]; operators: readonly string[] }): Rational[] {
  const values = [exact(terms[0]!)];
  for (const [i, operator] of operators.entries()) values.push(combine(values.at(-1)!, operator, exact(terms[i + 1]!)));
  return values;
}

export const fractions = defineFamily({
  name: "fractions",
  asks: "a sum, difference, product or quotient of fractions in lowest terms",
  grows: "how many fractions, how large, which operations",
  levels: [
    { fractions: 2, largest: 9, operators: ["+", "-"] },
    { fractions: 2, largest: 12, operators: ["+", "-", "*", "/"] },
    { fractions: 2, largest: 30, operators: ["+", "-", "*", "/"] },
    { fractions: 3, largest: 15, operators: ["+", "-", "*", "/"] },
    { fractions: 4, largest: 20, operators: ["+", "-", "*", "/"] },
  ],
  draw({ fractions: count, largest, operators }, random) {
    const terms = Array.from({ length: count }, (): Fraction => [random.int(1, largest), random.int(2, largest)]);
    const chosen = terms.slice(1).map(() => random.pick(operators));
    const reduced = terms.every(([over, under]) => gcd(over, under) === 1);
    const content = { terms, operators: chosen };
    return reduced && course(content).at(-1)!.denominator > 1n ? content : null;
  },
  ask({ terms, operators }) {
    const text = terms
      .map(([over, under], i) => `${i === 0 ? "" : ` ${operators[i - 1]} `}(${over}/${under})`)
      .join("");
    return `Work out ${text} from left to right, one operation after the other, and reduce the result.`;
  },
  kind: lowestTerms,
  solve: (content) => course(content).at(-1)!,
  check(value, content) {
    const right = course(content).at(-1)!;
    if (!equal(rational(value.numerator, value.denominator)!, right)) return "wrong-value";
    return value.denominator === right.denominator ? "correct" : "not-lowest-terms";
  },
  steps(content) {
    const values = course(content).map(formatRational);
    return content.operators
      .map((operator, i) => `${values[i]} ${operator} ${content.terms[i + 1]!.join("/")} = ${values[i + 1]}`)
      .join("\n");
  },
});
