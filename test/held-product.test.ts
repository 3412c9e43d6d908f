import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Node } from "../src/autodiff/graph.ts";
import * as ops from "../src/autodiff/ops.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { referenceRuntime } from "../src/engine/reference.ts";
import type { Value } from "../src/engine/runtime.ts";
import { hold } from "../src/model/held.ts";
import { heldInput, heldProduct, scalesName } from "../src/model/parameter-inputs.ts";
import { random } from "../src/random.ts";
import { distance } from "./tiny-model.ts";

const [N, V, C] = [3, 21, 4];
const runtimes = [referenceRuntime(), await onnxRuntime()];

describe("a product with a held matrix, some rows at a time", () => {
  for (const runtime of runtimes)
    for (const dtype of ["bfloat16", "int8"] as const)
      test(`${runtime.name}, ${dtype}`, async () => {
        const stream = random(1, dtype);
        const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => stream.normal());
        const matrix = hold({ shape: [V, C], data: draw(V * C) }, dtype);
        const input = heldInput("w", [V, C], dtype);
        const x = ops.input("x", ["N", C]);
        const rowsAtOnce = 4; // of 21: slices of 2 and 3 rows
        const sliced = heldProduct(x, input, 4 * C * rowsAtOnce);
        const program = await runtime.compile({
          outputs: new Map([
            ["sliced", sliced],
            ["whole", ops.linear(x, input.float)],
          ]),
        });
        const scales = "scales" in matrix && { [scalesName("w")]: { shape: [V], data: matrix.scales } };
        const out = await program.run({
          x: { shape: [N, C], data: draw(N * C) },
          w: { shape: [V, C], data: matrix.data },
          ...scales,
        });
        assert.equal(countOf("concat", sliced), 7);
        assert.deepEqual(out.sliced!.shape, [N, V]);
        assert.ok(distance(numbers(out.sliced!), numbers(out.whole!)) < 1e-5);
        await program.release();
      });
});

function countOf(op: string, node: Node): number {
  return Number(node.op === op) + node.inputs.reduce((sum, input) => sum + countOf(op, input), 0);
}

const numbers = ({ data }: Value): number[] => Array.from(data, Number);
