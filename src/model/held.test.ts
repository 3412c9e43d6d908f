import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { random } from "../random.ts";
import { emptyHeld, heldBytes, hold, holdAt, unhold } from "./held.ts";

function matrix(rows: number, columns: number, seed = 1): { shape: number[]; data: Float32Array } {
  const stream = random(seed, "held");
  return { shape: [rows, columns], data: Float32Array.from({ length: rows * columns }, () => stream.normal()) };
}

describe("held weights", () => {
  it("bfloat16 rounds to the nearest, ties to even", () => {
    // 1 + 2^-8 lies between 1 and 1 + 2^-7: even is 1. 1 + 3 * 2^-8 lies between 1 + 2^-7 and 1 + 2^-6: even is the latter.
    const data = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -3.4e38, Infinity, NaN, -0);
    const values = unhold(hold({ shape: [2, 4], data }, "bfloat16"));
    assert.deepEqual([...values], [1, 1, 1 + 2 ** -6, 1 + 2 ** -7, -Infinity, Infinity, NaN, -0].map(Math.fround));
    const nan = new Float32Array(Uint32Array.of(0x7fffffff, 0xffffffff).buffer);
    assert.ok(unhold(hold({ shape: [1, 2], data: nan }, "bfloat16")).every(Number.isNaN));
  });

  it("bfloat16 is within 2^-8 of each value, int8 within half a step of its row", () => {
    const tensor = matrix(7, 33);
    const brain = unhold(hold(tensor, "bfloat16"));
    for (const [i, value] of tensor.data.entries())
      assert.ok(Math.abs(brain[i]! - value) <= 2 ** -8 * Math.abs(value), `${brain[i]} for ${value}`);
    const held = hold(tensor, "int8");
    assert.ok(held.dtype === "int8");
    const values = unhold(held);
    for (let row = 0; row < 7; row++) {
      const of = tensor.data.subarray(row * 33, row * 33 + 33);
      assert.equal(held.scales[row], Math.fround(Math.max(...of.map(Math.abs)) / 127));
      for (let i = 0; i < 33; i++)
        assert.ok(Math.abs(values[row * 33 + i]! - of[i]!) <= 0.5001 * held.scales[row]!, `row ${row}`);
    }
  });

  it("rows of zeros, of the smallest numbers and of numbers that aren't finite", () => {
    const data = Float32Array.of(0, -0, 1e-45, -2e-43, Infinity, 1, NaN, 1);
    const values = unhold(hold({ shape: [4, 2], data }, "int8"));
    assert.deepEqual([...values.subarray(0, 2)], [0, 0]);
    assert.ok(Math.abs(values[3]! + 2e-43) < 1e-43);
    assert.ok(values.subarray(4).every((value) => !Number.isFinite(value)));
  });

  it("vectors and float32 keep their values, without a copy", () => {
    const vector = { shape: [3], data: Float32Array.of(1.001, 2, 3) };
    for (const dtype of ["float32", "bfloat16", "int8"] as const) {
      const held = hold(vector, dtype);
      assert.equal(held.dtype, "float32");
      assert.equal(unhold(held), vector.data);
    }
    const whole = matrix(2, 2);
    assert.equal(unhold(hold(whole, "float32")), whole.data);
    assert.equal(unhold(hold({ shape: [], data: Float32Array.of(5) }, "int8"))[0], 5);
  });

  it("in pieces is as at once, and takes a half or a quarter of the bytes", () => {
    const tensor = matrix(9, 16);
    for (const dtype of ["float32", "bfloat16", "int8"] as const) {
      const held = emptyHeld(tensor.shape, dtype);
      for (let row = 0; row < 9; row += 4)
        holdAt(held, row * 16, tensor.data.subarray(row * 16, Math.min(row + 4, 9) * 16));
      assert.deepEqual(held, hold(tensor, dtype));
      assert.equal(heldBytes(held), { float32: 576, bfloat16: 288, int8: 144 + 36 }[dtype]);
    }
    assert.equal(unhold(hold({ shape: [0, 4], data: new Float32Array(0) }, "int8")).length, 0);
  });
});
