import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { processorTime } from "../../test/processor-time.ts";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { characterTokenizer, singleQuestionTemplate } from "./character.ts";
import { renderChat } from "./chat.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

const root = fileURLToPath(new URL("../../../test/fixtures/tokenizer", import.meta.url));
const readJson = (path: string): unknown => JSON.parse(readFileSync(`${root}/${path}`, "utf8"));
const load = (name: string): Tokenizer =>
  loadTokenizer(readJson(`${name}/tokenizer.json`), readJson(`${name}/tokenizer_config.json`), name);

interface Expected {
  readonly alphabet?: string;
  readonly texts: readonly {
    readonly text: string;
    readonly ids: number[];
    readonly idsWithSpecial: number[];
    readonly decoded: string;
    readonly decodedSkipSpecial: string;
  }[];
  readonly chats: readonly {
    readonly messages: { role: string; content: string }[];
    readonly addGenerationPrompt: boolean;
    readonly rendered: string;
    readonly ids: number[];
  }[];
}
const expected = (name: string): Expected => readJson(`${name}/expected.json`) as Expected;
const refusal = (code: string, ...parts: string[]) => {
  return (error: unknown): boolean => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(error.code, code);
    for (const part of parts) assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
    return true;
  };
};

describe("tokenizers equal Hugging Face's", () => {
  for (const name of ["character", "byte-level", "bos", "metaspace"])
    it(name, () => {
      const tokenizer = load(name);
      const { texts, chats } = expected(name);
      assert.ok(texts.length >= 8);
      for (const { text, ids, idsWithSpecial, decoded, decodedSkipSpecial } of texts) {
        assert.deepEqual([...tokenizer.encode(text)], ids, text);
        assert.deepEqual([...tokenizer.encode(text, { addSpecialTokens: true })], idsWithSpecial, text);
        assert.equal(tokenizer.decode(ids), decoded);
        assert.equal(tokenizer.decode(Int32Array.from(ids), { skipSpecial: true }), decodedSkipSpecial);
      }
      for (const { messages, addGenerationPrompt, rendered, ids } of chats) {
        assert.equal(renderChat(tokenizer, messages, { addGenerationPrompt }), rendered);
        assert.deepEqual([...tokenizer.encode(rendered)], ids);
      }
    });

  it("token texts put together are the decoded text", () => {
    for (const name of ["character", "byte-level", "bos", "metaspace"]) {
      const tokenizer = load(name);
      assert.equal(tokenizer.tokenTexts.length, tokenizer.vocabSize);
      for (const text of ["a, 12 wait", "the numbers 3*5=15"]) {
        const joined = [...tokenizer.encode(text)].map((id) => tokenizer.tokenTexts[id]).join("");
        assert.equal(joined.trimStart(), text, name);
      }
    }
    assert.equal(load("metaspace").tokenTexts[load("metaspace").encode("fox fox")[0]!]?.[0], " ");
  });

  it("end and special tokens", () => {
    assert.deepEqual(load("bos").endTokens, [1]);
    assert.deepEqual(load("byte-level").endTokens, [2]);
    assert.deepEqual(
      [...load("metaspace").specialTokens],
      [
        ["<unk>", 0],
        ["<s>", 1],
        ["</s>", 2],
      ],
    );
  });

  it("ids without a token have no text; what is no id is refused", () => {
    const tokenizer = load("byte-level");
    assert.equal(tokenizer.decode([]), "");
    assert.equal(tokenizer.decode([...tokenizer.encode("fox"), 379 + 50]), "fox");
    assert.throws(() => tokenizer.decode([-1]), refusal("TOKENIZER_TOKEN", "token 0: -1"));
    assert.throws(() => tokenizer.decode([3, 0.5]), refusal("TOKENIZER_TOKEN", "token 1: 0.5"));
  });
});

