import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refuses } from "../../test/tiny-model.ts";
import { encodeFloats } from "./encode-floats.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { safetensorsHeader } from "./safetensors-header.ts";

const halves = (values: readonly number[], dtype: "float16" | "bfloat16"): number[] => {
  const bytes = encodeFloats(Float32Array.from(values), dtype, "x");
  return [...new Uint16Array(bytes.buffer, bytes.byteOffset, values.length)];
};

describe("encodeFloats", () => {
  it("float16 of known values", () => {
    // IEEE 754 binary16: one, minus two, the largest, the smallest normal, the largest and smallest subnormal, zeros.
    const known: [number, number][] = [
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [2 ** -14, 0x0400],
      [1023 * 2 ** -24, 0x03ff],
      [2 ** -24, 0x0001],
      [0, 0],
      [-0, 0x8000],
      [Number.POSITIVE_INFINITY, 0x7c00],
      [Number.NEGATIVE_INFINITY, 0xfc00],
      [1 / 3, 0x3555],
    ];
    assert.deepEqual(
      halves(
        known.map(([value]) => value),
        "float16",
      ),
      known.map(([, bits]) => bits),
    );
    assert.equal(halves([Number.NaN], "float16")[0]! & 0x7fff, 0x7e00);
  });

  it("float16 rounds to the nearest, ties to even, in every range", () => {
    const ulp = 2 ** -10;
    assert.deepEqual(
      halves([1 + ulp / 2, 1 + (3 * ulp) / 2, 1 + ulp / 2 + 2 ** -20], "float16"),
      [0x3c00, 0x3c02, 0x3c01],
    );
    assert.deepEqual(halves([2 ** -25, 3 * 2 ** -25, 2 ** -25 * (1 + 2 ** -20), 2 ** -26], "float16"), [0, 2, 1, 0]);
    // Up into the next exponent, and from the subnormals into the normals.
    assert.deepEqual(halves([2 - ulp / 4, 2 ** -14 - 2 ** -26, 65519], "float16"), [0x4000, 0x0400, 0x7bff]);
  });

  it("every float16 survives a round trip through our reader", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    const file = (bits: Uint16Array): Uint8Array =>
      Buffer.concat([safetensorsHeader([{ name: "x", shape: [bits.length] }], "float16"), new Uint8Array(bits.buffer)]);
    const values = decodeSafetensors(file(all), "x").tensors.get("x")!.data;
    assert.deepEqual(halves([...values], "float16"), [...all]);
  });

  it("refuses what float16 cannot hold, and leaves float32 as it is", () => {
    assert.throws(() => halves([1, -65520], "float16"), refuses("EXPORT_RANGE", "tensor x", "-65520", "bfloat16"));
    assert.deepEqual(halves([3.4e38], "bfloat16"), [0x7f80]);
    const values = Float32Array.of(1, 2);
    const bytes = encodeFloats(values, "float32", "x");
    assert.equal(bytes.buffer, values.buffer);
  });
});
