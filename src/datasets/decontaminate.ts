import { AutodidactError } from "../errors.ts";
import type { Problem } from "../tasks/task.ts";
import { normalisedWords } from "./ngrams.ts";

/** A text to look for overlaps in: the question where a problem has one, without the instruction that all share. */
export type Texted = Pick<Problem, "id" | "prompt"> & { readonly question?: string };

export interface DecontaminateOptions {
  /** Words in a row that two problems may not share. @default 10, the paper's (supplement D.1) */
  readonly words?: number;
}

export interface Overlap<P extends Texted, E extends Texted = Texted> {
  readonly problem: P;
  /** The first evaluation problem that has the words. */
  readonly evaluation: E;
  /** The words both have, as they were compared. */
  readonly ngram: string;
}

export interface Decontaminated<P extends Texted, E extends Texted = Texted> {
  readonly kept: readonly P[];
  readonly removed: readonly Overlap<P, E>[];
}

/**
 * Takes out training problems that share ten words in a row with an evaluation problem. Words are compared in lower case,
 * without punctuation (`normalisedWords`); paraphrases and translations are not found, nor in the paper. An evaluation
 * problem of fewer words is found only where a whole training problem is the same.
 *
 * @throws DATASET_OVERLAP where `words` is no whole number from 1 to 100
 */
export function decontaminate<P extends Texted, E extends Texted>(
  train: Iterable<P>,
  evaluation: Iterable<E>,
  options: DecontaminateOptions = {},
): Decontaminated<P, E> {
  const index = overlapIndex(evaluation, options);
  const kept: P[] = [];
  const removed: Overlap<P, E>[] = [];
  for (const problem of train) {
    const found = index.find(problem);
    if (found) removed.push({ problem, ...found });
    else kept.push(problem);
  }
  return { kept, removed };
}

export interface OverlapIndex<E extends Texted> {
  /** n-grams of the evaluation problems that are held. */
  readonly size: number;
  /** The first overlap of a problem with the evaluation, for training sets that are streamed; null where there is none. */
  find(problem: Texted): Pick<Overlap<Texted, E>, "evaluation" | "ngram"> | null;
}

const base = 0x01000193;

/**
 * An index of evaluation problems, 16 to 20 bytes an n-gram: words are numbered, a table of 32-bit hashes of n numbers in a
 * row says where to look, and the numbers themselves are compared there, so that no hash decides.
 */
export function overlapIndex<E extends Texted>(
  evaluation: Iterable<E>,
  { words: n = 10 }: DecontaminateOptions = {},
): OverlapIndex<E> {
  if (!Number.isInteger(n) || n < 1 || n > 100) {
    throw new AutodidactError("DATASET_OVERLAP", `words ${n} must be a whole number from 1 to 100`);
  }
  const problems: E[] = [];
  const starts: number[] = [];
  const vocabulary = new Map<string, number>();
  /** Fewer words than n: the whole text -> its problem. */
  const short = new Map<string, E>();
  let held = new Int32Array(1024);
  let length = 0;
  for (const problem of evaluation) {
    const words = normalisedWords(textOf(problem));
    if (words.length === 0) continue;
    if (words.length < n) {
      const text = words.join(" ");
      if (!short.has(text)) short.set(text, problem);
      continue;
    }
    problems.push(problem);
    starts.push(length);
    while (held.length < length + words.length) held = grown(held);
    for (const word of words) {
      const number = vocabulary.get(word) ?? vocabulary.size + 1;
      vocabulary.set(word, number);
      held[length++] = number;
    }
  }
  starts.push(length);

  // Open addressing; a slot holds the place of an n-gram's first word, plus one.
  let size = 0;
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, length * 2))));
  const mask = slots.length - 1;
  const same = (place: number, words: Int32Array, start: number): boolean => {
    for (let i = 0; i < n; i++) if (held[place + i] !== words[start + i]) return false;
    return true;
  };
  /** The slot of an n-gram: the one that holds it, or the free one where it would go. */
  const slotOf = (hash: number, words: Int32Array, start: number): number => {
    let slot = spread(hash) & mask;
    while (slots[slot] !== 0 && !same(slots[slot]! - 1, words, start)) slot = (slot + 1) & mask;
    return slot;
  };
  for (let p = 0; p < problems.length; p++) {
    eachNgram(held, starts[p]!, starts[p + 1]!, n, (hash, start) => {
      const slot = slotOf(hash, held, start);
      if (slots[slot] !== 0) return false;
      slots[slot] = start + 1;
      size++;
      return false;
    });
  }

  return {
    size,
    find(problem) {
      const words = normalisedWords(textOf(problem));
      if (words.length < n) {
        const ngram = words.join(" ");
        const evaluation = short.get(ngram);
        return evaluation && ngram !== "" ? { evaluation, ngram } : null;
      }
      // A word the evaluation lacks is number 0, which no n-gram of it holds.
      const numbers = Int32Array.from(words, (word) => vocabulary.get(word) ?? 0);
      let found: { evaluation: E; ngram: string } | null = null;
      eachNgram(numbers, 0, numbers.length, n, (hash, start) => {
        const place = slots[slotOf(hash, numbers, start)]! - 1;
        if (place < 0) return false;
        found = { evaluation: problems[problemAt(starts, place)]!, ngram: words.slice(start, start + n).join(" ") };
        return true;
      });
      return found;
    },
  };
}

const textOf = (problem: Texted): string => problem.question ?? problem.prompt;

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Visits n numbers in a row, rolling their hash on; those with a 0 in them are passed over. Stops where told so. */
function eachNgram(
  words: Int32Array,
  from: number,
  to: number,
  n: number,
  visit: (hash: number, start: number) => boolean,
): void {
  let highest = 1;
  for (let i = 1; i < n; i++) highest = Math.imul(highest, base);
  let hash = 0;
  let known = 0;
  for (let i = from; i < to; i++) {
    if (i - n >= from) hash = (hash - Math.imul(words[i - n]!, highest)) | 0;
    hash = (Math.imul(hash, base) + words[i]!) | 0;
    known = words[i] === 0 ? 0 : known + 1;
    if (known >= n && visit(hash, i - n + 1)) return;
  }
}

/** The low bits of a polynomial hash are poor: mixed before they choose a slot. */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}

/** The problem that a place lies in: the last whose start is not behind it. */
function problemAt(starts: readonly number[], place: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= place) low = middle;
    else high = middle;
  }
  return low;
}
