import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { safetensorsBytes } from "../../test/safetensors-bytes.ts";
import type { HeldDtype } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { type ModelConfig, modelConfigSchema } from "../model/config.ts";
import { hold, roundToBfloat16, unhold } from "../model/held.ts";
import { initialWeights } from "../model/parameters.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import type { RangedReader } from "./files.ts";
import { readModelDirectory, writeModelDirectory } from "./model-directory.ts";
import { decodeSafetensors, readSafetensorsHeader, readTensor } from "./safetensors.ts";

const root = mkdtempSync(join(tmpdir(), "autodidact-shards-"));
after(() => rmSync(root, { recursive: true, force: true }));
let rooms = 0;

const config: ModelConfig = modelConfigSchema.parse({
  model_type: "llama",
  vocab_size: 12,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 2,
  max_position_embeddings: 32,
  num_attention_heads: 2,
  num_key_value_heads: 1,
});
const index = "model.safetensors.index.json";
const shard = (number: number): string => `model-0000${number}-of-00003.safetensors`;

/** A model's directory with its tensors dealt out to three files. */
async function sharded(fields: Partial<ModelConfig> = {}): Promise<string> {
  const path = join(root, `model-${rooms++}`);
  const model = { ...config, ...fields };
  await writeModelDirectory(path, {
    config: model,
    weights: initialWeights(model, 1),
    tokenizer: characterTokenizer("ab 01=?\n"),
  });
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(path, "model.safetensors")), path);
  rmSync(join(path, "model.safetensors"));
  const map: Record<string, string> = {};
  for (const number of [1, 2, 3]) {
    const part = new Map([...tensors].filter((_, i) => (i % 3) + 1 === number));
    for (const name of part.keys()) map[name] = shard(number);
    writeFileSync(join(path, shard(number)), await safetensorsBytes(part, metadata));
  }
  writeFileSync(join(path, index), JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }));
  return path;
}

function edit(path: string, change: (weightMap: Record<string, string>) => void): void {
  const json = JSON.parse(readFileSync(join(path, index), "utf8")) as { weight_map: Record<string, string> };
  change(json.weight_map);
  writeFileSync(join(path, index), JSON.stringify(json));
}

async function refuses(path: string, code: string, ...parts: string[]): Promise<void> {
  await assert.rejects(readModelDirectory(path), (error: unknown) => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
    return true;
  });
}

