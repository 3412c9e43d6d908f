import { AutodidactError } from "../errors.ts";
import type { JsonObject } from "../tokenizer/format.ts";
import type { Fields } from "./fields.ts";
import { type TokenList, tokenTypes, vocabulary } from "./token-list.ts";

/** In characters; SentencePiece's own limit is 16 unless set. */
const LONGEST_PIECE = 512;
const space = "\u2581";

/**
 * A SentencePiece BPE vocabulary as the parts of a tokenizer.json. Such a model joins the neighbours whose union has the
 * highest score, so the merges are every way of cutting a piece in two pieces, ordered by the score of the whole.
 *
 * @throws AutodidactError GGUF_TOKENIZER
 */
export function sentencePieceModel(file: string, fields: Fields, list: TokenList) {
  const { tokens, types } = list;
  const scores = fields.numbers("tokenizer.ggml.scores");
  if (scores?.length !== tokens.length)
    return fields.fail("tokenizer.ggml.scores", `expected one for each of ${tokens.length} tokens`);
  const vocab = vocabulary(list);
  const isPiece = (text: string): boolean => {
    const id = vocab[text];
    return id !== undefined && types[id] !== tokenTypes.control && types[id] !== tokenTypes.byte;
  };
  const merges: { pair: string; score: number; id: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    if (types[id] !== tokenTypes.normal) continue;
    if (token.length > LONGEST_PIECE)
      throw new AutodidactError(
        "GGUF_TOKENIZER",
        `${file}: tokenizer.ggml.tokens: token ${id} has ${token.length} characters, expected at most ${LONGEST_PIECE}; the file is damaged`,
      );
    for (let cut = 1; cut < token.length; cut++) {
      const left = token.slice(0, cut);
      const right = token.slice(cut);
      if (isPiece(left) && isPiece(right)) merges.push({ pair: `${left} ${right}`, score: scores[id]!, id });
    }
  }
  merges.sort((a, b) => b.score - a.score || a.id - b.id);

  const prefixed = fields.flag("tokenizer.ggml.add_space_prefix") ?? true;
  const unknown = types.indexOf(tokenTypes.unknown);
  const replace = (from: string, content: string): JsonObject => ({
    type: "Replace",
    pattern: { String: from },
    content,
  });
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [...(prefixed ? [{ type: "Prepend", prepend: space }] : []), replace(" ", space)],
    } as JsonObject,
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        replace(space, " "),
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefixed ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown < 0 ? null : tokens[unknown]!,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: merges.map(({ pair }) => pair),
    },
    addsBeginning: true,
  };
}
