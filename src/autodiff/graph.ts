/**
 * A typed graph of tensor operators. Nodes are immutable and made by the builder functions of ops.ts; shapes may hold
 * symbols ("B", "T"), which the runtime binds when it sees the fed tensors.
 */

/** A size: a number, or a symbolic product or sum of symbols and numbers such as "T", "3*T", "S+1". */
export type Dim = number | string;
export type Shape = readonly Dim[];
/** "bfloat16" and "int8" are how frozen weights are fed; everything is computed in "float". */
export type DType = "float" | "int" | "bool" | "bfloat16" | "int8";

/** Attributes of each operator; the keys of this type are all operators there are. */
export interface Attributes {
  input: { readonly name: string };
  constant: { readonly data: Float32Array };
  add: Record<never, never>;
  sub: Record<never, never>;
  mul: Record<never, never>;
  div: Record<never, never>;
  min: Record<never, never>;
  max: Record<never, never>;
  exp: Record<never, never>;
  log: Record<never, never>;
  sqrt: Record<never, never>;
  sigmoid: Record<never, never>;
  /** 1 where a < b, else 0, as float; no gradient. */
  less: Record<never, never>;
  /** alpha * op(a) op(b) over the last two axes; leading axes broadcast. */
  matmul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  sum: { readonly axes: readonly number[]; readonly keep: boolean };
  /** The first operand broadcast to the shape of the second, whose values are not used. */
  expandLike: Record<never, never>;
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  concat: { readonly axis: number };
  /** Elements [start, end) of an axis; negative bounds count from the end, end = null means to the end. */
  slice: { readonly axis: number; readonly start: number; readonly end: number | null };
  /** Zeros before and after along an axis; the inverse of slice. */
  pad: { readonly axis: number; readonly before: Dim; readonly after: Dim };
  /** Over the last axis. */
  softmax: Record<never, never>;
  logSoftmax: Record<never, never>;
  /** x * rstd(x) * weight over the last axis (Zhang and Sennrich 2019). */
  rmsNorm: { readonly epsilon: number };
  /** 1 / sqrt(mean(x^2) + epsilon) over the last axis, kept. */
  rmsScale: { readonly epsilon: number };
  /** Rotary positions (Su et al. 2021), half-rotation layout of Hugging Face, on (B, T, H*D); cos, sin are (P, D/2). */
  rotary: { readonly headDim: number; readonly inverse: boolean };
  /** Held numbers, bfloat16 or int8, as float; no gradient. */
  cast: Record<never, never>;
  /** int8 (rows, columns) times one scale a row, as float; no gradient. */
  dequantize: Record<never, never>;
  /** Rows of a (V, C) table. */
  gather: Record<never, never>;
  /** Sum of update rows into `rows` rows of zeros, at indices; the transpose of gather. */
  scatterAdd: { readonly rows: Dim };
  /** Picks one element of the last axis: (..., V), (...) -> (...). */
  pick: Record<never, never>;
  oneHot: { readonly depth: number };
  /** Identity forward, zero backward. */
  stopGradient: Record<never, never>;
}

export type Op = keyof Attributes;

export interface Node<O extends Op = Op> {
  readonly id: number;
  readonly op: O;
  readonly inputs: readonly Node[];
  readonly attributes: Attributes[O];
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Graph {
  readonly outputs: ReadonlyMap<string, Node>;
}

let nextId = 0;

export function makeNode<O extends Op>(
  op: O,
  inputs: readonly Node[],
  attributes: Attributes[O],
  shape: Shape,
  dtype: DType = "float",
): Node<O> {
  return { id: nextId++, op, inputs, attributes, shape, dtype };
}

/** Every node that the outputs depend on, inputs before users. Iterative: graphs may be deep. */
export function topologicalOrder(outputs: Iterable<Node>): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const output of outputs) {
    if (done.has(output)) continue;
    stack.push({ node: output, next: 0 });
    done.add(output);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.node.inputs.length) {
        const input = top.node.inputs[top.next++]!;
        if (!done.has(input)) {
          done.add(input);
          stack.push({ node: input, next: 0 });
        }
      } else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/** The value of a size once symbols are bound. */
export function bindDim(dim: Dim, symbols: ReadonlyMap<string, number>): number {
  if (typeof dim === "number") return dim;
  let sum = 0;
  for (const term of dim.split("+")) {
    let product = 1;
    for (const factor of term.split("*")) {
      const value = /^\d+$/.test(factor) ? Number(factor) : symbols.get(factor);
      if (value === undefined) throw new Error(`unbound symbol ${factor} in size ${dim}`);
      product *= value;
    }
    sum += product;
  }
  return sum;
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === "number" && typeof b === "number") return a * b;
  return `${a}*${b}`;
}

export function addDims(a: Dim, b: Dim): Dim {
  if (a === 0) return b;
  if (b === 0) return a;
  if (typeof a === "number" && typeof b === "number") return a + b;
  return `${a}+${b}`;
}

/** NumPy's rule, sizes compared as written. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i): Dim => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`shapes (${a}) and (${b}) do not broadcast`);
    return x === 1 ? y : x;
  });
}
