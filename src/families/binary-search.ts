import { defineFamily } from "./family.ts";
import { differentNumbers } from "./integers.ts";
import { listOf, wholeNumber } from "./values.ts";

/** The numbers that binary search looks at, in order. */
function looks({ sorted, wanted }: { sorted: readonly number[]; wanted: number }): number[] {
  const seen: number[] = [];
  let [low, high] = [0, sorted.length - 1];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const value = sorted[middle]!;
    seen.push(value);
    if (value === wanted) break;
    if (value < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return seen;
}

export const binarySearch = defineFamily({
  name: "binary-search",
  asks: "the numbers that a binary search looks at",
  grows: "length of the list and how many looks it takes",
  levels: [
    { length: 7, looks: 2, largest: 99 },
    { length: 12, looks: 3, largest: 99 },
    { length: 20, looks: 4, largest: 200 },
    { length: 35, looks: 5, largest: 500 },
    { length: 60, looks: 5, largest: 999 },
  ],
  draw({ length, looks: least, largest }, random) {
    const sorted = differentNumbers(random, length, 1, largest).sort((a, b) => a - b);
    const wanted = random.chance(0.7) ? random.pick(sorted) : random.int(1, largest);
    return looks({ sorted, wanted }).length >= least ? { sorted, wanted } : null;
  },
  ask: ({ sorted, wanted }) =>
    `A binary search looks for ${wanted} in this sorted list, places 0 to ${sorted.length - 1}:\n${sorted.join(", ")}\nIt looks at the place in the middle of what is left, rounded down ((low + high) / 2), goes on in the left or right part, and stops when it has found the number or nothing is left. Which numbers does it look at, in order?`,
  kind: listOf(wholeNumber, "numbers in order, separated by commas"),
  solve: looks,
  steps: (content) =>
    looks(content)
      .map((value) =>
        value === content.wanted
          ? `${value} is what it looks for.`
          : `${value} is too ${value < content.wanted ? "small: go right" : "large: go left"}.`,
      )
      .join("\n"),
});
