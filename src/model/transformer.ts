import { multiplyDims, type Node } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import type { ModelConfig } from "./config.ts";
import type { Parameters } from "./parameter-inputs.ts";
import { hasOutputBias, hasQkNorm, hasQkvBias, headDim } from "./parameters.ts";

/**
 * The Llama family as graphs: RMSNorm before each half, rotary positions, grouped-query attention, SwiGLU.
 * B batch row, T token, S cache slot, C model width, H query head, K key head, R = H / K, D head width, V vocabulary.
 */

export interface Forward {
  /** What the last block gives, before the final norm. (B, T, C) */
  readonly hidden: Node;
  /** (B, T, V) */
  readonly logits: Node;
  /** Of each layer, rotated: (B, K, T, D). */
  readonly keys: readonly Node[];
  readonly values: readonly Node[];
}

/** Whole sequences: tokens and positions (B, T), mask (1 or B, 1, 1, T, T) added to the attention scores. */
export function forward(
  config: ModelConfig,
  parameters: Parameters,
  tokens: Node,
  positions: Node,
  mask: Node,
): Forward {
  const [keys, values]: [Node[], Node[]] = [[], []];
  const attend = attention(config, mask, keys, values);
  const hidden = stack(config, parameters, tokens, positions, () => attend);
  return { hidden, logits: head(config, parameters, hidden), keys, values };
}

/** What attention does with the rotated queries and keys, (B, T, H*D) and (B, T, K*D), and the values. */
export type Attention = (q: Node, k: Node, v: Node) => Node;

/** Attention within whole sequences; each call adds its keys and values, (B, K, T, D), to the lists. */
export function attention(config: ModelConfig, mask: Node, keys: Node[] = [], values: Node[] = []): Attention {
  const D = headDim(config);
  const K = config.num_key_value_heads;
  const R = config.num_attention_heads / K;
  return (q, k, v) => {
    const [B, T] = q.shape as [string, string];
    const query = ops.reshape(ops.transpose(ops.reshape(q, [B, T, K, R, D]), [0, 2, 3, 1, 4]), [
      B,
      K,
      multiplyDims(R, T),
      D,
    ]);
    const key = ops.transpose(ops.reshape(k, [B, T, K, D]), [0, 2, 1, 3]);
    const value = ops.transpose(ops.reshape(v, [B, T, K, D]), [0, 2, 1, 3]);
    keys.push(key);
    values.push(value);
    const scores = ops.matmul(query, key, { transB: true, alpha: 1 / Math.sqrt(D) });
    const weights = ops.softmax(ops.add(ops.reshape(scores, [B, K, R, T, T]), mask));
    const mixed = ops.matmul(ops.reshape(weights, [B, K, multiplyDims(R, T), T]), value);
    return ops.reshape(ops.transpose(ops.reshape(mixed, [B, K, R, T, D]), [0, 3, 1, 2, 4]), [B, T, K * R * D]);
  };
}

export interface DecodeCache {
  /** Of each layer: (B, K, S, D). */
  readonly keys: readonly Node[];
  readonly values: readonly Node[];
  /** (B, 1, 1, S): 0 at the slots a row has filled, a large negative number elsewhere. */
  readonly mask: Node;
}

/**
 * One new token a row: tokens and positions (B, 1). The cache is an input only; the new rows, (B, K, 1, D) a layer, are
 * outputs which the sampler writes into it, since an output the size of the cache would be copied at every step.
 */
