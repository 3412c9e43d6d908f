import { defineFamily } from "./family.ts";
import { factorsOf } from "./integers.ts";
import { listOf, wholeNumber } from "./values.ts";

const list = listOf(wholeNumber, "prime factors from small to large, separated by commas");

export const primeFactors = defineFamily({
  name: "prime-factors",
  asks: "the prime factors of a number",
  grows: "the largest prime factor, and the number itself",
  levels: [
    { largest: 20_000, prime: [2, 13], factors: 3 },
    { largest: 20_000, prime: [17, 37], factors: 3 },
    { largest: 20_000, prime: [41, 97], factors: 3 },
    { largest: 50_000, prime: [101, 400], factors: 3 },
    { largest: 99_999, prime: [401, 3_000], factors: 2 },
  ],
  draw({ largest, prime, factors }, random) {
    const n = random.int(30, largest);
    const found = factorsOf(n);
    const top = found.at(-1)!;
    return found.length >= factors && top >= prime[0]! && top <= prime[1]! ? { n } : null;
  },
  ask: ({ n }) => `Write ${n} as a product of primes: give every prime factor, as often as it divides.`,
  // The order is wording: 3, 2, 2 are the same factors.
  kind: { ...list, show: (values) => list.show([...values].sort((a, b) => Number(a) - Number(b))) },
  solve: ({ n }) => factorsOf(n),
  steps({ n }) {
    let rest = n;
    return factorsOf(n)
      .map((factor) => {
        const line = `${rest} / ${factor} = ${rest / factor}`;
        rest /= factor;
        return line;
      })
      .join("\n");
  },
});
