import { bindDim, type DType, type Graph, type Node, topologicalOrder } from "../autodiff/graph.ts";

/** What running a graph once takes, counted from its operators; nothing is computed. */
export interface GraphCost {
  /** Of matrix products; a multiply-add counts two. */
  readonly flops: number;
  /** The largest number of bytes that inner results take at one time, outputs included; fed arrays are not in it. */
  readonly peakBytes: number;
  readonly outputBytes: number;
}

const elementBytes: Readonly<Record<DType, number>> = { float: 4, int: 8, bool: 1, bfloat16: 2, int8: 1 };

/** Operators that name an array anew instead of writing one. */
const aliases: ReadonlySet<string> = new Set(["reshape", "stopGradient"]);
/** Operators that may write over an operand which nobody reads any more. */
const inPlace: ReadonlySet<string> = new Set([
  ...["add", "sub", "mul", "div", "min", "max", "exp", "log", "sqrt", "sigmoid", "softmax", "logSoftmax"],
]);

/** `symbols` gives the graph's sizes: B, T, N and so on. */
export function graphCost(graph: Graph, symbols: Readonly<Record<string, number>>): GraphCost {
  const bound = new Map(Object.entries(symbols));
  const order = topologicalOrder(graph.outputs.values());
  const outputs = new Set(graph.outputs.values());
  const sizeOf = ({ shape, dtype }: Node): number =>
    shape.reduce((bytes: number, dim) => bytes * bindDim(dim, bound), elementBytes[dtype]);
  const lastUse = new Map<Node, number>();
  for (const [at, node] of order.entries()) for (const input of node.inputs) lastUse.set(input, at);
  /** How many nodes still stand for each buffer, and its bytes. */
  const bufferOf = new Map<Node, { bytes: number; users: number }>();
  let [flops, live, peakBytes, outputBytes] = [0, 0, 0, 0];
  for (const [at, node] of order.entries()) {
    if (node.op === "input" || node.op === "constant") continue;
    if (node.op === "matmul") flops += productFlops(node as Node<"matmul">, bound);
    const bytes = sizeOf(node);
    const dying = node.inputs.filter((input, i) => lastUse.get(input) === at && node.inputs.indexOf(input) === i);
    const mine = node.inputs.map((input) => bufferOf.get(input));
    const taken = aliases.has(node.op)
      ? mine[0]
      : inPlace.has(node.op)
        ? dying
            .filter((input) => !outputs.has(input))
            .map((input) => bufferOf.get(input))
            .find((buffer) => buffer !== undefined && buffer.users === 1 && buffer.bytes === bytes)
        : undefined;
    const buffer = taken ?? { bytes: aliases.has(node.op) ? 0 : bytes, users: 0 };
    if (taken === undefined) live += buffer.bytes;
    buffer.users++;
    bufferOf.set(node, buffer);
    // A bfloat16 comes in as the uint16 it is, and is copied to a tensor of its own type first.
    const bits = node.op === "cast" && node.inputs[0]!.dtype === "bfloat16" ? bytes / 2 : 0;
    peakBytes = Math.max(peakBytes, live + bits);
    if (outputs.has(node)) {
      buffer.users++; // until the end
      outputBytes += bytes;
    }
    for (const input of dying) {
      const freed = bufferOf.get(input);
      if (freed !== undefined && --freed.users === 0) live -= freed.bytes;
    }
  }
  return { flops, peakBytes, outputBytes };
}

function productFlops(
  { inputs: [a], attributes: { transA }, shape }: Node<"matmul">,
  bound: ReadonlyMap<string, number>,
) {
  const inner = bindDim(a!.shape[a!.shape.length - (transA ? 2 : 1)]!, bound);
  return 2 * inner * shape.reduce((product: number, dim) => product * bindDim(dim, bound), 1);
}
