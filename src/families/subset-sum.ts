import { defineFamily } from "./family.ts";
import { differentNumbers } from "./integers.ts";
import { listOf, wholeNumber } from "./values.ts";

const sum = (numbers: readonly (number | bigint)[]): number => numbers.reduce<number>((a, b) => a + Number(b), 0);

/** Some of the numbers that add up to the target, by trying each with and without; null where there are none. */
export function subsetOf(numbers: readonly number[], target: number): number[] | null {
  if (target === 0) return [];
  if (numbers.length === 0 || target < 0) return null;
  const [first, ...rest] = numbers as [number, ...number[]];
  const taken = subsetOf(rest, target - first);
  return taken ? [first, ...taken] : subsetOf(rest, target);
}

export const subsetSum = defineFamily({
  name: "subset-sum",
  asks: "some of the given numbers that add up to a target",
  grows: "how many numbers there are, how many to choose, and their size",
  levels: [
    { numbers: 5, chosen: 2, largest: 40 },
    { numbers: 7, chosen: 3, largest: 60 },
    { numbers: 9, chosen: 4, largest: 99 },
    { numbers: 12, chosen: 5, largest: 200 },
    { numbers: 15, chosen: 7, largest: 500 },
  ],
  draw({ numbers: count, chosen, largest }, random) {
    const numbers = differentNumbers(random, count, 2, largest);
    const target = sum(random.shuffle(numbers).slice(0, chosen));
    return numbers.includes(target) ? null : { numbers, target };
  },
  same: ({ numbers, target }) => `${[...numbers].sort((a, b) => a - b).join(" ")}=${target}`,
  ask: ({ numbers, target }) =>
    `Choose some of these numbers so that they add up to ${target}, each at most once: ${numbers.join(", ")}`,
  kind: listOf(wholeNumber, "chosen numbers, separated by commas"),
  solve: ({ numbers, target }) => subsetOf(numbers, target)!,
  check(value, { numbers, target }) {
    const left = [...numbers];
    for (const one of value) {
      const at = left.indexOf(Number(one));
      if (at < 0) return "number-not-available";
      left.splice(at, 1);
    }
    return sum(value) === target ? "correct" : "wrong-value";
  },
  vote(value, { numbers }) {
    const fair =
      new Set(value.map(Number)).size === value.length && value.every((one) => numbers.includes(Number(one)));
    return fair ? String(sum(value)) : `number-not-available ${sum(value)}`;
  },
  steps({ numbers, target }) {
    const chosen = subsetOf(numbers, target)!;
    return `${chosen.join(" + ")} = ${target}, and each of them is in the list.`;
  },
});
