import type { Graph } from "../autodiff/graph.ts";

/** Runs graphs. Two implementations: reference.ts (plain loops, the oracle) and onnxruntime.ts. */
export interface Runtime {
  readonly name: string;
  compile(graph: Graph): Promise<Program>;
}

export interface Program {
  /** Feeds every "input" node by name; gives every graph output. Fed arrays are not changed and may be reused. */
  run(feeds: Readonly<Record<string, Value>>): Promise<Record<string, Value>>;
  release(): Promise<void>;
}

export interface Value {
  readonly shape: readonly number[];
  /**
   * Row-major. "int" inputs are BigInt64Array, "bfloat16" ones Uint16Array, "int8" ones Int8Array; the reference runtime
   * also computes in Float64Array.
   */
  readonly data: Float32Array | Float64Array | BigInt64Array | Uint16Array | Int8Array;
}

export function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
