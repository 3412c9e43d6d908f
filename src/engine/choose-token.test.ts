import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { random } from "../random.ts";
import { type ChoiceOptions, chooseToken } from "./choose-token.ts";

/** The definition: all tokens sorted, cut to topK, cut to the fewest that reach topP; probability by token. */
function probabilities(logits: Float32Array, { temperature, topP = 1, topK = 0 }: ChoiceOptions): Map<number, number> {
  const top = Math.max(...logits);
  let order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (topK > 0) order = order.slice(0, topK);
  const weight = (i: number): number => Math.exp((logits[i]! - top) / temperature);
  const sum = (tokens: readonly number[]): number => tokens.reduce((all, i) => all + weight(i), 0);
  const total = sum(order);
  let kept = 0;
  for (let mass = 0; kept < order.length && (kept === 0 || mass < topP * total); ) mass += weight(order[kept++]!);
  order = order.slice(0, kept);
  return new Map(order.map((i) => [i, weight(i) / sum(order)]));
}

const logitsOf: Readonly<Record<string, (next: () => number) => number>> = {
  spread: (next) => 12 * next(),
  flat: (next) => 0.01 * next(),
  ties: (next) => Math.floor(4 * next()),
  "far apart": (next) => (next() < 0.1 ? 3 * next() : -200 - 2000 * next()),
  "some impossible": (next) => (next() < 0.3 ? Number.NEGATIVE_INFINITY : 5 * next()),
};
const cuts: readonly ChoiceOptions[] = [
  { temperature: 1 },
  { temperature: 0.6, topP: 0.95 },
  { temperature: 1.5, topP: 0.3 },
  { temperature: 1, topP: 1e-6 },
  { temperature: 1, topP: 1 - 1e-9 },
  { temperature: 1, topK: 1 },
  { temperature: 0.8, topK: 20 },
  { temperature: 1, topK: 1000, topP: 0.5 },
  { temperature: 2, topK: 7, topP: 0.7 },
];

describe("tokens kept by topK and topP, and their probabilities, are those of the definition", () => {
  for (const [name, logit] of Object.entries(logitsOf))
    for (const options of cuts)
      test(`${name}, ${JSON.stringify(options)}`, () => {
        const draws = random("choose", name);
        const logits = Float32Array.from({ length: 300 }, () => logit(() => draws.next()));
        // Embedded in a row of others, as a batch has them.
        const batch = new Float32Array(500).fill(50);
        batch.set(logits, 100);
        const expected = probabilities(logits, options);
        const [found, counts] = [new Map<number, number>(), new Map<number, number>()];
        const tries = 4000;
        for (let i = 0; i < tries; i++) {
          const { token, logprob } = chooseToken(batch, 100, 300, options, () => (i + 0.5) / tries);
          found.set(token, logprob);
          counts.set(token, (counts.get(token) ?? 0) + 1);
        }
        for (const [token, logprob] of found) {
          const probability = expected.get(token);
          assert.ok(probability !== undefined, `${token} should have been left out`);
          assert.ok(Math.abs(Math.exp(logprob) - probability) < 1e-9, `${token}: ${Math.exp(logprob)}, ${probability}`);
        }
        // Evenly spread numbers give every token its share, to within one number at each end.
        for (const [token, probability] of expected)
          assert.ok(Math.abs((counts.get(token) ?? 0) - probability * tries) <= 1 + 1e-6, `${token}`);
      });
});
