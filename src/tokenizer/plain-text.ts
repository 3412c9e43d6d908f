import type { Tokenizer } from "./tokenizer.ts";

/**
 * A text that no chat template made, as a prompt: with the beginning-of-text token where the tokenizer's post-processor
 * adds one, since the model has seen every text begin with it, but once if the text has it already. An end-of-text token
 * that a post-processor adds is left out: the model is to go on. What a chat template made goes through `encode`.
 */
export function encodeText(tokenizer: Tokenizer, text: string): Int32Array {
  const plain = tokenizer.encode(text);
  const beginning = tokenizer.encode(text, { addSpecialTokens: true })[0];
  if (beginning === undefined || beginning === plain[0]) return plain;
  const ids = new Int32Array(plain.length + 1);
  ids[0] = beginning;
  ids.set(plain, 1);
  return ids;
}
