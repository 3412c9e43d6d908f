import { defineFamily } from "./family.ts";
import { type Kind, parts } from "./values.ts";

type Interval = readonly [low: number, high: number];

function merged(intervals: readonly Interval[]): Interval[] {
  const result: [number, number][] = [];
  for (const [low, high] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && low <= last[1]) last[1] = Math.max(last[1], high);
    else result.push([low, high]);
  }
  return result;
}

const show = (intervals: readonly Interval[]): string => intervals.map(([low, high]) => `[${low}, ${high}]`).join(", ");

/** `[1, 5], [7, 9]`, with or without commas between and brackets around. */
const list: Kind<readonly Interval[]> = {
  form: "intervals [a, b], [c, d] and so on from left to right",
  parse(text) {
    const inner = /^\[ ?\[/.test(text) && text.endsWith("]]") ? text.slice(1, -1) : text;
    const pieces = inner.split(/(?<=[\])]) ?,? ?(?=[[(])/);
    const intervals = pieces.map((piece): Interval | null => {
      const ends = /^[[(].*[\])]$/.test(piece.trim()) ? parts(piece.trim()) : null;
      if (ends?.length !== 2 || !ends.every((end) => /^-?\d{1,9}$/.test(end))) return null;
      return [Number(ends[0]), Number(ends[1])];
    });
    return intervals.includes(null) ? null : (intervals as Interval[]);
  },
  show,
};

export const intervals = defineFamily({
  name: "intervals",
  asks: "the union of closed intervals, merged",
  grows: "how many intervals, and the range they lie in",
  levels: [
    { intervals: 3, range: 30, longest: 10, merged: 2 },
    { intervals: 5, range: 60, longest: 15, merged: 2 },
    { intervals: 8, range: 120, longest: 20, merged: 3 },
    { intervals: 12, range: 300, longest: 35, merged: 4 },
    { intervals: 20, range: 999, longest: 70, merged: 6 },
  ],
  draw({ intervals: count, range, longest, merged: least }, random) {
    const drawn = Array.from({ length: count }, (): Interval => {
      const low = random.int(0, range - longest);
      return [low, low + random.int(1, longest)];
    });
    const result = merged(drawn).length;
    return result >= least && result < count ? { intervals: drawn } : null;
  },
  same: ({ intervals: drawn }) => show([...drawn].sort((a, b) => a[0] - b[0] || a[1] - b[1])),
  ask: ({ intervals: drawn }) =>
    `Merge these closed intervals: ${show(drawn)}. Intervals that overlap or touch in a point become one; [1, 3] and [4, 6] do not touch.`,
  kind: list,
  solve: ({ intervals: drawn }) => merged(drawn),
  steps({ intervals: drawn }) {
    const sorted = [...drawn].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return `By their left ends: ${show(sorted)} ; going from left to right, ${merged(drawn).length} remain.`;
  },
});
