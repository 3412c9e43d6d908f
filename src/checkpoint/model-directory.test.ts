import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { safetensorsBytes } from "../../test/safetensors-bytes.ts";
import type { Tensor } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { type ModelConfig, modelConfigSchema } from "../model/config.ts";
import { initialWeights } from "../model/parameters.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import { parseModelConfig } from "./model-config.ts";
import { type Model, readModelDirectory, type WritableModel, writeModelDirectory } from "./model-directory.ts";
import { decodeSafetensors } from "./safetensors.ts";

const fixtures = fileURLToPath(new URL("../../../test/fixtures", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "autodidact-model-"));
after(() => rmSync(root, { recursive: true, force: true }));
let rooms = 0;
const room = (): string => {
  const path = join(root, `room-${rooms++}`);
  mkdirSync(path);
  return path;
};

const sizes = {
  vocab_size: 12,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 2,
  max_position_embeddings: 32,
};
const heads = { num_attention_heads: 2, num_key_value_heads: 1 };
const config = (fields: object = {}): ModelConfig =>
  modelConfigSchema.loose().parse({ model_type: "llama", ...sizes, ...heads, ...fields });
const model = (fields: object = {}): WritableModel & Pick<Model, "weights"> => ({
  config: config(fields),
  weights: initialWeights(config(fields), 1),
  tokenizer: characterTokenizer("ab 01=?\n"),
});
const written = async (fields: object = {}): Promise<string> => {
  const path = join(room(), "model");
  await writeModelDirectory(path, model(fields));
  return path;
};
/** A directory as transformers wrote it: a parity model with a fixture's tokenizer. */
const foreign = (name: string): string => {
  const path = join(room(), name);
  cpSync(join(fixtures, "parity", name), path, { recursive: true });
  writeFileSync(join(path, "tokenizer.json"), JSON.stringify(characterTokenizer("ab\n").json));
  writeFileSync(join(path, "tokenizer_config.json"), "{}");
  return path;
};
const edit = (path: string, change: (json: Record<string, unknown>) => void): void => {
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(json);
  writeFileSync(path, JSON.stringify(json));
};
const bytesOf = (path: string): Map<string, Buffer> =>
  new Map(
    readdirSync(path)
      .sort()
      .map((name) => [name, readFileSync(join(path, name))]),
  );
const refuses = async (path: string, code: string, ...parts: string[]): Promise<void> => {
  await assert.rejects(readModelDirectory(path), (error: unknown) => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
    return true;
  });
};

