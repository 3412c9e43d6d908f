import assert from "node:assert/strict";
import { test } from "node:test";
import { referenceRuntime } from "../engine/reference.ts";
import type { Value } from "../engine/runtime.ts";
import { type Random, random } from "../random.ts";
import { gradients, operators } from "./gradients.ts";
import type { Node, Op } from "./graph.ts";
import * as ops from "./ops.ts";

/**
 * Every gradient rule against central finite differences in double precision, on random shapes, broadcasting included.
 * Inputs stay away from kinks and poles by `range`.
 */
interface Case {
  readonly build: (inputs: readonly Node[], stream: Random) => Node;
  readonly shapes: (stream: Random) => number[][];
  readonly range?: readonly [number, number];
}

const broadcastPair = (stream: Random): number[][] => {
  const [a, b, c] = [stream.int(1, 3), stream.int(2, 4), stream.int(2, 3)];
  return stream.pick([
    [
      [a, b, c],
      [a, b, c],
    ],
    [
      [a, b, c],
      [b, c],
    ],
    [
      [b, c],
      [a, b, 1],
    ],
    [
      [a, 1, c],
      [b, 1],
    ],
    [[c], [a, b, c]],
    [[], [b, c]],
  ]);
};
const sizes = (stream: Random): [number, number, number] => [stream.int(1, 3), stream.int(1, 4), stream.int(2, 5)];
const wide = (stream: Random): number[][] => [[stream.int(1, 5), stream.int(4, 7)]];
const size = (node: Node, axis: number): number => node.shape[axis] as number;
const one = (stream: Random): number[][] => [sizes(stream)];