describe("a character tokenizer", () => {
  const alphabet = expected("character").alphabet!;

  it("is the file in the fixtures, which Python read", () => {
    const tokenizer = characterTokenizer(alphabet);
    assert.deepEqual(tokenizer.json, readJson("character/tokenizer.json"));
    assert.deepEqual(tokenizer.config, readJson("character/tokenizer_config.json"));
    assert.equal(tokenizer.vocabSize, [...alphabet].length + 1);
    assert.deepEqual(tokenizer.endTokens, [tokenizer.vocabSize - 1]);
  });

  it("encodes as the library does", () => {
    const tokenizer = characterTokenizer(alphabet);
    const library = new LibraryTokenizer(tokenizer.json, tokenizer.config);
    const pieces = [...alphabet, "<|end|>", "<|end|>"];
    const draw = random(1, "character");
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: draw.int(1, 60) }, () => draw.pick(pieces)).join("");
      const ids = tokenizer.encode(text);
      assert.deepEqual([...ids], library.encode(text).ids);
      assert.equal(tokenizer.decode(ids), text);
      assert.equal(tokenizer.decode(ids), library.decode([...ids], { clean_up_tokenization_spaces: false }));
    }
  });

  it("takes the longest of several special tokens, as the library does", () => {
    const json = structuredClone(characterTokenizer("ab<>\n").json) as { added_tokens: object[] };
    const added = (id: number, content: string): object => ({ ...json.added_tokens[0]!, id, content });
    json.added_tokens.push(added(6, "<a>"), added(7, "<a>b"), added(8, "<a><b>"), added(9, "ab"));
    const tokenizer = loadTokenizer(json, { clean_up_tokenization_spaces: false });
    const library = new LibraryTokenizer(json, { clean_up_tokenization_spaces: false });
    const draw = random(2, "special");
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: draw.int(1, 30) }, () => draw.pick([..."ab<>\n", "<a>", "<b>"])).join("");
      assert.deepEqual([...tokenizer.encode(text)], library.encode(text).ids, text);
    }
    assert.deepEqual([...tokenizer.encode("<a><b>")], [8]);
  });

  it("refuses a character outside its alphabet, naming it and its place", () => {
    const tokenizer = characterTokenizer("abc\n");
    assert.throws(() => tokenizer.encode("abXc"), refusal("TOKENIZER_CHARACTER", '"X" (U+0058) at position 2', "abXc"));
    assert.throws(() => tokenizer.encode("a😀"), refusal("TOKENIZER_CHARACTER", "U+1F600"));
    assert.throws(() => tokenizer.encode("a\ud83d"), refusal("TOKENIZER_CHARACTER", "U+D83D"));
  });

  it("refuses alphabets that cannot work", () => {
    assert.throws(() => characterTokenizer(""), refusal("TOKENIZER_ALPHABET", "empty"));
    assert.throws(() => characterTokenizer("aba\n"), refusal("TOKENIZER_ALPHABET", '"a" occurs twice'));
    assert.throws(() => characterTokenizer("a\ud83d\n"), refusal("TOKENIZER_ALPHABET", "surrogate at character 1"));
    assert.throws(() => characterTokenizer("ab"), refusal("TOKENIZER_ALPHABET", "line break"));
    assert.throws(() => characterTokenizer("ab\n", { endToken: "|" }), refusal("TOKENIZER_ALPHABET", "endToken"));
    assert.equal(characterTokenizer("ab", { chatTemplate: "{{ messages[0]['content'] }}" }).vocabSize, 3);
  });

  it("encodes a million characters in well under the 1.3 s that a corpus of 15 million in 20 s allows", async () => {
    const tokenizer = characterTokenizer(alphabet);
    const text = "9*7=63 63+2=65 no, wait 9+7=16 16*2=32 yes<|end|>".repeat(25_000);
    assert.ok(tokenizer.encode(text).length > 1_000_000);
    const took = await processorTime(() => tokenizer.encode(text), 1300);
    assert.ok(took < 1300, `${took} ms`);
  });

  it("answers single questions only", () => {
    const tokenizer = characterTokenizer(alphabet);
    const user = { role: "user", content: "q" };
    const render = (...messages: { role: string; content: string }[]): string =>
      renderChat(tokenizer, messages, { addGenerationPrompt: true });
    assert.equal(tokenizer.config.chat_template, singleQuestionTemplate);
    assert.equal(render(user), "<|end|>q\n");
    assert.equal(render(user, { role: "assistant", content: "a" }), "<|end|>q\na<|end|>");
    assert.throws(() => render({ role: "system", content: "s" }, user), refusal("CHAT_TEMPLATE", "single questions"));
    assert.throws(() => render(user, user), refusal("CHAT_TEMPLATE", "roles [user, user]"));
  });
});

describe("bad tokenizer files", () => {
  const good = (): Record<string, unknown> =>
    structuredClone(characterTokenizer("ab\n").json) as Record<string, unknown>;

  it("are refused with file and field", () => {
    assert.throws(() => loadTokenizer("x", {}, "dir"), refusal("TOKENIZER_INVALID", "dir/tokenizer.json"));
    assert.throws(() => loadTokenizer({ model: {} }, {}), refusal("TOKENIZER_INVALID", "model.vocab"));
    assert.throws(() => loadTokenizer(good(), [], "dir"), refusal("TOKENIZER_INVALID", "dir/tokenizer_config.json"));
    assert.throws(
      () => loadTokenizer(good(), { eos_token: "</s>" }),
      refusal("TOKENIZER_INVALID", "eos_token", '"</s>" is not in the vocabulary'),
    );
    const { decoder, ...withoutDecoder } = good();
    assert.deepEqual(decoder, { type: "Fuse" });
    assert.throws(() => loadTokenizer(withoutDecoder, {}), refusal("TOKENIZER_INVALID", "cannot read it"));
  });

  it("are refused before a huge id allocates anything", () => {
    const model = { type: "BPE", vocab: { a: 2 ** 50 }, merges: [] };
    assert.throws(() => loadTokenizer({ ...good(), model }, {}), refusal("TOKENIZER_INVALID", "largest id"));
    const twice = { type: "BPE", vocab: { a: 0, b: 0 }, merges: [] };
    assert.throws(
      () => loadTokenizer({ ...good(), model: twice }, {}),
      refusal("TOKENIZER_INVALID", "id 0 stands for"),
    );
  });
});

describe("chat templates", () => {
  it("pass variables and read a list of named templates", () => {
    const tokenizer = loadTokenizer(characterTokenizer("ab\n").json, {
      chat_template: [
        { name: "tool_use", template: "no" },
        { name: "default", template: "{{ messages[0].content }}{% if flag %}!{% endif %}" },
      ],
    });
    const messages = [{ role: "user", content: "a" }];
    assert.equal(renderChat(tokenizer, messages, { addGenerationPrompt: true }), "a");
    assert.equal(renderChat(tokenizer, messages, { addGenerationPrompt: true, variables: { flag: true } }), "a!");
  });

  it("that are missing or broken are refused", () => {
    const render = (config: object): string =>
      renderChat(loadTokenizer(characterTokenizer("ab\n").json, config), [], { addGenerationPrompt: true });
    assert.throws(() => render({}), refusal("CHAT_TEMPLATE", "chat_template: missing"));
    assert.throws(() => render({ chat_template: "{% if %}" }), refusal("CHAT_TEMPLATE", "not valid Jinja"));
  });
});
