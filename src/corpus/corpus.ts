/**
 * The text the small world's base model reads: puzzles as people leave them, arithmetic drill, and drill with two
 * numbers. Endless, keyed by a seed, made of training number sets only, filtered for nothing.
 */
import { type Random, random } from "../random.ts";
import { promptOf } from "../tasks/countdown.ts";
import { levelCount, type NumberSet, numberSets, splitOf } from "../tasks/countdown-levels.ts";
import { answer, nearest, reflectiveShare } from "./writers.ts";

export interface Document {
  /** "careless", "reflective", "arithmetic" or "pair". */
  readonly kind: string;
  readonly text: string;
}

/** Share of documents that are lines of sums, and of puzzles with two numbers. The rest are puzzles of the task. */
export const arithmeticShare = 0.1;
export const pairShare = 0.15;

function sum(source: Random): string {
  const kind = source.int(0, 3);
  if (kind === 0) {
    const a = source.int(1, source.chance(0.5) ? 20 : 99);
    const b = source.int(1, 20);
    return `${Math.max(a, b)}+${Math.min(a, b)}=${a + b}`;
  }
  if (kind === 1) {
    const b = source.int(1, 99);
    const a = b + source.int(1, 20);
    return source.chance(0.5) ? `${a}-${b}=${a - b}` : `${a}-${a - b}=${b}`;
  }
  const b = source.int(1, 20);
  const a = source.int(1, Math.min(source.chance(0.5) ? 20 : 99, Math.floor(200 / b)));
  if (kind === 2 || Math.min(a, b) === 1) return `${Math.max(a, b)}*${Math.min(a, b)}=${a * b}`;
  return `${a * b}/${b}=${a}`;
}

function pair(source: Random): string {
  const pool = [source.int(1, source.chance(0.5) ? 30 : 120), source.int(1, 20)].sort((a, b) => a - b);
  const any = nearest(pool, source.chance(0.5) ? source.int(1, 99) : source.int(1, 30)).result;
  const target = source.chance(0.6) && any <= 99 ? any : source.int(2, 99);
  const last = nearest(pool, target);
  const verdict = last.result === target ? "yes" : "no";
  return `${promptOf(pool, target)}\n${last.left}${last.operation}${last.right}=${last.result} ${verdict}`;
}

/** Endless documents; the same seed gives the same ones. End-of-sequence tokens are for whoever packs them. */
export function* corpus(seed: number): Generator<Document> {
  const source = random(seed, "corpus");
  const sets: (readonly NumberSet[])[] = [];
  for (let level = 1; level <= levelCount; level++) {
    sets.push(numberSets(level).filter((set) => splitOf(set.numbers) === "train"));
  }
  while (true) {
    const draw = source.next();
    if (draw < arithmeticShare) {
      const lines: string[] = [];
      for (let i = 0; i < 6; i++) lines.push(sum(source));
      yield { kind: "arithmetic", text: lines.join(" ") };
    } else if (draw < arithmeticShare + pairShare) {
      yield { kind: "pair", text: pair(source) };
    } else {
      const { numbers, targets } = source.pick(source.pick(sets));
      const target = source.pick(targets);
      const reflective = source.chance(reflectiveShare);
      const text = `${promptOf(numbers, target)}\n${answer(numbers, target, reflective, source)}`;
      yield { kind: reflective ? "reflective" : "careless", text };
    }
  }
}

/** Every character that the corpus can contain, in code point order. */
export const corpusAlphabet: string = [
  ...new Set(
    "0123456789+-*/= \nmakeyesnowaitbutcheckretrywrongmistakeerrorverifyhoweverevaluate对不等但是检查再试错误验证",
  ),
]
  .sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
  .join("");
