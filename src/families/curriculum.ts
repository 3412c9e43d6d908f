import { AutodidactError } from "../errors.ts";
import { random as keyed, type Random } from "../random.ts";
import type { Observation, Problem, Task } from "../tasks/task.ts";

/**
 * Draws what can be learnt from. A group of answers that are all right or all wrong carries no gradient, so a cell, one
 * level of one family, is drawn by how mixed its answers are: p (1 - p), p being the pass rate that training has observed
 * in it. What is always right or always wrong is dropped and looked at again now and then, since the model changes.
 */
export interface CurriculumOptions {
  /** Cells with a pass rate at or beyond these are dropped. @default [0.02, 0.98] */
  readonly drop?: readonly [low: number, high: number];
  /** Chance with which a drawn problem of a dropped cell is used all the same. @default 0.05 */
  readonly revisit?: number;
  /** What is left of older answers at each step that brings new ones of the cell. @default 0.9 */
  readonly memory?: number;
  /** Answers of a cell before it can be dropped or preferred; until then it is drawn as it comes. @default 32 */
  readonly atLeast?: number;
}

/** What is known of a cell: answers with full marks and answers, both fading. */
interface Cell {
  readonly right: number;
  readonly answers: number;
}

export interface CurriculumState {
  /** By "FAMILY level N". */
  readonly cells: Readonly<Record<string, Cell>>;
}

export interface Curriculum<P extends Problem = Problem> extends Task<P> {
  observe(seen: readonly Observation[]): void;
  save(): CurriculumState;
  restore(state: unknown): void;
  /** Chance with which a drawn problem of a cell is used now. */
  chanceOf(problem: Problem): number;
}

/** Problems in a row that were passed over, after which the next one is used whatever its chance. */
const mostPassedOver = 10_000;

const nameOf = ({ family }: Problem, { name }: Task): string => family ?? name;

/**
 * The task with its training problems drawn by observed pass rates; held-out problems stay as they are. It is given its
 * observations by the trainer. Same observations, same state, same problems.
 *
 * @throws AutodidactError TASK_CURRICULUM where an option is out of range or a state cannot be read
 */
export function curriculum<P extends Problem>(task: Task<P>, options: CurriculumOptions = {}): Curriculum<P> {
  const { drop = [0.02, 0.98], revisit = 0.05, memory = 0.9, atLeast = 32 } = options;
  const inside = (value: number, low: number, high: number): boolean => value >= low && value <= high;
  if (!(inside(drop[0], 0, drop[1]) && inside(drop[1], 0, 1)))
    throw new AutodidactError(
      "TASK_CURRICULUM",
      `drop: is [${drop.join(", ")}]; give two pass rates from 0 to 1, low and high`,
    );
  if (!inside(revisit, 0.001, 1))
    throw new AutodidactError("TASK_CURRICULUM", `revisit: is ${revisit}; give a chance from 0.001 to 1`);
  if (!inside(memory, 0, 1))
    throw new AutodidactError("TASK_CURRICULUM", `memory: is ${memory}; give a share from 0 to 1`);
  let cells = new Map<string, Cell>();
  const cellName = (problem: Problem): string => `${nameOf(problem, task)} level ${problem.level}`;
  const chanceOf = (problem: Problem): number => {
    const cell = cells.get(cellName(problem));
    if (cell === undefined || cell.answers < atLeast) return 1;
    const rate = cell.right / cell.answers;
    if (rate <= drop[0] || rate >= drop[1]) return revisit;
    return Math.max(revisit, 4 * rate * (1 - rate));
  };
  return {
    ...task,
    *problems(split, random) {
      if (split === "eval") yield* task.problems(split, random);
      else yield* chosen(task.problems(split, random), random, chanceOf);
    },
    observe(seen) {
      const fresh = new Map<string, Cell>();
      for (const { problem, right, answers } of seen) {
        const cell = fresh.get(cellName(problem)) ?? { right: 0, answers: 0 };
        fresh.set(cellName(problem), { right: cell.right + right, answers: cell.answers + answers });
      }
      for (const [name, { right, answers }] of fresh) {
        const cell = cells.get(name) ?? { right: 0, answers: 0 };
        cells.set(name, { right: memory * cell.right + right, answers: memory * cell.answers + answers });
      }
      task.observe?.(seen);
    },
    // By name, so that the same knowledge gives the same bytes.
    save: () => ({ cells: Object.fromEntries([...cells].sort(([a], [b]) => (a < b ? -1 : 1))) }),
    restore(state) {
      cells = readCells(state);
    },
    chanceOf,
  };
}

/** The decisions have a stream of their own, so that passing over doesn't shift what the task draws. */
function* chosen<P extends Problem>(
  problems: Iterable<P>,
  random: Random,
  chanceOf: (problem: P) => number,
): Generator<P> {
  const decisions = keyed("curriculum", random.int(0, 0x7fffffff));
  let passedOver = 0;
  for (const problem of problems) {
    if (passedOver < mostPassedOver && !decisions.chance(chanceOf(problem))) {
      passedOver++;
      continue;
    }
    passedOver = 0;
    yield problem;
  }
}

function readCells(state: unknown): Map<string, Cell> {
  const cells = (state as Partial<CurriculumState> | null)?.cells;
  const isCell = (cell: unknown): cell is Cell => {
    const { right, answers } = (cell ?? {}) as Partial<Cell>;
    return Number.isFinite(right) && Number.isFinite(answers) && right! >= 0 && answers! >= right!;
  };
  if (typeof cells !== "object" || cells === null || !Object.values(cells).every(isCell))
    throw new AutodidactError("TASK_CURRICULUM", "state: is not what a curriculum saved; restore the checkpoint's own");
  return new Map(Object.entries(cells));
}
