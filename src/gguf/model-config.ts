import { parseModelConfig } from "../checkpoint/model-config.ts";
import type { ModelConfig, RopeScaling } from "../model/config.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import type { GgufHeader } from "./header.ts";

/** general.architecture -> model_type. Mistral's models are "llama" in GGUF, and their arithmetic is. */
const modelTypes = ["llama", "qwen2", "qwen3"] as const;

/** What would change the arithmetic, with the value that doesn't. */
const neutral: Readonly<Record<string, unknown>> = {
  expert_count: 0,
  "attention.sliding_window": 0,
  "attention.clamp_kqv": 0,
  "attention.max_alibi_bias": 0,
  "attention.scale": 0,
  logit_scale: 0,
  residual_scale: 0,
  embedding_scale: 0,
  final_logit_softcapping: 0,
  attn_logit_softcapping: 0,
  use_parallel_residual: false,
};

/**
 * The config.json that the metadata of a GGUF file stands for.
 *
 * @param ropeFactors values of the tensor rope_freqs.weight, where there is one: (head_dim / 2)
 * @throws AutodidactError GGUF_MODEL, MODEL_CONFIG
 */
export function modelConfigOf(header: GgufHeader, ropeFactors: Float32Array | undefined): ModelConfig {
  const fields = fieldsOf(header);
  const architecture = fields.text("general.architecture");
  const type = modelTypes.find((one) => one === architecture);
  if (type === undefined)
    return fields.fail("general.architecture", `expected ${modelTypes.join(", ")} (Mistral's models are llama)`);
  const key = (name: string): string => `${type}.${name}`;
  for (const [name, value] of Object.entries(neutral)) {
    const found = header.metadata.get(key(name));
    if (found !== undefined && found !== value) fields.fail(key(name), `not supported, only ${value} is`);
  }

  const required = (name: string): number =>
    fields.number(key(name)) ?? fields.fail(key(name), "this key is needed; convert the model again");
  const heads = required("attention.head_count");
  const width = required("embedding_length");
  const headSize = fields.number(key("attention.key_length")) ?? width / heads;
  for (const name of ["attention.value_length", "rope.dimension_count"])
    if ((fields.number(key(name)) ?? headSize) !== headSize)
      fields.fail(key(name), `expected the size of a head, ${headSize}`);
  const embedding = header.tensors.get("token_embd.weight");
  if (embedding === undefined || embedding.shape.length !== 2)
    return fields.fail("token_embd.weight", "the file has no such matrix; take a file of a language model");

  const scaling = ropeScaling(fields, key, ropeFactors, headSize);
  return parseModelConfig(
    {
      model_type: type,
      vocab_size: embedding.shape[0],
      hidden_size: width,
      intermediate_size: required("feed_forward_length"),
      num_hidden_layers: required("block_count"),
      num_attention_heads: heads,
      num_key_value_heads: fields.number(key("attention.head_count_kv")) ?? heads,
      ...(headSize === width / heads && type !== "qwen3" ? {} : { head_dim: headSize }),
      rms_norm_eps: shortest(required("attention.layer_norm_rms_epsilon")),
      rope_theta: shortest(fields.number(key("rope.freq_base")) ?? 10000),
      ...(scaling === undefined ? {} : { rope_scaling: scaling }),
      max_position_embeddings: required("context_length"),
      tie_word_embeddings: !header.tensors.has("output.weight"),
      attention_bias: type !== "qwen2" && header.tensors.has("blk.0.attn_q.bias"),
      bos_token_id: fields.number("tokenizer.ggml.bos_token_id") ?? null,
      eos_token_id: fields.number("tokenizer.ggml.eos_token_id") ?? null,
    },
    header.file,
  );
}

/** A float32 as people wrote it: 9.999999747378752e-6 is the float32 of 1e-5. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

function ropeScaling(
  fields: Fields,
  key: (name: string) => string,
  factors: Float32Array | undefined,
  headSize: number,
): RopeScaling | undefined {
  const kind = fields.text(key("rope.scaling.type")) ?? "none";
  const factor = shortest(fields.number(key("rope.scaling.factor")) ?? 1);
  if (factors !== undefined) {
    const scaling = llama3Scaling(factors, fields.number(key("rope.freq_base")) ?? 10000, headSize);
    return scaling ?? fields.fail("rope_freqs.weight", "its factors are not those of Llama 3's rotary scaling");
  }
  if (kind === "none" || (kind === "linear" && factor === 1)) return undefined;
  if (kind === "linear") return { rope_type: "linear", factor };
  return fields.fail(key("rope.scaling.type"), "expected none or linear; other rotary scaling is not supported");
}

/**
 * A file has the factors of Llama 3's scaling and not its settings. The largest factor is `factor`; every released model
 * has low 1 and high 4, and the first factor above 1 tells the original number of positions among powers of two.
 */
function llama3Scaling(factors: Float32Array, theta: number, headSize: number): RopeScaling | undefined {
  const factor = shortest(factors.reduce((most, value) => Math.max(most, value), 0));
  for (let positions = 1 << 20; positions >= 16; positions >>= 1) {
    const scaling = {
      rope_type: "llama3",
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: positions,
    } as const;
    const expected = llama3Factors(scaling, theta, headSize);
    if (expected.every((value, i) => Math.abs(value - factors[i]!) <= 1e-5 * value)) return scaling;
  }
  return undefined;
}

/** What the wave length of each pair of elements is divided by: the values of rope_freqs.weight, (head_dim / 2). */
export function llama3Factors(
  scaling: Extract<RopeScaling, { rope_type: "llama3" }>,
  theta: number,
  headSize: number,
): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: positions } = scaling;
  return Float32Array.from({ length: headSize / 2 }, (_, i) => {
    const turns = positions / (2 * Math.PI * theta ** ((2 * i) / headSize));
    if (turns > high) return 1;
    if (turns < low) return factor;
    const smooth = (turns - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
