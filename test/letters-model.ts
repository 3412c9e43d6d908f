import { modelConfigSchema } from "../src/model/config.ts";
import { characterTokenizer } from "../src/tokenizer/character.ts";

/** A one-layer model over ten characters, for trainers: fresh, it is nearly indifferent between them. */
export const lettersTokenizer = characterTokenizer("abcdefgh\n");
export const lettersConfig = modelConfigSchema.parse({
  model_type: "llama",
  vocab_size: lettersTokenizer.vocabSize,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  initializer_range: 0.1,
  eos_token_id: lettersTokenizer.endTokens[0],
});
