/**
 * The people who wrote the corpus. None knows a solution, none is corrected, and what they write is kept right or wrong.
 * Before each step everybody notes what is left to do. Careless writers try once or twice and leave it. Reflective
 * writers, when a try fails, say so, stop to think, and look behind one first step after the other, in order; of the
 * last two numbers they note what each operation makes, until one makes the target. They leave it when their patience
 * ends or no first step is left that they have not looked behind.
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
/** A walk goes through this many first steps, uniformly, where there are so many. */
export const walkSteps: readonly [low: number, high: number] = [4, 11];
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

/** One try: the steps to the last number and what is said to it. `next` chooses a step from the pool. */
function attempt(
  numbers: readonly number[],
  target: number,
  language: () => Language,
  next: (pool: readonly number[]) => { readonly note: string; readonly last: Move },
): { readonly text: string; readonly solved: boolean } {
  const text: string[] = [];
  let pool: readonly number[] = numbers;
  let result = Number.NaN;
  while (pool.length > 1) {
    const step = next(pool);
    text.push(step.note, written(step.last));
    pool = noted(pool, step.last);
    result = step.last.result;
  }
  return { text: text.join(" ") + verdict(result, target, language()), solved: result === target };
}

/** A try behind a given first step, with a look at the last one. Steps between are any. */
function considered(first: Move, numbers: readonly number[], target: number, language: () => Language, random: Random) {
  return attempt(numbers, target, language, (pool) => {
    if (pool.length === 2) return look(pool, target);
    return { note: note(pool, target), last: pool === numbers ? first : random.pick(movesFrom(pool)) };
  });
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
  for (let tried = 0; tried < tries; tried++) {
    const thinking = reflective && tried > 0;
    if (thinking) {
      const { reflections, weights } = speak();
      text.push(random.weighted(reflections, weights));
    }
    const written = thinking
      ? considered(firsts[tried - 1]!, numbers, target, speak, random)
      : attempt(numbers, target, speak, (pool) => ({ note: note(pool, target), last: anyMove(pool, random) }));
    text.push(written.text);
    if (written.solved) break;
  }
  return text.join(" ");
}

/**
 * Drill: first steps one after the other with what lies behind them, from any one on, until one leads to the target.
 * Gives the later ones the practice that few people's patience reaches.
 */
export function walk(
  numbers: readonly number[],
  target: number,
  random: Random,
  steps: readonly [low: number, high: number] = walkSteps,
): string {
  const firsts = movesFrom(numbers);
  const from = random.int(0, Math.max(0, firsts.length - steps[0]));
  const text: string[] = [];
  for (const first of firsts.slice(from, from + random.int(...steps))) {
    const { text: tried, solved } = considered(first, numbers, target, () => english, random);
    text.push("then", tried);
    if (solved) break;
  }
  return text.join(" ");
}
