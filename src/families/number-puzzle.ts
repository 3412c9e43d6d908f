/** Countdown and 24: reach a target with each given number once. Exact, and every right way counts. */
import { formatRational, parseExpression, parseNumber, type Rational, skipSpaces } from "../rewards/expression.ts";
import { defineFamily, type Family, type FamilyDeclaration } from "./family.ts";
import { numbersBetween } from "./integers.ts";
import type { Kind } from "./values.ts";

export interface PuzzleContent {
  readonly numbers: readonly number[];
  readonly target: number;
}

type PuzzleSize = {
  readonly numbers: number;
  readonly largest: number;
  readonly targets: readonly [low: number, high: number];
  /** How many of the orders of steps end at the target, from and to. */
  readonly ways: readonly [low: number, high: number];
};

/** The six results of two fractions, into `over` and `under` at `at`; a division by 0 gets the denominator 0. */
function combine(over: Float64Array, under: Float64Array, at: number, a: number, b: number, which: number): void {
  const [p, q, r, s] = [over[a]!, under[a]!, over[b]!, under[b]!];
  under[at] = q * s;
  if (which === 0) over[at] = p * s + r * q;
  else if (which === 1) over[at] = p * s - r * q;
  else if (which === 2) over[at] = r * q - p * s;
  else if (which === 3) over[at] = p * r;
  else {
    over[at] = which === 4 ? p * s : r * q;
    under[at] = which === 4 ? q * r : s * p;
  }
}

/**
 * All orders of steps over the numbers, depth first: `end` hears each whole value with its steps and stops the search
 * with true. Values are fractions of whole numbers below 2^53, so they are exact. A step is (a, b, which), places in the
 * growing list of values.
 */
function search(numbers: readonly number[], end: (value: number, steps: readonly number[]) => boolean): boolean {
  const over = new Float64Array(2 * numbers.length);
  const under = new Float64Array(2 * numbers.length).fill(1);
  over.set(numbers);
  const used = new Uint8Array(2 * numbers.length);
  const steps: number[] = [];
  const visit = (count: number): boolean => {
    if (count === 2 * numbers.length - 1) {
      const value = over[count - 1]! / under[count - 1]!;
      return value === Math.floor(value) && end(value, steps);
    }
    for (let a = 0; a < count; a++) {
      if (used[a]) continue;
      for (let b = a + 1; b < count; b++) {
        if (used[b]) continue;
        used[a] = used[b] = 1;
        for (let which = 0; which < 6; which++) {
          combine(over, under, count, a, b, which);
          if (under[count] === 0) continue;
          steps.push(a, b, which);
          if (visit(count + 1)) return true;
          steps.length -= 3;
        }
        used[a] = used[b] = 0;
      }
    }
    return false;
  };
  return visit(numbers.length);
}

/** Every whole value from low to high that the numbers reach, and in how many orders of steps. */
export function outcomes(numbers: readonly number[], [low, high]: readonly [number, number]): Map<number, number> {
  const reached = new Map<number, number>();
  search(numbers, (value) => {
    if (value >= low && value <= high) reached.set(value, (reached.get(value) ?? 0) + 1);
    return false;
  });
  return reached;
}

/** One way to write the target; null where there is none. */
export function wayTo(numbers: readonly number[], target: number): string | null {
  let way: string | null = null;
  search(numbers, (value, steps) => {
    if (value !== target) return false;
    const texts = numbers.map(String);
    for (let i = 0; i < steps.length; i += 3) {
      const [a, b] = [texts[steps[i]!]!, texts[steps[i + 1]!]!];
      const pattern = ["a + b", "a - b", "b - a", "a * b", "a / b", "b / a"][steps[i + 2]!]!;
      texts.push(`(${pattern.replace(/[ab]/g, (letter) => (letter === "a" ? a : b))})`);
    }
    way = texts.at(-1)!.slice(1, -1);
    return true;
  });
  return way;
}

interface Expression {
  readonly text: string;
  readonly value: Rational;
  readonly numbers: readonly Rational[];
}

/** `(9 * 7) + 2`, with or without `= 65` behind it; what is claimed there has to be true. */
const expression: Kind<Expression> = {
  form: "expression",
  parse(text) {
    const parsed = parseExpression(text);
    if (!parsed.ok) return null;
    const { value, numbers, end } = parsed.expression;
    let next = skipSpaces(text, end);
    if (text[next] === "=") {
      const claimed = parseNumber(text, next + 1);
      if (!claimed.ok || formatRational(claimed.expression.value) !== formatRational(value)) return null;
      next = skipSpaces(text, claimed.expression.end);
    }
    return next === text.length ? { text, value, numbers } : null;
  },
  show: ({ text }) => text,
};

