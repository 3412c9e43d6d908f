import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { type JsonObject, type TokenizerJson, tokenizerJsonSchema } from "../tokenizer/format.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { byteText } from "./byte-alphabet.ts";
import type { MetadataEntry } from "./metadata-bytes.ts";
import { preTokenizerOf } from "./pre-tokenizers.ts";
import { tokenTypes } from "./token-list.ts";

/** The words that llama.cpp's converter takes for control tokens, whatever tokenizer.json says of them. */
const controlPattern = /^(<\|.*\|>|<｜.*｜>|<(pad|mask)>)$/s;

/**
 * The tokenizer as metadata, under the keys that llama.cpp's converter writes.
 *
 * @param endTokens of the model; beside the tokenizer's own end of text the first two are written, as ends of turn and message
 * @throws AutodidactError GGUF_TOKENIZER where llama.cpp has no name for how this tokenizer cuts texts into words
 */
export function tokenizerMetadata(
  tokenizer: Tokenizer,
  config: ModelConfig,
  endTokens: readonly number[],
): MetadataEntry[] {
  const json = tokenizerJsonSchema.parse(tokenizer.json);
  const { vocab } = json.model;
  const idOf = new Map<string, number>(
    Array.isArray(vocab) ? vocab.map(([text], id) => [text, id]) : Object.entries(vocab),
  );
  const added = new Map(json.added_tokens.map((token) => [token.content, token]));
  for (const token of added.values()) idOf.set(token.content, token.id);

  const form = formOf(json);
  const tokens = Array.from({ length: config.vocab_size }, (_, id) => `[PAD${id}]`);
  const types: number[] = tokens.map(() => tokenTypes.unused);
  for (const [text, id] of idOf) {
    const special = added.get(text);
    const control = special !== undefined && (special.special === true || controlPattern.test(text));
    tokens[id] = special === undefined ? form.text(text) : text;
    if (control) types[id] = text === json.model.unk_token ? tokenTypes.unknown : tokenTypes.control;
    else types[id] = special === undefined ? form.type(text) : tokenTypes.userDefined;
  }

  const entries: MetadataEntry[] = [
    ["tokenizer.ggml.model", { text: form.model }],
    ...form.entries(idOf, config.vocab_size),
    ["tokenizer.ggml.tokens", { texts: tokens }],
    ["tokenizer.ggml.token_type", { int32s: types }],
  ];
  const named = (field: string): number | undefined => {
    const value = tokenizer.config[field] as string | { content?: unknown } | null | undefined;
    const text = typeof value === "string" ? value : value?.content;
    return typeof text === "string" ? idOf.get(text) : undefined;
  };
  const bos = named("bos_token") ?? config.bos_token_id ?? undefined;
  const eos = named("eos_token") ?? endTokens[0];
  const [eot, eom] = endTokens.filter((id) => id !== eos);
  const ids = {
    ...{ bos, eos, eot, eom },
    unknown: named("unk_token"),
    padding: named("pad_token"),
  };
  for (const [name, id] of Object.entries(ids))
    if (id !== undefined) entries.push([`tokenizer.ggml.${name}_token_id`, { uint32: id }]);

  // What stands around a text is read off an example: a post-processor can be written in many ways.
  const example = tokenizer.encode(exampleText(idOf, added), { addSpecialTokens: true });
  entries.push(["tokenizer.ggml.add_bos_token", { flag: bos !== undefined && example[0] === bos }]);
  entries.push(["tokenizer.ggml.add_eos_token", { flag: example.length > 1 && example.at(-1) === eos }]);
  const template = chatTemplate(tokenizer.config.chat_template);
  if (template !== undefined) entries.push(["tokenizer.chat_template", { text: template }]);
  return entries;
}

/** How a kind of tokenizer is written. */
interface Form {
  readonly model: "gpt2" | "llama";
  /** An ordinary token of tokenizer.json as the file spells it. */
  text(token: string): string;
  type(token: string): number;
  entries(idOf: ReadonlyMap<string, number>, vocabSize: number): MetadataEntry[];
}

