import { type Key, random } from "../random.ts";
import type { Grade } from "../rewards/score.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { Problem } from "../tasks/task.ts";
import type { Estimate, EvalReport, PartReport } from "./report.ts";
import { textMeasures } from "./text-measures.ts";

/** What is measured of a graded answer, wherever it was sampled; `Scored` is one. */
export interface Measured extends Grade, Pick<Rollout, "text" | "finish"> {
  /** Completion tokens, or only how many. */
  readonly tokens: { readonly length: number };
}

/** A held-out problem with its answers. */
export interface MeasuredGroup {
  readonly problem: Problem;
  readonly rollouts: readonly Measured[];
}

/** Full marks in the accuracy part: what pass@1, pass@k and votes count as right. */
export function isCorrect(rollout: Pick<Measured, "rewards">): boolean {
  return (rollout.rewards.accuracy ?? 0) >= 1 - 1e-9;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The q-th quantile, 0 <= q <= 1, with linear interpolation between values (NumPy's default). NaN of none. */
export function percentile(values: readonly number[], q: number): number {
  return quantile(Float64Array.from(values).sort(), q);
}

function quantile(sorted: Float64Array, q: number): number {
  if (sorted.length === 0) return NaN;
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}

/**
 * Mean of per-problem values with its 95 % interval by the percentile bootstrap over problems. The same values and key
 * give the same interval. It has no width where all values are equal, however few they are.
 */
export function bootstrapMean(values: readonly number[], key: readonly Key[], resamples = 2000): Estimate {
  const n = values.length;
  const stream = random("bootstrap", ...key);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(stream.next() * n)]!;
    means[r] = sum / n;
  }
  means.sort();
  return { value: mean(values), low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

/**
 * Chance that at least one of k of the n samples is right, c of them being right: 1 - C(n-c, k) / C(n, k), unbiased
 * (Chen et al. 2021, 2107.03374, eq. 1).
 */
export function passAtK(n: number, c: number, k: number): number {
  if (n - c < k) return 1;
  let allWrong = 1;
  for (let i = n - c + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

/** The most common answer; of equally common ones the one that came first in sample order; null where all are null. */
export function majorityVote(answers: readonly (string | null)[]): string | null {
  const votes = new Map<string, number>();
  for (const answer of answers) if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  let winner: string | null = null;
  let most = 0;
  // A Map keeps the order in which answers first appeared, and only more votes replace an earlier winner.
  for (const [answer, count] of votes) {
    if (count <= most) continue;
    winner = answer;
    most = count;
  }
  return winner;
}

export interface EvalSettings {
  readonly temperature: number;
  readonly maxTokens: number;
  readonly countReflectiveWords: (text: string) => number;
  /** Of each reward part. */
  readonly weights: Readonly<Record<string, number>>;
  /** @default 2000 */
  readonly resamples?: number;
}

/**
 * The report on graded held-out problems, each with the same number of samples.
 *
 * @throws RangeError without problems or samples, or where the numbers of samples differ
 */
export function evalReport(groups: readonly MeasuredGroup[], settings: EvalSettings): EvalReport {
  const samples = groups[0]?.rollouts.length ?? 0;
  if (samples === 0) throw new RangeError("evalReport: there is nothing to report on");
  if (groups.some((group) => group.rollouts.length !== samples)) {
    throw new RangeError(`evalReport: every problem needs ${samples} samples`);
  }
  const all = groups.flatMap((group) => group.rollouts);
  const levels = [...new Set(groups.map((group) => group.problem.level))].sort((a, b) => a - b);
  const families = [...new Set(groups.flatMap((group) => group.problem.family ?? []))].sort();
  return {
    problems: groups.length,
    samplesPerProblem: samples,
    temperature: settings.temperature,
    maxTokens: settings.maxTokens,
    pass1: pass1(groups, settings, "all"),
    passAtK: Object.fromEntries(
      doublings(samples).map((k) => [k, mean(groups.map((group) => passAtK(samples, rightOnes(group), k)))]),
    ),
    passAtKIntervals: Object.fromEntries(
      doublings(samples).map((k) => {
        const values = groups.map((group) => passAtK(samples, rightOnes(group), k));
        // pass@1 is the mean of right answers, and has the interval that is given with that.
        const { low, high } =
          k === 1 ? pass1(groups, settings, "all") : bootstrapMean(values, ["pass@k", k], settings.resamples);
        return [k, { low, high }];
      }),
    ),
    majority: bootstrapMean(groups.map(majorityIsRight), ["majority"], settings.resamples),
    meanLength: meanLength(all),
    p95Length: percentile(
      all.map((rollout) => rollout.tokens.length),
      0.95,
    ),
    truncatedShare: mean(all.map((rollout) => Number(rollout.finish === "length"))),
    parseFailureShare: mean(all.map((rollout) => Number(rollout.answer === null))),
    verifierErrorShare: mean(all.map((rollout) => Number(rollout.failures !== undefined))),
    rewardParts: Object.fromEntries(
      Object.entries(settings.weights).map(([name, weight]) => [
        name,
        { weight, mean: mean(all.map((rollout) => rollout.rewards[name] ?? 0)) },
      ]),
    ),
    reflectiveWordsPerResponse: reflectiveWords(all, settings),
    ...textMeasures(all.map((rollout) => rollout.text)),
    reasons: shares(all.map((rollout) => rollout.reason)),
    byLevel: levels.map((level) => ({
      level,
      ...partReport(
        groups.filter((group) => group.problem.level === level),
        settings,
        level,
      ),
    })),
    ...(families.length > 0 && {
      byFamily: families.map((family) => ({
        family,
        ...partReport(
          groups.filter((group) => group.problem.family === family),
          settings,
          family,
        ),
      })),
    }),
  };
}

function partReport(groups: readonly MeasuredGroup[], settings: EvalSettings, of: Key): PartReport {
  const rollouts = groups.flatMap((group) => group.rollouts);
  return {
    problems: groups.length,
    pass1: pass1(groups, settings, of),
    majority: mean(groups.map(majorityIsRight)),
    meanLength: meanLength(rollouts),
    reflectiveWordsPerResponse: reflectiveWords(rollouts, settings),
  };
}

function rightOnes(group: MeasuredGroup): number {
  return group.rollouts.filter(isCorrect).length;
}

function pass1(groups: readonly MeasuredGroup[], settings: EvalSettings, of: Key): Estimate {
  return bootstrapMean(
    groups.map((group) => rightOnes(group) / group.rollouts.length),
    ["pass1", of],
    settings.resamples,
  );
}

/** 1 where the vote's winner is right. One answer has one grade, so any sample that gave it tells. */
function majorityIsRight({ rollouts }: MeasuredGroup): number {
  const winner = majorityVote(rollouts.map((rollout) => rollout.answer));
  const witness = rollouts.find((rollout) => winner !== null && rollout.answer === winner);
  return Number(witness !== undefined && isCorrect(witness));
}

/** 1, 2, 4, ... up to n, and n itself. */
function doublings(n: number): number[] {
  const ks = [];
  for (let k = 1; k < n; k *= 2) ks.push(k);
  return [...ks, n];
}

function meanLength(rollouts: readonly Measured[]): number {
  return mean(rollouts.map((rollout) => rollout.tokens.length));
}

function reflectiveWords(rollouts: readonly Measured[], settings: EvalSettings): number {
  return mean(rollouts.map((rollout) => settings.countReflectiveWords(rollout.text)));
}

function shares(codes: readonly string[]): Record<string, number> {
  const kinds = [...new Set(codes)].sort();
  return Object.fromEntries(kinds.map((kind) => [kind, codes.filter((code) => code === kind).length / codes.length]));
}