/** A file of one or two tensors with raw bytes. */
function file(entries: Record<string, { dtype: string; shape: number[]; bytes: Uint8Array }>): Uint8Array {
  let offset = 0;
  const header = Object.fromEntries(
    Object.entries(entries).map(([name, { dtype, shape, bytes }]) => {
      offset += bytes.length;
      return [name, { dtype, shape, data_offsets: [offset - bytes.length, offset] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(entries).map(({ bytes }) => bytes)]);
}

describe("weights in several files", () => {
  it("are the weights of one", async () => {
    const path = await sharded();
    const { weights } = await readModelDirectory(path);
    assert.deepEqual(new Map([...weights].sort()), new Map([...initialWeights(config, 1)].sort()));
  });

  it("held in fewer bytes are the same as held afterwards", async () => {
    const path = await sharded();
    const { weights } = await readModelDirectory(path);
    for (const dtype of ["float32", "bfloat16", "int8"] as const) {
      const { held } = await readModelDirectory(path, { hold: dtype });
      assert.equal(held.size, weights.size);
      for (const [name, tensor] of weights) assert.deepEqual(held.get(name), hold(tensor, dtype), name);
    }
  });

  it("a tied model with its matrix twice, in files of their own", async () => {
    const path = await sharded({ tie_word_embeddings: true });
    const embedding = initialWeights(config, 1).get("model.embed_tokens.weight")!;
    const head = new Map([["lm_head.weight", embedding]]);
    writeFileSync(join(path, "head.safetensors"), await safetensorsBytes(head));
    edit(path, (map) => Object.assign(map, { "lm_head.weight": "head.safetensors" }));
    assert.equal((await readModelDirectory(path)).weights.has("lm_head.weight"), false);
    embedding.data[95] = 3;
    writeFileSync(join(path, "head.safetensors"), await safetensorsBytes(head));
    await refuses(path, "MODEL_WEIGHTS", "head.safetensors", "tie_word_embeddings");
  });

  it("a missing, cut or misplaced file is named", async () => {
    const path = await sharded();
    renameSync(join(path, shard(2)), join(path, "elsewhere"));
    await refuses(path, "MODEL_WEIGHTS", index, shard(2), "not in the directory", "download");
    renameSync(join(path, "elsewhere"), join(path, shard(2)));
    truncateSync(join(path, shard(3)), readFileSync(join(path, shard(3))).length - 1);
    await refuses(path, "SAFETENSORS_DAMAGED", shard(3), "expected its bytes to end within");
    writeFileSync(join(path, shard(3)), readFileSync(join(path, shard(1))));
    await refuses(path, "MODEL_WEIGHTS", shard(3), "expected here, as model.safetensors.index.json says");
  });

  it("an index that leaves a tensor out, or names one of another model", async () => {
    const path = await sharded();
    edit(path, (map) => delete map["model.norm.weight"]);
    await refuses(path, "MODEL_WEIGHTS", index, "tensor model.norm.weight: expected shape [8], found none");
    edit(path, (map) => Object.assign(map, { "model.norm.weight": shard(1) }));
    await refuses(path, "MODEL_WEIGHTS", shard(1), "tensor model.norm.weight");
  });

  it("a tensor of another shape is named with its file", async () => {
    const path = await sharded();
    const name = join(path, shard(1));
    const { tensors } = decodeSafetensors(readFileSync(name), name);
    const [first, { data }] = [...tensors].find(([, { shape }]) => shape.length === 2)!;
    tensors.set(first, { shape: [data.length, 1], data });
    writeFileSync(name, await safetensorsBytes(tensors));
    await refuses(path, "MODEL_WEIGHTS", shard(1), `tensor ${first}: expected shape`, `found [${data.length}, 1]`);
  });

  it("a hostile index", async () => {
    const path = await sharded();
    for (const name of ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "", ".safetensors\n", "model.bin"]) {
      edit(path, (map) => Object.assign(map, { "model.norm.weight": name }));
      await refuses(path, "MODEL_WEIGHTS", index, "weight_map: expected the name of a .safetensors file beside it");
    }
    for (const text of ["{}", '{"weight_map":[]}', '{"weight_map":{"a":1}}', "[]", "null"]) {
      writeFileSync(join(path, index), text);
      await refuses(path, "MODEL_WEIGHTS", index);
    }
    writeFileSync(join(path, index), '{"weight_map":{}}');
    await refuses(path, "MODEL_WEIGHTS", index, "2 layers");
    writeFileSync(join(path, index), "{");
    await refuses(path, "FILE_JSON", index);
  });
});

describe("memory while reading", () => {
  const [rows, columns] = [1500, 700]; // 1.05 million values: several pieces, the last one shorter
  const data = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i) * (1 + (i % 7)));
  const halves = new Uint16Array(data.length);
  roundToBfloat16(data, halves);
  const bytes = file({
    // An odd number of bytes before it: nothing may rely on alignment.
    a: { dtype: "BF16", shape: [rows, columns], bytes: new Uint8Array(halves.buffer) },
    b: { dtype: "F32", shape: [rows, columns], bytes: new Uint8Array(data.buffer) },
  });

  it("no more than a piece is in flight, whatever is stored and however it is held", async () => {
    for (const name of ["a", "b"])
      for (const dtype of ["float32", "bfloat16", "int8"] as const satisfies readonly HeldDtype[])
        for (const fills of [true, false]) {
          let [largest, open, most] = [0, 0, 0];
          const reader: RangedReader = {
            name,
            size: bytes.length,
            async read(offset, length, into) {
              largest = Math.max(largest, length);
              most = Math.max(most, ++open);
              await Promise.resolve();
              open--;
              if (!fills || into === undefined) return bytes.subarray(offset, offset + length);
              into.set(bytes.subarray(offset, offset + length));
              return into;
            },
          };
          const header = await readSafetensorsHeader(reader);
          const entry = header.entries.find((one) => one.name === name)!;
          const held = await readTensor(reader, header, entry, dtype);
          const source = {
            shape: [rows, columns],
            data: name === "a" ? unhold(hold({ shape: [1, data.length], data }, "bfloat16")) : data,
          };
          assert.deepEqual(held, hold(source, dtype), `${name} as ${dtype}`);
          assert.ok(largest <= 4 * 2 ** 18, `${largest} bytes at once`);
          assert.equal(most, 1);
        }
  });
});
