import { type Attributes, type Dim, multiplyDims, type Node, type Op, type Shape, topologicalOrder } from "./graph.ts";
import * as ops from "./ops.ts";

/**
 * Reverse mode as a graph-to-graph transformation: the gradient of a graph is more graph, run by the same engine.
 */

/** Gradients of a node's inputs given the gradient of its output; null where none flows. */
type Rule<O extends Op> = (node: Node<O>, gradient: Node) => readonly (Node | null)[];

/** The rule of every operator; a new operator without one does not compile. */
const rules: { readonly [O in Op]: Rule<O> } = {
  input: () => [],
  constant: () => [],
  add: ({ inputs: [a, b] }, g) => [unbroadcast(g, a!.shape), unbroadcast(g, b!.shape)],
  sub: ({ inputs: [a, b] }, g) => [unbroadcast(g, a!.shape), unbroadcast(ops.mul(g, -1), b!.shape)],
  mul: ({ inputs: [a, b] }, g) => [unbroadcast(ops.mul(g, b!), a!.shape), unbroadcast(ops.mul(g, a!), b!.shape)],
  div: (node, g) => {
    const [a, b] = node.inputs;
    const scaled = ops.div(g, b!);
    return [unbroadcast(scaled, a!.shape), unbroadcast(ops.mul(ops.mul(scaled, node), -1), b!.shape)];
  },
  // At a tie the whole gradient goes to b, so that min(rho A, clip(rho) A) keeps the unclipped branch as second operand.
  min: ({ inputs: [a, b] }, g) => choose(g, a!, b!, ops.less(a!, b!)),
  max: ({ inputs: [a, b] }, g) => choose(g, a!, b!, ops.less(b!, a!)),
  exp: (node, g) => [ops.mul(g, node)],
  log: ({ inputs: [x] }, g) => [ops.div(g, x!)],
  sqrt: (node, g) => [ops.div(ops.mul(g, 0.5), node)],
  sigmoid: (node, g) => [ops.mul(g, ops.mul(node, ops.sub(1, node)))],
  less: () => [null, null],
  matmul: matmulRule,
  sum: ({ inputs: [x], attributes: { axes, keep } }, g) => {
    const kept = keep
      ? g
      : ops.reshape(
          g,
          x!.shape.map((size, axis): Dim => (axes.includes(axis) ? 1 : size)),
        );
    return [ops.expandLike(kept, x!)];
  },
  expandLike: ({ inputs: [x] }, g) => [unbroadcast(g, x!.shape), null],
  reshape: ({ inputs: [x] }, g) => [ops.reshape(g, x!.shape)],
  transpose: ({ attributes: { perm } }, g) => {
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [ops.transpose(g, inverse)];
  },
  concat: ({ inputs: [a, b], attributes: { axis } }, g) => {
    const [first, second] = [a!.shape[axis]!, b!.shape[axis]!];
    if (typeof second !== "number") throw new Error("concat: the second operand's size must be a number");
    return [ops.slice(g, axis, 0, -second, first), ops.slice(g, axis, -second, null, second)];
  },
  slice: ({ inputs: [x], attributes: { axis, start, end } }, g) => {
    const size = x!.shape[axis]!;
    if (typeof size === "number") {
      const from = start < 0 ? start + size : start;
      const to = end === null ? size : end < 0 ? end + size : end;
      return [ops.pad(g, axis, from, size - to)];
    }
    if (start === 0 && end !== null && end < 0) return [ops.pad(g, axis, 0, -end, size)];
    throw new Error(`slice of a symbolic axis: no gradient for [${start}, ${end})`);
  },
  pad: ({ inputs: [x], attributes: { axis, before, after } }, g) => {
    if (typeof before !== "number" || typeof after !== "number") throw new Error("pad: amounts must be numbers");
    return [ops.slice(g, axis, before, after === 0 ? null : -after, x!.shape[axis]!)];
  },
  softmax: (node, g) => {
    const weighted = ops.mul(g, node);
    return [ops.sub(weighted, ops.mul(node, ops.sum(weighted, [-1], true)))];
  },
  logSoftmax: ({ inputs: [x] }, g) => [ops.sub(g, ops.mul(ops.softmax(x!), ops.sum(g, [-1], true)))],
  rmsNorm: ({ inputs: [x, weight], attributes: { epsilon } }, g) => {
    // y = x s w with s = rmsScale(x): dx = s (g w) - x s^3 mean(g w x), dw = sum g x s
    const width = x!.shape[x!.shape.length - 1]!;
    if (typeof width !== "number") throw new Error("rmsNorm: the last axis must be a number");
    const scale = ops.rmsScale(x!, epsilon);
    const gw = ops.mul(g, weight!);
    const scaled = ops.mul(x!, scale);
    const mean = ops.mul(ops.sum(ops.mul(gw, scaled), [-1], true), 1 / width);
    const dx = ops.mul(ops.sub(gw, ops.mul(scaled, mean)), scale);
    return [dx, unbroadcast(ops.mul(g, scaled), weight!.shape)];
  },
  rmsScale: (node, g) => {
    const x = node.inputs[0]!;
    const width = x.shape[x.shape.length - 1]!;
    if (typeof width !== "number") throw new Error("rmsScale: the last axis must be a number");
    return [ops.mul(x, ops.mul(ops.mul(g, ops.mul(ops.mul(node, node), node)), -1 / width))];
  },
  rotary: ({ inputs: [, positions, cos, sin], attributes: { headDim, inverse } }, g) => [
    ops.rotary(g, positions!, cos!, sin!, headDim, !inverse),
    null,
    null,
    null,
  ],
  cast: () => [null],
  dequantize: () => [null, null],
  gather: ({ inputs: [table, indices] }, g) => [ops.scatterAdd(indices!, g, table!.shape[0]!), null],
  scatterAdd: ({ inputs: [indices] }, g) => [null, ops.gather(g, indices!)],
  pick: ({ inputs: [x, indices] }, g) => {
    const depth = x!.shape[x!.shape.length - 1]!;
    if (typeof depth !== "number") throw new Error("pick: the last axis must be a number");
    return [ops.mul(ops.oneHot(indices!, depth), ops.reshape(g, [...g.shape, 1])), null];
  },
  oneHot: () => [null],
  stopGradient: () => [null],
};