export function decode(
  config: ModelConfig,
  parameters: Parameters,
  tokens: Node,
  positions: Node,
  cache: DecodeCache,
): Forward {
  const B = tokens.shape[0]!;
  const S = cache.mask.shape[3]!;
  const D = headDim(config);
  const K = config.num_key_value_heads;
  const R = config.num_attention_heads / K;
  const [keys, values]: [Node[], Node[]] = [[], []];
  const hidden = stack(config, parameters, tokens, positions, (layer) => (q, k, v) => {
    const query = ops.reshape(q, [B, K, R, D]);
    const key = ops.reshape(k, [B, K, 1, D]);
    const value = ops.reshape(v, [B, K, 1, D]);
    keys.push(key);
    values.push(value);
    const scale = { transB: true, alpha: 1 / Math.sqrt(D) };
    const past = ops.add(ops.matmul(query, cache.keys[layer]!, scale), cache.mask);
    const weights = ops.softmax(ops.concat(past, ops.matmul(query, key, scale), 3));
    const mixed = ops.add(
      ops.matmul(ops.slice(weights, 3, 0, -1, S), cache.values[layer]!),
      ops.mul(ops.slice(weights, 3, -1, null, 1), value),
    );
    return ops.reshape(mixed, [B, 1, K * R * D]);
  });
  return { hidden, logits: head(config, parameters, hidden), keys, values };
}

function stack(
  config: ModelConfig,
  parameters: Parameters,
  tokens: Node,
  positions: Node,
  attentionOf: (layer: number) => Attention,
): Node {
  const rotary = rotaryInputs(config);
  let x = parameters.rows("model.embed_tokens.weight", tokens); // (B, T, C)
  for (let layer = 0; layer < config.num_hidden_layers; layer++)
    x = block(config, parameters, layer, x, positions, rotary, attentionOf(layer));
  return x;
}

/** One layer: x (B, T, C) -> (B, T, C). */
export function block(
  config: ModelConfig,
  parameters: Parameters,
  layer: number,
  x: Node,
  positions: Node,
  { cos, sin }: Rotary,
  attend: Attention,
): Node {
  const epsilon = config.rms_norm_eps;
  const D = headDim(config);
  const prefix = `model.layers.${layer}`;
  const weight = (name: string): Node => parameters.get(`${prefix}.${name}.weight`);
  const linear = (from: Node, name: string, bias = false): Node => parameters.linear(from, `${prefix}.${name}`, bias);
  const normed = ops.rmsNorm(x, weight("input_layernorm"), epsilon);
  const rotated = (name: "q" | "k"): Node => {
    let heads = linear(normed, `self_attn.${name}_proj`, hasQkvBias(config));
    if (hasQkNorm(config)) heads = normHeads(heads, weight(`self_attn.${name}_norm`), D, epsilon);
    return ops.rotary(heads, positions, cos, sin, D);
  };
  const value = linear(normed, "self_attn.v_proj", hasQkvBias(config));
  const mixed = attend(rotated("q"), rotated("k"), value);
  const between = ops.add(x, linear(mixed, "self_attn.o_proj", hasOutputBias(config)));
  const narrow = ops.rmsNorm(between, weight("post_attention_layernorm"), epsilon);
  const gate = linear(narrow, "mlp.gate_proj");
  const up = linear(narrow, "mlp.up_proj");
  const wide = ops.mul(ops.mul(gate, ops.sigmoid(gate)), up); // SwiGLU (Shazeer 2020): silu(gate) * up
  return ops.add(between, linear(wide, "mlp.down_proj"));
}

/** The final norm and the product with the output matrix: (..., C) -> (..., V). */
export function head(config: ModelConfig, parameters: Parameters, hidden: Node): Node {
  const normed = ops.rmsNorm(hidden, parameters.get("model.norm.weight"), config.rms_norm_eps);
  return parameters.product(normed, headName(config));
}

/** The output matrix (V, C): the embedding itself where the two are tied. */
export function headName(config: ModelConfig): string {
  return config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
}

/** Qwen3's QK-norm: RMSNorm over each head of (B, T, H*D). */
function normHeads(x: Node, weight: Node, D: number, epsilon: number): Node {
  const [B, T, width] = x.shape as [string, string, number];
  return ops.reshape(ops.rmsNorm(ops.reshape(x, [B, T, width / D, D]), weight, epsilon), [B, T, width]);
}

/** The tables of rotary.ts, (P, D/2), P being at least the largest position + 1. */
export interface Rotary {
  readonly cos: Node;
  readonly sin: Node;
}

export function rotaryInputs(config: ModelConfig): Rotary {
  const shape = ["P", headDim(config) / 2];
  return { cos: ops.input("rotaryCos", shape), sin: ops.input("rotarySin", shape) };
}
