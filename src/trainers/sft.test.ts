import assert from "node:assert/strict";
import { test } from "node:test";
import { stateOf } from "../../test/tiny-model.ts";
import { EmbeddedEngine } from "../engine/embedded.ts";
import type { Layout } from "../engine/engine.ts";
import { onnxRuntime } from "../engine/onnxruntime.ts";
import { modelConfigSchema } from "../model/config.ts";
import type { Policy } from "../model/policy.ts";
import { random } from "../random.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import { type Document, type SftOptions, sft } from "./sft.ts";
import type { SftStep } from "./step.ts";

const tokenizer = characterTokenizer("abcdefgh\n");
const config = modelConfigSchema.parse({
  model_type: "llama",
  vocab_size: tokenizer.vocabSize,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  initializer_range: 0.1,
});

async function freshPolicy(seed = 1): Promise<Policy> {
  return { engine: new EmbeddedEngine(await onnxRuntime({ threads: 1 }), { config, seed }), tokenizer };
}

/** Random documents; the same number, the same document. */
function documentAt(number: number): Document {
  const stream = random("document", number);
  const tokens = Int32Array.from({ length: stream.int(6, 24) }, () => stream.int(0, 9));
  return { tokens, promptLength: stream.int(1, 4) };
}

function* documents(from = 0): Generator<Document> {
  for (let number = from; ; number++) yield documentAt(number);
}

const rows: Layout = { kind: "rows" };
const options: SftOptions = {
  steps: 4,
  tokensPerStep: 100,
  layout: rows,
  schedule: { kind: "constant", learningRate: 3e-3, warmupSteps: 0, floor: 0 },
};

async function steps(
  policy: Policy,
  source: Iterator<Document>,
  changes: Partial<SftOptions> = {},
): Promise<SftStep[]> {
  const made: SftStep[] = [];
  for await (const step of sft(policy, source, { ...options, ...changes })) made.push(step);
  return made;
}

const bare = (made: readonly SftStep[]) => made.map(({ seconds: _, ...step }) => step);
const learned = ({ tokens, promptLength }: Document): number => tokens.length - promptLength;

test("the loss is the mean over learned tokens alone: prompts are read, not learned", async () => {
  const { engine } = await freshPolicy();
  const read = [0, 1, 2].map(documentAt);
  const logprobs = await engine.logprobs(
    read.map((one) => ({ ...one, weights: new Float32Array(learned(one)) })),
    "policy",
  );
  const all = logprobs.flatMap((array) => [...array]);
  const [step] = await steps({ engine, tokenizer }, read.values(), { steps: 1 });
  assert.equal(
    step!.tokens,
    read.reduce((sum, one) => sum + learned(one), 0),
  );
  assert.equal(all.length, step!.tokens);
  assert.ok(Math.abs(step!.loss + all.reduce((sum, x) => sum + x, 0) / all.length) < 1e-5);

  // Another prompt's tokens, read as context, change the loss; masking keeps them out of the targets.
  const whole = await freshPolicy();
  const [everything] = await steps(whole, read.map((one) => ({ ...one, promptLength: 1 })).values(), { steps: 1 });
  assert.ok(everything!.tokens > step!.tokens);
});

test("packed documents give the losses, gradients and held-out losses of one document a row", async () => {
  const heldOut = [100, 101, 102].map(documentAt);
  const one = await steps(await freshPolicy(), documents(), { heldOut, heldOutEvery: 2 });
  const other = await steps(await freshPolicy(), documents(), {
    heldOut,
    heldOutEvery: 2,
    layout: { kind: "packed", rowLength: 60 },
  });
  assert.equal(one.length, 4);
  for (const [i, step] of one.entries()) {
    const packed = other[i]!;
    assert.equal(packed.tokens, step.tokens);
    assert.ok(Math.abs(packed.loss - step.loss) < 1e-4, `step ${i + 1}: ${packed.loss}, ${step.loss}`);
    assert.ok(Math.abs(packed.gradNorm - step.gradNorm) < 1e-3 * step.gradNorm);
    assert.equal(step.heldOutLoss === undefined, i % 2 === 0);
    if (step.heldOutLoss !== undefined) assert.ok(Math.abs(packed.heldOutLoss! - step.heldOutLoss) < 1e-4);
  }
});

test("a tiny model learns a few documents by heart", async () => {
  const few = [0, 1, 2, 3].map(documentAt);
  function* again(): Generator<Document> {
    for (;;) yield* few;
  }
  const policy = await freshPolicy();
  const made = await steps(policy, again(), {
    steps: 80,
    tokensPerStep: few.reduce((sum, one) => sum + learned(one), 0),
    schedule: { kind: "cosine", learningRate: 0.02, warmupSteps: 4, floor: 0.1 },
    weightDecay: 0,
  });
  assert.ok(made[0]!.loss > 2, `at first ${made[0]!.loss}`);
  assert.ok(made.at(-1)!.loss < 0.05, `at last ${made.at(-1)!.loss}`);
  assert.equal(made[0]!.learningRate, 0.02 / 5);
  // And says them: greedy, from the prompt.
  const { tokens, promptLength } = few[0]!;
  const [completions] = await policy.engine.sample([{ prompt: tokens.slice(0, promptLength), count: 1, key: [1] }], {
    maxTokens: learned(few[0]!),
    temperature: 0,
    endTokens: [],
  });
  assert.deepEqual(completions![0]!.tokens, tokens.slice(promptLength));
});

test("a run goes on from a saved state as if it had never stopped", async () => {
  const whole = await freshPolicy();
  const all = await steps(whole, documents());
  const first = await freshPolicy();
  const source = documents();
  let taken = 0;
  const counted: Iterator<Document> = {
    next() {
      taken++;
      return source.next();
    },
  };
  const begun: SftStep[] = [];
  for await (const step of sft(first, counted, options)) {
    begun.push(step);
    if (step.index === 2) break;
  }
  const second = await freshPolicy(7);
  await second.engine.load(await stateOf(first.engine));
  const rest = await steps(second, documents(taken), { startStep: 2, tokensTotal: begun.at(-1)!.tokensTotal });
  assert.deepEqual(bare([...begun, ...rest]), bare(all));
  assert.deepEqual(await stateOf(second.engine), await stateOf(whole.engine));
});

test("it ends where the documents do", async () => {
  const made = await steps(await freshPolicy(), [0, 1, 2, 3, 4, 5, 6, 7].map(documentAt).values(), { steps: 50 });
  assert.ok(made.length >= 1 && made.length < 8);
  assert.deepEqual(
    made.map(({ index }) => index),
    made.map((_, i) => i + 1),
  );
});
