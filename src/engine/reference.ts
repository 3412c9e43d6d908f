import { bindDim, type Graph, type Node, type Op, topologicalOrder } from "../autodiff/graph.ts";
import { widenBfloat16 } from "../model/held.ts";
import { type Program, type Runtime, size, type Value } from "./runtime.ts";

/**
 * The oracle: every operator as the plainest loop that says what it means. Slow on purpose; with `precision: "float64"`
 * it is what gradients are checked against.
 */
export function referenceRuntime(precision: "float32" | "float64" = "float32"): Runtime {
  const allocate = (n: number) => (precision === "float64" ? new Float64Array(n) : new Float32Array(n));
  return {
    name: `reference/${precision}`,
    async compile(graph: Graph): Promise<Program> {
      const order = topologicalOrder(graph.outputs.values());
      return {
        async run(feeds) {
          const symbols = new Map<string, number>();
          const values = new Map<Node, Value>();
          for (const node of order) if (node.op === "input") bindSymbols(node, feeds, symbols);
          for (const node of order) values.set(node, evaluate(node, values, feeds, symbols, allocate));
          return Object.fromEntries([...graph.outputs].map(([name, node]) => [name, values.get(node)!]));
        },
        async release() {},
      };
    },
  };
}

type Allocate = (n: number) => Float32Array | Float64Array;
type Numbers = Float32Array | Float64Array;
interface Dense {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

function bindSymbols(node: Node, feeds: Readonly<Record<string, Value>>, symbols: Map<string, number>): void {
  const name = (node as Node<"input">).attributes.name;
  const value = feeds[name];
  if (value === undefined) throw new Error(`input ${name} was not fed`);
  if (value.shape.length !== node.shape.length)
    throw new Error(`input ${name}: expected shape (${node.shape}), found (${value.shape})`);
  node.shape.forEach((dim, axis) => {
    const found = value.shape[axis]!;
    if (typeof dim === "string" && !/[*+]/.test(dim) && !symbols.has(dim)) symbols.set(dim, found);
    else if (bindDim(dim, symbols) !== found)
      throw new Error(`input ${name}: expected shape (${node.shape}), found (${value.shape})`);
  });
}

function evaluate(
  node: Node,
  values: ReadonlyMap<Node, Value>,
  feeds: Readonly<Record<string, Value>>,
  symbols: ReadonlyMap<string, number>,
  allocate: Allocate,
): Value {
  if (node.op === "input") return feeds[(node as Node<"input">).attributes.name]!;
  const shape = node.shape.map((dim) => bindDim(dim, symbols));
  const inputs = node.inputs.map((parent) => values.get(parent)!);
  const data = allocate(size(shape));
  run(node, inputs, { shape, data });
  return { shape, data };
}

function run<O extends Op>(node: Node<O>, inputs: readonly Value[], out: Dense): void {
  kernels[node.op](node, inputs as readonly Dense[], out);
}

type Kernel<O extends Op> = (node: Node<O>, inputs: readonly Dense[], out: Dense) => void;

const kernels: { readonly [O in Op]: Kernel<O> } = {
  input: () => {},
  constant: ({ attributes }, _, out) => out.data.set(attributes.data),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  min: binary((a, b) => Math.min(a, b)),
  max: binary((a, b) => Math.max(a, b)),
  less: binary((a, b) => (a < b ? 1 : 0)),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  stopGradient: unary((x) => x),
  matmul({ attributes: { transA, transB, alpha } }, [a, b], out) {
    const [m, n] = out.shape.slice(-2) as [number, number];
    const k = a!.shape[a!.shape.length - (transA ? 2 : 1)]!;
    const batch = out.shape.slice(0, -2);
    const [aBatch, bBatch] = [strides(a!.shape.slice(0, -2), batch), strides(b!.shape.slice(0, -2), batch)];
    for (let s = 0; s < size(batch); s++) {
      const aStart = offset(s, batch, aBatch) * m * k;
      const bStart = offset(s, batch, bBatch) * k * n;
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let l = 0; l < k; l++) {
            const x = a!.data[aStart + (transA ? l * m + i : i * k + l)]!;
            total += x * b!.data[bStart + (transB ? j * k + l : l * n + j)]!;
          }
          out.data[(s * m + i) * n + j] = alpha * total;
        }
    }
  },
  sum({ attributes: { axes } }, [x], out) {
    const kept = x!.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    const into = strides(kept, x!.shape);
    for (let i = 0; i < x!.data.length; i++) out.data[offset(i, x!.shape, into)]! += x!.data[i]!;
  },
  expandLike(_, [x], out) {
    const from = strides(x!.shape, out.shape);
    for (let i = 0; i < out.data.length; i++) out.data[i] = x!.data[offset(i, out.shape, from)]!;
  },
  reshape(_, [x], out) {
    if (x!.data.length !== out.data.length) throw new Error(`reshape (${x!.shape}) to (${out.shape})`);
    out.data.set(x!.data);
  },
  transpose({ attributes: { perm } }, [x], out) {
    const plain = strides(x!.shape, x!.shape);
    const from = perm.map((axis) => plain[axis]!);
    for (let i = 0; i < out.data.length; i++) out.data[i] = x!.data[offset(i, out.shape, from)]!;
  },
  concat({ attributes: { axis } }, [a, b], out) {
    const inner = size(a!.shape.slice(axis + 1));
    const [wa, wb] = [a!.shape[axis]! * inner, b!.shape[axis]! * inner];
    for (let row = 0; row < size(a!.shape.slice(0, axis)); row++) {
      out.data.set(a!.data.subarray(row * wa, (row + 1) * wa), row * (wa + wb));
      out.data.set(b!.data.subarray(row * wb, (row + 1) * wb), row * (wa + wb) + wa);
    }
  },
  slice({ attributes: { axis, start } }, [x], out) {
    const inner = size(x!.shape.slice(axis + 1));
    const [from, wide, narrow] = [start < 0 ? start + x!.shape[axis]! : start, x!.shape[axis]!, out.shape[axis]!];
    for (let row = 0; row < size(x!.shape.slice(0, axis)); row++) {
      const begin = (row * wide + from) * inner;
      out.data.set(x!.data.subarray(begin, begin + narrow * inner), row * narrow * inner);
    }
  },
  pad({ attributes: { axis, before } }, [x], out) {
    const inner = size(x!.shape.slice(axis + 1));
    const [narrow, wide] = [x!.shape[axis]!, out.shape[axis]!];
    for (let row = 0; row < size(x!.shape.slice(0, axis)); row++) {
      const data = x!.data.subarray(row * narrow * inner, (row + 1) * narrow * inner);
      out.data.set(data, (row * wide + Number(before)) * inner);
    }
  },
  softmax: rows((row, out) => {
    const top = Math.max(...row);
    let total = 0;
    for (let i = 0; i < row.length; i++) total += Math.exp(row[i]! - top);
    for (let i = 0; i < row.length; i++) out[i] = Math.exp(row[i]! - top) / total;
  }),
  logSoftmax: rows((row, out) => {
    const top = Math.max(...row);
    let total = 0;
    for (let i = 0; i < row.length; i++) total += Math.exp(row[i]! - top);
    for (let i = 0; i < row.length; i++) out[i] = row[i]! - top - Math.log(total);
  }),
  rmsNorm({ attributes: { epsilon } }, [x, weight], out) {
    const width = weight!.data.length;
    for (let start = 0; start < x!.data.length; start += width) {
      const scale = meanSquareScale(x!.data.subarray(start, start + width), epsilon);
      for (let i = 0; i < width; i++) out.data[start + i] = x!.data[start + i]! * scale * weight!.data[i]!;
    }
  },
  rmsScale({ attributes: { epsilon } }, [x], out) {
    const width = x!.shape[x!.shape.length - 1]!;
    for (let row = 0; row < out.data.length; row++)
      out.data[row] = meanSquareScale(x!.data.subarray(row * width, (row + 1) * width), epsilon);
  },
  rotary({ attributes: { headDim, inverse } }, [x, positions, cos, sin], out) {
    const half = headDim / 2;
    const width = x!.shape[2]!;
    for (let token = 0; token < x!.shape[0]! * x!.shape[1]!; token++) {
      const position = Number(positions!.data[token]!);
      for (let head = 0; head < width / headDim; head++)
        for (let i = 0; i < half; i++) {
          const at = token * width + head * headDim + i;
          const c = cos!.data[position * half + i]!;
          const s = sin!.data[position * half + i]! * (inverse ? -1 : 1);
          out.data[at] = x!.data[at]! * c - x!.data[at + half]! * s;
          out.data[at + half] = x!.data[at + half]! * c + x!.data[at]! * s;
        }
    }
  },
  // The oracle reads bfloat16 as what it is, the upper half of a float32.
  cast({ inputs: [x] }, [held], out) {
    if (x!.dtype === "int8") return out.data.set(held!.data);
    const values = new Float32Array(out.data.length);
    widenBfloat16(held!.data as unknown as Uint16Array, values);
    out.data.set(values);
  },
  dequantize(_, [x, scales], out) {
    const width = out.shape[1]!;
    for (let i = 0; i < out.data.length; i++) out.data[i] = x!.data[i]! * scales!.data[Math.floor(i / width)]!;
  },
  gather(_, [table, indices], out) {
    const width = size(table!.shape.slice(1));
    for (let i = 0; i < indices!.data.length; i++) {
      const row = Number(indices!.data[i]!);
      out.data.set(table!.data.subarray(row * width, (row + 1) * width), i * width);
    }
  },
  scatterAdd(_, [indices, updates], out) {
    const width = out.shape[1]!;
    for (let i = 0; i < indices!.data.length; i++) {
      const row = Number(indices!.data[i]!);
      for (let j = 0; j < width; j++) out.data[row * width + j]! += updates!.data[i * width + j]!;
    }
  },
  pick(_, [x, indices], out) {
    const width = x!.shape[x!.shape.length - 1]!;
    for (let i = 0; i < out.data.length; i++) out.data[i] = x!.data[i * width + Number(indices!.data[i]!)]!;
  },
  oneHot({ attributes: { depth } }, [indices], out) {
    for (let i = 0; i < indices!.data.length; i++) out.data[i * depth + Number(indices!.data[i]!)] = 1;
  },
};

