import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { safetensorsBytes } from "../../test/safetensors-bytes.ts";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { decodeSafetensors, readSafetensors } from "./safetensors.ts";

const parity = fileURLToPath(new URL("../../../test/fixtures/parity", import.meta.url));

/** A file with the given header and that many zero bytes of data. */
function file(header: unknown, dataBytes: number, headerLength?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const f32 = (shape: unknown, begin: number, end: number): object => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

function refuses(bytes: Uint8Array, ...parts: (string | RegExp)[]): void {
  assert.throws(
    () => decodeSafetensors(bytes, "model.safetensors"),
    (error: unknown) => {
      assert.ok(error instanceof AutodidactError, String(error));
      assert.match(error.code, /^SAFETENSORS_/);
      for (const part of ["model.safetensors", ...parts])
        assert.ok(
          typeof part === "string" ? error.message.includes(part) : part.test(error.message),
          `${part} in: ${error.message}`,
        );
      assert.ok(error.message.length < 1000, "a hostile file cannot flood the terminal");
      return true;
    },
  );
}

describe("safetensors", () => {
  it("writes the very bytes that Hugging Face's writer wrote", async () => {
    const models = readdirSync(parity);
    assert.ok(models.length >= 5);
    for (const model of models) {
      const bytes = readFileSync(`${parity}/${model}/model.safetensors`);
      const { tensors, metadata } = decodeSafetensors(bytes, model);
      assert.deepEqual({ ...metadata }, { format: "pt" });
      assert.ok(bytes.equals(await safetensorsBytes(tensors, metadata)), model);
    }
  });

  it("round trip: any shapes, insertion order, scalars, empty tensors, odd names", async () => {
    const data = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i + n)));
    const entries: [string, { shape: number[]; data: Float32Array }][] = [
      ["scalar", { shape: [], data: data(1) }],
      ["empty", { shape: [0, 3], data: data(0) }],
      ["b.weight", { shape: [2, 3], data: data(6) }],
      ["__proto__", { shape: [1], data: data(1) }],
      ["ñ 猫", { shape: [2, 1, 2], data: data(4) }],
    ];
    const bytes = await safetensorsBytes(new Map(entries), { z: "1", a: "2" });
    assert.deepEqual(await safetensorsBytes(new Map(entries.toReversed()), { a: "2", z: "1" }), bytes);
    const { tensors, metadata } = decodeSafetensors(bytes, "x");
    assert.deepEqual({ ...metadata }, { a: "2", z: "1" });
    assert.equal(tensors.size, entries.length);
    for (const [name, tensor] of entries) assert.deepEqual(tensors.get(name), tensor, name);
    assert.equal(decodeSafetensors(await safetensorsBytes(new Map()), "x").tensors.size, 0);
    // Special values and signed zero keep their bits.
    const special = Float32Array.of(Number.NaN, -0, Number.POSITIVE_INFINITY, 1e-45);
    const again = decodeSafetensors(await safetensorsBytes(new Map([["s", { shape: [4], data: special }]])), "x");
    assert.deepEqual(new Uint32Array(again.tensors.get("s")!.data.buffer), new Uint32Array(special.buffer));
  });

  it("a view into a larger buffer is written as the view", async () => {
    const view = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const bytes = await safetensorsBytes(new Map([["v", { shape: [2], data: view }]]));
    assert.deepEqual(decodeSafetensors(bytes, "x").tensors.get("v")!.data, Float32Array.of(1, 2));
  });

  it("refuses to write a shape that its data does not have", async () => {
    const tensors = new Map([["w", { shape: [2, 2], data: new Float32Array(3) }]]);
    await assert.rejects(safetensorsBytes(tensors), { code: "SAFETENSORS_TENSOR", message: /w.*\[2, 2\].*4.*3/ });
  });

  it("reads F16 and BF16", () => {
    // 1, -2, 65504 (largest), 2^-24 (smallest), -0, infinity, 0.333251953125
    const half = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x3555];
    const brain = [0x3f80, 0xc000, 0x4049, 0x0001, 0x8000, 0x7f80];
    const header = {
      h: { dtype: "F16", shape: [7], data_offsets: [0, 14] },
      b: { dtype: "BF16", shape: [2, 3], data_offsets: [14, 26] },
    };
    const bytes = file(header, 26);
    const view = new DataView(bytes.buffer, bytes.length - 26);
    for (const [i, bits] of [...half, ...brain].entries()) view.setUint16(2 * i, bits, true);
    const { tensors } = decodeSafetensors(bytes, "x");
    assert.deepEqual(
      [...tensors.get("h")!.data],
      [1, -2, 65504, 2 ** -24, -0, Number.POSITIVE_INFINITY, 0.333251953125],
    );
    assert.deepEqual([...tensors.get("b")!.data], [1, -2, 3.140625, 2 ** -133, -0, Number.POSITIVE_INFINITY]);
    assert.deepEqual(tensors.get("b")!.shape, [2, 3]);
  });

  it("reads by ranges, the header's check first", async () => {
    const bytes = readFileSync(`${parity}/qwen3/model.safetensors`);
    let read = 0;
    const reader = {
      name: "m",
      size: bytes.length,
      read: async (offset: number, length: number): Promise<Uint8Array> => {
        read += length;
        return bytes.subarray(offset, offset + length);
      },
    };
    assert.deepEqual(await readSafetensors(reader), decodeSafetensors(bytes, "m"));
    assert.equal(read, bytes.length);
    read = 0;
    const no = new Error("no");
    const check = (): void => {
      throw no;
    };
    await assert.rejects(readSafetensors(reader, check), no);
    assert.ok(read < 5000);
    const shortened = { ...reader, read: async (offset: number) => bytes.subarray(offset, offset + 3) };
    await assert.rejects(readSafetensors(shortened), { code: "SAFETENSORS_DAMAGED", message: /^m: expected 8 bytes/ });
  });
});

