import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../test/imports.ts";
import { refuses } from "../../test/tiny-model.ts";
import { dequantise } from "./dequantise.ts";
import { encodeValues } from "./quantise.ts";
import { ggufTypes } from "./types.ts";

/** Made by ggml's Python package: scripts/fixtures/gguf-types.py. */
const fixture = JSON.parse(readFileSync(join(root, "test/fixtures/gguf/types.json"), "utf8")) as {
  types: Record<string, { blocks: string; values: string }>;
  written: Record<"values" | "F16" | "Q8_0", string>;
};
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));
const floatsOf = (text: string): Float32Array => new Float32Array(bytesOf(text).buffer);
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

describe("tensor types of GGUF", () => {
  for (const { name, elements, bytes } of ggufTypes)
    test(`${name} to float32, bit for bit`, () => {
      const { blocks, values } = fixture.types[name]!;
      const [packed, expected] = [bytesOf(blocks), floatsOf(values)];
      assert.equal(packed.length / bytes, expected.length / elements);
      assert.ok(expected.length >= 256);
      const found = new Float32Array(expected.length);
      dequantise(name, packed, found);
      // -0 and 0 are one value: a negative scale times zero.
      for (let i = 0; i < found.length; i++) found[i] = found[i]! + 0;
      for (let i = 0; i < found.length; i++) expected[i] = expected[i]! + 0;
      assert.deepEqual(bitsOf(found), bitsOf(expected));
    });

  test("blocks at an odd place in memory, into the middle of an array", () => {
    const { blocks, values } = fixture.types.Q6_K!;
    const packed = bytesOf(blocks);
    const shifted = new Uint8Array(packed.length + 1);
    shifted.set(packed, 1);
    const found = new Float32Array(256 + 16).fill(7);
    dequantise("Q6_K", shifted.subarray(1 + 210, 1 + 420), found.subarray(8, 264));
    assert.deepEqual(found.subarray(8, 264), floatsOf(values).subarray(256, 512));
    assert.deepEqual(new Set([...found.subarray(0, 8), ...found.subarray(264)]), new Set([7]));
  });

  for (const type of ["F16", "Q8_0"] as const)
    test(`float32 to ${type}, byte for byte`, () => {
      const found = encodeValues(floatsOf(fixture.written.values), type, "weight");
      assert.deepEqual(found, bytesOf(fixture.written[type]));
    });

  test("a value that float16 cannot hold is refused, not made infinite", () => {
    const values = new Float32Array(32).fill(1e5);
    assert.throws(() => encodeValues(values, "F16", "a.weight"), refuses("EXPORT_RANGE", "a.weight", "100000"));
  });
});
