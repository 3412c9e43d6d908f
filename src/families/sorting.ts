import { defineFamily } from "./family.ts";
import { differentNumbers } from "./integers.ts";
import { listOf, wholeNumber } from "./values.ts";

function sorted({ numbers, order }: { numbers: readonly number[]; order: string }): number[] {
  return [...numbers].sort((a, b) => (order === "ascending" ? a - b : b - a));
}

export const sorting = defineFamily({
  name: "sorting",
  asks: "a list of whole numbers in ascending or descending order",
  grows: "how many numbers and how many digits; negative ones from level 3 on",
  levels: [
    { numbers: 4, low: 1, high: 99 },
    { numbers: 6, low: 1, high: 99 },
    { numbers: 8, low: -99, high: 99 },
    { numbers: 12, low: -999, high: 999 },
    { numbers: 20, low: -9999, high: 9999 },
  ],
  draw({ numbers, low, high }, random) {
    return {
      numbers: differentNumbers(random, numbers, low, high),
      order: random.pick(["ascending", "descending"]),
    };
  },
  same: ({ numbers }) => [...numbers].sort((a, b) => a - b).join(" "),
  ask: ({ numbers, order }) => `Write these numbers in ${order} order: ${numbers.join(", ")}`,
  kind: listOf(wholeNumber, "numbers in order, separated by commas"),
  solve: sorted,
  steps(content) {
    const from = content.order === "ascending" ? "smallest" : "largest";
    return `From the ${from}: first ${sorted(content)[0]}, last ${sorted(content).at(-1)}, the others between them.`;
  },
});
