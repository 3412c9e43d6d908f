import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type ChatMessage, renderChat } from "./chat.ts";
import { loadTokenizer } from "./tokenizer.ts";

/**
 * Tokenizers of published models, their vocabularies cut by scripts/fixtures/tokenizer-families.py to what the texts need,
 * against Hugging Face's libraries. AUTODIDACT_TOKENIZERS may name a directory with the whole files instead.
 */
const root = fileURLToPath(new URL("../../../test/fixtures/tokenizer-families", import.meta.url));
const wholeFiles = process.env.AUTODIDACT_TOKENIZERS ?? root;
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

interface Texts {
  readonly texts: readonly string[];
  readonly conversations: readonly (readonly ChatMessage[])[];
  readonly variables: Readonly<Record<string, unknown>>;
}
interface Expected {
  /** ids, ids with special tokens, decoded, decoded without special tokens; null for "as the one before". */
  readonly texts: readonly (readonly [number[], number[] | null, string | null, string | null])[];
  /** rendered, rendered with generation prompt, its ids; null where the template refuses. */
  readonly chats: readonly (readonly [string | null, string | null, number[] | null])[];
}
const { texts, conversations, variables } = readJson(join(root, "texts.json")) as Texts;
const families = readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

describe("tokenizers of published models", () => {
  it("there are enough", () => {
    assert.ok(texts.length >= 200);
    assert.ok(families.length >= 6);
  });

  for (const family of families) {
    const file = (name: string): unknown => readJson(join(wholeFiles, family, name));
    const tokenizer = loadTokenizer(file("tokenizer.json"), file("tokenizer_config.json"), family);
    const expected = readJson(join(root, family, "expected.json")) as Expected;

    it(`${family}: ${texts.length} texts encode and decode as in Hugging Face tokenizers`, () => {
      assert.equal(expected.texts.length, texts.length);
      const wrong: string[] = [];
      const compare = (text: string, what: string, found: unknown, wanted: unknown): void => {
        if (JSON.stringify(found) !== JSON.stringify(wanted))
          wrong.push(`${JSON.stringify(text)}: ${what} ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`);
      };
      for (const [i, text] of texts.entries()) {
        const [ids, withSpecial, decoded, withoutSpecial] = expected.texts[i]!;
        compare(text, "ids", [...tokenizer.encode(text)], ids);
        compare(text, "with special", [...tokenizer.encode(text, { addSpecialTokens: true })], withSpecial ?? ids);
        compare(text, "decoded", tokenizer.decode(ids), decoded ?? text);
        compare(text, "skipSpecial", tokenizer.decode(ids, { skipSpecial: true }), withoutSpecial ?? decoded ?? text);
      }
      assert.deepEqual(wrong, []);
    });

    if (expected.chats.length > 0)
      it(`${family}: conversations render as in transformers`, () => {
        const render = (messages: readonly ChatMessage[], addGenerationPrompt: boolean, more: object = {}): string =>
          renderChat(tokenizer, messages, { addGenerationPrompt, variables: { ...variables, ...more } });
        for (const [i, messages] of conversations.entries()) {
          const [plain, prompt, ids] = expected.chats[i]!;
          if (plain === null) assert.throws(() => render(messages, false), { code: "CHAT_TEMPLATE" });
          else {
            assert.equal(render(messages, false), plain);
            assert.equal(render(messages, true), prompt);
            assert.deepEqual([...tokenizer.encode(prompt!)], ids);
          }
        }
        const withoutThinking = expected.chats[conversations.length];
        if (withoutThinking !== undefined)
          assert.equal(render(conversations[0]!, true, { enable_thinking: false }), withoutThinking[0]);
      });
  }

  it("a template that asks for today's date gets the same on every day, and the one of date_string where that is given", () => {
    const file = (name: string): unknown => readJson(join(wholeFiles, "llama3.2", name));
    const config = file("tokenizer_config.json") as Record<string, unknown>;
    const render = (more: object, options: object = {}): string =>
      renderChat({ config: { ...config, ...more } as never }, conversations[0]!, {
        addGenerationPrompt: true,
        ...options,
      });
    assert.match(render({}), /Today Date: 26 Jul 2024\n/);
    assert.match(render({}, { variables: { date_string: "1 Jan 2031" } }), /Today Date: 1 Jan 2031\n/);
    // As in Mistral Small, which doesn't ask whether there is a date.
    assert.equal(
      render({ chat_template: "{{ strftime_now('%A %Y-%m-%d %B 100%%') }}" }),
      "Friday 2024-07-26 July 100%",
    );
  });
});
