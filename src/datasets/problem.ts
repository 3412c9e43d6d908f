import type { CodeTest } from "../code/tests.ts";
import type { Problem } from "../tasks/task.ts";

/** A problem out of a row of a data set. */
export interface DatasetProblem extends Problem {
  /** The prompt without the mapping's instruction: what duplicates and overlaps are looked for in. */
  readonly question: string;
  /** The right answer; null where tests decide. */
  readonly gold: string | null;
  /** Tests that a program must pass; null where there is a gold answer. */
  readonly tests: readonly CodeTest[] | null;
  /** A program known to be right, or a worked solution; null where the data set has none. */
  readonly solution: string | null;
  /** Where it stands: file and row, from 1, a header not counted. */
  readonly file: string;
  readonly row: number;
}

/** A row as its file has it. */
export interface Row {
  readonly file: string;
  /** From 1, a header not counted. */
  readonly row: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Names of all columns, where `fields` has only some. */
  readonly columns?: readonly string[];
}
