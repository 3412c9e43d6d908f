import type { ModelConfig } from "../model/config.ts";
import { headDim } from "../model/parameters.ts";
import { MASKED } from "./batching.ts";
import { giveBack } from "./give-back.ts";
import type { Value } from "./runtime.ts";

/** Cache slots grow in steps of this. */
const SLOT_STEP = 32;
/** The cache of all rows together takes at most this; further sequences wait for a row. */
const CACHE_BYTES = 2 ** 31;

/** Slots that a row has in the cache for so many tokens. */
export const cacheSlots = (tokens: number): number => Math.ceil(tokens / SLOT_STEP) * SLOT_STEP;

/** How many sequences of at most `slots` tokens, prompt included, are decoded at one time. */
export function decodeRows(config: ModelConfig, slots: number, maxRows: number): number {
  return Math.max(1, Math.min(maxRows, Math.floor(CACHE_BYTES / cacheBytes(config, slots))));
}

/** Bytes of the key-value cache of one sequence. */
export function cacheBytes(config: ModelConfig, slots: number): number {
  return 8 * config.num_hidden_layers * config.num_key_value_heads * headDim(config) * cacheSlots(slots);
}

/**
 * The decode batch's keys and values, each layer (rows, K, S, D), fed in place. S grows with the longest sequence, within
 * memory that has room for all slots from the start: what no row has come to yet is not touched, and takes none.
 */
export class RowCache {
  readonly #heads: number;
  readonly #width: number;
  readonly #maxRows: number;
  #slots = 0;
  readonly #keys: readonly Float32Array<ArrayBuffer>[];
  readonly #values: readonly Float32Array<ArrayBuffer>[];
  /** (rows, S), 0 where filled. */
  #mask = new Float32Array(0);

  constructor(config: ModelConfig, maxRows: number, slots: number) {
    this.#heads = config.num_key_value_heads;
    this.#width = headDim(config);
    this.#maxRows = maxRows;
    const room = maxRows * this.#heads * cacheSlots(slots) * this.#width;
    const layers = (): Float32Array<ArrayBuffer>[] =>
      Array.from({ length: config.num_hidden_layers }, () => new Float32Array(room));
    this.#keys = layers();
    this.#values = layers();
  }

  release(): void {
    giveBack([...this.#keys, ...this.#values]);
  }

  /** Makes room for `slots` slots in each row, keeping the first `rows` rows. */
  reserve(slots: number, rows: number): void {
    if (slots <= this.#slots) return;
    const [old, S] = [this.#slots, cacheSlots(slots)];
    const D = this.#width;
    // From the last row down: each moves up, over what has moved away already.
    for (const array of [...this.#keys, ...this.#values])
      for (let row = rows * this.#heads - 1; row > 0; row--)
        array.copyWithin(row * S * D, row * old * D, (row + 1) * old * D);
    const mask = new Float32Array(this.#maxRows * S).fill(MASKED);
    for (let row = 0; row < rows; row++) mask.set(this.#mask.subarray(row * old, (row + 1) * old), row * S);
    this.#mask = mask;
    this.#slots = S;
  }

  feeds(rows: number): Record<string, Value> {
    const [H, S, D] = [this.#heads, this.#slots, this.#width];
    const feeds: Record<string, Value> = {
      cacheMask: { shape: [rows, 1, 1, S], data: this.#mask.subarray(0, rows * S) },
    };
    const shape = [rows, H, S, D];
    for (const [layer, keys] of this.#keys.entries()) {
      feeds[`cacheKey${layer}`] = { shape, data: keys.subarray(0, rows * H * S * D) };
      feeds[`cacheValue${layer}`] = { shape, data: this.#values[layer]!.subarray(0, rows * H * S * D) };
    }
    return feeds;
  }

  /** Puts a prompt's rows, each layer (K, length, D), into a row. */
  write(row: number, keys: readonly Float32Array[], values: readonly Float32Array[], length: number): void {
    this.reserve(length + 1, row);
    const [H, S, D] = [this.#heads, this.#slots, this.#width];
    for (const [layer, source] of keys.entries())
      for (let head = 0; head < H; head++) {
        const [from, to, n] = [head * length * D, (row * H + head) * S * D, length * D];
        this.#keys[layer]!.set(source.subarray(from, from + n), to);
        this.#values[layer]!.set(values[layer]!.subarray(from, from + n), to);
      }
    this.#mask.fill(MASKED, row * S, (row + 1) * S).fill(0, row * S, row * S + length);
  }

  /** Adds the new rows of a decode step at each sequence's next slot. */
  append(out: Readonly<Record<string, Value>>, rows: readonly { readonly length: number }[]): void {
    const [H, S, D] = [this.#heads, this.#slots, this.#width];
    for (const [layer, keys] of this.#keys.entries()) {
      const [values, newKeys, newValues] = [
        this.#values[layer]!,
        out[`key${layer}`]!.data as Float32Array,
        out[`value${layer}`]!.data as Float32Array,
      ];
      for (let row = 0; row < rows.length; row++)
        for (let head = 0; head < H; head++) {
          const to = ((row * H + head) * S + rows[row]!.length) * D;
          const from = (row * H + head) * D;
          for (let i = 0; i < D; i++) {
            keys[to + i] = newKeys[from + i]!;
            values[to + i] = newValues[from + i]!;
          }
        }
    }
    for (let row = 0; row < rows.length; row++) this.#mask[row * S + rows[row]!.length] = 0;
  }

  move(from: number, to: number): void {
    const n = this.#heads * this.#slots * this.#width;
    for (const array of [...this.#keys, ...this.#values]) array.copyWithin(to * n, from * n, (from + 1) * n);
    this.#mask.copyWithin(to * this.#slots, from * this.#slots, (from + 1) * this.#slots);
  }

  /** Row b of a prefill output (B, K, T, D), cut to (K, length, D). */
  prefix({ shape, data }: Value, b: number, length: number): Float32Array {
    const [, H, T, D] = shape as [number, number, number, number];
    const cut = new Float32Array(H * length * D);
    for (let head = 0; head < H; head++) {
      const from = (b * H + head) * T * D;
      cut.set((data as Float32Array).subarray(from, from + length * D), head * length * D);
    }
    return cut;
  }
}