function check({ value, numbers: used }: Expression, { numbers, target }: PuzzleContent): string {
  const left = numbers.map(String);
  for (const number of used) {
    const at = left.indexOf(formatRational(number));
    if (at < 0) return "number-not-available";
    left.splice(at, 1);
  }
  if (left.length > 0) return "numbers-left";
  return formatRational(value) === String(target) ? "correct" : "wrong-value";
}

const sameNumbers = (numbers: readonly number[]): string => [...numbers].sort((a, b) => a - b).join(" ");

/** Declares a number puzzle; only name and sizes differ. */
export function numberPuzzle(
  declaration: Pick<FamilyDeclaration<PuzzleSize, PuzzleContent, Expression>, "name" | "asks" | "grows" | "levels">,
): Family<PuzzleContent> {
  return defineFamily<PuzzleSize, PuzzleContent, Expression>({
    ...declaration,
    draw({ numbers: count, largest, targets, ways }, random, wanted) {
      const numbers = numbersBetween(random, count, 1, largest);
      if (!wanted(sameNumbers(numbers))) return null;
      const fitting = [...outcomes(numbers, targets)].filter(([, found]) => found >= ways[0] && found <= ways[1]);
      return fitting.length === 0 ? null : { numbers, target: random.pick(fitting)[0] };
    },
    // Sets of numbers are split as wholes: no held-out puzzle has the numbers of one in training.
    same: ({ numbers }) => sameNumbers(numbers),
    ask: ({ numbers, target }) =>
      `Make ${target} out of the numbers ${numbers.join(", ")} with + - * / and brackets. Use each number exactly once and no other.`,
    kind: expression,
    solve: ({ numbers, target }) => expression.parse(wayTo(numbers, target)!)!,
    check,
    vote(value, content) {
      const fault = check(value, content);
      const shown = formatRational(value.value);
      return fault === "correct" || fault === "wrong-value" ? shown : `${fault} ${shown}`;
    },
    steps: ({ numbers, target }) =>
      `${wayTo(numbers, target)} comes to ${target}, and uses ${numbers.join(", ")} once each.`,
  });
}

export const countdownThree = numberPuzzle({
  name: "countdown-three",
  asks: "an expression of three numbers that makes the target",
  grows: "size of numbers and targets; how few orders of steps (of 108) lead there",
  levels: [
    { numbers: 3, largest: 15, targets: [2, 40], ways: [6, 108] },
    { numbers: 3, largest: 20, targets: [2, 60], ways: [3, 5] },
    { numbers: 3, largest: 25, targets: [10, 100], ways: [1, 2] },
    { numbers: 3, largest: 50, targets: [10, 300], ways: [1, 2] },
    { numbers: 3, largest: 99, targets: [100, 999], ways: [1, 1] },
  ],
});

export const countdownFour = numberPuzzle({
  name: "countdown-four",
  asks: "an expression of four numbers that makes the target",
  grows: "size of numbers and targets; how few orders of steps (of 3,888) lead there",
  levels: [
    { numbers: 4, largest: 12, targets: [2, 50], ways: [40, 3_888] },
    { numbers: 4, largest: 20, targets: [10, 100], ways: [15, 39] },
    { numbers: 4, largest: 25, targets: [10, 100], ways: [5, 14] },
    { numbers: 4, largest: 50, targets: [20, 500], ways: [2, 4] },
    { numbers: 4, largest: 99, targets: [100, 999], ways: [1, 2] },
  ],
});

export const twentyFour = numberPuzzle({
  name: "twenty-four",
  asks: "an expression of four numbers that makes 24",
  grows: "size of the numbers; how few orders of steps (of 3,888) lead to 24",
  levels: [
    { numbers: 4, largest: 12, targets: [24, 24], ways: [22, 3_888] },
    { numbers: 4, largest: 13, targets: [24, 24], ways: [11, 21] },
    { numbers: 4, largest: 15, targets: [24, 24], ways: [6, 10] },
    { numbers: 4, largest: 20, targets: [24, 24], ways: [3, 5] },
    { numbers: 4, largest: 25, targets: [24, 24], ways: [1, 2] },
  ],
});
