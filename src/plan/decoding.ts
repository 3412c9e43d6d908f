import type { Length } from "./workload.ts";

/** A stretch of decode steps with one number of rows. */
export interface Stretch {
  readonly rows: number;
  readonly steps: number;
}

/** How the sampler's continuous batching goes through answers of these lengths. */
export interface Decoding {
  readonly stretches: readonly Stretch[];
  /** The most cache slots in use at one time: rows x the longest of them. */
  readonly slots: number;
}

export function decoding(lengths: readonly Length[], maxRows: number): Decoding {
  const stretches: { rows: number; steps: number }[] = [];
  let rows: { left: number; length: number }[] = [];
  let [next, slots] = [0, 0];
  for (;;) {
    // The first token of an answer comes out of the prompt's own pass.
    for (; rows.length < maxRows && next < lengths.length; next++) {
      const { prompt, completion } = lengths[next]!;
      if (completion > 1) rows.push({ left: completion - 1, length: prompt });
    }
    if (rows.length === 0) return { stretches, slots };
    // Until a row ends, each step is like the one before.
    const steps = Math.min(...rows.map(({ left }) => left));
    stretches.push({ rows: rows.length, steps });
    for (const row of rows) {
      row.left -= steps;
      row.length += steps;
    }
    slots = Math.max(slots, rows.length * Math.max(...rows.map(({ length }) => length)));
    rows = rows.filter(({ left }) => left > 0);
  }
}
