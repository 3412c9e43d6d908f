/** One draw from the next-token distribution. */
export interface Choice {
  readonly token: number;
  /** log-probability under the distribution drawn from; for greedy choice, under that of temperature 1. */
  readonly logprob: number;
}

export interface ChoiceOptions {
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
}

/** Scratch: with a large vocabulary the exponentials are what a draw costs. */
let exponentials = new Float64Array(0);

/**
 * Samples from softmax(logits[at..at+size) / temperature), cut to the topK likeliest tokens and then to the smallest set
 * whose probability reaches topP (Holtzman et al. 2020), renormalised. `next` gives uniform numbers in [0, 1).
 */
export function chooseToken(
  logits: Float32Array,
  at: number,
  size: number,
  { temperature, topP = 1, topK = 0 }: ChoiceOptions,
  next: () => number,
): Choice {
  let best = 0;
  for (let i = 1; i < size; i++) if (logits[at + i]! > logits[at + best]!) best = i;
  const top = logits[at + best]!;
  const scale = temperature === 0 ? 1 : 1 / temperature;
  if (exponentials.length < size) exponentials = new Float64Array(size);
  let total = 0;
  for (let i = 0; i < size; i++) {
    const e = Math.exp((logits[at + i]! - top) * scale);
    exponentials[i] = e;
    total += e;
  }
  if (temperature === 0) return { token: best, logprob: -Math.log(total) };
  if (topP < 1 || (topK > 0 && topK < size))
    return chooseAmongLikeliest(logits, at, size, scale, top, topP, topK, next);
  let left = next() * total;
  let token = best;
  for (let i = 0; i < size; i++) {
    left -= exponentials[i]!;
    if (left < 0) {
      token = i;
      break;
    }
  }
  return { token, logprob: (logits[at + token]! - top) * scale - Math.log(total) };
}

function chooseAmongLikeliest(
  logits: Float32Array,
  at: number,
  size: number,
  scale: number,
  top: number,
  topP: number,
  topK: number,
  next: () => number,
): Choice {
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => logits[at + b]! - logits[at + a]! || a - b);
  if (topK > 0) order.length = Math.min(order.length, topK);
  const weights = order.map((i) => Math.exp((logits[at + i]! - top) * scale));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let [kept, mass] = [0, 0];
  while (kept < weights.length && (kept === 0 || mass < topP * total)) mass += weights[kept++]!;
  let left = next() * mass;
  let chosen = 0;
  for (let i = 0; i < kept; i++) {
    chosen = i;
    left -= weights[i]!;
    if (left < 0) break;
  }
  return { token: order[chosen]!, logprob: Math.log(weights[chosen]! / mass) };
}
