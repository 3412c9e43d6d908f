import { multiplyDims, type Node } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import type { ModelConfig } from "./config.ts";
import { hasOutputBias, hasQkNorm, hasQkvBias, headDim, parameterShapes } from "./parameters.ts";

/**
 * The Llama family as graphs: RMSNorm before each half, rotary positions, grouped-query attention, SwiGLU.
 * B batch row, T token, S cache slot, C model width, H query head, K key head, R = H / K, D head width, V vocabulary.
 */

export interface Parameters {
  readonly nodes: ReadonlyMap<string, Node>;
  get(name: string): Node;
}

/** One "input" node for each parameter, fed by its Hugging Face name. */
export function parameterInputs(config: ModelConfig): Parameters {
  const nodes = new Map([...parameterShapes(config)].map(([name, shape]) => [name, ops.input(name, shape)]));
  return { nodes, get: (name) => nodes.get(name)! };
}

export interface Forward {
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
  const [B, T] = tokens.shape as [string, string];
  const D = headDim(config);
  const K = config.num_key_value_heads;
  const R = config.num_attention_heads / K;
  const [keys, values]: [Node[], Node[]] = [[], []];
  const logits = stack(config, parameters, tokens, positions, (q, k, v) => {
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
  });
  return { logits, keys, values };
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
  const logits = stack(config, parameters, tokens, positions, (q, k, v, layer) => {
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
  return { logits, keys, values };
}

type Attention = (q: Node, k: Node, v: Node, layer: number) => Node;

function stack(config: ModelConfig, parameters: Parameters, tokens: Node, positions: Node, attention: Attention): Node {
  const epsilon = config.rms_norm_eps;
  const D = headDim(config);
  const [cos, sin] = [rotaryInput("rotaryCos", D), rotaryInput("rotarySin", D)];
  const embedding = parameters.get("model.embed_tokens.weight");
  let x = ops.gather(embedding, tokens); // (B, T, C)
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const weight = (name: string): Node => parameters.get(`model.layers.${layer}.${name}`);
    const project = (name: string, from: Node, bias: boolean): Node =>
      ops.linear(from, weight(`${name}.weight`), bias ? weight(`${name}.bias`) : undefined);
    const normed = ops.rmsNorm(x, weight("input_layernorm.weight"), epsilon);
    const rotated = (name: "q" | "k"): Node => {
      let heads = project(`self_attn.${name}_proj`, normed, hasQkvBias(config));
      if (hasQkNorm(config)) heads = normHeads(heads, weight(`self_attn.${name}_norm.weight`), D, epsilon);
      return ops.rotary(heads, positions, cos, sin, D);
    };
    const value = project("self_attn.v_proj", normed, hasQkvBias(config));
    const mixed = attention(rotated("q"), rotated("k"), value, layer);
    x = ops.add(x, project("self_attn.o_proj", mixed, hasOutputBias(config)));
    const between = ops.rmsNorm(x, weight("post_attention_layernorm.weight"), epsilon);
    const gate = ops.linear(between, weight("mlp.gate_proj.weight"));
    const up = ops.linear(between, weight("mlp.up_proj.weight"));
    const hidden = ops.mul(ops.mul(gate, ops.sigmoid(gate)), up); // SwiGLU (Shazeer 2020): silu(gate) * up
    x = ops.add(x, ops.linear(hidden, weight("mlp.down_proj.weight")));
  }
  const head = config.tie_word_embeddings ? embedding : parameters.get("lm_head.weight");
  return ops.linear(ops.rmsNorm(x, parameters.get("model.norm.weight"), epsilon), head);
}

/** Qwen3's QK-norm: RMSNorm over each head of (B, T, H*D). */
function normHeads(x: Node, weight: Node, D: number, epsilon: number): Node {
  const [B, T, width] = x.shape as [string, string, number];
  return ops.reshape(ops.rmsNorm(ops.reshape(x, [B, T, width / D, D]), weight, epsilon), [B, T, width]);
}

/** A table of rotary.ts, (P, D/2), P being at least the largest position + 1. */
function rotaryInput(name: "rotaryCos" | "rotarySin", D: number): Node {
  return ops.input(name, ["P", D / 2]);
}
