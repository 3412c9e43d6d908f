import type { ModelConfig } from "../model/config.ts";
import { headDim } from "../model/parameters.ts";

/** Names of GGUF for the parts of a Hugging Face parameter name. */
const parts: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  post_attention_layernorm: "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

/** "model.layers.0.self_attn.q_proj.weight" -> "blk.0.attn_q.weight" */
export function ggufTensorName(name: string): string {
  if (name === "model.embed_tokens.weight") return "token_embd.weight";
  if (name === "model.norm.weight") return "output_norm.weight";
  if (name === "lm_head.weight") return "output.weight";
  const match = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  const part = match === null ? undefined : parts[match[2]!];
  if (match === null || part === undefined) throw new Error(`parameter ${name} has no name in GGUF`);
  return `blk.${match[1]}.${part}.${match[3]}`;
}

/**
 * Heads whose rows stand in another order in the file, 0 for parameters that are stored as they are. Hugging Face's Llama
 * rotates element j of a head with element j + D/2, llama.cpp's with its neighbour, so its converter reorders the rows
 * of q_proj and k_proj: row 2j + s of a head in the file is row s D/2 + j. The other architectures are rotated as in
 * Hugging Face's code.
 */
export function reorderedHeads(name: string, config: ModelConfig): number {
  if (config.model_type !== "llama" && config.model_type !== "mistral") return 0;
  if (name.includes(".q_proj.")) return config.num_attention_heads;
  return name.includes(".k_proj.") ? config.num_key_value_heads : 0;
}

/** Row of the file -> row in Hugging Face's order. */
export function rowOfFileRow(row: number, config: ModelConfig): number {
  const size = headDim(config);
  const within = row % size;
  return row - within + (within % 2) * (size / 2) + (within >> 1);
}