function matmulRule(node: Node<"matmul">, g: Node): readonly Node[] {
  const [a, b] = node.inputs as [Node, Node];
  const { transA, transB, alpha } = node.attributes;
  const da = transA
    ? ops.matmul(b, g, { transA: transB, transB: true, alpha })
    : ops.matmul(g, b, { transB: !transB, alpha });
  let db: Node;
  if (b.shape.length === 2 && a.shape.length > 2 && !transA) {
    // One large product over all leading axes instead of a batch of small ones and a sum.
    const [flatA, flatG] = [flatten(a), flatten(g)];
    db = transB ? ops.matmul(flatG, flatA, { transA: true, alpha }) : ops.matmul(flatA, flatG, { transA: true, alpha });
  } else {
    db = transB
      ? ops.matmul(g, a, { transA: true, transB: transA, alpha })
      : ops.matmul(a, g, { transA: !transA, alpha });
  }
  return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)];
}

/** (..., C) -> (product of the rest, C). */
function flatten(x: Node): Node {
  const rows = x.shape.slice(0, -1).reduce<Dim>(multiplyDims, 1);
  return ops.reshape(x, [rows, x.shape[x.shape.length - 1]!]);
}

function choose(g: Node, a: Node, b: Node, takeA: Node): readonly Node[] {
  const toA = ops.mul(g, takeA);
  return [unbroadcast(toA, a.shape), unbroadcast(ops.sub(g, toA), b.shape)];
}

/** Sums a gradient over the axes along which its operand was broadcast. */
function unbroadcast(gradient: Node, shape: Shape): Node {
  const extra = gradient.shape.length - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < gradient.shape.length; axis++)
    if (axis < extra || (shape[axis - extra] === 1 && gradient.shape[axis] !== 1)) axes.push(axis);
  if (axes.length === 0) return gradient;
  const summed = ops.sum(gradient, axes, true);
  return extra > 0 ? ops.reshape(summed, shape) : summed;
}

/** d loss / d each of `targets`. `loss` is a scalar node; a target that it does not depend on is an error. */
export function gradients(loss: Node, targets: readonly Node[]): Node[] {
  if (loss.shape.length !== 0) throw new Error(`the loss must be a scalar, got (${loss.shape})`);
  const order = topologicalOrder([loss]);
  const needed = new Set<Node>(targets);
  for (const node of order) if (node.inputs.some((parent) => needed.has(parent))) needed.add(node);
  const total = new Map<Node, Node>([[loss, ops.constant(1)]]);
  for (const node of order.reverse()) {
    const gradient = total.get(node);
    if (gradient === undefined || !needed.has(node)) continue;
    const parts = backward(node, gradient);
    node.inputs.forEach((parent, i) => {
      const part = parts[i];
      if (part === null || part === undefined || !needed.has(parent)) return;
      const sofar = total.get(parent);
      total.set(parent, sofar === undefined ? part : ops.add(sofar, part));
    });
  }
  return targets.map((target) => {
    const gradient = total.get(target);
    if (gradient === undefined) throw new Error(`the loss does not depend on ${describe(target)}`);
    return gradient;
  });
}

function backward<O extends Op>(node: Node<O>, gradient: Node): readonly (Node | null)[] {
  return rules[node.op](node, gradient);
}

function describe(node: Node): string {
  return node.op === "input" ? (node.attributes as Attributes["input"]).name : `${node.op} (${node.shape})`;
}

/** All operators, for tests that must cover each. */
export const operators = Object.keys(rules) as Op[];
