import { AutodidactError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Reward, Task, Verdict } from "../tasks/task.ts";
import { splitByHash } from "./dataset.ts";
import { type DecontaminateOptions, decontaminate } from "./decontaminate.ts";
import { sameQuestion } from "./ngrams.ts";
import type { DatasetProblem } from "./problem.ts";

export interface DatasetTaskOptions {
  readonly name: string;
  /** What is trained on. */
  readonly train: readonly DatasetProblem[];
  /** What is measured: problems of their own, or a share of the training problems that is kept out. */
  readonly eval: readonly DatasetProblem[] | { readonly share: number };
  /**
   * What counts as right. @default by the problems: `maths` for gold answers, `code` for tests, both with weight 1
   */
  readonly accuracy?: Reward<DatasetProblem>;
  /** Further parts: format, language. */
  readonly rewards?: { readonly [name: string]: Reward<DatasetProblem> };
  /** Take out training problems that share words with the evaluation's; false keeps them. @default { words: 10 } */
  readonly decontaminate?: DecontaminateOptions | false;
  /**
   * Gold answers that the maths reward doesn't take for right itself: "error" names the first, "drop" leaves such problems out.
   *
   * @default "error"
   */
  readonly badGolds?: "error" | "drop";
  /** The completion that must earn full marks. @default `\boxed{}` around the gold answer, or the data set's right program */
  readonly gold?: (problem: DatasetProblem) => string;
}

/** A task on a data set, and what was taken out of its training problems. */
export interface DatasetTask extends Task<DatasetProblem> {
  readonly counts: {
    readonly train: number;
    readonly eval: number;
    /** Training problems that are in the evaluation too, and those that overlap with it. */
    readonly shared: number;
    readonly overlapping: number;
    /** Problems left out for their gold answer, with `badGolds: "drop"`. */
    readonly badGolds: number;
  };
}

/**
 * A task whose problems come from a data set. Training goes through the problems again and again, in another order each
 * time; the evaluation's order is the file's.
 *
 * @throws DATASET_SPLIT where a split is empty, DATASET_MAPPING where some problems have a gold answer and others tests,
 * DATASET_GOLD where a gold answer cannot be graded, with file and row
 */
export async function datasetTask(options: DatasetTaskOptions): Promise<DatasetTask> {
  const { name } = options;
  const split =
    "share" in options.eval
      ? splitByHash(options.train, options.eval.share)
      : { train: options.train, eval: options.eval };
  const held = new Set(split.eval.map((problem) => sameQuestion(problem.question)));
  const apart = split.train.filter((problem) => !held.has(sameQuestion(problem.question)));
  const clean = options.decontaminate === false ? apart : decontaminate(apart, split.eval, options.decontaminate).kept;
  const sound = options.accuracy ? () => true : await goldCheck(options.badGolds ?? "error");
  const sides = {
    train: distinctIds(clean.filter(sound), "train"),
    eval: distinctIds(split.eval.filter(sound), "eval"),
  };
  for (const [side, problems] of Object.entries(sides)) {
    if (problems.length > 0) continue;
    const lost =
      side === "train" && split.train.length > 0
        ? `; all ${split.train.length} are in the evaluation or overlap with it`
        : "";
    throw new AutodidactError(
      "DATASET_SPLIT",
      `task ${name}: there are no ${side} problems${lost}; give more, or another share`,
    );
  }
  const accuracy = options.accuracy ?? (await usualReward(name, [...sides.train, ...sides.eval]));
  return {
    name,
    problems: (side, random) => (side === "eval" ? sides.eval : endless(sides.train, random)),
    rewards: { ...options.rewards, accuracy },
    gold: options.gold ?? usualGold,
    counts: {
      train: sides.train.length,
      eval: sides.eval.length,
      shared: split.train.length - apart.length,
      overlapping: apart.length - clean.length,
      badGolds: clean.length + split.eval.length - sides.train.length - sides.eval.length,
    },
  };
}

/**
 * A task whose problems are all held out: to measure on a data set. It has no training problems.
 *
 * @throws DATASET_MAPPING and DATASET_GOLD as datasetTask
 */
export async function heldOutTask(
  name: string,
  problems: readonly DatasetProblem[],
  badGolds: "error" | "drop" = "error",
): Promise<Task<DatasetProblem>> {
  const sound = problems.filter(await goldCheck(badGolds));
  return {
    name,
    problems: (side) => (side === "eval" ? sound : []),
    rewards: { accuracy: await usualReward(name, sound) },
    gold: usualGold,
  };
}

/** A data set's own ids may count from 0 in each split: the split's name sets them apart. */
function distinctIds(problems: readonly DatasetProblem[], side: string): readonly DatasetProblem[] {
  return problems.map((problem) => ({ ...problem, id: `${side}/${problem.id}` }));
}

function* endless<T>(items: readonly T[], random: Random): Iterable<T> {
  for (;;) yield* random.shuffle(items);
}

async function usualReward(name: string, problems: readonly DatasetProblem[]): Promise<Reward<DatasetProblem>> {
  const tested = problems.filter((problem) => problem.tests !== null).length;
  if (tested > 0 && tested < problems.length) {
    throw new AutodidactError(
      "DATASET_MAPPING",
      `task ${name}: ${tested} of ${problems.length} problems have tests, the others a gold answer; make two tasks, or give accuracy`,
    );
  }
  if (tested === 0) {
    const { maths } = await import("../verifiers/maths.ts");
    return maths<DatasetProblem>({ gold: (problem) => problem.gold! });
  }
  const { code } = await import("../verifiers/code.ts");
  return code<DatasetProblem>({ tests: (problem) => problem.tests! });
}

/** Whether the maths reward can grade by a problem's gold answer: the answer itself must be right. */
async function goldCheck(bad: "error" | "drop"): Promise<(problem: DatasetProblem) => boolean> {
  const faultIn = await goldFault();
  return (problem) => {
    const fault = faultIn(problem);
    if (fault === null) return true;
    if (bad === "drop") return false;
    throw new AutodidactError("DATASET_GOLD", `${fault}; correct it, give badGolds: "drop", or another accuracy`);
  };
}

/** One sentence for each problem whose gold answer the maths reward doesn't take for right itself. */
export async function unsoundGolds(problems: readonly DatasetProblem[]): Promise<string[]> {
  const faultIn = await goldFault();
  return problems.flatMap((problem) => faultIn(problem) ?? []);
}

async function goldFault(): Promise<(problem: DatasetProblem) => string | null> {
  const { gradeMaths } = await import("../verifiers/maths.ts");
  const known = new Map<string, string>();
  return ({ gold, file, row }) => {
    if (gold === null) return null;
    const reason = known.get(gold) ?? faultOf(gold, gradeMaths);
    known.set(gold, reason);
    if (reason === "") return null;
    return `${file}, row ${row}: gold ${JSON.stringify(gold.slice(0, 80))} cannot be graded as mathematics (${reason})`;
  };
}

function faultOf(gold: string, grade: (text: string, gold: string) => Verdict): string {
  try {
    const { reward, reason } = grade(`\\boxed{${gold}}`, gold);
    return reward === 1 ? "" : reason;
  } catch (error) {
    if (error instanceof AutodidactError) return error.message;
    throw error;
  }
}

function usualGold(problem: DatasetProblem): string {
  if (problem.gold !== null) return `\\boxed{${problem.gold}}`;
  if (problem.solution !== null) return `\`\`\`python\n${problem.solution}\n\`\`\``;
  throw new AutodidactError(
    "DATASET_GOLD",
    `${problem.file}, row ${problem.row}: has tests but no right program; map solution to a column, or give the task a gold`,
  );
}
