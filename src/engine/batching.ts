import { AutodidactError } from "../errors.ts";
import type { Datum, Layout } from "./engine.ts";

/** Where one datum lies in a micro-batch: its input tokens[0..N-1) occupy N-1 slots of `row` from `start`. */
export interface Placement {
  /** Index into the data. */
  readonly datum: number;
  readonly row: number;
  readonly start: number;
}

export interface MicroBatch {
  readonly rows: number;
  /** T, slots a row. */
  readonly width: number;
  readonly placements: readonly Placement[];
}

export type SlotBudget = (width: number) => number;

/** Padding above which a micro-batch takes no shorter sequence. */
const MAX_PADDING = 0.1;

const slots = (datum: Datum): number => datum.tokens.length - 1;

/** Splits data into micro-batches of about as many token slots as `slotBudget` gives for rows of a width. */
export function microBatches(data: readonly Datum[], layout: Layout, slotBudget: SlotBudget): MicroBatch[] {
  for (const [i, datum] of data.entries()) checkDatum(datum, i);
  return layout.kind === "rows" ? equalRows(data, slotBudget) : packedRows(data, layout.rowLength, slotBudget);
}

/** One sequence a row, longest first, so that neighbours are nearly equal in length. */
function equalRows(data: readonly Datum[], slotBudget: SlotBudget): MicroBatch[] {
  const batches: MicroBatch[] = [];
  let [placements, width, used]: [Placement[], number, number] = [[], 0, 0];
  for (const datum of longestFirst(data)) {
    const length = slots(data[datum]!);
    const area = (placements.length + 1) * width;
    if (placements.length > 0 && (area > slotBudget(width) || 1 - (used + length) / area > MAX_PADDING)) {
      batches.push({ rows: placements.length, width, placements });
      [placements, used] = [[], 0];
    }
    if (placements.length === 0) width = length;
    placements.push({ datum, row: placements.length, start: 0 });
    used += length;
  }
  if (placements.length > 0) batches.push({ rows: placements.length, width, placements });
  return batches;
}

/**
 * Best-fit decreasing: each sequence goes to the fullest row that still holds it (R1, appendix B.1). A new row is
 * rowLength long, or a half, a quarter, ... of it where the sequence fits, since attention costs grow with a row's square.
 */
function packedRows(data: readonly Datum[], rowLength: number, slotBudget: SlotBudget): MicroBatch[] {
  const byRoom: number[][] = Array.from({ length: rowLength + 1 }, () => []);
  const rows: { readonly width: number; readonly members: number[] }[] = [];
  for (const datum of longestFirst(data)) {
    const length = slots(data[datum]!);
    if (length > rowLength)
      throw new AutodidactError(
        "BATCH_ROW_LENGTH",
        `rowLength: document ${datum} has ${length + 1} tokens, more than a row of ${rowLength} holds; raise rowLength`,
      );
    let room = length;
    while (room <= rowLength && byRoom[room]!.length === 0) room++;
    let row = room <= rowLength ? byRoom[room]!.pop()! : -1;
    if (row < 0) {
      room = rowLength;
      while (room % 2 === 0 && room / 2 >= length) room /= 2;
      row = rows.push({ width: room, members: [] }) - 1;
    }
    rows[row]!.members.push(datum);
    byRoom[room - length]!.push(row);
  }
  const batches: MicroBatch[] = [];
  for (let first = 0; first < rows.length; ) {
    const { width } = rows[first]!; // rows were made widest first
    const most = Math.max(1, Math.floor(slotBudget(width) / width));
    const chosen = rows.slice(first, first + most).filter((row) => row.width === width);
    first += chosen.length;
    const placements = chosen.flatMap(({ members }, row) => {
      let start = 0;
      return members.map((datum) => {
        const placement = { datum, row, start };
        start += slots(data[datum]!);
        return placement;
      });
    });
    batches.push({ rows: chosen.length, width, placements });
  }
  return batches;
}

/** Indices of the data, longest first, equal ones in order. */
function longestFirst(data: readonly Datum[]): number[] {
  return data.map((_, i) => i).sort((a, b) => slots(data[b]!) - slots(data[a]!) || a - b);
}