function unary(f: (x: number) => number): Kernel<Op> {
  return (_, [x], out) => {
    for (let i = 0; i < out.data.length; i++) out.data[i] = f(x!.data[i]!);
  };
}

function binary(f: (a: number, b: number) => number): Kernel<Op> {
  return (_, [a, b], out) => {
    const [sa, sb] = [strides(a!.shape, out.shape), strides(b!.shape, out.shape)];
    for (let i = 0; i < out.data.length; i++)
      out.data[i] = f(a!.data[offset(i, out.shape, sa)]!, b!.data[offset(i, out.shape, sb)]!);
  };
}

function rows(f: (row: Numbers, out: Numbers) => void): Kernel<Op> {
  return (_, [x], out) => {
    const width = x!.shape[x!.shape.length - 1]!;
    for (let start = 0; start < x!.data.length; start += width)
      f(x!.data.subarray(start, start + width), out.data.subarray(start, start + width));
  };
}

function meanSquareScale(row: Numbers, epsilon: number): number {
  let total = 0;
  for (const x of row) total += x * x;
  return 1 / Math.sqrt(total / row.length + epsilon);
}

/** Strides of `shape` seen through the broader shape `through`: 0 along broadcast axes. */
function strides(shape: readonly number[], through: readonly number[]): number[] {
  const result = new Array<number>(through.length).fill(0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1) result[axis + through.length - shape.length] = stride;
    stride *= shape[axis]!;
  }
  return result;
}

function offset(index: number, shape: readonly number[], steps: readonly number[]): number {
  let [rest, at] = [index, 0];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at += (rest % shape[axis]!) * steps[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return at;
}
