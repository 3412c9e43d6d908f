import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { random } from "../random.ts";
import { characterTokenizer } from "./character.ts";
import { renderChat } from "./chat.ts";
import { encodeText } from "./plain-text.ts";
import { textStream } from "./text-stream.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

const root = fileURLToPath(new URL("../../../test/fixtures/tokenizer-families", import.meta.url));
const readJson = (path: string): unknown => JSON.parse(readFileSync(`${root}/${path}`, "utf8"));
const { texts } = readJson("texts.json") as { texts: string[] };
const load = (family: string): Tokenizer =>
  loadTokenizer(readJson(`${family}/tokenizer.json`), readJson(`${family}/tokenizer_config.json`), family);
const families = readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

describe("text as its tokens come", () => {
  for (const family of families) {
    const tokenizer = load(family);

    it(`${family}: is the text of all of them, and has no half characters`, () => {
      for (const text of [...texts, texts.join("")]) {
        const ids = tokenizer.encode(text);
        for (const skipSpecial of [false, true]) {
          const stream = textStream(tokenizer, { skipSpecial });
          const pieces = Array.from(ids, (id) => stream.push(id));
          const whole = tokenizer.decode(ids, { skipSpecial });
          assert.equal(pieces.join("") + stream.end(), whole);
          if (!whole.includes("\ufffd")) assert.equal(pieces.join(""), whole, "nothing is left at the end");
        }
      }
    });

    it(`${family}: of tokens in any order too`, () => {
      const draw = random(5, family);
      const ids = [...tokenizer.encode(texts.join(""))];
      for (let round = 0; round < 200; round++) {
        const tokens = Array.from({ length: draw.int(1, 12) }, () => draw.pick(ids));
        const stream = textStream(tokenizer);
        const pieces = tokens.map((token) => stream.push(token));
        assert.equal(pieces.join("") + stream.end(), tokenizer.decode(tokens), JSON.stringify(tokens));
      }
    });
  }

  it("gives a character with its last byte", () => {
    const tokenizer = load("qwen2.5");
    const stream = textStream(tokenizer);
    const pieces = Array.from(tokenizer.encode("龘"), (id) => stream.push(id));
    assert.ok(pieces.length > 1);
    assert.deepEqual(pieces, [...pieces.slice(0, -1).fill(""), "龘"]);
  });
});

describe("the beginning-of-text token", () => {
  const count = (ids: Int32Array, id: number): number => ids.filter((one) => one === id).length;

  it("stands once before plain text, where the tokenizer adds one", () => {
    for (const [family, bos] of [
      ["llama3.2", 128000],
      ["mistral-nemo", 1],
      ["llama2", 1],
    ] as const) {
      const tokenizer = load(family);
      const written = tokenizer.decode([bos]);
      for (const text of ["12 + 30 =", "", `${written}12 + 30 =`]) {
        const ids = encodeText(tokenizer, text);
        assert.deepEqual([ids[0], count(ids, bos)], [bos, 1], `${family} ${text}`);
      }
      // The library, as the reference does, adds it whatever the text begins with.
      assert.equal(count(tokenizer.encode(`${written}x`, { addSpecialTokens: true }), bos), 2);
    }
    for (const tokenizer of [load("qwen2.5"), characterTokenizer("12 +30=\n")])
      assert.deepEqual(encodeText(tokenizer, "12 + 30 ="), tokenizer.encode("12 + 30 ="));
  });

  it("stands once before what a template made that writes it", () => {
    const tokenizer = load("llama3.2");
    const ids = tokenizer.encode(
      renderChat(tokenizer, [{ role: "user", content: "q" }], { addGenerationPrompt: true }),
    );
    assert.deepEqual([ids[0], count(ids, 128000)], [128000, 1]);
  });
});
