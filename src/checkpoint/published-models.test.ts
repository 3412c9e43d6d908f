import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parameterCount } from "../model/parameters.ts";
import { parseModelConfig } from "./model-config.ts";

/** The fields of published config.json files that matter to the arithmetic, and the models' numbers of parameters. */
const qwen2 = {
  architectures: ["Qwen2ForCausalLM"],
  model_type: "qwen2",
  hidden_act: "silu",
  use_sliding_window: false,
};
const llama = { architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", attention_bias: false };
const llama3 = {
  rope_type: "llama3",
  high_freq_factor: 4.0,
  low_freq_factor: 1.0,
  original_max_position_embeddings: 8192,
};
const models: Readonly<Record<string, readonly [object, number]>> = {
  "SmolLM2-135M": [
    {
      ...llama,
      hidden_size: 576,
      intermediate_size: 1536,
      is_llama_config: true,
      max_position_embeddings: 8192,
      mlp_bias: false,
      num_attention_heads: 9,
      num_hidden_layers: 30,
      num_key_value_heads: 3,
      pretraining_tp: 1,
      rms_norm_eps: 1e-5,
      rope_interleaved: false,
      rope_scaling: null,
      rope_theta: 100000,
      tie_word_embeddings: true,
      torch_dtype: "bfloat16",
      vocab_size: 49152,
    },
    134_515_008,
  ],
  "Qwen2.5-0.5B-Instruct": [
    {
      ...qwen2,
      hidden_size: 896,
      intermediate_size: 4864,
      max_position_embeddings: 32768,
      max_window_layers: 21,
      num_attention_heads: 14,
      num_hidden_layers: 24,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-6,
      rope_theta: 1000000.0,
      sliding_window: 32768,
      tie_word_embeddings: true,
      vocab_size: 151936,
    },
    494_032_768,
  ],
  "Qwen3-0.6B": [
    {
      architectures: ["Qwen3ForCausalLM"],
      model_type: "qwen3",
      attention_bias: false,
      head_dim: 128,
      hidden_act: "silu",
      hidden_size: 1024,
      intermediate_size: 3072,
      max_position_embeddings: 40960,
      max_window_layers: 28,
      num_attention_heads: 16,
      num_hidden_layers: 28,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-6,
      rope_scaling: null,
      rope_theta: 1000000,
      sliding_window: null,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vocab_size: 151936,
    },
    596_049_920,
  ],
  "Llama-3.2-1B": [
    {
      ...llama,
      eos_token_id: [128001, 128008, 128009],
      head_dim: 64,
      hidden_size: 2048,
      intermediate_size: 8192,
      max_position_embeddings: 131072,
      num_attention_heads: 32,
      num_hidden_layers: 16,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_scaling: { ...llama3, factor: 32.0 },
      rope_theta: 500000.0,
      tie_word_embeddings: true,
      vocab_size: 128256,
    },
    1_235_814_400,
  ],
  "DeepSeek-R1-Distill-Qwen-1.5B": [
    {
      ...qwen2,
      bos_token_id: 151643,
      eos_token_id: 151643,
      hidden_size: 1536,
      intermediate_size: 8960,
      max_position_embeddings: 131072,
      max_window_layers: 21,
      num_attention_heads: 12,
      num_hidden_layers: 28,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      sliding_window: 4096,
      tie_word_embeddings: false,
      use_mrope: false,
      vocab_size: 151936,
    },
    1_777_088_000,
  ],
  "DeepSeek-R1-Distill-Llama-8B": [
    {
      ...llama,
      hidden_size: 4096,
      intermediate_size: 14336,
      max_position_embeddings: 131072,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_scaling: { ...llama3, factor: 8.0 },
      rope_theta: 500000.0,
      tie_word_embeddings: false,
      vocab_size: 128256,
    },
    8_030_261_248,
  ],
  "Mistral-7B-Instruct-v0.3": [
    {
      architectures: ["MistralForCausalLM"],
      model_type: "mistral",
      hidden_act: "silu",
      hidden_size: 4096,
      intermediate_size: 14336,
      max_position_embeddings: 32768,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_theta: 1000000.0,
      sliding_window: null,
      tie_word_embeddings: false,
      vocab_size: 32768,
    },
    7_248_023_552,
  ],
};

describe("config.json of published models", () => {
  for (const [name, [fields, parameters]] of Object.entries(models))
    it(`${name}: ${parameters.toLocaleString("en")} parameters`, () => {
      assert.equal(parameterCount(parseModelConfig(fields, name)), parameters);
    });
});