type Differentiable = Exclude<Op, "input" | "constant" | "oneHot" | "less" | "stopGradient" | "cast" | "dequantize">;
const cases: { readonly [O in Differentiable]: Case[] } = {
  add: [{ shapes: broadcastPair, build: ([a, b]) => ops.add(a!, b!) }],
  sub: [{ shapes: broadcastPair, build: ([a, b]) => ops.sub(a!, b!) }],
  mul: [{ shapes: broadcastPair, build: ([a, b]) => ops.mul(a!, b!) }],
  div: [{ shapes: broadcastPair, build: ([a, b]) => ops.div(a!, b!), range: [0.5, 2] }],
  min: [{ shapes: broadcastPair, build: ([a, b]) => ops.min(a!, ops.mul(b!, 1.7)) }],
  max: [{ shapes: broadcastPair, build: ([a, b]) => ops.max(a!, ops.mul(b!, 1.7)) }],
  exp: [{ shapes: one, build: ([x]) => ops.exp(x!) }],
  log: [{ shapes: one, build: ([x]) => ops.log(x!), range: [0.5, 2] }],
  sqrt: [{ shapes: one, build: ([x]) => ops.sqrt(x!), range: [0.5, 2] }],
  sigmoid: [{ shapes: one, build: ([x]) => ops.sigmoid(x!) }],
  softmax: [{ shapes: one, build: ([x]) => ops.softmax(x!) }],
  logSoftmax: [{ shapes: one, build: ([x]) => ops.logSoftmax(x!) }],
  matmul: [false, true].flatMap((transA) =>
    [false, true].flatMap((transB) =>
      ["2d", "batch", "broadcast", "flat"].map((kind): Case => {
        return {
          shapes: (stream) => {
            const [m, k, n, b, c] = [stream.int(1, 4), stream.int(1, 4), stream.int(1, 4), 2, 3];
            const x = transA ? [k, m] : [m, k];
            const y = transB ? [n, k] : [k, n];
            if (kind === "2d") return [x, y];
            if (kind === "batch")
              return [
                [b, c, ...x],
                [b, c, ...y],
              ];
            if (kind === "broadcast")
              return [
                [b, c, ...x],
                [b, 1, ...y],
              ];
            return [[b, ...x], y];
          },
          build: ([x, y]) => ops.matmul(x!, y!, { transA, transB, alpha: 0.7 }),
        };
      }),
    ),
  ),
  sum: [
    { shapes: one, build: ([x]) => ops.mul(ops.sum(x!, [1], true), x!) },
    { shapes: one, build: ([x]) => ops.exp(ops.sum(x!, [0, 2])) },
  ],
  expandLike: [
    {
      shapes: (stream) => {
        const [a, b, c] = sizes(stream);
        return [
          [1, c],
          [a, b, c],
        ];
      },
      build: ([x, like]) => ops.add(ops.expandLike(x!, like!), ops.mul(like!, like!)),
    },
  ],
  reshape: [
    {
      shapes: (stream) => [[2, 3 * stream.int(1, 3)]],
      build: ([x]) => ops.exp(ops.reshape(x!, [3, (2 * size(x!, 1)) / 3])),
    },
  ],
  transpose: [{ shapes: one, build: ([x], stream) => ops.exp(ops.transpose(x!, stream.shuffle([0, 1, 2]))) }],
  concat: [
    {
      shapes: (stream) => {
        const [a, b, c] = sizes(stream);
        return [
          [a, b, c],
          [a, stream.int(1, 3), c],
        ];
      },
      build: ([a, b]) => ops.exp(ops.concat(a!, b!, 1)),
    },
  ],
  slice: [
    { shapes: wide, build: ([x]) => ops.exp(ops.slice(x!, 1, 1, 3, 2)) },
    { shapes: wide, build: ([x]) => ops.exp(ops.slice(x!, 1, -2, null, 2)) },
    { shapes: wide, build: ([x]) => ops.exp(ops.slice(x!, 1, 0, -2, size(x!, 1) - 2)) },
  ],
  pad: [{ shapes: wide, build: ([x], stream) => ops.exp(ops.pad(x!, 1, stream.int(0, 2), stream.int(0, 2))) }],
  rmsNorm: [{ shapes: (stream) => [[2, stream.int(1, 3), 5], [5]], build: ([x, w]) => ops.rmsNorm(x!, w!, 1e-3) }],
  rmsScale: [{ shapes: one, build: ([x]) => ops.rmsScale(x!, 1e-3) }],
  rotary: [
    {
      shapes: (stream) => [[stream.int(1, 3), stream.int(1, 4), 8]],
      build: ([x], stream) => {
        const table = () =>
          ops.constant({ shape: [5, 2], data: Float32Array.from({ length: 10 }, () => stream.next()) });
        return ops.rotary(x!, indices([size(x!, 0), size(x!, 1)], 5, stream), table(), table(), 4);
      },
    },
  ],
  gather: [
    {
      shapes: wide,
      build: ([x], stream) => ops.exp(ops.gather(x!, indices([2, stream.int(1, 5)], size(x!, 0), stream))),
    },
  ],
  scatterAdd: [
    { shapes: wide, build: ([x], stream) => ops.exp(ops.scatterAdd(indices([size(x!, 0)], 4, stream), x!, 4)) },
  ],
  pick: [
    {
      shapes: one,
      build: ([x], stream) => ops.exp(ops.pick(x!, indices([size(x!, 0), size(x!, 1)], size(x!, 2), stream))),
    },
  ],
};

/** Integer constants reach the kernels as floats; the reference runtime reads them all the same. */
function indices(shape: number[], limit: number, stream: Random): Node {
  const n = shape.reduce((product, size) => product * size, 1);
  return ops.constant({ shape, data: Float32Array.from({ length: n }, () => stream.int(0, limit - 1)) });
}

for (const [op, list] of Object.entries(cases))
  test(`gradient of ${op}`, async () => {
    for (const [i, { build, shapes, range }] of list.entries())
      for (let trial = 0; trial < 4; trial++) {
        const stream = random("gradient", op, i, trial);
        await checkGradient((inputs) => build(inputs, stream), shapes(stream), range ?? [-1.5, 1.5], stream);
      }
  });

test("less, oneHot and stopGradient let no gradient through", async () => {
  const x = ops.input("x", [3]);
  const loss = ops.sum(ops.add(ops.mul(ops.less(x, 0.5), ops.stopGradient(x)), ops.mul(x, 2)), [0]);
  const [dx] = gradients(loss, [x]);
  const program = await referenceRuntime("float64").compile({ outputs: new Map([["dx", dx!]]) });
  const { dx: value } = await program.run({ x: { shape: [3], data: Float64Array.of(0.1, 0.7, 0.3) } });
  assert.deepEqual([...value!.data], [2, 2, 2]);
});

