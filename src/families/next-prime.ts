import { defineFamily } from "./family.ts";
import { factorsOf, isPrime } from "./integers.ts";
import { wholeNumber } from "./values.ts";

function nextPrime(n: number): number {
  let candidate = n + 1;
  while (!isPrime(candidate)) candidate++;
  return candidate;
}

export const nextPrimeFamily = defineFamily({
  name: "next-prime",
  asks: "the smallest prime above a number",
  grows: "size of the number, and how far the prime is",
  levels: [
    { numbers: [20, 999], gap: [1, 4] },
    { numbers: [500, 3_000], gap: [2, 6] },
    { numbers: [1_000, 9_999], gap: [4, 12] },
    { numbers: [9_000, 50_000], gap: [6, 20] },
    { numbers: [50_000, 500_000], gap: [10, 40] },
  ],
  draw({ numbers, gap }, random) {
    const n = random.int(numbers[0]!, numbers[1]!);
    const distance = nextPrime(n) - n;
    return distance >= gap[0]! && distance <= gap[1]! ? { n } : null;
  },
  ask: ({ n }) => `What is the smallest prime number greater than ${n}?`,
  kind: wholeNumber,
  solve: ({ n }) => nextPrime(n),
  steps({ n }) {
    const lines: string[] = [];
    for (let candidate = n + 1; candidate < nextPrime(n); candidate++)
      lines.push(`${candidate} is divisible by ${factorsOf(candidate)[0]}.`);
    lines.push(`${nextPrime(n)} is divisible by no prime up to its root.`);
    return lines.join("\n");
  },
});
