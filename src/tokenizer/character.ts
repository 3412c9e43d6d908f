import { AutodidactError } from "../errors.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

export interface CharacterTokenizerOptions {
  /** Ends a text and stands before it; the id after those of the alphabet. Also the padding token. @default "<|end|>" */
  readonly endToken?: string;
  /** @default singleQuestionTemplate */
  readonly chatTemplate?: string;
}

/**
 * The chat template of a model that continues plain text: the token that every text it has read began with, the
 * question and a line break; what the model writes behind it is the answer. Without that token the question's first
 * character takes its place, and the model overlooks it. Such a model has read single texts and never a conversation, so a system
 * message or a second question is refused instead of being rendered into something it has never seen.
 */
export const singleQuestionTemplate = [
  "{%- for message in messages -%}",
  "{%- if message['role'] == 'user' and loop.index0 == 0 -%}",
  "{{- bos_token + message['content'] + '\\n' -}}",
  "{%- elif message['role'] == 'assistant' and loop.index0 == 1 -%}",
  "{{- message['content'] + eos_token -}}",
  "{%- else -%}",
  "{{- raise_exception('This model answers single questions: one user message, then at most one assistant message') -}}",
  "{%- endif -%}",
  "{%- endfor -%}",
].join("\n");

/**
 * A tokenizer with one token a character, as a valid tokenizer.json: BPE without merges, which Hugging Face's
 * tokenizers and the npm library read alike (the npm library has no WordLevel). Ids follow the order of `alphabet`,
 * then comes the end token.
 *
 * There is no unknown token: `encode` refuses a character outside the alphabet. Other tools that load the file drop such
 * a character, as their BPE does where there is neither an unknown token nor byte fallback.
 *
 * @throws AutodidactError TOKENIZER_ALPHABET
 */
export function characterTokenizer(alphabet: string, options: CharacterTokenizerOptions = {}): Tokenizer {
  const endToken = options.endToken ?? "<|end|>";
  const characters = [...alphabet];
  const vocab: Record<string, number> = {};
  const fail = (message: string): never => {
    throw new AutodidactError("TOKENIZER_ALPHABET", message);
  };
  if (characters.length === 0) fail('alphabet: "" is empty; list every character of the texts once');
  if ([...endToken].length < 2)
    fail(`endToken: ${JSON.stringify(endToken)} must be longer than one character, "<|end|>" for instance`);
  for (const [id, character] of characters.entries()) {
    if (/^[\uD800-\uDFFF]$/.test(character)) fail(`alphabet: lone surrogate at character ${id}; use whole characters`);
    if (Object.hasOwn(vocab, character)) fail(`alphabet: ${JSON.stringify(character)} occurs twice; list it once`);
    vocab[character] = id;
  }
  if (options.chatTemplate === undefined && !Object.hasOwn(vocab, "\n"))
    fail("alphabet: the chat template ends a question with a line break; add \\n or give another chatTemplate");
  vocab[endToken] = characters.length;

  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: characters.length,
        content: endToken,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "Fuse" },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: [],
    },
  };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: endToken,
    eos_token: endToken,
    pad_token: endToken,
    clean_up_tokenization_spaces: false,
    chat_template: options.chatTemplate ?? singleQuestionTemplate,
  };
  return loadTokenizer(json, config);
}
