import type { JsonObject } from "../tokenizer/format.ts";

/**
 * llama.cpp names a byte-level tokenizer's way of cutting text into words (`tokenizer.ggml.pre`), a tokenizer.json spells it
 * out. Names that llama.cpp treats alike stand in one entry, the first is the one written.
 */
export interface PreTokenizer {
  readonly names: readonly string[];
  /** As in tokenizer.json, before the ByteLevel step. */
  readonly steps: readonly JsonObject[];
  /** Whether ByteLevel cuts by GPT-2's expression itself. */
  readonly byteLevelCuts: boolean;
  readonly normalizer: JsonObject | null;
  /** A word that is in the vocabulary is one token, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Texts begin with the beginning-of-text token unless the file says otherwise. */
  readonly addsBeginning: boolean;
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const tail = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const tekkenLower = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`;
const tekkenUpper = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`;

const split = (regex: string): JsonObject => ({
  type: "Split",
  pattern: { Regex: regex },
  behavior: "Isolated",
  invert: false,
});

const plain = { steps: [], byteLevelCuts: false, normalizer: null, ignoreMerges: false, addsBeginning: false };

export const preTokenizers: readonly PreTokenizer[] = [
  { ...plain, names: ["gpt-2", "phi-2"], byteLevelCuts: true },
  {
    ...plain,
    names: ["smollm"],
    steps: [{ type: "Digits", individual_digits: true }],
    byteLevelCuts: true,
  },
  {
    ...plain,
    names: ["qwen2", "deepseek-r1-qwen", "kormo", "megrez"],
    steps: [split(String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|${tail}`)],
    normalizer: { type: "NFC" },
  },
  {
    ...plain,
    names: ["llama-bpe", "llama3", "llama-v3"],
    steps: [split(String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|${tail}`)],
    ignoreMerges: true,
    addsBeginning: true,
  },
  {
    ...plain,
    names: ["tekken"],
    steps: [split(String.raw`${tekkenLower}|${tekkenUpper}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`)],
    ignoreMerges: true,
    addsBeginning: true,
  },
  {
    ...plain,
    names: ["deepseek-v3"],
    steps: [
      split(String.raw`\p{N}{1,3}`),
      split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
      split(
        `[!"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_\`{|}~][A-Za-z]+|` +
          String.raw`[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
      ),
    ],
    normalizer: null,
  },
];

/** The `pre_tokenizer` of a tokenizer.json. */
export function preTokenizerJson({ steps, byteLevelCuts }: PreTokenizer): JsonObject {
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: byteLevelCuts };
  return steps.length === 0 ? bytes : { type: "Sequence", pretokenizers: [...steps, bytes] };
}

/** The entry whose steps a tokenizer.json has; undefined where llama.cpp knows no name for them. */
export function preTokenizerOf(json: JsonObject): PreTokenizer | undefined {
  const top = json.pre_tokenizer as JsonObject | null | undefined;
  if (top === null || top === undefined) return undefined;
  const steps = top.type === "Sequence" ? (top.pretokenizers as JsonObject[]) : [top];
  const bytes = steps.at(-1);
  if (bytes?.type !== "ByteLevel" || bytes.add_prefix_space === true) return undefined;
  const cuts = bytes.use_regex !== false;
  // Some files spell a line break in an expression as itself, others as an escape.
  const outline = (list: readonly JsonObject[]): string =>
    JSON.stringify(
      list.map(({ type, individual_digits, pattern, behavior }) => [type, individual_digits, pattern, behavior]),
    ).replaceAll("\\\\", "\\");
  const found = outline(steps.slice(0, -1));
  return preTokenizers.find((one) => one.byteLevelCuts === cuts && outline(one.steps) === found);
}
