/**
 * The five levels of Countdown: which numbers, which targets, and how rare a way there is. A level is described by what
 * a solver meets (operations that suffice, share of first steps that lead to the target), never by a stored solution.
 */
import { hashKey } from "../random.ts";
import type { Split } from "./task.ts";

export type Operation = "+" | "-" | "*" | "/";

/** One written step: two numbers of the pool become one. The larger operand stands first. */
export interface Move {
  readonly left: number;
  readonly operation: Operation;
  readonly right: number;
  readonly result: number;
}

/** Larger intermediate results are not used: nobody multiplies 19 by 17 to reach 40. */
const largestResult = 99;

/** One share of the number sets in this many is kept for the held-out split. */
const heldOutOneIn = 5;

function moveOf(a: number, b: number, operation: Operation): Move | null {
  const left = Math.max(a, b);
  const right = Math.min(a, b);
  switch (operation) {
    case "+":
      return { left, operation, right, result: left + right };
    case "-":
      return left > right ? { left, operation, right, result: left - right } : null;
    case "*":
      return left * right <= largestResult ? { left, operation, right, result: left * right } : null;
    case "/":
      return right > 1 && left % right === 0 ? { left, operation, right, result: left / right } : null;
    default:
      return operation satisfies never;
  }
}

const operations: readonly Operation[] = ["+", "-", "*", "/"];

/**
 * All different first steps from a pool, pair by pair in ascending order, `+ - * /` within a pair. Results are whole
 * and positive; a division by 1 is left out, it does what the multiplication does.
 */
export function movesFrom(pool: readonly number[]): Move[] {
  const sorted = [...pool].sort((a, b) => a - b);
  const moves: Move[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < sorted.length; i++) {
    for (let j = i + 1; j < sorted.length; j++) {
      const pair = sorted[i]! * 1024 + sorted[j]!;
      if (seen.has(pair)) continue;
      seen.add(pair);
      for (const operation of operations) {
        const move = moveOf(sorted[i]!, sorted[j]!, operation);
        if (move !== null) moves.push(move);
      }
    }
  }
  return moves;
}

/** The pool after a step: its two numbers are gone, its result is there, ascending. */
export function poolAfter(pool: readonly number[], move: Move): number[] {
  const rest = [...pool];
  rest.splice(rest.indexOf(move.left), 1);
  rest.splice(rest.indexOf(move.right), 1);
  rest.push(move.result);
  return rest.sort((a, b) => a - b);
}

/**
 * For each target that a pool reaches: the chance that steps drawn uniformly, all but the last, leave two numbers from
 * which one step reaches it. This is how likely a try succeeds that is random but for a good last step.
 */
export function reachable(pool: readonly number[], allowed: readonly Operation[] = operations): Map<number, number> {
  const chances = new Map<number, number>();
  const visit = (numbers: readonly number[], chance: number): void => {
    const moves = movesFrom(numbers).filter((move) => allowed.includes(move.operation));
    if (numbers.length === 2) {
      for (const result of new Set(moves.map((move) => move.result))) {
        chances.set(result, (chances.get(result) ?? 0) + chance);
      }
      return;
    }
    for (const move of moves) visit(poolAfter(numbers, move), chance / moves.length);
  };
  visit(pool, 1);
  return chances;
}

/** A way to the target as steps, or null. */
export function solve(pool: readonly number[], target: number): Move[] | null {
  for (const move of movesFrom(pool)) {
    if (pool.length === 2) {
      if (move.result === target) return [move];
      continue;
    }
    const rest = solve(poolAfter(pool, move), target);
    if (rest !== null) return [move, ...rest];
  }
  return null;
}

interface Level {
  /** How many numbers, from 1 to `largest`. */
  readonly count: number;
  readonly largest: number;
  readonly targets: readonly [low: number, high: number];
  /** Bounds of the chance that `reachable` gives. */
  readonly chance: readonly [low: number, high: number];
  /** The target can be reached with these operations alone. */
  readonly sufficient?: readonly Operation[];
  /** The target cannot be reached with any of these sets of operations. */
  readonly insufficient: readonly (readonly Operation[])[];
}

/** By what they take: operations that people seldom think of make a puzzle hard, more than a further number does. */
const levels: readonly Level[] = [
  { count: 3, largest: 9, targets: [3, 27], chance: [0, 1], sufficient: ["+", "-"], insufficient: [] },
  { count: 4, largest: 9, targets: [2, 36], chance: [0.2, 1], sufficient: ["+", "-"], insufficient: [] },
  { count: 3, largest: 12, targets: [2, 99], chance: [0, 1], sufficient: ["+", "*"], insufficient: [["+", "-"]] },
  {
    count: 3,
    largest: 12,
    targets: [2, 99],
    chance: [0, 1],
    sufficient: ["+", "-", "*"],
    insufficient: [
      ["+", "-"],
      ["+", "*"],
    ],
  },
  { count: 3, largest: 12, targets: [2, 99], chance: [0, 0.25], insufficient: [["+", "-", "*"]] },
];

export const levelCount = levels.length;

/** Number sets are split as wholes, so that no held-out puzzle shares its numbers with training or with the corpus. */
export function splitOf(numbers: readonly number[]): Split {
  const sorted = [...numbers].sort((a, b) => a - b);
  return hashKey(["countdown", ...sorted]) % heldOutOneIn === 0 ? "eval" : "train";
}

/** A number set (ascending) and the targets that fit a level. */
export interface NumberSet {
  readonly numbers: readonly number[];
  readonly targets: readonly number[];
}

const built = new Map<number, readonly NumberSet[]>();

/** All number sets of a level (1 to 5) that have at least one fitting target, both splits, in ascending order. */
export function numberSets(level: number): readonly NumberSet[] {
  const known = built.get(level);
  if (known !== undefined) return known;
  const spec = levels[level - 1];
  if (spec === undefined) throw new RangeError(`level ${level} is not 1 to ${levelCount}`);
  const sets: NumberSet[] = [];
  const choose = (numbers: readonly number[]): void => {
    if (numbers.length < spec.count) {
      for (let next = numbers.at(-1) ?? 1; next <= spec.largest; next++) choose([...numbers, next]);
      return;
    }
    const sufficient = spec.sufficient && reachable(numbers, spec.sufficient);
    const insufficient = spec.insufficient.map((operations) => reachable(numbers, operations));
    const targets: number[] = [];
    for (const [target, chance] of reachable(numbers)) {
      if (target < spec.targets[0] || target > spec.targets[1]) continue;
      if (chance < spec.chance[0] || chance > spec.chance[1]) continue;
      if (sufficient && !sufficient.has(target)) continue;
      if (insufficient.some((reached) => reached.has(target))) continue;
      targets.push(target);
    }
    if (targets.length > 0) sets.push({ numbers, targets: targets.sort((a, b) => a - b) });
  };
  choose([]);
  built.set(level, sets);
  return sets;
}
