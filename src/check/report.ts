/** What `task check` finds, as data. */

export interface CheckReport {
  readonly task: string;
  /** True where no check failed. */
  readonly passed: boolean;
  readonly checks: readonly Check[];
  /** What each reward part paid, so that a strict and a lenient one can be held against each other. */
  readonly parts: readonly PartSummary[];
  /** null where the task could not be tried so far. */
  readonly speed: Speed | null;
}

export interface Check {
  /** "gold", "digits changed", "hostile", ... */
  readonly name: string;
  /** What is demanded, in a few words. */
  readonly demands: string;
  readonly passed: boolean;
  /** Problems or verdicts looked at. */
  readonly tried: number;
  /** What should be known though it is no failure. */
  readonly note?: string;
  readonly failure?: CheckFailure;
}

export interface CheckFailure {
  /** What is wrong and what to do. */
  readonly message: string;
  /** How often it was seen. */
  readonly count: number;
  /** Id of the problem of the example. */
  readonly problem?: string;
  /** The completion of the example, at most 2,000 characters. */
  readonly completion?: string;
}

export interface PartSummary {
  readonly name: string;
  readonly weight: number;
  /** Means over gold answers, spoiled ones and hostile ones. */
  readonly gold: number;
  readonly spoiled: number;
  readonly hostile: number;
}

export interface Speed {
  /** Verdicts on all parts of an answer, a second. */
  readonly verdictsPerSecond: number;
  readonly slowestMilliseconds: number;
  /** What it was asked then. */
  readonly slowest: string;
}