describe("hostile safetensors", () => {
  it("header length", () => {
    refuses(new Uint8Array(0), "at least 8 bytes, found 0");
    refuses(new Uint8Array(7), "found 7");
    refuses(new Uint8Array(8), "header length", "found 0");
    refuses(file("{}", 0, 2n ** 63n), "found 9223372036854775808");
    refuses(file("{}", 0, 99_000_000n), "expected 99000000 bytes, found 2");
  });

  it("header contents", () => {
    refuses(file("{x", 1), "expected JSON");
    refuses(file("[]", 0), "JSON object");
    refuses(file("null", 0), "JSON object");
    refuses(file(`${"[".repeat(100_000)}${"]".repeat(100_000)}`, 0));
    const invalidUtf8 = file('{"a":1}', 0);
    invalidUtf8[10] = 0xff;
    refuses(invalidUtf8, "expected JSON");
    refuses(file({ w: 3 }, 0), "tensor w");
    refuses(file({ __metadata__: { a: 1 } }, 0), "__metadata__");
  });

  it("dtype, shape and offsets", () => {
    refuses(file({ w: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, 8), "tensor w", "F32, F16 or BF16", "I64");
    refuses(file({ w: { dtype: "toString", shape: [1], data_offsets: [0, 8] } }, 8), "dtype");
    for (const shape of [[-1], [1.5], ["1"], null, [2 ** 60], "1"])
      refuses(file({ w: f32(shape, 0, 4) }, 4), "tensor w");
    refuses(file({ w: f32([2, 3], 0, 20) }, 20), "tensor w", "24 bytes for F32 [2, 3]", "found 20");
    refuses(file({ w: f32([2 ** 40, 2 ** 40, 2 ** 40], 0, 4) }, 4), "tensor w");
    refuses(file({ w: f32(new Array(100_000).fill(7), 0, 4) }, 4), "100000 sizes");
    refuses(file({ ["n".repeat(100_000)]: f32([2], 0, 4) }, 4), "nnn...");
    for (const offsets of [[4, 0], [0], [0, 4, 8], [-4, 0], [0, 4.5], "04"])
      refuses(file({ w: { dtype: "F32", shape: [1], data_offsets: offsets } }, 4), "data_offsets");
  });

  it("layout: range, gap, overlap, trailing bytes", () => {
    refuses(file({ w: f32([1000], 0, 4000) }, 8), "tensor w", "within 8", "found 4000");
    refuses(file({ w: f32([2 ** 40], 0, 2 ** 42) }, 8), "tensor w", "found 4398046511104");
    refuses(file({ w: f32([1], 4, 8) }, 8), "begin at 0, found 4", "gap");
    refuses(file({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), "tensor b", "begin at 8, found 4", "overlaps");
    refuses(file({ w: f32([1], 0, 4) }, 8), "expected 4 bytes", "found 8");
  });

  it("cut anywhere or with any byte of the header changed: refused or read, never anything else", async () => {
    const good = await safetensorsBytes(new Map([["w", { shape: [2, 2], data: new Float32Array(4) }]]), {
      format: "pt",
    });
    for (let length = 0; length < good.length; length++) refuses(good.subarray(0, length));
    const draw = random(3, "hostile");
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = good.slice();
      bytes[draw.int(0, good.length - 17)] = draw.int(0, 255);
      try {
        decodeSafetensors(bytes, "x");
      } catch (error) {
        assert.ok(error instanceof AutodidactError, String(error));
        refused++;
      }
    }
    assert.ok(refused > 1000);
  });
});