describe("model directories", () => {
  it("round trip: what was written, read and written again, is the same bytes", async () => {
    const variants = [
      {},
      { tie_word_embeddings: true, eos_token_id: [8, 3], bos_token_id: 1 },
      {
        model_type: "qwen2",
        architectures: ["Qwen2ForCausalLM"],
        use_sliding_window: false,
        later_field: { a: [1, null] },
      },
      {
        model_type: "qwen3",
        architectures: ["Qwen3ForCausalLM"],
        head_dim: 6,
        dtype: "bfloat16",
        torch_dtype: "bfloat16",
      },
    ];
    for (const fields of variants) {
      const path = await written(fields);
      const first = bytesOf(path);
      assert.deepEqual(
        [...first.keys()],
        ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
      );
      const again = join(room(), "again");
      await writeModelDirectory(again, await readModelDirectory(path));
      assert.deepEqual(bytesOf(again), first);
      // Over itself, too.
      await writeModelDirectory(path, await readModelDirectory(path));
      assert.deepEqual(bytesOf(path), first);
      assert.deepEqual((await readModelDirectory(path)).weights, model(fields).weights);
    }
  });

  it("keeps unknown fields of config.json and says that the weights are float32", async () => {
    const path = await written({ later_field: { a: [1, null] }, torch_dtype: "bfloat16", dtype: "bfloat16" });
    const json = JSON.parse(readFileSync(join(path, "config.json"), "utf8")) as Record<string, unknown>;
    assert.deepEqual([json.later_field, json.torch_dtype, json.dtype], [{ a: [1, null] }, "float32", "float32"]);
  });

  it("collects every end token", async () => {
    const { endTokens, generationConfig, tokenizer } = await readModelDirectory(
      await written({ eos_token_id: [3, 5] }),
    );
    assert.deepEqual(endTokens, [3, 5, 8]);
    assert.deepEqual(generationConfig, { eos_token_id: [3, 5, 8], pad_token_id: 3 });
    assert.deepEqual(tokenizer.decode(tokenizer.encode("a=0?\n")), "a=0?\n");
  });

  it("reads every parity model as transformers wrote it, with its tensors unchanged", async () => {
    for (const name of readdirSync(join(fixtures, "parity"))) {
      const path = foreign(name);
      const { weights, config, generationConfig } = await readModelDirectory(path);
      const file = decodeSafetensors(readFileSync(join(path, "model.safetensors")), name);
      assert.deepEqual(weights, file.tensors);
      assert.deepEqual((config as Record<string, unknown>).attention_dropout, 0);
      assert.deepEqual(generationConfig, { bos_token_id: 0, eos_token_id: 1, pad_token_id: 1 });
    }
  });

  it("reads a chat template that lies in a file of its own", async () => {
    const path = foreign("qwen3");
    writeFileSync(join(path, "chat_template.jinja"), "{{ messages }}");
    assert.equal((await readModelDirectory(path)).tokenizer.config.chat_template, "{{ messages }}");
    // As in transformers, it goes before the other.
    edit(join(path, "tokenizer_config.json"), (json) => Object.assign(json, { chat_template: "older" }));
    assert.equal((await readModelDirectory(path)).tokenizer.config.chat_template, "{{ messages }}");
  });

  it("reads the old directory where a replacement was cut off, and changes nothing", async () => {
    const path = await written();
    const first = bytesOf(path);
    renameSync(path, join(path, "..", ".model.old"));
    mkdirSync(join(path, "..", ".model.tmp-1-1"));
    assert.deepEqual((await readModelDirectory(path)).weights, model().weights);
    assert.deepEqual(readdirSync(join(path, "..")).sort(), [".model.old", ".model.tmp-1-1"]);
    await writeModelDirectory(path, model());
    assert.deepEqual(bytesOf(path), first);
  });

  it("drops redundant tensors: a tied model's equal output matrix, Llama's inv_freq", async () => {
    const path = await written({ tie_word_embeddings: true });
    const weights = new Map(model({ tie_word_embeddings: true }).weights);
    const embedding = weights.get("model.embed_tokens.weight")!;
    const more = new Map(weights)
      .set("lm_head.weight", embedding)
      .set("model.layers.0.self_attn.rotary_emb.inv_freq", { shape: [2], data: new Float32Array(2) });
    writeFileSync(join(path, "model.safetensors"), await safetensorsBytes(more));
    assert.deepEqual((await readModelDirectory(path)).weights, weights);
    more.set("lm_head.weight", { shape: embedding.shape, data: new Float32Array(embedding.data.length) });
    writeFileSync(join(path, "model.safetensors"), await safetensorsBytes(more));
    await refuses(path, "MODEL_WEIGHTS", "lm_head.weight", "tie_word_embeddings");
  });
});

