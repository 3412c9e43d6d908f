import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import { characterCodec } from "./character-codec.ts";
import { type JsonObject, type TokenizerJson, tokenizerJsonSchema } from "./format.ts";

/** Text to token ids and back, as a Hugging Face tokenizer.json and tokenizer_config.json define it. */
export interface Tokenizer {
  /** Number of ids, added tokens included; ids run from 0 to vocabSize - 1, though a file may leave gaps. */
  readonly vocabSize: number;
  /** Ids that end a text: the eos_token of tokenizer_config.json, where it has one. */
  readonly endTokens: readonly number[];
  /** Special tokens by their text. They are also recognised inside the text that `encode` gets. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /**
   * The text each id adds when it follows another token, for stop strings. A byte-level token that holds part of a
   * character shows U+FFFD, so a stop string outside ASCII may not be found there. Made on first use.
   */
  readonly tokenTexts: readonly string[];
  /** Contents of tokenizer.json and tokenizer_config.json, to save again. */
  readonly json: JsonObject;
  readonly config: JsonObject;
  /**
   * @throws AutodidactError TOKENIZER_CHARACTER where the vocabulary is one of single characters and lacks one. An
   * <unk> would be an embedding that no training ever saw, and the text would not survive a round trip.
   */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** The exact text: never "cleaned up" (spaces before punctuation stay), whatever tokenizer_config.json asks for. */
  decode(tokens: ArrayLike<number>, options?: DecodeOptions): string;
}

export interface EncodeOptions {
  /**
   * Adds what the file's post-processor adds, a beginning-of-text token for instance. Chat templates write those
   * themselves. @default false
   */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out. @default false */
  readonly skipSpecial?: boolean;
}

/** More ids than any published vocabulary, few enough that a hostile file cannot exhaust memory. */
const MAX_VOCABULARY = 4_000_000;

/**
 * Reads the parsed contents of tokenizer.json and tokenizer_config.json.
 *
 * @param source names the files in error messages, a directory for instance
 * @throws AutodidactError TOKENIZER_INVALID naming the file, the field and what was found
 */
export function loadTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown, source = ""): Tokenizer {
  const file = (name: string): string => (source === "" ? name : `${source}/${name}`);
  const json = tokenizerJsonSchema.safeParse(tokenizerJson);
  if (!json.success)
    throw new AutodidactError(
      "TOKENIZER_INVALID",
      `${file("tokenizer.json")}: ${firstIssue(json.error, tokenizerJson)}; take the tokenizer.json that Hugging Face tokenizers writes`,
    );
  const config = z.looseObject({}).safeParse(tokenizerConfig);
  if (!config.success)
    throw new AutodidactError(
      "TOKENIZER_INVALID",
      `${file("tokenizer_config.json")}: expected a JSON object, found ${describe(tokenizerConfig)}`,
    );
  const texts = tokensById(json.data, file("tokenizer.json"));
  let library: LibraryTokenizer;
  try {
    library = new LibraryTokenizer({ ...(tokenizerJson as object), added_tokens: json.data.added_tokens }, config.data);
  } catch (cause) {
    throw new AutodidactError(
      "TOKENIZER_INVALID",
      `${file("tokenizer.json")}: @huggingface/tokenizers cannot read it (${cause instanceof Error ? cause.message : String(cause)}); save it with a current release of Hugging Face tokenizers`,
      { cause },
    );
  }

  const special = new Map<string, number>();
  for (const token of json.data.added_tokens) if (token.special) special.set(token.content, token.id);
  const specialIds = new Set(special.values());
  const endTokens: number[] = [];
  const endText = specialTokenText(config.data, "eos_token");
  if (endText !== undefined) {
    const id = texts.indexOf(endText);
    if (id < 0)
      throw new AutodidactError(
        "TOKENIZER_INVALID",
        `${file("tokenizer_config.json")}: eos_token: ${JSON.stringify(endText)} is not in the vocabulary of tokenizer.json; name a token that is`,
      );
    endTokens.push(id);
  }

  /** Ids that have a token; a model's embedding may be longer than its vocabulary, and such ids have no text. */
  const known = (tokens: ArrayLike<number>, skipSpecial: boolean): number[] => {
    const ids: number[] = [];
    for (let i = 0; i < tokens.length; i++) {
      const id = tokens[i]!;
      if (!Number.isInteger(id) || id < 0)
        throw new AutodidactError("TOKENIZER_TOKEN", `token ${i}: ${id} is not a token id; ids are whole and from 0`);
      if (texts[id] !== undefined && !(skipSpecial && specialIds.has(id))) ids.push(id);
    }
    return ids;
  };
  const shared = {
    vocabSize: texts.length,
    endTokens,
    specialTokens: special,
    json: tokenizerJson as JsonObject,
    config: config.data,
  };

  const direct = characterCodec(json.data, config.data);
  if (direct !== undefined)
    return {
      ...shared,
      tokenTexts: texts.map((text) => text ?? ""),
      encode: (text) => direct.encode(text),
      decode: (tokens, options) =>
        known(tokens, options?.skipSpecial ?? false)
          .map((id) => texts[id])
          .join(""),
    };

  const decode = (ids: number[]): string =>
    ids.length === 0 ? "" : library.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  let tokenTexts: readonly string[] | undefined;
  return {
    ...shared,
    get tokenTexts() {
      tokenTexts ??= textsInContext(texts, specialIds, decode);
      return tokenTexts;
    },
    encode(text, options) {
      const { ids, tokens } = library.encode(text, { add_special_tokens: options?.addSpecialTokens ?? false });
      const unknown = (ids as (number | undefined)[]).indexOf(undefined);
      if (unknown >= 0)
        throw new AutodidactError(
          "TOKENIZER_CHARACTER",
          `text: ${JSON.stringify(tokens[unknown])} is not in the vocabulary, which has no unknown token; remove it from the text`,
        );
      return Int32Array.from(ids);
    },
    decode: (tokens, options) => decode(known(tokens, options?.skipSpecial ?? false)),
  };
}

