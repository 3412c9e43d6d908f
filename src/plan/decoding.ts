import { cacheSlots } from "../engine/row-cache.ts";
import type { Length } from "./workload.ts";

/** A stretch of decode steps with one number of rows. */
export interface Stretch {
  readonly rows: number;
  readonly steps: number;
  /** What each row takes in the cache: as much as the longest so far, which has ended perhaps. */
  readonly slots: number;
}

/** How the sampler's continuous batching goes through answers of these lengths. */
export function decoding(lengths: readonly Length[], maxRows: number): Stretch[] {
  const stretches: Stretch[] = [];
  let rows: { left: number; length: number }[] = [];
  for (let [next, slots] = [0, 0]; ; ) {
    // The first token of an answer comes out of the prompt's own pass.
    for (; rows.length < maxRows && next < lengths.length; next++) {
      const { prompt, completion } = lengths[next]!;
      if (completion > 1) rows.push({ left: completion - 1, length: prompt });
    }
    if (rows.length === 0) return stretches;
    // Until a row ends, each step is like the one before.
    const steps = Math.min(...rows.map(({ left }) => left));
    for (const row of rows) {
      row.left -= steps;
      row.length += steps;
    }
    slots = cacheSlots(Math.max(slots, ...rows.map(({ length }) => length)));
    stretches.push({ rows: rows.length, steps, slots });
    rows = rows.filter(({ left }) => left > 0);
  }
}
