import { AutodidactError } from "../errors.ts";
import type { JsonObject } from "../tokenizer/format.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import type { GgufHeader } from "./header.ts";
import { type PreTokenizer, preTokenizerJson, preTokenizers } from "./pre-tokenizers.ts";
import { sentencePieceModel } from "./sentence-piece.ts";
import { type TokenList, tokenList, tokenTypes, vocabulary } from "./token-list.ts";

/**
 * The tokenizer of a GGUF file, as the tokenizer.json and tokenizer_config.json it was converted from, as far as the file
 * tells. A file has no normalizer; that of the family is taken.
 *
 * @throws AutodidactError GGUF_TOKENIZER, TOKENIZER_INVALID
 */
export function tokenizerOf(header: GgufHeader): Tokenizer {
  const fields = fieldsOf(header);
  const model = fields.text("tokenizer.ggml.model");
  if (model !== "gpt2" && model !== "llama")
    throw new AutodidactError(
      "GGUF_TOKENIZER",
      `${header.file}: tokenizer.ggml.model: ${JSON.stringify(model) ?? "missing"}; expected gpt2 (byte-level BPE) or llama (SentencePiece), take the model's Hugging Face directory instead`,
    );
  const list = tokenList(header.file, fields);
  const idOf = (name: string): number | undefined => tokenId(fields, list, name);
  const textOf = (name: string): string | undefined => {
    const id = idOf(name);
    return id === undefined ? undefined : list.tokens[id]!;
  };
  const bos = idOf("bos");
  const parts =
    model === "gpt2" ? byteLevelModel(header.file, fields, list) : sentencePieceModel(header.file, fields, list);
  const { addsBeginning, ...json } = parts;
  const begins = bos !== undefined && (fields.flag("tokenizer.ggml.add_bos_token") ?? addsBeginning);
  const named: Record<string, string | undefined> = {
    bos_token: textOf("bos"),
    eos_token: textOf("eos"),
    unk_token: textOf("unknown"),
    pad_token: textOf("padding"),
    chat_template: fields.text("tokenizer.chat_template"),
  };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
    add_bos_token: begins,
    clean_up_tokenization_spaces: false,
    model_max_length: fields.number(`${fields.text("general.architecture")}.context_length`),
  };
  const made = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(list),
    ...json,
    ...(begins ? { post_processor: beginning(json.post_processor, list.tokens[bos]!, bos) } : {}),
  };
  return loadTokenizer(broughtAlong(header.file, fields) ?? made, config, header.file);
}

/** Some files, those of character models written here among them, have the tokenizer.json itself. */
function broughtAlong(file: string, fields: Fields): unknown {
  const text = fields.text("tokenizer.huggingface.json");
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AutodidactError(
      "GGUF_TOKENIZER",
      `${file}: tokenizer.huggingface.json: expected JSON, found ${JSON.stringify(text.slice(0, 40))}; convert the model again`,
      { cause },
    );
  }
}

/**
 * Control tokens that end a text, a turn or a message in one of the families. Converters of Qwen and Llama models write but one
 * of theirs into the metadata, and llama.cpp finds the others by their texts too.
 */
const ends = [
  "</s>",
  "<|endoftext|>",
  "<|im_end|>",
  "<|end_of_text|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<｜end▁of▁sentence｜>",
];

/** Every id that ends a text, a turn or a message. */
export function endTokensOf(header: GgufHeader): number[] {
  const fields = fieldsOf(header);
  const list = tokenList(header.file, fields);
  const named = ["eos", "eot", "eom"].map((name) => tokenId(fields, list, name));
  const known = ends.map((text) => list.tokens.indexOf(text)).filter((id) => list.types[id] === tokenTypes.control);
  return [...new Set([...named.filter((id) => id !== undefined), ...known])].sort((a, b) => a - b);
}

function tokenId(fields: Fields, { tokens }: TokenList, name: string): number | undefined {
  const field = `tokenizer.ggml.${name}_token_id`;
  const id = fields.number(field);
  if (id !== undefined && tokens[id] === undefined) fields.fail(field, `expected an id below ${tokens.length}`);
  return id;
}

function byteLevelModel(file: string, fields: Fields, list: TokenList) {
  const pre = preTokenizer(file, fields);
  const merges = fields.texts("tokenizer.ggml.merges");
  if (merges === undefined)
    throw new AutodidactError("GGUF_TOKENIZER", `${file}: tokenizer.ggml.merges: missing; convert the model again`);
  return {
    normalizer: pre.normalizer,
    pre_tokenizer: preTokenizerJson(pre),
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true } as JsonObject,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: vocabulary(list),
      merges,
    },
    addsBeginning: pre.addsBeginning,
  };
}

function preTokenizer(file: string, fields: Fields): PreTokenizer {
  const name = fields.text("tokenizer.ggml.pre");
  const found = preTokenizers.find((one) => name !== undefined && one.names.includes(name));
  if (found !== undefined) return found;
  const known = preTokenizers.flatMap((one) => one.names).join(", ");
  throw new AutodidactError(
    "GGUF_TOKENIZER",
    `${file}: tokenizer.ggml.pre: ${JSON.stringify(name) ?? "missing"}; expected ${known}; take the model's Hugging Face directory instead`,
  );
}

function addedTokens({ tokens, types }: TokenList): JsonObject[] {
  const added: JsonObject[] = [];
  for (const [id, content] of tokens.entries()) {
    const special = types[id] === tokenTypes.control || types[id] === tokenTypes.unknown;
    if ((special || types[id] === tokenTypes.userDefined) && content !== "")
      added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
  }
  return added;
}

/** A post-processor that also puts the beginning-of-text token before every text. */
function beginning(before: JsonObject | null, token: string, id: number): JsonObject {
  const piece = (sequence: string) => ({ Sequence: { id: sequence, type_id: sequence === "A" ? 0 : 1 } });
  const special = (type: number) => ({ SpecialToken: { id: token, type_id: type } });
  const template = {
    type: "TemplateProcessing",
    single: [special(0), piece("A")],
    pair: [special(0), piece("A"), special(1), piece("B")],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
  return before === null ? template : { type: "Sequence", processors: [before, template] };
}
