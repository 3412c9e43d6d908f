/**
 * The people who wrote the corpus. None knows a solution, none is corrected, and what they write is kept right or wrong.
 * Before each step everybody notes what is left to do. Careless writers try once or twice and leave it. Reflective
 * writers, when a try fails, say so, stop to think, and take the next first step they have not tried; of the last two
 * numbers they note what each operation makes, until one makes the target. They leave it when their patience ends
 * or no first step is left that they have not looked behind.
 */
import type { Random } from "../random.ts";
import { type Move, movesFrom } from "../tasks/countdown-levels.ts";

/** Share of reflective writers among all. */
export const reflectiveShare = 0.12;
/** Share of writers in Chinese, and of writers who mix both languages from word to word. The rest writes English. */
export const chineseShare = 0.15;
export const mixedShare = 0.05;
/** How many tries careless writers are ready to make, 1, 2 or 3. */
export const carelessTries: readonly number[] = [0.85, 0.12, 0.03];
/** Reflective writers are ready to make this many tries, uniformly. */
export const reflectiveTries: readonly [low: number, high: number] = [3, 12];
/** Which operation comes to a careless mind, by weight. */
export const carelessWeights = { "+": 0.6, "-": 0.15, "*": 0.2, "/": 0.05 } as const;

interface Language {
  readonly yes: string;
  readonly no: string;
  /** What reflective writers say after a "no", by weight. */
  readonly reflections: readonly string[];
  readonly weights: readonly number[];
}

const english: Language = {
  yes: "yes",
  no: "no",
  reflections: ["wait", "but", "check", "retry", "wrong", "mistake", "error", "verify", "however", "evaluate"],
  weights: [0.8, 0.05, 0.04, 0.03, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01],
};

const chinese: Language = {
  yes: "对",
  no: "不对",
  reflections: ["等等", "但是", "检查", "再试", "错误", "验证"],
  weights: [0.8, 0.06, 0.05, 0.05, 0.02, 0.02],
};

export function written(move: Move): string {
  return `${move.left}${move.operation}${move.right}=${move.result}`;
}

/** What is left to do, as everybody writes it down before a step: the numbers and the target. */
export function note(pool: readonly number[], target: number): string {
  return `[${pool.join(" ")}:${target}]`;
}

/** The pool after a step as it is noted: what was not used in its order, then the result. */
function noted(pool: readonly number[], { left, right, result }: Move): number[] {
  const rest = [...pool];
  rest.splice(rest.indexOf(left), 1);
  rest.splice(rest.indexOf(right), 1);
  return [...rest, result];
}

function anyMove(pool: readonly number[], random: Random): Move {
  const moves = movesFrom(pool);
  return random.weighted(
    moves,
    moves.map((move) => carelessWeights[move.operation]),
  );
}

/**
 * A look at the last step: what the two numbers make, operation after operation, until one makes the target
 * (`[2 63:61 +65 -61]`), and the step looked at last.
 */
export function look(pool: readonly number[], target: number): { readonly note: string; readonly last: Move } {
  const moves = movesFrom(pool);
  const hit = moves.findIndex(({ result }) => result === target);
  const seen = hit < 0 ? moves : moves.slice(0, hit + 1);
  const made = seen.map(({ operation, result }) => ` ${operation}${result}`).join("");
  return { note: `[${pool.join(" ")}:${target}${made}]`, last: seen.at(-1)! };
}

/** A result held against the target, and what is said to it: `63+2=65:65 yes`. */
function verdict(result: number, target: number, { yes, no }: Language): string {
  return `:${target} ${result === target ? yes : no}`;
}

/** Two numbers with a look, as drill: `[2 63:61 +65 -61] 63-2=61:61 yes`. */
export function lookAndStep(pool: readonly number[], target: number): string {
  const { note, last } = look(pool, target);
  return `${note} ${written(last)}${verdict(last.result, target, english)}`;
}

/** Writes one answer to the puzzle. */
export function answer(
  numbers: readonly number[],
  target: number,
  reflective: boolean,
  random: Random,
  patience: readonly [low: number, high: number] = reflectiveTries,
): string {
  const draw = random.next();
  const speak = (): Language => {
    if (draw < mixedShare) return random.chance(0.5) ? english : chinese;
    return draw < mixedShare + chineseShare ? chinese : english;
  };
  const firsts = movesFrom(numbers);
  const tries = reflective
    ? Math.min(random.int(...patience), firsts.length + 1)
    : random.weighted([1, 2, 3], carelessTries);
  const text: string[] = [];
  let place = -1;
  for (let tried = 0; tried < tries; tried++) {
    const thinking = reflective && tried > 0;
    if (thinking) {
      const { reflections, weights } = speak();
      text.push(random.weighted(reflections, weights));
      place = (place + 1) % firsts.length;
    }
    let pool: readonly number[] = numbers;
    let last: Move | undefined;
    while (pool.length > 1) {
      const first = pool.length === numbers.length;
      if (thinking && pool.length === 2) {
        const seen = look(pool, target);
        text.push(seen.note);
        last = seen.last;
      } else {
        text.push(note(pool, target));
        if (thinking && first) last = firsts[place]!;
        else if (thinking) last = random.pick(movesFrom(pool));
        else last = anyMove(pool, random);
      }
      if (first && !thinking) {
        const { left, right, operation } = last;
        place = firsts.findIndex((m) => m.left === left && m.right === right && m.operation === operation);
      }
      text.push(written(last));
      pool = noted(pool, last);
    }
    text.push(text.pop() + verdict(last!.result, target, speak()));
    if (last!.result === target) break;
  }
  return text.join(" ");
}
