/**
 * Countdown: reach the target with + - * /, each given number once. Five levels; a careless guess succeeds ever less
 * often from 1 to 5 while an ordered search still finds a way within a few hundred characters.
 *
 * | level | numbers | targets | what it takes |
 * |---|---|---|---|
 * | 1 | three to 9 | 3-27 | + and - suffice |
 * | 2 | four to 9 | 2-36 | + and - suffice; two steps to choose before the last, several ways |
 * | 3 | three to 12 | 2-99 | *, and + beside it suffices |
 * | 4 | three to 12 | 2-99 | * together with - |
 * | 5 | three to 12 | 2-99 | a division; few first steps lead there |
 */
import { AutodidactError } from "../errors.ts";
import { random as keyed, type Random } from "../random.ts";
import { gradeCountdown } from "./countdown-answer.ts";
import { levelCount, type NumberSet, numberSets, solve, splitOf } from "./countdown-levels.ts";
import { defineTask, type Problem, type Split, type Task } from "./task.ts";

export interface CountdownProblem extends Problem {
  /** Ascending. */
  readonly numbers: readonly number[];
  readonly target: number;
}

export interface CountdownOptions {
  /**
   * Levels to draw from, 1 to 5, each as often as it is named.
   * @default [1, 2, 3, 4, 5]
   */
  readonly levels?: readonly number[];
}

/** `2 7 9 make 65`, the form that the small world's base model has read, a line end behind it. */
export function promptOf(numbers: readonly number[], target: number): string {
  return `${numbers.join(" ")} make ${target}`;
}

function problemOf(level: number, numbers: readonly number[], target: number): CountdownProblem {
  return { id: `${numbers.join("-")}=${target}`, prompt: promptOf(numbers, target), level, numbers, target };
}

function setsOf(level: number, split: Split): readonly NumberSet[] {
  return numberSets(level).filter(({ numbers }) => splitOf(numbers) === split);
}

/** Levels in turn, number sets uniformly within a level, targets uniformly within a set. */
function* trainProblems(levels: readonly number[], random: Random): Generator<CountdownProblem> {
  const sets = levels.map((level) => setsOf(level, "train"));
  while (true) {
    for (const [i, level] of levels.entries()) {
      const { numbers, targets } = random.pick(sets[i]!);
      yield problemOf(level, numbers, random.pick(targets));
    }
  }
}

/**
 * The held-out problems in a fixed order: levels in turn, number sets in turn within a level, no problem twice. Ends
 * when a level has none left, so that every prefix is balanced.
 */
function* evalProblems(levels: readonly number[]): Generator<CountdownProblem> {
  const queues = new Map<number, Generator<CountdownProblem>>();
  for (const level of levels) queues.set(level, rounds(level));
  const seen = new Set<string>();
  while (true) {
    for (const level of levels) {
      let next = queues.get(level)!.next();
      while (!next.done && seen.has(next.value.id)) next = queues.get(level)!.next();
      if (next.done) return;
      seen.add(next.value.id);
      yield next.value;
    }
  }
}

/** Held-out problems of one level: one target of each number set, then a second one of each, and so on. */
function* rounds(level: number): Generator<CountdownProblem> {
  const order = keyed("countdown", "eval", level);
  const sets = order
    .shuffle(setsOf(level, "eval"))
    .map(({ numbers, targets }) => ({ numbers, targets: order.shuffle(targets) }));
  for (let round = 0; sets.some(({ targets }) => round < targets.length); round++) {
    for (const { numbers, targets } of sets) {
      if (round < targets.length) yield problemOf(level, numbers, targets[round]!);
    }
  }
}

/**
 * The Countdown task. Training problems are endless; the held-out list has a fixed order and at least 64 problems per
 * level. Splits share no set of numbers.
 * @throws AutodidactError COUNTDOWN_LEVELS where a level is not 1 to 5.
 */
export function countdown(options: CountdownOptions = {}): Task<CountdownProblem> {
  const levels = options.levels ?? [1, 2, 3, 4, 5];
  if (levels.length === 0 || levels.some((level) => !Number.isInteger(level) || level < 1 || level > levelCount)) {
    throw new AutodidactError(
      "COUNTDOWN_LEVELS",
      `levels is [${levels.join(", ")}]: name at least one level from 1 to ${levelCount}, for instance [1, 2]`,
    );
  }
  return defineTask<CountdownProblem>({
    name: "countdown",
    problems: (split, random) => (split === "train" ? trainProblems(levels, random) : evalProblems(levels)),
    rewards: {
      accuracy: { weight: 1, verify: (answer, { numbers, target }) => gradeCountdown(answer, numbers, target) },
    },
    gold({ id, numbers, target }) {
      const steps = solve(numbers, target);
      if (steps === null) {
        throw new AutodidactError("COUNTDOWN_UNSOLVABLE", `problem ${id} has no solution: draw problems from the task`);
      }
      const written = steps.map(({ left, operation, right, result }) => `${left}${operation}${right}=${result}`);
      return `${written.join(" ")} yes`;
    },
  });
}
