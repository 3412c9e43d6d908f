import { AutodidactError } from "../errors.ts";
import type { JsonObject, TokenizerJson } from "./format.ts";

export interface CharacterCodec {
  encode(text: string): Int32Array;
}

/**
 * A direct encoder for a tokenizer.json whose tokens are single characters and special tokens, undefined for any other.
 * The library keeps a linked list of every character, which a corpus of millions does not survive; here a character is
 * one look-up. The tests hold it equal to the library. Where the library (like Hugging Face's) drops a character that the
 * vocabulary lacks without a word, this one refuses it.
 */
export function characterCodec(json: TokenizerJson, config: JsonObject): CharacterCodec | undefined {
  if (!isCharacterLevel(json, config)) return undefined;
  // Longest first: at each position the library takes the longest special token.
  const special = json.added_tokens
    .map((token) => ({ text: token.content, id: token.id }))
    .sort((a, b) => b.text.length - a.text.length);
  const specialTexts = new Set(special.map((token) => token.text));
  // Ids by UTF-16 unit for the characters of one unit; the rest (outside the basic plane) in a map.
  const units = new Int32Array(65536).fill(-1);
  const pairs = new Map<number, number>();
  for (const [text, id] of Object.entries(json.model.vocab as Record<string, number>)) {
    if (specialTexts.has(text)) continue;
    if (text.length === 1) units[text.charCodeAt(0)] = id;
    else pairs.set(text.codePointAt(0)!, id);
  }
  const startsSpecial = new Uint8Array(65536);
  for (const { text } of special) startsSpecial[text.charCodeAt(0)] = 1;

  return {
    encode(text) {
      const ids = new Int32Array(text.length);
      let count = 0;
      for (let i = 0; i < text.length; ) {
        const unit = text.charCodeAt(i);
        if (startsSpecial[unit] === 1) {
          const token = special.find((candidate) => text.startsWith(candidate.text, i));
          if (token !== undefined) {
            ids[count++] = token.id;
            i += token.text.length;
            continue;
          }
        }
        const point = text.codePointAt(i)!;
        const id = point < 65536 ? units[point]! : (pairs.get(point) ?? -1);
        if (id < 0) throw unknownCharacter(text, i, point);
        ids[count++] = id;
        i += point < 65536 ? 1 : 2;
      }
      return ids.slice(0, count);
    },
  };
}

/** True where every part of the file that could change, join or add text is absent. */
function isCharacterLevel(json: TokenizerJson, config: JsonObject): boolean {
  const { model } = json;
  if (model.type !== "BPE" || Array.isArray(model.vocab) || model.merges?.length !== 0) return false;
  const absent = [
    json.normalizer,
    json.pre_tokenizer,
    json.post_processor,
    model.unk_token,
    model.dropout,
    model.continuing_subword_prefix,
    model.continuing_subword_suffix,
    model.end_of_word_suffix,
    model.byte_fallback,
    model.ignore_merges,
    config.remove_space,
    config.do_lowercase_and_remove_accent,
  ];
  if (absent.some((value) => value !== undefined && value !== null && value !== false && value !== "")) return false;
  if ((json.decoder as JsonObject | null | undefined)?.type !== "Fuse") return false;
  if (json.added_tokens.some((token) => token.lstrip || token.rstrip || token.single_word)) return false;
  const added = new Set(json.added_tokens.map((token) => token.content));
  return Object.keys(model.vocab).every((text) => added.has(text) || [...text].length === 1);
}

function unknownCharacter(text: string, index: number, point: number): AutodidactError {
  const around = text.slice(Math.max(0, index - 20), index + 20);
  return new AutodidactError(
    "TOKENIZER_CHARACTER",
    `text: character ${JSON.stringify(String.fromCodePoint(point))} (U+${point.toString(16).toUpperCase().padStart(4, "0")}) at position ${index}, in ${JSON.stringify(around)}, is not in the vocabulary; remove it, or use a tokenizer whose alphabet has it`,
  );
}
