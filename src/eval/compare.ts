import type { Estimate } from "./report.ts";
import { bootstrapMean, isCorrect, type MeasuredGroup, mean } from "./statistics.ts";

/** One problem, answered by two models. */
export interface PairedProblem {
  readonly id: string;
  readonly level: number;
  readonly family?: string;
  /** Right answers, and answers. */
  readonly a: { readonly right: number; readonly of: number };
  readonly b: { readonly right: number; readonly of: number };
}

/** How two models differ on the same problems; differences are B's pass@1 less A's. */
export interface Difference {
  readonly problems: number;
  readonly pass1: { readonly a: number; readonly b: number };
  readonly difference: Estimate;
  /** Two-sided, of the exact paired permutation test: how often chance alone would make a difference this large. */
  readonly p: number;
  readonly significant: boolean;
  /** Problems that B answers right more often, less often, and as often. */
  readonly better: number;
  readonly worse: number;
  readonly same: number;
  /**
   * Problems with which a true difference of this size would be found significant four times in five; null where there is no
   * difference, or no spread to go by.
   */
  readonly problemsNeeded: number | null;
}

export interface Comparison extends Difference {
  readonly byLevel: readonly (Difference & { readonly level: number })[];
  readonly byFamily?: readonly (Difference & { readonly family: string })[];
}

/** A difference counts as significant below this chance. */
export const alpha = 0.05;

/** The two models' answers to each problem, side by side. Both must have the same problems in the same order. */
export function pairedProblems(a: readonly MeasuredGroup[], b: readonly MeasuredGroup[]): PairedProblem[] {
  const counts = ({ rollouts }: MeasuredGroup) => ({ right: rollouts.filter(isCorrect).length, of: rollouts.length });
  return a.map((group, i) => {
    const { id, level, family } = group.problem;
    if (b[i]?.problem.id !== id) throw new RangeError(`pairedProblems: problem ${i} is ${id} and ${b[i]?.problem.id}`);
    return { id, level, ...(family !== undefined && { family }), a: counts(group), b: counts(b[i]) };
  });
}

/** @throws RangeError without problems */
export function compare(problems: readonly PairedProblem[]): Comparison {
  const levels = [...new Set(problems.map(({ level }) => level))].sort((x, y) => x - y);
  const families = [...new Set(problems.flatMap(({ family }) => family ?? []))].sort();
  return {
    ...difference(problems, "all"),
    byLevel: levels.map((level) => ({
      level,
      ...difference(
        problems.filter((one) => one.level === level),
        level,
      ),
    })),
    ...(families.length > 0 && {
      byFamily: families.map((family) => ({
        family,
        ...difference(
          problems.filter((one) => one.family === family),
          family,
        ),
      })),
    }),
  };
}

function difference(problems: readonly PairedProblem[], of: string | number): Difference {
  if (problems.length === 0) throw new RangeError("compare: there are no problems");
  const share = ({ right, of: all }: PairedProblem["a"]): number => right / all;
  const deltas = problems.map(({ a, b }) => share(b) - share(a));
  // In units of 1 / (answers of A x answers of B) every difference is a whole number, and the test is exact.
  const units = problems.map(({ a, b }) => b.right * a.of - a.right * b.of);
  const alike = problems.every(({ a, b }) => a.of === problems[0]!.a.of && b.of === problems[0]!.b.of);
  if (!alike) throw new RangeError("compare: every problem needs the same number of answers");
  const p = signFlipTest(units);
  return {
    problems: problems.length,
    pass1: { a: mean(problems.map(({ a }) => share(a))), b: mean(problems.map(({ b }) => share(b))) },
    difference: bootstrapMean(deltas, ["difference", of]),
    p,
    significant: p < alpha,
    better: units.filter((unit) => unit > 0).length,
    worse: units.filter((unit) => unit < 0).length,
    same: units.filter((unit) => unit === 0).length,
    problemsNeeded: problemsNeeded(deltas),
  };
}

/**
 * Two-sided p-value of the paired permutation test: if the models were alike, each problem's difference could as well have the
 * other sign. The share of all 2^n ways of choosing signs whose sum is at least as far from 0 as the one observed, counted
 * exactly by adding the problems one after the other (differences are whole numbers, so that few sums are possible). Without ties
 * and with answers of 0 and 1 it is the sign test, McNemar's exact one.
 */
export function signFlipTest(differences: readonly number[]): number {
  const divisor = differences.reduce((common, one) => gcd(common, Math.abs(one)), 0);
  if (divisor === 0) return 1;
  const sizes = differences.flatMap((one) => (one === 0 ? [] : [Math.abs(one) / divisor])).sort((x, y) => x - y);
  const observed = Math.abs(differences.reduce((sum, one) => sum + one, 0)) / divisor;
  const reach = sizes.reduce((sum, size) => sum + size, 0);
  // chance[reach + s]: of the sum s after the problems until now. Sums lie within the sizes added so far.
  let chance = new Float64Array(2 * reach + 1);
  let next = new Float64Array(2 * reach + 1);
  chance[reach] = 1;
  let within = 0;
  for (const size of sizes) {
    next.fill(0, reach - within - size, reach + within + size + 1);
    for (let at = reach - within; at <= reach + within; at++) {
      const half = chance[at]! / 2;
      if (half === 0) continue;
      next[at - size]! += half;
      next[at + size]! += half;
    }
    within += size;
    [chance, next] = [next, chance];
  }
  let tails = 0;
  for (let sum = observed; sum <= reach; sum++) tails += chance[reach + sum]! + (sum === 0 ? 0 : chance[reach - sum]!);
  return Math.min(1, tails);
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** Quantiles of the normal distribution: two-sided 5 %, and a power of 80 %. */
const z = { alpha: 1.959964, power: 0.841621 };

/**
 * n with which a true difference d between problems of spread s is found with a power of 80 % at the 5 % level:
 * ((z_0.975 + z_0.8) s / d)^2, the usual formula of the paired test.
 */
function problemsNeeded(deltas: readonly number[]): number | null {
  const d = mean(deltas);
  if (deltas.length < 2) return null;
  const spread = Math.sqrt(deltas.reduce((sum, one) => sum + (one - d) ** 2, 0) / (deltas.length - 1));
  if (Math.abs(d) < 1e-12 || spread === 0) return null;
  return Math.ceil((((z.alpha + z.power) * spread) / d) ** 2);
}
