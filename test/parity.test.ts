import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseModelConfig } from "../src/checkpoint/model-config.ts";
import { decodeSafetensors } from "../src/checkpoint/safetensors.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { prefillGraph } from "../src/engine/graphs.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { referenceRuntime } from "../src/engine/reference.ts";
import { withRotaryTables } from "../src/engine/rotary-tables.ts";
import type { Runtime } from "../src/engine/runtime.ts";
import { root } from "./imports.ts";
import { crossEntropy, distance, gradientsOf, norm } from "./tiny-model.ts";

/** Against Hugging Face transformers, from files that scripts/fixtures/parity.py made. */
interface Expected {
  readonly sequences: readonly {
    readonly tokens: readonly number[];
    /** (T, V) */
    readonly logits: readonly (readonly number[])[];
    /** What greedy decoding appends. */
    readonly greedy: readonly number[];
  }[];
  /** Mean cross-entropy of the first sequence. */
  readonly loss: number;
  /** Norm of that loss's gradient by parameter. */
  readonly gradients: Readonly<Record<string, number>>;
}

const fixtures = join(root, "test/fixtures/parity");
const names = readdirSync(fixtures).sort();
const runtimes: readonly [string, () => Promise<Runtime>][] = [
  ["reference", async () => referenceRuntime()],
  ["onnxruntime/cpu", () => onnxRuntime({ threads: 1 })],
];

function read(name: string) {
  const file = (part: string): Buffer => readFileSync(join(fixtures, name, part));
  return {
    config: parseModelConfig(JSON.parse(file("config.json").toString()), name),
    weights: decodeSafetensors(file("model.safetensors"), name).tensors,
    expected: JSON.parse(file("expected.json").toString()) as Expected,
  };
}

test("the fixtures cover the family", () => {
  assert.ok(names.length >= 6, names.join(", "));
  for (const kind of ["qwen2", "qwen3", "llama-gqa", "llama-tied", "smollm2", "llama3", "llama-linear", "mistral"])
    assert.ok(names.includes(kind), kind);
  for (const name of names)
    for (const { greedy } of read(name).expected.sequences) assert.ok(greedy.length >= 20, name);
});

for (const [runtimeName, open] of runtimes)
  describe(`${runtimeName} equals transformers`, () => {
    for (const name of names) {
      const { config, weights, expected } = read(name);

      test(`${name}: logits within 1e-4`, async () => {
        const program = await withRotaryTables(await open(), config).compile(prefillGraph(config));
        for (const { tokens, logits } of expected.sequences) {
          const T = tokens.length;
          const mask = new Float32Array(T * T).fill(-1e9);
          for (let t = 0; t < T; t++) mask.fill(0, t * T, t * T + t + 1);
          const out = await program.run({
            ...Object.fromEntries(weights),
            tokens: { shape: [1, T], data: BigInt64Array.from(tokens, BigInt) },
            positions: { shape: [1, T], data: BigInt64Array.from(tokens.keys(), BigInt) },
            mask: { shape: [1, 1, 1, T, T], data: mask },
            slots: { shape: [T], data: BigInt64Array.from(tokens.keys(), BigInt) },
          });
          assert.deepEqual(out.logits!.shape, [T, config.vocab_size]);
          const worst = distance(out.logits!.data as Float32Array, logits.flat());
          assert.ok(worst < 1e-4, `largest difference ${worst}`);
        }
        await program.release();
      });

      test(`${name}: greedy continuation, loss and gradient norms`, async () => {
        const engine = new EmbeddedEngine(await open(), { config });
        await engine.load({ weights });
        // One batch of prompts of different lengths.
        const completions = await engine.sample(
          expected.sequences.map(({ tokens }, i) => ({ prompt: Int32Array.from(tokens), count: 1, key: [i] })),
          { maxTokens: expected.sequences[0]!.greedy.length, temperature: 0, endTokens: [] },
        );
        assert.deepEqual(
          completions.map(([completion]) => [...completion!.tokens]),
          expected.sequences.map(({ greedy }) => greedy),
        );
        const tokens = Int32Array.from(expected.sequences[0]!.tokens);
        const weight = new Float32Array(tokens.length - 1).fill(1 / (tokens.length - 1));
        const data = [{ tokens, promptLength: 1, weights: weight }];
        const { loss, gradients } = await gradientsOf(engine, data, crossEntropy);
        assert.ok(Math.abs(loss - expected.loss) < 1e-5 * expected.loss, `loss ${loss}, expected ${expected.loss}`);
        assert.deepEqual([...gradients.keys()].sort(), Object.keys(expected.gradients).sort());
        for (const [parameter, gradient] of gradients) {
          const [found, wanted] = [norm(gradient), expected.gradients[parameter]!];
          assert.ok(Math.abs(found - wanted) < 1e-4 * wanted + 1e-6, `${parameter}: norm ${found}, expected ${wanted}`);
        }
        await engine.close();
      });
    }
  });
