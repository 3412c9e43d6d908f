import type { Graph } from "../autodiff/graph.ts";
import type { Key } from "../random.ts";
import { batchArrays, type MicroBatch } from "./batching.ts";
import type { Datum, Layout, Loss } from "./engine.ts";
import type { Program, Runtime, Value } from "./runtime.ts";
import type { WeightSet } from "./weight-set.ts";

/** The two ways through a model, whole-model.ts and layered-model.ts; they give the same numbers. */
export interface ModelPass {
  /** Adds the gradient of `loss` to `gradients`, which has a buffer for each trained parameter. */
  train(weights: WeightSet, batch: Batch, loss: Loss, gradients: Gradients): Promise<Scored>;
  /** log pi of each target, (B, T); only completion tokens mean something. */
  score(weights: WeightSet, batch: Batch, temperature: number): Promise<Float32Array>;
  release(): Promise<void>;
}

export type Gradients = ReadonlyMap<string, Float32Array>;

/** Arrays are (B, T) and mean something at completion tokens only. */
export interface Scored {
  readonly loss: number;
  readonly logprobs: Float32Array;
  readonly entropies: Float32Array;
}

/** A micro-batch as inputs of the graphs. */
export interface Batch {
  readonly rows: number;
  readonly width: number;
  readonly layout: Layout["kind"];
  /** BatchArrays by name, each (B, T), and mask. */
  readonly feeds: Readonly<Record<string, Value>>;
  /** Names the draws of dropout for this batch. */
  readonly key: readonly Key[];
}

export function batchOf(data: readonly Datum[], batch: MicroBatch, layout: Layout, key: readonly Key[]): Batch {
  const { rows, width } = batch;
  const { maskRows, mask, ...perToken } = batchArrays(data, batch, layout);
  const feeds: Record<string, Value> = { mask: { shape: [maskRows, 1, 1, width, width], data: mask } };
  for (const [name, array] of Object.entries(perToken)) feeds[name] = { shape: [rows, width], data: array };
  return { rows, width, layout: layout.kind, feeds, key };
}

/** Compiled graphs by name, each compiled when it is first needed. */
export class Programs {
  readonly #runtime: Runtime;
  readonly #compiled = new Map<string, Promise<Program>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get(key: string, graph: () => Graph): Promise<Program> {
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const compiled = this.#runtime.compile(graph());
    this.#compiled.set(key, compiled);
    return compiled;
  }

  async release(): Promise<void> {
    for (const program of this.#compiled.values()) await (await program).release();
    this.#compiled.clear();
  }
}

export function accumulate(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
}
