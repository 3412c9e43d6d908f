import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memoryReader } from "../../test/memory-reader.ts";
import { distance, refuses, tinyConfig } from "../../test/tiny-model.ts";
import { AutodidactError } from "../errors.ts";
import { unhold } from "../model/held.ts";
import { initialWeights, parameterShapes } from "../model/parameters.ts";
import { random } from "../random.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import { headerBytes, type MetadataEntry, type TensorInfo } from "./metadata-bytes.ts";
import { llama3Factors } from "./model-config.ts";
import { readGgufModel } from "./read-model.ts";
import { ggufFile, modelMetadata } from "./write-model.ts";
import { tokenizerMetadata } from "./write-tokenizer.ts";

const config = { ...tinyConfig, eos_token_id: 27 };
const tokenizer = characterTokenizer("abcdefghijklmnopqrstuvwxyz\n");
const weights = initialWeights(config, 3);
const source = { config, tokenizer, weight: (name: string) => weights.get(name)!.data };

async function bytesOf(...args: Parameters<typeof ggufFile>): Promise<Uint8Array> {
  const { size, chunks } = ggufFile(...args);
  const parts: Uint8Array[] = [];
  for await (const part of chunks()) parts.push(part.slice());
  const bytes = new Uint8Array(Buffer.concat(parts));
  assert.equal(bytes.length, size);
  return bytes;
}

/** A file of these metadata and tensors; the tensors' bytes are zeros. */
function fileOf(metadata: readonly MetadataEntry[], tensors: readonly TensorInfo[], dataBytes: number): Uint8Array {
  const header = headerBytes(metadata, tensors);
  const bytes = new Uint8Array(header.length + dataBytes);
  bytes.set(header);
  return bytes;
}

const metadata = [...modelMetadata(config, { type: "F32" }), ...tokenizerMetadata(tokenizer, config, [27])];
const changed = (...changes: MetadataEntry[]): MetadataEntry[] => [...new Map([...metadata, ...changes])];
const tensor = (name: string, shape: number[], type = 0, offset = 0): TensorInfo => ({ name, shape, type, offset });
const embedding = tensor("token_embd.weight", [config.vocab_size, 32]);

describe("GGUF files read", () => {
  test("a file written, read and written again is the same bytes", async () => {
    const bytes = await bytesOf(source, { type: "F32", name: "tiny" });
    const reader = memoryReader(bytes);
    const model = await readGgufModel(reader);
    assert.ok("weights" in model);
    assert.deepEqual([...model.weights.keys()].sort(), [...parameterShapes(config).keys()].sort());
    for (const [name, { data }] of model.weights) assert.equal(distance(data, weights.get(name)!.data), 0, name);
    assert.deepEqual(model.endTokens, [27]);
    const again = { ...model, weight: (name: string) => model.weights.get(name)!.data };
    assert.deepEqual(await bytesOf(again, { type: "F32", name: "tiny" }), bytes);
  });

  test("F16 and Q8_0 are as near as their types; norms stay exact", async () => {
    for (const [type, most] of [
      ["F16", 2 ** -10],
      ["Q8_0", 0.005],
    ] as const) {
      const model = await readGgufModel(memoryReader(await bytesOf(source, { type })));
      assert.ok("weights" in model);
      for (const [name, { data }] of model.weights) {
        const off = distance(data, weights.get(name)!.data);
        assert.ok(name.includes("norm") ? off === 0 : off < most && off > 0, `${type} ${name}: ${off}`);
      }
    }
  });

  test("held weights are those of the float32 ones", async () => {
    const bytes = await bytesOf(source, { type: "F16" });
    const whole = await readGgufModel(memoryReader(bytes));
    assert.ok("weights" in whole);
    for (const [hold, most] of [
      ["bfloat16", 2 ** -8],
      ["int8", 0.01],
    ] as const) {
      const model = await readGgufModel(memoryReader(bytes), { hold });
      assert.ok("held" in model);
      for (const [name, held] of model.held) {
        assert.equal(held.dtype, held.shape.length === 1 ? "float32" : hold, name);
        const off = distance(unhold(held), whole.weights.get(name)!.data);
        assert.ok(off < most, `${hold} ${name}: ${off}`);
      }
    }
  });

  test("Llama 3's rotary settings come back from the factors", async () => {
    for (const [factor, positions] of [
      [8, 8192],
      [32, 8192],
      [4, 64],
    ] as const) {
      const rope_scaling = {
        rope_type: "llama3",
        factor,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: positions,
      } as const;
      const scaled = { ...config, rope_theta: 500000, rope_scaling };
      const model = await readGgufModel(memoryReader(await bytesOf({ ...source, config: scaled }, { type: "F32" })));
      const { rope_scaling: found } = model.config;
      assert.ok(found?.rope_type === "llama3");
      // Few pairs of elements: several settings may have the same factors, and then either will do.
      assert.deepEqual(llama3Factors(found, 500000, 8), llama3Factors(rope_scaling, 500000, 8));
    }
  });
});

