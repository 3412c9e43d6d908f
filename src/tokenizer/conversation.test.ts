import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../test/imports.ts";
import { renderChat } from "./chat.ts";
import { answerTokens, conversationTokens, type LearnedText, plainTokens } from "./conversation.ts";
import { encodeText } from "./plain-text.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

function open(name: string): Tokenizer {
  const json = (file: string): unknown => JSON.parse(readFileSync(join(root, "test/fixtures", name, file), "utf8"));
  return loadTokenizer(json("tokenizer.json"), json("tokenizer_config.json"), name);
}

/** Runs of learned tokens as text. */
function learnedRuns(tokenizer: Tokenizer, { tokens, learned }: LearnedText): string[] {
  const runs: number[][] = [];
  for (const [i, token] of tokens.entries()) {
    if (learned[i] === 0) continue;
    if (learned[i - 1] !== 1) runs.push([]);
    runs.at(-1)!.push(token);
  }
  return runs.map((run) => tokenizer.decode(run));
}

const talk = [
  { role: "user", content: "What is 2 + 2?" },
  { role: "assistant", content: "It is 4." },
  { role: "user", content: "And 3 + 3?" },
  { role: "assistant", content: "That is 6." },
];

describe("a conversation", () => {
  const families: readonly [name: string, end: string][] = [
    ["tokenizer-families/qwen2.5", "<|im_end|>"],
    ["tokenizer-families/llama3.2", "<|eot_id|>"],
    ["tokenizer-families/mistral-nemo", "</s>"],
    ["tokenizer-families/deepseek-v3", "<｜end▁of▁sentence｜>"],
  ];
  for (const [name, end] of families)
    test(`${name}: both answers with the token that ends them are learned, nothing else, and the text is the template's`, () => {
      const tokenizer = open(name);
      const endToken = tokenizer.specialTokens.get(end);
      assert.ok(endToken !== undefined);
      const texts = conversationTokens(tokenizer, talk, { endTokens: [endToken] });
      assert.equal(texts.length, 1);
      const runs = learnedRuns(tokenizer, texts[0]!);
      assert.deepEqual(
        runs.map((run) => run.trimStart()),
        [`It is 4.${end}`, `That is 6.${end}`],
      );
      const full = renderChat(tokenizer, talk, { addGenerationPrompt: false });
      assert.deepEqual([...texts[0]!.tokens], [...tokenizer.encode(full)]);
      // What is read before an answer is what the model is asked with.
      const asked = tokenizer.encode(renderChat(tokenizer, talk.slice(0, 1), { addGenerationPrompt: true }));
      assert.deepEqual([...texts[0]!.tokens.subarray(0, asked.length)], [...asked]);
      assert.equal(texts[0]!.learned.indexOf(1), asked.length);
    });

  test("a template that leaves earlier thoughts out gives a text for each answer, as the model will have it before itself", () => {
    const tokenizer = open("tokenizer-families/qwen3");
    const end = tokenizer.specialTokens.get("<|im_end|>")!;
    const thinking = talk.map((one) =>
      one.role === "assistant" ? { ...one, content: `<think>\nhm\n</think>\n\n${one.content}` } : one,
    );
    const texts = conversationTokens(tokenizer, thinking, { endTokens: [end] });
    assert.equal(texts.length, 2);
    for (const [i, answer] of ["It is 4.", "That is 6."].entries()) {
      assert.deepEqual(learnedRuns(tokenizer, texts[i]!), [`<think>\nhm\n</think>\n\n${answer}<|im_end|>`]);
      const asked = tokenizer.encode(
        renderChat(tokenizer, thinking.slice(0, 2 * i + 1), { addGenerationPrompt: true }),
      );
      assert.deepEqual([...texts[i]!.tokens.subarray(0, asked.length)], [...asked]);
    }
  });
});

/** As the first chat template of DeepSeek-R1-Distill: an answer is shown from behind its thoughts. */
const leavesThoughtsOut =
  "{% for m in messages %}{% if m.role == 'user' %}{{ '<|im_start|>' + m.content }}{% else %}" +
  "{{ '<|im_end|>' + m.content.split('</think>')[-1] + '<|endoftext|>' }}{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_end|>' }}{% endif %}";

test("thoughts that the template never shows are learned, with the tokenizer's own end and not the lowest id", () => {
  const qwen = open("tokenizer-families/qwen2.5");
  const tokenizer = { ...qwen, config: { ...qwen.config, chat_template: leavesThoughtsOut } };
  const end = qwen.specialTokens.get("<|im_end|>")!;
  const ends = { endTokens: [qwen.specialTokens.get("<|endoftext|>")!, end] };
  const thoughts = "<think>\na b c\n</think>\n\n";
  const [asked, answered, ...more] = talk;
  const thinking = [asked!, { role: "assistant", content: `${thoughts}4` }, ...more];
  const texts = conversationTokens(tokenizer, thinking, ends);
  assert.deepEqual(
    texts.map((text) => learnedRuns(tokenizer, text)),
    [[`${thoughts}4<|im_end|>`], ["That is 6.<|endoftext|>"]],
  );
  assert.equal(
    tokenizer.decode(texts[1]!.tokens),
    "<|im_start|>What is 2 + 2?<|im_end|>\n\n4<|endoftext|><|im_start|>And 3 + 3?<|im_end|>That is 6.<|endoftext|>",
  );
  // Without thoughts it is one text, as the template has it.
  assert.equal(conversationTokens(tokenizer, [asked!, answered!, ...more], ends).length, 1);
});

test("an answer behind a plain text is learned with an end, though none is in the text", () => {
  for (const name of ["tokenizer/byte-level", "tokenizer/metaspace", "tokenizer/character"]) {
    const tokenizer = open(name);
    const [question, answer] = ["a b: ", "a b"];
    const text = answerTokens(tokenizer, question, answer, tokenizer.endTokens);
    const first = text.learned.indexOf(1);
    assert.ok(first > 0, name);
    assert.ok(text.learned.subarray(first).every((one) => one === 1));
    assert.equal(text.tokens.at(-1), tokenizer.endTokens[0]);
    assert.equal(tokenizer.decode(text.tokens.subarray(first, -1)).trim(), answer);
  }
});

test("a plain question begins as the model's texts begin, and as the model is asked", () => {
  const tokenizer = open("tokenizer-families/llama3.2");
  const text = plainTokens(tokenizer, "Q: 2 + 2\nA:", " 4", [tokenizer.specialTokens.get("<|end_of_text|>")!]);
  const asked = encodeText(tokenizer, "Q: 2 + 2\nA:");
  assert.deepEqual([...text.tokens.subarray(0, asked.length)], [...asked]);
  assert.equal(tokenizer.decode(text.tokens.subarray(0, 1)), "<|begin_of_text|>");
  assert.deepEqual(learnedRuns(tokenizer, text), [" 4<|end_of_text|>"]);
});