describe("what is not a model directory is refused", () => {
  it("with what is missing and what is there", async () => {
    const path = room();
    await refuses(join(path, "none"), "MODEL_DIRECTORY", join(path, "none"), "does not exist", "config.json");
    writeFileSync(join(path, "notes.txt"), "");
    await refuses(join(path, "notes.txt"), "MODEL_DIRECTORY", "is a file");
    await refuses(path, "MODEL_DIRECTORY", "config.json, model.safetensors, tokenizer.json", "found notes.txt");
    writeFileSync(join(path, "model.safetensors.index.json"), "{}");
    await refuses(path, "MODEL_DIRECTORY", "config.json, tokenizer.json, tokenizer_config.json missing");
  });

  it("damaged JSON", async () => {
    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]) {
      const path = await written();
      const text = readFileSync(join(path, name), "utf8");
      writeFileSync(join(path, name), text.slice(0, -5));
      await refuses(path, "FILE_JSON", join(path, name), "characters");
    }
  });

  it("weights cut short at any length, or longer", async () => {
    const path = await written();
    const file = join(path, "model.safetensors");
    const whole = readFileSync(file);
    for (const length of [0, 5, 8, 100, whole.length >> 1, whole.length - 4, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      await refuses(path, "SAFETENSORS_DAMAGED", file, "expected", "found");
    }
    writeFileSync(file, Buffer.concat([whole, Buffer.alloc(4)]));
    await refuses(
      path,
      "SAFETENSORS_DAMAGED",
      file,
      `found ${whole.length - 8 - Number(whole.readBigUInt64LE(0)) + 4}`,
    );
  });

  it("a missing, unknown or misshapen tensor", async () => {
    const path = await written();
    const file = join(path, "model.safetensors");
    const change = async (edit: (weights: Map<string, Tensor>) => void): Promise<void> => {
      const weights = new Map(model().weights);
      edit(weights);
      writeFileSync(file, await safetensorsBytes(weights));
    };
    await change((weights) => weights.delete("model.norm.weight"));
    await refuses(
      path,
      "MODEL_WEIGHTS",
      file,
      "tensor model.norm.weight: expected shape [8], found none (1 tensors missing)",
    );
    await change((weights) => weights.set("model.norm.bias", { shape: [8], data: new Float32Array(8) }));
    await refuses(path, "MODEL_WEIGHTS", file, "model.norm.bias: expected no tensor", "[8]");
    await change((weights) => {
      const name = "model.layers.1.mlp.up_proj.weight";
      weights.set(name, { shape: [8, 10], data: weights.get(name)!.data });
    });
    await refuses(path, "MODEL_WEIGHTS", file, "layers.1.mlp.up_proj.weight: expected shape [10, 8], found [8, 10]");
  });

  it("a config.json of another model, or one that asks for more than memory holds", async () => {
    const path = await written();
    edit(join(path, "config.json"), (json) => Object.assign(json, { num_hidden_layers: 3 }));
    await refuses(path, "MODEL_WEIGHTS", "model.layers.2.input_layernorm.weight: expected shape [8], found none");
    edit(join(path, "config.json"), (json) => Object.assign(json, { num_hidden_layers: 2 ** 40 }));
    await refuses(path, "MODEL_WEIGHTS", "1099511627776 layers");
    edit(join(path, "config.json"), (json) => Object.assign(json, { num_hidden_layers: 2, vocab_size: 2 ** 40 }));
    await refuses(path, "MODEL_WEIGHTS", "embed_tokens.weight: expected shape [1099511627776, 8], found [12, 8]");
    edit(join(path, "config.json"), (json) => Object.assign(json, { vocab_size: 5 }));
    await refuses(path, "MODEL_TOKENIZER", "vocab_size 5", "found 8");
    edit(join(path, "config.json"), (json) => Object.assign(json, { vocab_size: 12, eos_token_id: [3, 10] }));
    await refuses(path, "MODEL_TOKENIZER", "tokenizer.json", "a token with the id 10", "found ids up to 8");
    edit(join(path, "config.json"), (json) => Object.assign(json, { eos_token_id: 3 }));
    edit(join(path, "generation_config.json"), (json) => Object.assign(json, { eos_token_id: [3, 999_999] }));
    await refuses(path, "MODEL_TOKENIZER", "a token with the id 999999", "generation_config.json names");
  });

  it("a model that cannot be written, before anything is", async () => {
    const path = join(room(), "model");
    const weights = new Map(model().weights);
    weights.delete("lm_head.weight");
    await assert.rejects(writeModelDirectory(path, { ...model(), weights }), { code: "MODEL_WEIGHTS" });
    const small = {
      ...model(),
      config: config({ vocab_size: 4 }),
      weights: initialWeights(config({ vocab_size: 4 }), 1),
    };
    await assert.rejects(writeModelDirectory(path, small), { code: "MODEL_TOKENIZER" });
    assert.deepEqual(readdirSync(join(path, "..")), []);
  });
});

