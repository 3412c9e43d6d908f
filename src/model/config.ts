import { z } from "zod";

/** Stretched rotary positions, as rope_scaling of config.json has them; model/rotary.ts says what they do. */
export const ropeScalingSchema = z.discriminatedUnion("rope_type", [
  z.object({ rope_type: z.literal("linear"), factor: z.number().min(1) }),
  z
    .object({
      rope_type: z.literal("llama3"),
      factor: z.number().min(1),
      low_freq_factor: z.number().positive(),
      high_freq_factor: z.number().positive(),
      original_max_position_embeddings: z.int().positive(),
    })
    .refine((scaling) => scaling.low_freq_factor < scaling.high_freq_factor, {
      path: ["low_freq_factor"],
      message: "must be below high_freq_factor",
    }),
]);
export type RopeScaling = z.infer<typeof ropeScalingSchema>;

/** The fields of a Hugging Face config.json that a Llama-family model needs, under their own names. */
export const modelConfigSchema = z.object({
  architectures: z.array(z.string()).default(["LlamaForCausalLM"]),
  model_type: z.enum(["llama", "mistral", "qwen2", "qwen3"]),
  vocab_size: z.int().positive(),
  hidden_size: z.int().positive(),
  intermediate_size: z.int().positive(),
  num_hidden_layers: z.int().positive(),
  num_attention_heads: z.int().positive(),
  num_key_value_heads: z.int().positive(),
  head_dim: z.int().positive().optional(),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(10000),
  rope_scaling: ropeScalingSchema.optional(),
  max_position_embeddings: z.int().positive(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  hidden_act: z.literal("silu").default("silu"),
  initializer_range: z.number().positive().default(0.02),
  bos_token_id: z.int().nullable().default(null),
  eos_token_id: z.union([z.int(), z.array(z.int()), z.null()]).default(null),
  torch_dtype: z.string().optional(),
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;