function formOf(json: TokenizerJson): Form {
  const { model } = json;
  const merges = (model.merges ?? []).map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  const plain = { text: (token: string) => token, type: () => tokenTypes.normal };
  const pre = preTokenizerOf(json);
  if (model.type === "BPE" && pre !== undefined)
    return {
      ...plain,
      model: "gpt2",
      entries: () => [
        ["tokenizer.ggml.pre", { text: pre.names[0]! }],
        ["tokenizer.ggml.merges", { texts: merges }],
      ],
    };
  if (model.type === "BPE" && model.byte_fallback === true) return sentencePieceForm(json, merges);
  if (model.type === "BPE" && merges.length === 0 && !json.normalizer && !json.pre_tokenizer)
    return characterForm(json);
  throw new AutodidactError(
    "GGUF_TOKENIZER",
    `tokenizer.json: pre_tokenizer: ${JSON.stringify(json.pre_tokenizer ?? null).slice(0, 200)} of a ${String(model.type)} model; llama.cpp has no name for it that is known here, export another format`,
  );
}

/**
 * A vocabulary of single characters as byte-level BPE: the merges put the bytes of a character together and nothing else.
 * Its tokenizer.json goes along, since no reader could make it of that.
 */
function characterForm(json: TokenizerJson): Form {
  return {
    model: "gpt2",
    text: byteText,
    type: () => tokenTypes.normal,
    entries(idOf) {
      const added = new Set(json.added_tokens.map(({ content }) => content));
      const merges = new Set<string>();
      for (const character of idOf.keys()) {
        const bytes = added.has(character) ? [] : [...byteText(character)];
        for (let count = 1; count < bytes.length; count++)
          merges.add(`${bytes.slice(0, count).join("")} ${bytes[count]}`);
      }
      return [
        ["tokenizer.ggml.pre", { text: "smollm" }],
        ["tokenizer.ggml.merges", { texts: [...merges] }],
        ["tokenizer.huggingface.json", { text: JSON.stringify(json) }],
      ];
    },
  };
}

/** SentencePiece: the earlier a merge, the higher the score of the piece it makes. */
function sentencePieceForm(json: TokenizerJson, merges: readonly string[]): Form {
  const { normalizer, pre_tokenizer: pre } = json as {
    normalizer?: JsonObject | null;
    pre_tokenizer?: JsonObject | null;
  };
  const prefixed =
    JSON.stringify(normalizer ?? null).includes('"Prepend"') ||
    (pre?.type === "Metaspace" && pre.prepend_scheme !== "never");
  return {
    model: "llama",
    text: (token) => token,
    type: (token) => (/^<0x[0-9A-F]{2}>$/.test(token) ? tokenTypes.byte : tokenTypes.normal),
    entries(idOf, vocabSize) {
      const scores = new Array<number>(vocabSize).fill(0);
      for (const [rank, merge] of merges.entries()) {
        const id = idOf.get(merge.replace(" ", ""));
        if (id !== undefined && scores[id] === 0) scores[id] = -1 - rank;
      }
      return [
        ["tokenizer.ggml.pre", { text: "default" }],
        ["tokenizer.ggml.scores", { float32s: scores }],
        ["tokenizer.ggml.add_space_prefix", { flag: prefixed }],
      ];
    },
  };
}

/** A text that every vocabulary has: one of its own tokens. */
function exampleText(idOf: ReadonlyMap<string, number>, added: ReadonlyMap<string, unknown>): string {
  for (const text of idOf.keys()) if (/^[a-z0-9]$/.test(text) && !added.has(text)) return text;
  return "";
}

function chatTemplate(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  const chosen = (value as { name?: unknown; template?: unknown }[]).find((one) => one?.name === "default");
  return typeof chosen?.template === "string" ? chosen.template : undefined;
}