/** A field of tokenizer_config.json that names a special token, as text or as an added-token object. */
export function specialTokenText(
  config: JsonObject,
  field: "bos_token" | "eos_token" | "unk_token" | "pad_token",
): string | undefined {
  const value = config[field];
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "content" in value && typeof value.content === "string")
    return value.content;
  return undefined;
}

/** Each id's token as the file spells it; undefined where the file leaves a gap. */
function tokensById(json: TokenizerJson, file: string): (string | undefined)[] {
  const entries: [string, number][] = Array.isArray(json.model.vocab)
    ? json.model.vocab.map(([text], id) => [text, id])
    : Object.entries(json.model.vocab);
  for (const token of json.added_tokens) entries.push([token.content, token.id]);
  const texts: (string | undefined)[] = [];
  let largest = -1;
  for (const [, id] of entries) largest = Math.max(largest, id);
  if (largest < 0 || largest >= MAX_VOCABULARY)
    throw new AutodidactError(
      "TOKENIZER_INVALID",
      `${file}: model.vocab: largest id ${largest}; expected between 0 and ${MAX_VOCABULARY - 1}`,
    );
  for (let id = 0; id <= largest; id++) texts.push(undefined);
  for (const [text, id] of entries) {
    if (texts[id] !== undefined && texts[id] !== text)
      throw new AutodidactError(
        "TOKENIZER_INVALID",
        `${file}: id ${id} stands for both ${JSON.stringify(texts[id])} and ${JSON.stringify(text)}; give one of them another id`,
      );
    texts[id] = text;
  }
  return texts;
}

/** Decodes every id behind an ordinary token, since decoders may treat the first token of a text differently. */
function textsInContext(
  texts: readonly (string | undefined)[],
  specialIds: ReadonlySet<number>,
  decode: (ids: number[]) => string,
): string[] {
  const anchor = texts.findIndex((text, id) => text !== undefined && /^[a-z]$/.test(text) && !specialIds.has(id));
  const before = anchor < 0 ? "" : decode([anchor]);
  return texts.map((text, id) => {
    if (text === undefined) return "";
    if (specialIds.has(id)) return text;
    if (anchor < 0) return decode([id]);
    const both = decode([anchor, id]);
    return both.startsWith(before) ? both.slice(before.length) : decode([id]);
  });
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
