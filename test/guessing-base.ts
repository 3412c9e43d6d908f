import assert from "node:assert/strict";
import { writeModelDirectory } from "../src/checkpoint/model-directory.ts";
import { corpusAlphabet } from "../src/corpus/corpus.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { modelConfigSchema } from "../src/model/config.ts";
import { random } from "../src/random.ts";
import { promptTokens } from "../src/rollout/collect.ts";
import { type CountdownProblem, countdown } from "../src/tasks/countdown.ts";
import { characterTokenizer } from "../src/tokenizer/character.ts";
import { type Document, sft } from "../src/trainers/sft.ts";

export interface QuestionsOf {
  readonly seed: number;
  readonly steps: number;
  readonly problemsPerStep: number;
  readonly heldOut: number;
}

/**
 * Writes a tiny base model that knows by heart, for each question that a run of `zero` on level 1 will ask, the right
 * answer and two wrong ones: its groups are mixed, so that rewards, gradients and weights move from the first step on.
 * A model this small has no way to solve a puzzle, and one without any success would leave its weights as they are.
 */
export async function writeGuessingBase(
  path: string,
  { seed, steps, problemsPerStep, heldOut }: QuestionsOf,
): Promise<void> {
  const tokenizer = characterTokenizer(corpusAlphabet);
  const config = modelConfigSchema.parse({
    model_type: "llama",
    vocab_size: tokenizer.vocabSize,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 128,
    initializer_range: 0.1,
    tie_word_embeddings: true,
    eos_token_id: tokenizer.endTokens[0],
  });
  const policy = { engine: new EmbeddedEngine(await onnxRuntime({ threads: 1 }), { config, seed: 1 }), tokenizer };
  const task = countdown({ levels: [1] });
  const problems: CountdownProblem[] = [...first(task.problems("eval", random("eval")), heldOut)];
  for (let step = 1; step <= steps; step++)
    problems.push(...first(task.problems("train", random(seed, "problems", step)), problemsPerStep));
  const documents = problems.flatMap((problem): Document[] => {
    const prompt = promptTokens(policy, problem);
    const [a, b] = problem.numbers as [number, number];
    return [task.gold(problem), `${a}+${b}=${a + b} no`, "no"].map((text) => ({
      tokens: Int32Array.from([...prompt, ...tokenizer.encode(text), ...tokenizer.endTokens]),
      promptLength: prompt.length,
    }));
  });
  const batch = documents.reduce((sum, { tokens, promptLength }) => sum + tokens.length - promptLength, 0);
  function* again(): Generator<Document> {
    for (;;) yield* documents;
  }
  const updates = 250;
  let loss = Infinity;
  for await (const step of sft(policy, again(), {
    steps: updates,
    tokensPerStep: batch,
    layout: { kind: "rows" },
    schedule: { kind: "cosine", learningRate: 0.02, warmupSteps: 5, floor: 0.1 },
    weightDecay: 0,
  }))
    loss = step.loss;
  assert.ok(loss < 0.5, `the questions were not learnt: loss ${loss}`);
  const { weights } = await policy.engine.save();
  await writeModelDirectory(path, { config, tokenizer, weights });
  await policy.engine.close();
}

function* first<T>(items: Iterable<T>, count: number): Generator<T> {
  let taken = 0;
  for (const item of items) {
    if (taken++ === count) return;
    yield item;
  }
}