function checkDatum(datum: Datum, index: number): void {
  const completion = datum.tokens.length - datum.promptLength;
  if (datum.promptLength < 1 || completion < 1)
    throw new AutodidactError(
      "BATCH_DATUM",
      `datum ${index}: promptLength ${datum.promptLength} of ${datum.tokens.length} tokens; it must be at least 1 and leave a completion`,
    );
  for (const name of ["weights", "advantages", "oldLogprobs", "referenceLogprobs"] as const) {
    const array = datum[name];
    if (array !== undefined && array.length !== completion)
      throw new AutodidactError(
        "BATCH_DATUM",
        `datum ${index}: ${name} has ${array.length} entries for ${completion} completion tokens; give one each`,
      );
  }
}

/** Per-token arrays of a micro-batch, each (B, T); mask is (M, 1, 1, T, T) with M = 1 for rows, B for packed. */
export interface BatchArrays {
  readonly tokens: BigInt64Array;
  readonly positions: BigInt64Array;
  readonly targets: BigInt64Array;
  readonly mask: Float32Array;
  readonly maskRows: number;
  readonly weights: Float32Array;
  readonly completion: Float32Array;
  readonly advantages: Float32Array;
  readonly oldLogprobs: Float32Array;
  readonly referenceLogprobs: Float32Array;
}

/** Scores masked this low leave softmax exactly 0 in float32 and stay finite. */
export const MASKED = -1e9;

export function batchArrays(data: readonly Datum[], batch: MicroBatch, layout: Layout): BatchArrays {
  const { rows, width, placements } = batch;
  const n = rows * width;
  const maskRows = layout.kind === "rows" ? 1 : rows;
  const arrays: BatchArrays = {
    tokens: new BigInt64Array(n),
    positions: new BigInt64Array(n),
    targets: new BigInt64Array(n),
    mask: new Float32Array(maskRows * width * width).fill(MASKED),
    maskRows,
    weights: new Float32Array(n),
    completion: new Float32Array(n),
    advantages: new Float32Array(n),
    oldLogprobs: new Float32Array(n),
    referenceLogprobs: new Float32Array(n),
  };
  if (layout.kind === "rows") allowPast(arrays.mask, 0, width, 0, width);
  for (const { datum: index, row, start } of placements) {
    const datum = data[index]!;
    const length = slots(datum);
    const at = row * width + start;
    for (let t = 0; t < length; t++) {
      arrays.tokens[at + t] = BigInt(datum.tokens[t]!);
      arrays.targets[at + t] = BigInt(datum.tokens[t + 1]!);
      arrays.positions[at + t] = BigInt(t);
    }
    const first = at + datum.promptLength - 1; // the slot that predicts the first completion token
    arrays.weights.set(datum.weights, first);
    arrays.completion.fill(1, first, at + length);
    if (datum.advantages) arrays.advantages.set(datum.advantages, first);
    if (datum.oldLogprobs) arrays.oldLogprobs.set(datum.oldLogprobs, first);
    if (datum.referenceLogprobs) arrays.referenceLogprobs.set(datum.referenceLogprobs, first);
    if (layout.kind === "packed") allowPast(arrays.mask, row, width, start, length);
  }
  if (layout.kind === "packed") allowSelf(arrays.mask, rows, width);
  return arrays;
}

/** Lets each of `length` slots from `start` see itself and those before it in its own sequence. */
function allowPast(mask: Float32Array, row: number, width: number, start: number, length: number): void {
  for (let t = 0; t < length; t++) {
    const at = (row * width + start + t) * width + start;
    mask.fill(0, at, at + t + 1);
  }
}

/** Padding slots see themselves, so that no softmax row is without a key. */
function allowSelf(mask: Float32Array, rows: number, width: number): void {
  for (let slot = 0; slot < rows * width; slot++) mask[slot * width + (slot % width)] = 0;
}

/** The completion part of a (B, T) output, by datum. */
export function unplace(data: readonly Datum[], batch: MicroBatch, values: Float32Array, into: Float32Array[]): void {
  for (const { datum, row, start } of batch.placements) {
    const { promptLength } = data[datum]!;
    const first = row * batch.width + start + promptLength - 1;
    into[datum] = values.slice(first, row * batch.width + start + slots(data[datum]!));
  }
}
