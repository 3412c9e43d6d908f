import { defineFamily } from "./family.ts";
import { amount } from "./values.ts";

/** Units from small to large with their size in the smallest. */
const scales: readonly (readonly (readonly [unit: string, size: number])[])[] = [
  [
    ["mm", 1],
    ["cm", 10],
    ["m", 1_000],
    ["km", 1_000_000],
  ],
  [
    ["mg", 1],
    ["g", 1_000],
    ["kg", 1_000_000],
    ["t", 1_000_000_000],
  ],
  [
    ["seconds", 1],
    ["minutes", 60],
    ["hours", 3_600],
    ["days", 86_400],
    ["weeks", 604_800],
  ],
  [
    ["ml", 1],
    ["cl", 10],
    ["l", 1_000],
    ["hl", 100_000],
  ],
  [
    ["inches", 1],
    ["feet", 12],
    ["yards", 36],
    ["miles", 63_360],
  ],
];

type Part = readonly [count: number, unit: string];

const sizeOf = (scale: number, unit: string): number => scales[scale]!.find(([name]) => name === unit)![1];

function total({ scale, parts }: { scale: number; parts: readonly Part[] }): number {
  return parts.reduce((sum, [count, unit]) => sum + count * sizeOf(scale, unit), 0);
}

export const unitConversion = defineFamily({
  name: "unit-conversion",
  asks: "a sum of amounts in one smaller unit",
  grows: "how many amounts, how far the units are apart, and how large the counts",
  levels: [
    { amounts: 1, unitsUp: 1, largest: 400 },
    { amounts: 2, unitsUp: 1, largest: 99 },
    { amounts: 2, unitsUp: 2, largest: 99 },
    { amounts: 3, unitsUp: 2, largest: 250 },
    { amounts: 5, unitsUp: 3, largest: 999 },
  ],
  draw({ amounts, unitsUp, largest }, random) {
    const scale = random.int(0, scales.length - 1);
    const units = scales[scale]!;
    const to = random.int(0, units.length - 1 - unitsUp);
    const parts = Array.from({ length: amounts }, (_, i): Part => {
      const unit = i === 0 ? to + unitsUp : random.int(to, to + unitsUp);
      return [random.int(2, largest), units[unit]![0]];
    });
    return { scale, parts, to: units[to]![0] };
  },
  same: (content) => `${total(content)} ${content.scale}`,
  ask: ({ parts, to }) =>
    `How many ${to} are ${parts.map(([count, unit]) => `${count} ${unit}`).join(" + ")}?${to === "inches" || to === "feet" || to === "yards" ? " (1 mile = 1,760 yards, 1 yard = 3 feet, 1 foot = 12 inches)" : ""}`,
  kind: ({ to }) => amount([to]),
  solve: (content) => total(content) / sizeOf(content.scale, content.to),
  steps({ scale, parts, to }) {
    const rows = parts.map(([count, unit]) => (count * sizeOf(scale, unit)) / sizeOf(scale, to));
    return [
      ...parts.map(([count, unit], i) => `${count} ${unit} = ${rows[i]} ${to}`),
      `${rows.join(" + ")} makes ${rows.reduce((a, b) => a + b)} in all.`,
    ].join("\n");
  },
});