describe("config.json", () => {
  const llama3 = {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const read = (fields: object): ModelConfig =>
    parseModelConfig({ model_type: "llama", ...sizes, ...heads, ...fields }, "config.json");

  it("of transformers 4 and 5", () => {
    assert.equal(read({ rope_parameters: { rope_type: "default", rope_theta: 5e5 } }).rope_theta, 5e5);
    assert.equal(read({ rope_theta: 1e6, rope_scaling: null }).rope_theta, 1e6);
    assert.equal(read({ head_dim: null, torch_dtype: null }).head_dim, undefined);
    assert.equal(read({ num_key_value_heads: undefined }).num_key_value_heads, 2);
    assert.deepEqual(read({ model_type: "qwen2" }).architectures, ["Qwen2ForCausalLM"]);
    assert.equal(read({ model_type: "mistral", sliding_window: null }).model_type, "mistral");
  });

  it("of stretched rotary positions, wherever it says so", () => {
    const older = read({ rope_theta: 5e5, rope_scaling: llama3 });
    assert.deepEqual(older.rope_scaling, llama3);
    const newer = read({ rope_parameters: { ...llama3, rope_theta: 5e5 } });
    assert.deepEqual([newer.rope_theta, newer.rope_scaling], [5e5, llama3]);
    const byKind = read({ rope_parameters: { full_attention: { ...llama3, rope_theta: 5e5 } } });
    assert.deepEqual([byKind.rope_theta, byKind.rope_scaling], [5e5, llama3]);
    // What is written says it in both places, and reads as the same.
    assert.deepEqual(parseModelConfig(newer, "config.json"), newer);
    assert.deepEqual(read({ rope_scaling: { type: "linear", factor: 2 } }).rope_scaling, {
      rope_type: "linear",
      factor: 2,
    });
    assert.equal("rope_scaling" in read({ rope_scaling: { rope_type: "default" } }), false);
  });

  it("that asks for what is not implemented is refused with field, value and remedy", () => {
    const cases: [object, RegExp][] = [
      [{ model_type: "gpt2" }, /architectures: \["gpt2"\]; .*loads: LlamaForCausalLM .*SmolLM2.*Qwen3ForCausalLM/],
      [{ model_type: "toString", architectures: ["Gemma3ForCausalLM"] }, /architectures: \["Gemma3ForCausalLM"\]/],
      [{ model_type: 3 }, /model_type: 3; expected one of LlamaForCausalLM/],
      [{ architectures: ["LlamaForSequenceClassification"] }, /architectures: .*LlamaForCausalLM/],
      [{ rope_scaling: { rope_type: "yarn", factor: 4 } }, /rope_scaling.rope_type: "yarn"; .*llama3/],
      [{ rope_parameters: { rope_type: "llama3", factor: 8 } }, /rope_parameters.low_freq_factor: missing/],
      [{ rope_scaling: { ...llama3, low_freq_factor: 4 } }, /rope_scaling.low_freq_factor: 4; must be below/],
      [{ rope_scaling: { ...llama3, factor: 0.5 } }, /rope_scaling.factor: 0.5/],
      [{ rope_scaling: llama3, rope_parameters: { rope_type: "linear", factor: 2 } }, /differs from rope_parameters/],
      [{ rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } }, /partial_rotary_factor: 0.5/],
      [
        { rope_parameters: { full_attention: { rope_theta: 1e6 }, sliding_attention: { rope_theta: 1e4 } } },
        /rope_parameters.sliding_attention: .*only layers of full_attention/,
      ],
      [{ rope_parameters: { full_attention: { rope_type: "yarn" } } }, /rope_parameters.rope_type: "yarn"/],
      [{ model_type: "mistral", sliding_window: 4096 }, /sliding_window: 4096; MistralForCausalLM/],
      [{ model_type: "mistral" }, /sliding_window: missing/],
      [{ model_type: "qwen2", layer_types: ["full_attention", "sliding_attention"] }, /layer_types: .*sliding/],
      [{ rope_theta: 1e4, rope_parameters: { rope_theta: 5e5 } }, /rope_parameters.rope_theta: 500000; differs/],
      [{ use_sliding_window: true }, /use_sliding_window: true/],
      [{ mlp_bias: true }, /mlp_bias: true/],
      [{ quantization_config: { quant_method: "gptq" } }, /quantization_config: "gptq"/],
      [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor: 0.5/],
      [{ hidden_act: "gelu" }, /hidden_act: "gelu"/],
      [{ hidden_size: "8" }, /hidden_size: "8"/],
      [{ vocab_size: undefined }, /vocab_size: missing/],
      [{ num_attention_heads: 3, num_key_value_heads: 2 }, /^config.json: num_key_value_heads: 2/],
    ];
    for (const [fields, message] of cases)
      assert.throws(() => read(fields), { code: "MODEL_CONFIG", message }, JSON.stringify(fields));
    assert.throws(() => parseModelConfig([], "x/config.json"), { code: "MODEL_CONFIG", message: /^x.config.json/ });
  });
});