test("a gradient goes past held weights, as if they had been floats all along", async () => {
  const x = ops.input("x", [2, 3]);
  const [eighths, halves] = [ops.input("eighths", [2, 3], "int8"), ops.input("halves", [2, 3], "bfloat16")];
  const weight = ops.add(ops.dequantize(eighths, ops.input("scales", [2])), ops.cast(halves));
  const loss = ops.sum(ops.mul(ops.linear(x, weight), ops.linear(x, weight)), [0, 1]);
  const [dx] = gradients(loss, [x]);
  const plain = ops.input("plain", [2, 3]);
  const [expected] = gradients(ops.sum(ops.mul(ops.linear(x, plain), ops.linear(x, plain)), [0, 1]), [x]);
  const outputs = new Map([
    ["dx", dx!],
    ["expected", expected!],
  ]);
  const program = await referenceRuntime("float64").compile({ outputs });
  const out = await program.run({
    x: { shape: [2, 3], data: Float64Array.of(0.1, 0.7, 0.3, -1, 0.4, 2) },
    eighths: { shape: [2, 3], data: Int8Array.of(8, -16, 127, 1, 0, -127) },
    scales: { shape: [2], data: Float64Array.of(1 / 8, 1 / 4) },
    // 1, -2, 0.5 twice: the upper halves of their float32.
    halves: { shape: [2, 3], data: Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x3f80, 0xc000, 0x3f00) },
    plain: { shape: [2, 3], data: Float64Array.of(2, -4, 16.375, 1.25, -2, -31.25) },
  });
  assert.deepEqual(out.dx, out.expected);
});

test("every operator is covered", () => {
  const without = ["input", "constant", "less", "oneHot", "stopGradient", "cast", "dequantize"];
  const covered = new Set([...Object.keys(cases), ...without]);
  assert.deepEqual(
    operators.filter((op) => !covered.has(op)),
    [],
  );
});

async function checkGradient(
  build: (inputs: readonly Node[]) => Node,
  shapes: readonly (readonly number[])[],
  [low, high]: readonly [number, number],
  stream: Random,
): Promise<void> {
  const nodes = shapes.map((shape, i) => ops.input(`x${i}`, shape));
  const output = build(nodes);
  const n = output.shape.reduce<number>((product, dim) => product * Number(dim), 1);
  const mixing = Float32Array.from({ length: n }, () => stream.normal());
  const weighted = ops.mul(output, ops.constant({ shape: output.shape as number[], data: mixing }));
  const loss = ops.sum(
    weighted,
    weighted.shape.map((_, axis) => axis),
  );
  const outputs = new Map([["loss", loss]]);
  for (const [i, gradient] of gradients(loss, nodes).entries()) outputs.set(`g${i}`, gradient);
  const program = await referenceRuntime("float64").compile({ outputs });
  const values = shapes.map((shape): Value & { data: Float64Array } => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => low + (high - low) * stream.next()),
  }));
  const feeds = Object.fromEntries(values.map((value, i) => [`x${i}`, value]));
  const analytic = await program.run(feeds);
  const h = 1e-5;
  for (const [i, value] of values.entries()) {
    assert.deepEqual(analytic[`g${i}`]!.shape, value.shape);
    for (let j = 0; j < value.data.length; j++) {
      const kept = value.data[j]!;
      value.data[j] = kept + h;
      const above = Number((await program.run(feeds)).loss!.data[0]);
      value.data[j] = kept - h;
      const below = Number((await program.run(feeds)).loss!.data[0]);
      value.data[j] = kept;
      const numeric = (above - below) / (2 * h);
      const found = Number(analytic[`g${i}`]!.data[j]);
      assert.ok(
        Math.abs(found - numeric) < 1e-6 * Math.max(1, Math.abs(numeric)),
        `x${i}[${j}]: ${found} against ${numeric}`,
      );
    }
  }
}
