import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import type { ModelConfig } from "./config.ts";

export function headDim(config: ModelConfig): number {
  return config.head_dim ?? config.hidden_size / config.num_attention_heads;
}

/** QKV bias: Qwen2 always has it, Llama and Qwen3 where attention_bias says so. */
export function hasQkvBias(config: ModelConfig): boolean {
  return config.model_type === "qwen2" || config.attention_bias;
}

/** Llama's attention_bias also puts one on the output projection; Qwen2's does not. */
export function hasOutputBias(config: ModelConfig): boolean {
  return config.model_type !== "qwen2" && config.attention_bias;
}

export function hasQkNorm(config: ModelConfig): boolean {
  return config.model_type === "qwen3";
}

/** Names and shapes of all parameters in Hugging Face's naming; linear weights are (out, in). */
export function parameterShapes(config: ModelConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const C = config.hidden_size;
  const D = headDim(config);
  const queryWidth = config.num_attention_heads * D;
  const keyWidth = config.num_key_value_heads * D;
  const F = config.intermediate_size;
  shapes.set("model.embed_tokens.weight", [config.vocab_size, C]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    shapes.set(`${prefix}.input_layernorm.weight`, [C]);
    for (const [projection, out] of [
      ["q_proj", queryWidth],
      ["k_proj", keyWidth],
      ["v_proj", keyWidth],
    ] as const) {
      shapes.set(`${prefix}.self_attn.${projection}.weight`, [out, C]);
      if (hasQkvBias(config)) shapes.set(`${prefix}.self_attn.${projection}.bias`, [out]);
    }
    if (hasQkNorm(config)) {
      shapes.set(`${prefix}.self_attn.q_norm.weight`, [D]);
      shapes.set(`${prefix}.self_attn.k_norm.weight`, [D]);
    }
    shapes.set(`${prefix}.self_attn.o_proj.weight`, [C, queryWidth]);
    if (hasOutputBias(config)) shapes.set(`${prefix}.self_attn.o_proj.bias`, [C]);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [C]);
    shapes.set(`${prefix}.mlp.gate_proj.weight`, [F, C]);
    shapes.set(`${prefix}.mlp.up_proj.weight`, [F, C]);
    shapes.set(`${prefix}.mlp.down_proj.weight`, [C, F]);
  }
  shapes.set("model.norm.weight", [C]);
  if (!config.tie_word_embeddings) shapes.set("lm_head.weight", [config.vocab_size, C]);
  return shapes;
}

export function parameterCount(config: ModelConfig): number {
  let count = 0;
  for (const shape of parameterShapes(config).values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}

/**
 * Fresh weights: normal(0, initializer_range), norms at one, biases at zero; projections that write into the residual
 * stream are scaled by 1/sqrt(2 L) (GPT-2, section 2.3).
 */
export function initialWeights(
  config: ModelConfig,
  seed: number,
): Map<string, { shape: number[]; data: Float32Array }> {
  checkConfig(config);
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, shape] of parameterShapes(config)) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (name.includes("norm")) data.fill(1);
    else if (!name.endsWith("bias")) {
      const residual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
      const std = config.initializer_range / (residual ? Math.sqrt(2 * config.num_hidden_layers) : 1);
      const stream = random(seed, "weights", name);
      for (let i = 0; i < data.length; i++) data[i] = std * stream.normal();
    }
    weights.set(name, { shape, data });
  }
  return weights;
}

/** Refuses sizes that do not fit together, before anything is allocated. */
export function checkConfig(config: ModelConfig): void {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, hidden_size: width } = config;
  if (heads % keyHeads !== 0)
    throw new AutodidactError(
      "MODEL_CONFIG",
      `num_key_value_heads: ${keyHeads} does not divide num_attention_heads ${heads}; choose a divisor of ${heads}`,
    );
  const dim = headDim(config);
  if (!Number.isInteger(dim) || dim % 2 !== 0)
    throw new AutodidactError(
      "MODEL_CONFIG",
      `head_dim: ${dim} (hidden_size ${width} / num_attention_heads ${heads}) must be an even whole number for rotary positions`,
    );
}
