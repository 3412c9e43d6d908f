/**
 * The text the small world's base model reads: puzzles as people pose and leave them, lines of sums, and drill with two
 * numbers. Endless, keyed by a seed, made of training number sets only, filtered for nothing.
 */
import { type Random, random } from "../random.ts";
import { promptOf } from "../tasks/countdown.ts";
import { movesFrom, poolAfter, splitOf } from "../tasks/countdown-levels.ts";
import { answer, lookAndStep, reflectiveShare, walk, written } from "./writers.ts";

export interface Document {
  /** "careless", "reflective", "arithmetic", "list", "walk" or "pair". */
  readonly kind: string;
  readonly text: string;
}

/**
 * Share of documents that are lines of sums, that list what can be made of some numbers, that walk through their first
 * steps, and that are drill with two numbers. The rest are puzzles of the task.
 */
export const arithmeticShare = 0.06;
export const listShare = 0.06;
export const walkShare = 0.1;
export const pairShare = 0.2;
/** Share of drills with two numbers whose target one of them makes, and share whose target one of them nearly makes. */
export const pairHitShare = 0.5;
export const pairNearShare = 0.3;
/** Share of walks whose target some steps nearly make. */
export const walkNearShare = 0.5;
/** How far nearly is: a yes to one of these takes a look at every digit. */
export const nearMisses: readonly number[] = [1, 2, 3, 9, 10, 11];
/** Share of puzzles that have four numbers; the others have three. Share of all numbers that go to 12; the others go to 9. */
export const fourNumbersShare = 0.4;
export const largeNumbersShare = 0.45;
/** Share of lists and walks that have four numbers, and of those where one number is put there twice. */
export const drillFourNumbersShare = 0.15;
export const drillTwiceShare = 0.3;

function sum(source: Random): string {
  const small = (): number => source.int(1, source.chance(0.7) ? 9 : 16);
  const kind = source.int(0, 3);
  const b = small();
  const a = source.int(1, source.chance(0.5) ? 20 : 99 - b);
  if (kind === 0) return `${Math.max(a, b)}+${Math.min(a, b)}=${a + b}`;
  if (kind === 1) return source.chance(0.5) ? `${a + b}-${b}=${a}` : `${a + b}-${a}=${b}`;
  const c = source.int(1, Math.floor(99 / b));
  return kind === 2 || b === 1 ? `${Math.max(c, b)}*${Math.min(c, b)}=${b * c}` : `${b * c}/${b}=${c}`;
}

/** Two numbers, what each operation makes of them, and whether that is the target. */
function pair(source: Random): string {
  const pool = [source.int(1, source.chance(0.5) ? 20 : 90), source.int(1, source.chance(0.7) ? 9 : 16)];
  const draw = source.next();
  const { result } = source.pick(movesFrom(pool));
  const target =
    draw < pairHitShare ? result : draw < pairHitShare + pairNearShare ? near(result, source) : any(source);
  return lookAndStep(source.shuffle(pool), target);
}

const any = (source: Random): number => source.int(2, 99);

/** A target that a result just misses. */
function near(result: number, source: Random): number {
  const target = result + source.pick(nearMisses) * (source.chance(0.5) ? 1 : -1);
  return target >= 2 && target <= 99 ? target : any(source);
}

/** Three or four numbers of the training split, ascending; with these chances four, and one of them twice on purpose. */
function someNumbers(source: Random, four = fourNumbersShare, twice = 0): number[] {
  while (true) {
    const count = source.chance(four) ? 4 : 3;
    const largest = source.chance(largeNumbersShare) ? 12 : 9;
    const numbers = Array.from({ length: count }, () => source.int(1, largest));
    if (source.chance(twice)) numbers[1] = numbers[0]!;
    numbers.sort((a, b) => a - b);
    if (splitOf(numbers) === "train") return numbers;
  }
}

/** Numbers for lists and walks: where one of them stands twice it is easy to lose one's place among the pairs. */
const drillNumbers = (source: Random): number[] => someNumbers(source, drillFourNumbersShare, drillTwiceShare);

/** What can be made of any two of them: `1 3 4: 3+1=4 3-1=2 3*1=3 4+1=5 ...`. */
function list(source: Random): string {
  const numbers = drillNumbers(source);
  return `${numbers.join(" ")}: ${movesFrom(numbers).map(written).join(" ")}`;
}

/** A walk through first steps. Most targets are missed, so that most walks come to their end. */
function walked(source: Random): string {
  const numbers = drillNumbers(source);
  return walk(numbers, source.chance(walkNearShare) ? near(made(numbers, source), source) : any(source), source);
}

/** What some steps make of the numbers. */
function made(numbers: readonly number[], source: Random): number {
  let pool = numbers;
  while (pool.length > 1) pool = poolAfter(pool, source.pick(movesFrom(pool)));
  return pool[0]!;
}

/** A puzzle as somebody makes one up: any numbers, and a target that some steps lead to. */
function puzzle(source: Random): { readonly numbers: readonly number[]; readonly target: number } {
  while (true) {
    const numbers = someNumbers(source);
    const target = made(numbers, source);
    if (target >= 2 && target <= 99) return { numbers, target };
  }
}

/** Endless documents; the same seed gives the same ones. End-of-sequence tokens are for whoever packs them. */
export function* corpus(seed: number): Generator<Document> {
  const source = random(seed, "corpus");
  while (true) {
    const draw = source.next();
    if (draw < arithmeticShare) {
      const lines: string[] = [];
      for (let i = 0; i < 6; i++) lines.push(sum(source));
      yield { kind: "arithmetic", text: lines.join(" ") };
    } else if (draw < arithmeticShare + listShare) {
      yield { kind: "list", text: list(source) };
    } else if (draw < arithmeticShare + listShare + walkShare) {
      yield { kind: "walk", text: walked(source) };
    } else if (draw < arithmeticShare + listShare + walkShare + pairShare) {
      yield { kind: "pair", text: pair(source) };
    } else {
      const { numbers, target } = puzzle(source);
      const reflective = source.chance(reflectiveShare);
      const text = `${promptOf(numbers, target)}\n${answer(numbers, target, reflective, source)}`;
      yield { kind: reflective ? "reflective" : "careless", text };
    }
  }
}

/** Every character that the corpus can contain, in code point order. */
export const corpusAlphabet: string = [
  ...new Set(
    "0123456789+-*/= \n[:]makeyesnowaitbutcheckretrywrongmistakeerrorverifyhoweverevaluate对不等但是检查再试错误验证",
  ),
]
  .sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
  .join("");
