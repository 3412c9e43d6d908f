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

/** Scratch, by token: with a large vocabulary the exponentials are what a draw costs. */
let exponentials = new Float64Array(0);
let likely = new Int32Array(0);

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
  if (exponentials.length < size) [exponentials, likely] = [new Float64Array(size), new Int32Array(size)];
  let total = 0;
  for (let i = 0; i < size; i++) {
    const e = Math.exp((logits[at + i]! - top) * scale);
    exponentials[i] = e;
    total += e;
  }
  if (temperature === 0) return { token: best, logprob: -Math.log(total) };
  const steps = (i: number): number => Math.min((top - logits[at + i]!) * scale * stepsOfNat, depths - 1) | 0;
  const likelier = (a: number, b: number): number => logits[at + b]! - logits[at + a]! || a - b;
  if (topK > 0 && topK < size) total = keepLikeliest(size, 0, topK, () => 1, steps, likelier);
  if (topP < 1) {
    // All tokens below this together are less than what may be left out.
    const least = ((1 - topP) * total) / size;
    total = keepLikeliest(size, least, topP * total, (i) => exponentials[i]!, steps, likelier);
  }
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

/** How finely tokens are told apart by their distance from the likeliest one before they are sorted: 1/64 nat, to 32. */
const stepsOfNat = 64;
const depths = 32 * stepsOfNat;
const amounts = new Float64Array(depths);

/**
 * Sets the exponentials of all but the likeliest tokens to 0, and returns the sum of the others. Kept are as many as make
 * `amount` reach `goal`, none below `least`. Sorting a vocabulary of 150,000 takes longer than many a model's step; so
 * tokens are added up by their distance from the likeliest, and only those where the goal is reached are sorted.
 */
function keepLikeliest(
  size: number,
  least: number,
  goal: number,
  amount: (token: number) => number,
  steps: (token: number) => number,
  likelier: (a: number, b: number) => number,
): number {
  amounts.fill(0);
  let count = 0;
  for (let i = 0; i < size; i++) {
    if (exponentials[i]! > least) {
      likely[count++] = i;
      amounts[steps(i)]! += amount(i);
    } else exponentials[i] = 0;
  }
  let [sum, last] = [0, 0];
  while (last < depths - 1 && sum + amounts[last]! < goal) sum += amounts[last++]!;
  const border: number[] = [];
  for (let j = 0; j < count; j++) {
    const depth = steps(likely[j]!);
    if (depth === last) border.push(likely[j]!);
    else if (depth > last) exponentials[likely[j]!] = 0;
  }
  border.sort(likelier);
  let kept = 0;
  while (kept < border.length && sum < goal) sum += amount(border[kept++]!);
  for (; kept < border.length; kept++) exponentials[border[kept]!] = 0;
  let total = 0;
  for (let j = 0; j < count; j++) total += exponentials[likely[j]!]!;
  return total;
}
