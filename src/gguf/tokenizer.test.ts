import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../test/imports.ts";
import { memoryReader } from "../../test/memory-reader.ts";
import { refuses } from "../../test/tiny-model.ts";
import { modelConfigSchema } from "../model/config.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import type { JsonObject } from "../tokenizer/format.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { readGgufHeader } from "./header.ts";
import { headerBytes, type MetadataEntry } from "./metadata-bytes.ts";
import { endTokensOf, tokenizerOf } from "./tokenizer.ts";
import { tokenizerMetadata } from "./write-tokenizer.ts";

const folder = join(root, "test/fixtures/tokenizer-families");
const readJson = (...path: string[]): JsonObject => JSON.parse(readFileSync(join(folder, ...path), "utf8"));
const { texts } = readJson("texts.json") as { texts: string[] };
const families = readdirSync(folder, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []));

const tiny = (vocabSize: number) =>
  modelConfigSchema.parse({
    model_type: "llama",
    vocab_size: vocabSize,
    hidden_size: 32,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    max_position_embeddings: 64,
  });

const header = (metadata: readonly MetadataEntry[]) => readGgufHeader(memoryReader(headerBytes(metadata, [])));
const throughFile = async (tokenizer: Tokenizer, endTokens = tokenizer.endTokens) =>
  header(tokenizerMetadata(tokenizer, tiny(tokenizer.vocabSize + 3), endTokens));

describe("tokenizers written to GGUF and read back", () => {
  for (const family of families)
    test(`${family}: ${texts.length} texts encode and decode as before`, async () => {
      const tokenizer = loadTokenizer(readJson(family, "tokenizer.json"), readJson(family, "tokenizer_config.json"));
      const back = tokenizerOf(await throughFile(tokenizer));
      assert.ok(texts.length >= 200);
      const wrong = texts.flatMap((text) => {
        const ids = [...tokenizer.encode(text)];
        const found = [
          [...back.encode(text)],
          [...back.encode(text, { addSpecialTokens: true })],
          tokenizer.decode(ids),
          back.decode(ids),
        ];
        const expected = [
          ids,
          [...tokenizer.encode(text, { addSpecialTokens: true })],
          back.decode(ids),
          back.decode(ids),
        ];
        return JSON.stringify(found) === JSON.stringify(expected) ? [] : [{ text, found, expected }];
      });
      assert.deepEqual(wrong.slice(0, 5), []);
      assert.deepEqual(back.endTokens, tokenizer.endTokens);
      assert.deepEqual(back.config.chat_template, tokenizer.config.chat_template);
      assert.equal(back.vocabSize, tokenizer.vocabSize);
    });

  test("a character model brings its tokenizer.json along", async () => {
    const tokenizer = characterTokenizer("ab12 \n不对é😀");
    const read = await throughFile(tokenizer);
    assert.deepEqual(tokenizerOf(read).json, tokenizer.json);
    const merges = read.metadata.get("tokenizer.ggml.merges") as string[];
    // The bytes of each character are joined, and nothing else: 2 merges for one of three bytes.
    assert.equal(merges.length, 2 + 2 + 1 + 3);
  });

  test("ends of text, turn and message are all read: Llama 3.1 has three", async () => {
    const tokenizer = characterTokenizer("ab\n");
    assert.deepEqual(endTokensOf(await throughFile(tokenizer, [3, 1])), [1, 3]);
    assert.deepEqual(endTokensOf(await throughFile(tokenizer, [3, 1, 2])), [1, 2, 3]);
    // Converted Qwen models name but <|im_end|>; a text that is no control token ends nothing.
    const [qwen, types] = [
      ["a", "</s>", "<|im_end|>", "<|endoftext|>"],
      [1, 1, 3, 3],
    ];
    const named: MetadataEntry[] = [
      ["tokenizer.ggml.tokens", { texts: qwen as string[] }],
      ["tokenizer.ggml.token_type", { int32s: types as number[] }],
      ["tokenizer.ggml.eos_token_id", { uint32: 2 }],
    ];
    assert.deepEqual(endTokensOf(await header(named)), [2, 3]);
    const beyond = await throughFile(tokenizer, [3, 1, 999_999]);
    assert.throws(() => endTokensOf(beyond), refuses("GGUF_MODEL", "eom_token_id: 999999; expected an id below 7"));
  });
});

describe("tokenizers that are refused", () => {
  const base: MetadataEntry[] = [
    ["tokenizer.ggml.model", { text: "gpt2" }],
    ["tokenizer.ggml.pre", { text: "qwen2" }],
    ["tokenizer.ggml.tokens", { texts: ["a", "b"] }],
    ["tokenizer.ggml.token_type", { int32s: [1, 1] }],
    ["tokenizer.ggml.merges", { texts: [] }],
  ];
  const cases: readonly [string, string, MetadataEntry[], string[]][] = [
    ["another model", "GGUF_TOKENIZER", [["tokenizer.ggml.model", { text: "t5" }]], ["t5", "gpt2", "test.gguf"]],
    ["another pre-tokenizer", "GGUF_TOKENIZER", [["tokenizer.ggml.pre", { text: "grok-2" }]], ["grok-2", "llama-bpe"]],
    ["too few types", "GGUF_MODEL", [["tokenizer.ggml.token_type", { int32s: [1] }]], ["token_type", "2 tokens"]],
    ["a wrong type", "GGUF_MODEL", [["tokenizer.ggml.tokens", { int32s: [1] }]], ["tokens", "a list of texts"]],
    ["an end outside", "GGUF_MODEL", [["tokenizer.ggml.eos_token_id", { uint32: 9 }]], ["eos_token_id", "below 2"]],
    [
      "a huge id",
      "GGUF_MODEL",
      [["tokenizer.ggml.bos_token_id", { uint32: 4_000_000_000 }]],
      ["bos_token_id", "4000000000"],
    ],
    ["broken JSON", "GGUF_TOKENIZER", [["tokenizer.huggingface.json", { text: "{" }]], ["expected JSON"]],
    ["no scores", "GGUF_MODEL", [["tokenizer.ggml.model", { text: "llama" }]], ["scores", "2 tokens"]],
  ];
  for (const [name, code, changes, words] of cases)
    test(name, async () => {
      const read = await header([...new Map([...base, ...changes])].map(([key, value]) => [key, value] as const));
      assert.throws(() => tokenizerOf(read), refuses(code, ...words));
    });

  test("one that llama.cpp has no name for is not written", async () => {
    const json = structuredClone(readJson("qwen2.5", "tokenizer.json")) as { pre_tokenizer: unknown };
    json.pre_tokenizer = { type: "Split", pattern: { Regex: "x" }, behavior: "Isolated", invert: false };
    const tokenizer = loadTokenizer(json, {});
    assert.throws(() => tokenizerMetadata(tokenizer, tiny(200_000), []), refuses("GGUF_TOKENIZER", "pre_tokenizer"));
  });
});
