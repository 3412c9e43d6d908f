import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseModelConfig } from "../src/checkpoint/model-config.ts";
import { type ReadModel, readModelDirectory } from "../src/checkpoint/model-directory.ts";
import { decodeSafetensors } from "../src/checkpoint/safetensors.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { readGguf, writeGguf } from "../src/gguf/files.ts";
import { headerBytes } from "../src/gguf/metadata-bytes.ts";
import { modelMetadata } from "../src/gguf/write-model.ts";
import { tokenizerMetadata } from "../src/gguf/write-tokenizer.ts";
import { initialWeights } from "../src/model/parameters.ts";
import { characterTokenizer } from "../src/tokenizer/character.ts";
import { loadTokenizer } from "../src/tokenizer/tokenizer.ts";
import { root } from "./imports.ts";
import { closeLlamaCpp, llamaCpp } from "./llama-cpp.ts";
import { distance, tinyConfig } from "./tiny-model.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "gguf-"));
});
after(async () => {
  await closeLlamaCpp();
  rmSync(folder, { recursive: true, force: true });
});

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

/** What our engine appends to each prompt, without an end. */
async function greedyHere({ config, weights }: ReadModel, prompts: readonly (readonly number[])[], maxTokens: number) {
  const engine = new EmbeddedEngine(await onnxRuntime({ threads: 1 }), { config });
  await engine.load({ weights });
  const requests = prompts.map((prompt, i) => ({ prompt: Int32Array.from(prompt), count: 1, key: [i] }));
  const completions = await engine.sample(requests, { maxTokens, temperature: 0, endTokens: [] });
  await engine.close();
  return completions.map(([completion]) => [...completion!.tokens]);
}

describe("llama.cpp loads what is written, and answers alike", () => {
  const parity = join(root, "test/fixtures/parity");
  for (const name of readdirSync(parity).sort())
    test(`${name}, F32: the tokens that transformers appends`, async () => {
      const config = parseModelConfig(readJson(join(parity, name, "config.json")), name);
      const { tensors } = decodeSafetensors(readFileSync(join(parity, name, "model.safetensors")), name);
      const { sequences } = readJson(join(parity, name, "expected.json")) as {
        sequences: { tokens: number[]; greedy: number[] }[];
      };
      const path = join(folder, `${name}.gguf`);
      const tokenizer = characterTokenizer("abcdefghijklmnopqrstuvwxyz\n");
      await writeGguf(path, { config, weights: tensors, tokenizer }, { type: "F32" });

      const back = await readGguf(path);
      // Mistral is llama in GGUF; what a file doesn't say is left out.
      for (const field of ["hidden_size", "rope_theta", "rms_norm_eps", "rope_scaling", "attention_bias"] as const)
        assert.deepEqual(back.config[field], config[field], field);
      assert.deepEqual([...back.weights.keys()].sort(), [...tensors.keys()].sort());
      for (const [key, { shape, data }] of back.weights) {
        assert.deepEqual(shape, tensors.get(key)!.shape, key);
        assert.equal(distance(data, tensors.get(key)!.data), 0, key);
      }

      const model = await llamaCpp(path);
      for (const { tokens, greedy } of sequences)
        assert.deepEqual(await model.greedy(tokens, greedy.length), greedy, `after ${tokens}`);
      await model.close();
    });

  // llama.cpp rounds what it multiplies with an F16 or Q8_0 matrix too, so of two nearly equal tokens it may take the other.
  // The random model is the one of a hundred whose choices are clearest; the small world's draws numbers, nearly equal ones.
  for (const type of ["F16", "Q8_0"] as const)
    test(`a random model, ${type}: the same greedy text`, async () => {
      const config = { ...tinyConfig, hidden_size: 64, head_dim: 16, intermediate_size: 96, initializer_range: 0.3 };
      const tokenizer = characterTokenizer("abcdefghijklmnopqrstuvwxyz\n");
      const path = join(folder, `random-${type}.gguf`);
      await writeGguf(path, { config, tokenizer, weights: initialWeights(config, 79) }, { type, name: "random" });
      const back = await readGguf(path);
      const model = await llamaCpp(path);
      const questions = ["what\n", "thequick", "zyxwv"].map((text) => [...back.tokenizer.encode(text)]);
      const expected = await greedyHere(back, questions, 16);
      for (const [i, question] of questions.entries()) {
        const found = await model.greedy(question, 16);
        assert.equal(back.tokenizer.decode(found), back.tokenizer.decode(expected[i]!));
      }
      await model.close();
    });

  for (const type of ["F16", "Q8_0"] as const)
    test(`the small world's base, ${type}: the same likeliest characters`, async () => {
      const path = join(folder, `base-${type}.gguf`);
      await writeGguf(path, await readModelDirectory(join(root, "models/countdown-base")), { type, name: "base" });
      const back = await readGguf(path);
      const model = await llamaCpp(path);
      const questions = ["3 7 8 = 29\n", "2 5 9 = 33\n", "1 4 6 = 10\n"];
      const prompts = questions.map((text) => model.tokenize(text));
      assert.deepEqual(
        prompts,
        questions.map((text) => [...back.tokenizer.encode(text)]),
      );
      const answers = await greedyHere(back, prompts, 64);
      let equal = 0;
      for (const [i, prompt] of prompts.entries()) {
        const found = await model.likeliest([...prompt, ...answers[i]!]);
        equal += answers[i]!.filter((token, at) => token === found[prompt.length - 1 + at]).length;
      }
      assert.ok(equal >= 0.95 * 3 * 64, `${equal} of ${3 * 64} alike`);
      await model.close();
    });
});

/** llama.cpp normalises no text to NFC as Qwen's tokenizer does, and takes marks for no letters where Mistral's does. */
function differs(family: string, text: string): boolean {
  if (family.includes("qwen")) return text.normalize("NFC") !== text;
  return family === "mistral-nemo" && /\p{M}/u.test(text);
}

describe("llama.cpp cuts texts as we do, from the tokenizer as it is written", () => {
  const families = join(root, "test/fixtures/tokenizer-families");
  const { texts } = readJson(join(families, "texts.json")) as { texts: string[] };
  for (const entry of readdirSync(families, { withFileTypes: true }))
    if (entry.isDirectory())
      test(`${entry.name}`, async () => {
        const file = (name: string) => readJson(join(families, entry.name, name));
        const tokenizer = loadTokenizer(file("tokenizer.json"), file("tokenizer_config.json"));
        const config = { ...tinyConfig, vocab_size: tokenizer.vocabSize };
        const path = join(folder, `${entry.name}.gguf`);
        const metadata = tokenizerMetadata(tokenizer, config, tokenizer.endTokens);
        writeFileSync(path, headerBytes([...modelMetadata(config, { type: "F32" }), ...metadata], []));
        const model = await llamaCpp(path, { vocabularyOnly: true });
        const wrong = texts.flatMap((text) => {
          if (differs(entry.name, text)) return [];
          const [found, expected] = [model.tokenize(text), [...tokenizer.encode(text)]];
          return `${found}` === `${expected}` ? [] : [{ text, found: `${found}`, expected: `${expected}` }];
        });
        assert.deepEqual(wrong, []);
        assert.ok(texts.filter((text) => !differs(entry.name, text)).length >= 200);
        await model.close();
      });
});
