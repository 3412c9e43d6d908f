import { AutodidactError } from "../errors.ts";
import type { Fields } from "./fields.ts";

/** llama.cpp's token types. */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface TokenList {
  /** By id. */
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/** @throws AutodidactError GGUF_TOKENIZER, GGUF_MODEL */
export function tokenList(file: string, fields: Fields): TokenList {
  const tokens = fields.texts("tokenizer.ggml.tokens");
  if (tokens === undefined || tokens.length === 0)
    throw new AutodidactError("GGUF_TOKENIZER", `${file}: tokenizer.ggml.tokens: missing; convert the model again`);
  const types = fields.numbers("tokenizer.ggml.token_type") ?? tokens.map(() => tokenTypes.normal);
  if (types.length !== tokens.length)
    fields.fail("tokenizer.ggml.token_type", `expected one for each of ${tokens.length} tokens`);
  // The library that reads the header drops a byte order mark at the start of a text; SentencePiece has it as a token.
  return { tokens: tokens.map((token) => (token === "" ? "\ufeff" : token)), types };
}

/**
 * Token -> id. Unused ids only fill the embedding up and have no text. Where a text occurs twice, the first id is the one
 * that encoding gives, as in llama.cpp.
 */
export function vocabulary({ tokens, types }: TokenList): Readonly<Record<string, number>> {
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries())
    if (types[id] !== tokenTypes.unused && !Object.hasOwn(vocab, token)) vocab[token] = id;
  return vocab;
}
