import { addDims, broadcastShapes, type Dim, type DType, makeNode, type Node, type Op, type Shape } from "./graph.ts";

/** Builders: they check and infer shapes, so that a wrong graph fails where it is written. */

export function input(name: string, shape: Shape, dtype: DType = "float"): Node {
  return makeNode("input", [], { name }, shape, dtype);
}

export function constant(value: number | { readonly shape: readonly number[]; readonly data: Float32Array }): Node {
  if (typeof value === "number") return makeNode("constant", [], { data: Float32Array.of(value) }, []);
  return makeNode("constant", [], { data: value.data }, value.shape);
}

type Operand = Node | number;
const lift = (operand: Operand): Node => (typeof operand === "number" ? constant(operand) : operand);

type Elementwise = "add" | "sub" | "mul" | "div" | "min" | "max" | "less";
function elementwise(op: Elementwise, a: Operand, b: Operand): Node {
  const [x, y] = [lift(a), lift(b)];
  return makeNode(op, [x, y], {}, broadcastShapes(x.shape, y.shape));
}
export const add = (a: Operand, b: Operand): Node => elementwise("add", a, b);
export const sub = (a: Operand, b: Operand): Node => elementwise("sub", a, b);
export const mul = (a: Operand, b: Operand): Node => elementwise("mul", a, b);
export const div = (a: Operand, b: Operand): Node => elementwise("div", a, b);
export const min = (a: Operand, b: Operand): Node => elementwise("min", a, b);
export const max = (a: Operand, b: Operand): Node => elementwise("max", a, b);
export const less = (a: Operand, b: Operand): Node => elementwise("less", a, b);

type Unary = "exp" | "log" | "sqrt" | "sigmoid" | "softmax" | "logSoftmax" | "stopGradient";
const unary = (op: Unary, x: Node): Node => makeNode(op satisfies Op, [x], {}, x.shape);
export const exp = (x: Node): Node => unary("exp", x);
export const log = (x: Node): Node => unary("log", x);
export const sqrt = (x: Node): Node => unary("sqrt", x);
export const sigmoid = (x: Node): Node => unary("sigmoid", x);
export const softmax = (x: Node): Node => unary("softmax", x);
export const logSoftmax = (x: Node): Node => unary("logSoftmax", x);
export const stopGradient = (x: Node): Node => unary("stopGradient", x);

export interface MatmulOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

export function matmul(a: Node, b: Node, { transA = false, transB = false, alpha = 1 }: MatmulOptions = {}): Node {
  const [rows, inner] = lastTwo(a.shape, transA);
  const [inner2, columns] = lastTwo(b.shape, transB);
  if (inner !== inner2) throw new Error(`matmul: inner sizes ${inner} and ${inner2} differ`);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return makeNode("matmul", [a, b], { transA, transB, alpha }, [...batch, rows, columns]);
}

function lastTwo(shape: Shape, transposed: boolean): [Dim, Dim] {
  if (shape.length < 2) throw new Error(`matmul needs two axes, got (${shape})`);
  const [x, y] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
  return transposed ? [y, x] : [x, y];
}

/** x W^T for a Hugging Face linear weight (out, in), plus an optional bias (out). */
export function linear(x: Node, weight: Node, bias?: Node): Node {
  const product = matmul(x, weight, { transB: true });
  return bias === undefined ? product : add(product, bias);
}

export function sum(x: Node, axes: readonly number[], keep = false): Node {
  const positive = axes.map((axis) => normalAxis(x, axis));
  const shape = x.shape.flatMap((size, axis): Dim[] => (positive.includes(axis) ? (keep ? [1] : []) : [size]));
  return makeNode("sum", [x], { axes: positive, keep }, shape);
}

export function expandLike(x: Node, like: Node): Node {
  broadcastShapes(x.shape, like.shape);
  return makeNode("expandLike", [x, like], {}, like.shape);
}

export function reshape(x: Node, shape: Shape): Node {
  return makeNode("reshape", [x], { shape }, shape, x.dtype);
}

export function transpose(x: Node, perm: readonly number[]): Node {
  return makeNode(
    "transpose",
    [x],
    { perm },
    perm.map((axis) => x.shape[axis]!),
  );
}

export function concat(a: Node, b: Node, axis: number): Node {
  const at = normalAxis(a, axis);
  const shape = a.shape.map((size, i) => (i === at ? addDims(size, b.shape[i]!) : size));
  return makeNode("concat", [a, b], { axis: at }, shape);
}

/** `size` is the length of the result along the axis. */
export function slice(x: Node, axis: number, start: number, end: number | null, size: Dim): Node {
  const at = normalAxis(x, axis);
  return makeNode(
    "slice",
    [x],
    { axis: at, start, end },
    x.shape.map((old, i) => (i === at ? size : old)),
    x.dtype,
  );
}

/** `size` names the length of the result where the sum of symbols would be written otherwise. */
export function pad(x: Node, axis: number, before: Dim, after: Dim, size?: Dim): Node {
  const at = normalAxis(x, axis);
  const shape = x.shape.map((old, i) => (i === at ? (size ?? addDims(addDims(before, old), after)) : old));
  return makeNode("pad", [x], { axis: at, before, after }, shape);
}

export function rmsNorm(x: Node, weight: Node, epsilon: number): Node {
  return makeNode("rmsNorm", [x, weight], { epsilon }, x.shape);
}

export function rmsScale(x: Node, epsilon: number): Node {
  return makeNode("rmsScale", [x], { epsilon }, [...x.shape.slice(0, -1), 1]);
}

/** x (B, T, H*D), positions (B, T) int, cos and sin (P, D/2). */
export function rotary(x: Node, positions: Node, cos: Node, sin: Node, headDim: number, inverse = false): Node {
  return makeNode("rotary", [x, positions, cos, sin], { headDim, inverse }, x.shape);
}

/** Held numbers as float. */
export function cast(x: Node): Node {
  return makeNode("cast", [x], {}, x.shape);
}

/** x (rows, columns) int8, scales (rows) -> float. */
export function dequantize(x: Node, scales: Node): Node {
  if (x.shape.length !== 2 || scales.shape.join() !== String(x.shape[0]))
    throw new Error(`dequantize: (${scales.shape}) scales for (${x.shape})`);
  return makeNode("dequantize", [x, scales], {}, x.shape);
}

/** table (V, C), indices (...) int -> (..., C). */
export function gather(table: Node, indices: Node): Node {
  return makeNode("gather", [table, indices], {}, [...indices.shape, ...table.shape.slice(1)], table.dtype);
}

/** indices (...) int, updates (..., C) -> (rows, C). */
export function scatterAdd(indices: Node, updates: Node, rows: Dim): Node {
  return makeNode("scatterAdd", [indices, updates], { rows }, [rows, updates.shape[updates.shape.length - 1]!]);
}

export function pick(x: Node, indices: Node): Node {
  return makeNode("pick", [x, indices], {}, indices.shape);
}

export function oneHot(indices: Node, depth: number): Node {
  return makeNode("oneHot", [indices], { depth }, [...indices.shape, depth]);
}

function normalAxis(x: Node, axis: number): number {
  const at = axis < 0 ? axis + x.shape.length : axis;
  if (at < 0 || at >= x.shape.length) throw new Error(`axis ${axis} is outside (${x.shape})`);
  return at;
}
