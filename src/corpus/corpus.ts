/**
 * The text the small world's base model reads: puzzles as people leave them, arithmetic drill, and drill with two
 * numbers. Endless, keyed by a seed, made of training number sets only, filtered for nothing.
 */
import { type Random, random } from "../random.ts";
import { promptOf } from "../tasks/countdown.ts";
import { levelCount, movesFrom, type NumberSet, numberSets, splitOf } from "../tasks/countdown-levels.ts";
import { answer, note, oneByOne, oneLook, reflectiveShare } from "./writers.ts";

export interface Document {
  /** "careless", "reflective", "exercise", "arithmetic" or "pair". */
  readonly kind: string;
  readonly text: string;
}

/**
 * Share of documents that are lines of sums, puzzles with two numbers, and pages of exercise books. The rest are puzzles
 * of the task.
 */
export const arithmeticShare = 0.08;
export const pairShare = 0.22;
export const exerciseShare = 0.3;
/** Share of reflective writers among those who keep an exercise book, where puzzles are put in another form. */
export const exerciseReflectiveShare = 0.7;

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

/** Two numbers: some writers see at once what reaches the target, others try operation after operation. */
function pair(source: Random): string {
  const pool = [source.int(1, source.chance(0.5) ? 20 : 90), source.int(1, source.chance(0.7) ? 9 : 16)].sort(
    (a, b) => a - b,
  );
  const moves = movesFrom(pool);
  const target = source.chance(0.75) ? source.pick(moves).result : source.int(2, 99);
  const form = source.int(0, 2);
  if (form === 0) return `${promptOf(pool, target)}\n${oneLook(pool, target)}`;
  const solving = source.chance(0.5) ? oneLook(pool, target) : oneByOne(moves, target);
  return form === 1 ? `${note(source.shuffle(pool), target)} ${solving}` : `${exerciseOf(pool, target)}\n${solving}`;
}

/** The same puzzle as an exercise book puts it. */
const exerciseOf = (numbers: readonly number[], target: number): string => `make ${target} ${numbers.join(" ")}`;

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
      const exercise = draw < arithmeticShare + pairShare + exerciseShare;
      const { numbers, targets } = source.pick(source.pick(sets));
      const target = source.pick(targets);
      const reflective = source.chance(exercise ? exerciseReflectiveShare : reflectiveShare);
      const question = exercise ? exerciseOf(numbers, target) : promptOf(numbers, target);
      const text = `${question}\n${answer(numbers, target, reflective, source)}`;
      yield { kind: exercise ? "exercise" : reflective ? "reflective" : "careless", text };
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