describe("GGUF files refused", () => {
  const cases: readonly [name: string, code: string, bytes: () => Uint8Array, words: string[]][] = [
    ["no GGUF file", "GGUF_DAMAGED", () => new TextEncoder().encode("{}".repeat(100)), ["test.gguf", "magic"]],
    ["an empty file", "GGUF_DAMAGED", () => new Uint8Array(), ["test.gguf"]],
    [
      "another architecture",
      "GGUF_MODEL",
      () => fileOf(changed(["general.architecture", { text: "gemma3" }]), [embedding], 4096),
      ["general.architecture", "gemma3", "llama, qwen2, qwen3"],
    ],
    [
      "experts",
      "GGUF_MODEL",
      () => fileOf(changed(["llama.expert_count", { uint32: 8 }]), [embedding], 4096),
      ["expert_count", "8"],
    ],
    [
      "another rotary scaling",
      "GGUF_MODEL",
      () => fileOf(changed(["llama.rope.scaling.type", { text: "yarn" }]), [embedding], 4096),
      ["rope.scaling.type", "yarn"],
    ],
    [
      "a part of a model",
      "GGUF_MODEL",
      () => fileOf(changed(["split.count", { uint32: 3 }]), [embedding], 4096),
      ["split.count", "3", "merge"],
    ],
    [
      "a type that is not read",
      "GGUF_TYPE",
      () => fileOf(metadata, [tensor("token_embd.weight", [31, 256], 16)], 1 << 16),
      ["token_embd.weight", "IQ2_XXS", "Q4_K"],
    ],
    ["an unknown type", "GGUF_TYPE", () => fileOf(metadata, [tensor("a", [32], 4711)], 4096), ["number 4711"]],
    [
      "rows that are no whole blocks",
      "GGUF_DAMAGED",
      () => fileOf(metadata, [tensor("token_embd.weight", [64, 31], 8)], 1 << 16),
      ["token_embd.weight", "31", "Q8_0"],
    ],
    [
      "a tensor behind the end",
      "GGUF_DAMAGED",
      () => fileOf(metadata, [tensor("a", [1 << 20], 0)], 4096),
      ["tensor a", "4194304 bytes", "4096"],
    ],
    [
      "an offset that is not aligned",
      "GGUF_DAMAGED",
      () => fileOf(metadata, [tensor("a", [4], 0, 7)], 4096),
      ["tensor a", "byte 7"],
    ],
    [
      "sizes whose product is no number",
      "GGUF_DAMAGED",
      () => fileOf(metadata, [tensor("a", [2 ** 31, 2 ** 31], 0)], 4096),
      ["test.gguf"],
    ],
    [
      "tensors that share their bytes, more of them than the file holds",
      "GGUF_DAMAGED",
      () =>
        fileOf(
          metadata,
          Array.from({ length: 5 }, (_, i) => tensor(`a${i}`, [1024])),
          4096,
        ),
      ["overlap"],
    ],
    [
      "more layers than tensors",
      "GGUF_MODEL",
      () => fileOf(changed(["llama.block_count", { uint32: 4_000_000_000 }]), [embedding], 4096),
      ["4000000000 layers", "1 tensors"],
    ],
    ["no embedding", "GGUF_MODEL", () => fileOf(metadata, [], 0), ["token_embd.weight"]],
    [
      "a missing tensor",
      "GGUF_MODEL",
      () => fileOf(metadata, [embedding, embeddings(1), embeddings(2)], 16384),
      ["none"],
    ],
    [
      "a head of another size",
      "GGUF_MODEL",
      () => fileOf(changed(["llama.rope.dimension_count", { uint32: 4 }]), [embedding], 4096),
      ["rope.dimension_count", "4", "8"],
    ],
  ];
  const embeddings = (i: number) => tensor(`x${i}`, [1], 0, 8192);
  for (const [name, code, bytes, words] of cases)
    test(name, async () => {
      const reader = memoryReader(bytes());
      await assert.rejects(() => readGgufModel(reader), refuses(code, ...words));
      assert.ok(reader.seen.bytes <= reader.size + 100);
    });

  test("cut short anywhere, or with any byte changed, it is refused or read, and nothing else", async () => {
    const bytes = await bytesOf(source, { type: "Q8_0" });
    const stream = random("damage");
    const kinds = new Set<string>();
    const attempt = async (damagedBytes: Uint8Array): Promise<void> => {
      try {
        await readGgufModel(memoryReader(damagedBytes));
        kinds.add("read");
      } catch (error) {
        if (!(error instanceof AutodidactError)) throw error;
        assert.ok(error.message.includes("test.gguf"), error.message);
        kinds.add(error.code);
      }
    };
    for (let i = 0; i < 60; i++) await attempt(bytes.slice(0, stream.int(0, bytes.length)));
    assert.ok(!kinds.has("read"));
    for (let i = 0; i < 120; i++) {
      const copy = bytes.slice();
      copy[stream.int(0, 4000)] = stream.int(0, 256);
      await attempt(copy);
    }
    assert.ok(kinds.has("GGUF_DAMAGED") && kinds.size > 2, [...kinds].join());
  });
});
