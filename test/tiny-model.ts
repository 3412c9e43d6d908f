import assert from "node:assert/strict";
import type {
  Completion,
  Datum,
  Engine,
  EngineState,
  Layout,
  Loss,
  OptimStep,
  SampleOptions,
  SnapshotName,
  Tensor,
  Tensors,
} from "../src/engine/engine.ts";
import { AutodidactError } from "../src/errors.ts";
import { type ModelConfig, modelConfigSchema } from "../src/model/config.ts";
import { random } from "../src/random.ts";

/**
 * A model small enough for every test: 2 layers of width 32, two key heads for four query heads, about 14,000 parameters.
 * Its fresh weights are drawn wide, so that its distributions are lively and no two tokens are equally likely.
 */
export const tinyConfig: ModelConfig = modelConfigSchema.parse({
  model_type: "llama",
  vocab_size: 31,
  hidden_size: 32,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 96,
  initializer_range: 0.25,
  eos_token_id: 30,
});

export const crossEntropy: Loss = { name: "cross-entropy" };

/** PPO's clipped surrogate by token, without KL. */
export const clipLoss: Extract<Loss, { name: "policy-gradient" }> = {
  name: "policy-gradient",
  surrogate: "clip",
  ratio: "token",
  clipLow: 0.2,
  clipHigh: 0.2,
  klCoef: 0,
  klEstimator: "k3",
  temperature: 1,
};

export const adam: OptimStep = {
  learningRate: 3e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
};

/** Random tokens, the same for the same key. */
export function someTokens(length: number, ...key: readonly (string | number)[]): Int32Array {
  const stream = random("tokens", ...key);
  return Int32Array.from({ length }, () => stream.int(0, tinyConfig.vocab_size - 1));
}

/** One sequence for each length, every per-token array of a policy-gradient loss filled. */
export function someData(lengths: readonly number[], promptLength = 3): Datum[] {
  const total = lengths.reduce((sum, length) => sum + length - promptLength, 0);
  return lengths.map((length, i) => {
    const stream = random("data", i);
    const each = (make: () => number): Float32Array => Float32Array.from({ length: length - promptLength }, make);
    return {
      tokens: someTokens(length, i),
      promptLength,
      weights: each(() => (0.5 + stream.next()) / total),
      advantages: each(() => stream.normal()),
      oldLogprobs: each(() => -3 - stream.next()),
      referenceLogprobs: each(() => -3 - stream.next()),
    };
  });
}

/** A request for `count` answers to a prompt of `length` tokens; the key names both. */
export const ask = (length: number, count: number, ...key: number[]) => ({
  prompt: someTokens(length, "prompt", ...key),
  count,
  key: ["test", ...key],
});

export const plain: SampleOptions = { maxTokens: 16, temperature: 1, endTokens: [] };

/** A sampled answer as the trainer gets it, with its own log-probabilities as the old ones. */
export function asDatum(prompt: Int32Array, { tokens, logprobs }: Completion): Datum {
  return {
    tokens: Int32Array.from([...prompt, ...tokens]),
    promptLength: prompt.length,
    weights: new Float32Array(tokens.length).fill(1 / tokens.length),
    advantages: new Float32Array(tokens.length).fill(1),
    oldLogprobs: logprobs,
  };
}

/** For assert.rejects: an AutodidactError of this code whose message has these words. */
export const refuses = (code: string, ...words: string[]) => {
  return (error: unknown): true => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.ok(error.message.includes(word), `"${word}" is not in: ${error.message}`);
    return true;
  };
};

/** A copy of an engine's whole state. */
export async function stateOf(engine: Engine): Promise<EngineState> {
  const { weights, optimizer, snapshots } = await engine.save();
  const copied = async (tensors: typeof weights): Promise<Tensors> => {
    const copies = new Map<string, Tensor>();
    for (const [name, { shape, read }] of tensors) copies.set(name, { shape, data: Float32Array.from(await read()) });
    return copies;
  };
  const { step, m, v } = optimizer!;
  const names = Object.keys(snapshots!) as SnapshotName[];
  const kept = new Map<string, Tensors>();
  for (const name of names) kept.set(name, await copied(snapshots![name]!));
  return {
    weights: await copied(weights),
    optimizer: { step, m: await copied(m), v: await copied(v) },
    snapshots: Object.fromEntries(kept),
  };
}

/**
 * The gradient itself, by parameter, through the engine's own verbs: with beta1 = 0 Adam's first moment is the gradient,
 * and with learning rate 0 the weights stay.
 */
export async function gradientsOf(
  engine: Engine,
  data: readonly Datum[],
  loss: Loss,
  layout?: Layout,
): Promise<{ readonly loss: number; readonly gradients: Map<string, Float32Array> }> {
  const result = await engine.forwardBackward(data, loss, layout);
  await engine.optimStep({ ...adam, learningRate: 0, beta1: 0, maxGradNorm: Infinity });
  const { optimizer } = await stateOf(engine);
  const gradients = new Map([...optimizer!.m].map(([name, moment]) => [name, moment.data]));
  return { loss: result.loss, gradients };
}

/** Euclidean norm. */
export function norm(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** Largest absolute difference of two arrays of one length. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
