import type { ReportData } from "./report-data.ts";
import type { SftSummary } from "./sft-summary.ts";
import type { Measurement, Summary } from "./summary.ts";

/** The sentences that report.html and report.md share. */

export const percentText = (share: number, digits = 0): string => `${(share * 100).toFixed(digits)}\u00a0%`;

export const number = (value: number, digits = 1): string =>
  Number.isFinite(value)
    ? value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : "–";

export const intervalText = ({ pass1Interval: [low, high] }: Pick<Measurement, "pass1Interval">): string =>
  `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}\u00a0%`;

const ifKnown = (share: number | null | undefined): string => (share == null ? "–" : percentText(share, 1));

export type Table = [head: readonly string[], rows: readonly (readonly string[])[]];

/** The figures over all held-out problems. */
export function overall({ before, after }: Summary): Table {
  const row = (name: string, of: (one: Measurement) => string): string[] => [name, of(before), of(after)];
  return [
    ["", "base", "trained"],
    [
      row("pass@1", (one) => percentText(one.pass1, 1)),
      row("95 % interval", intervalText),
      row("majority of 16", (one) => ifKnown(one.majority16)),
      row("mean length, tokens", (one) => number(one.meanLength)),
      row("reflective words an answer", (one) => number(one.reflectiveWordsPerResponse, 2)),
      row("cut off by the limit", (one) => percentText(one.truncatedShare, 1)),
      row("repeats itself, share of n-grams", (one) => ifKnown(one.repetitionShare)),
      row("ends in a loop", (one) => ifKnown(one.loopShare)),
      row("words in another script", (one) => ifKnown(one.languageMixing)),
    ],
  ];
}

/** With one level alone, figures by level would say what `overall` says. */
export const hasLevels = ({ after }: Summary): boolean => after.byLevel.length > 1;

/** Null where there are no levels to tell apart. */
export function byLevel(summary: Summary): Table | null {
  if (!hasLevels(summary)) return null;
  return partTable("level", summary.before.byLevel, summary.after.byLevel, ({ level }) => String(level));
}

/** Null where problems name no family. */
export function byFamily({ before, after }: Summary): Table | null {
  if (after.byFamily === undefined) return null;
  return partTable("family", before.byFamily ?? [], after.byFamily, ({ family }) => family);
}

/** A row for each part, the base's figures where it was measured there; the vote's where one was taken. */
function partTable<P extends Omit<Measurement["byLevel"][number], "level">>(
  kind: string,
  before: readonly P[],
  after: readonly P[],
  name: (part: P) => string,
): Table {
  const share = (one: P): string => `${percentText(one.pass1, 1)} (${intervalText(one)})`;
  const voted = [...before, ...after].some(({ majority16 }) => majority16 !== null);
  return [
    [
      ...[kind, "problems", "pass@1 base", "trained", "gain", "length base", "trained"],
      ...(voted ? ["vote base", "trained"] : []),
    ],
    after.map((now) => {
      const old = before.find((one) => name(one) === name(now));
      return [
        name(now),
        String(now.problems),
        old ? share(old) : "–",
        share(now),
        old ? `${((now.pass1 - old.pass1) * 100).toFixed(1)}` : "–",
        old ? number(old.meanLength, 0) : "–",
        number(now.meanLength, 0),
        ...(voted ? [ifKnown(old?.majority16), ifKnown(now.majority16)] : []),
      ];
    }),
  ];
}

export function headline({ summary: { before, after, task } }: ReportData): string {
  const verb =
    after.pass1Interval[0] > before.pass1Interval[1]
      ? "rose"
      : after.pass1Interval[1] < before.pass1Interval[0]
        ? "fell"
        : "went";
  return `Right answers ${verb} from ${percentText(before.pass1)} to ${percentText(after.pass1)} by reinforcement ${task === undefined ? "alone" : `on ${task}`}`;
}

/** True when correctness was the whole reward at every step, so that nothing paid for length or wording. */
export function onlyAccuracy({ metrics, rewardParts, summary }: ReportData): boolean {
  // Overlong shaping lowers advantages and shows in no reward part.
  const shaped = (summary.objective.overlong as { policy?: unknown } | undefined)?.policy === "shape";
  const exact = metrics.every((line) => Math.abs(line.reward - line.rewardParts["reward/accuracy"]!) < 1e-9);
  return rewardParts.every(({ name, weight }) => name === "accuracy" || weight === 0) && exact && !shaped;
}

/** What was done, in three sentences for somebody who has never seen reinforcement learning. */
export function story(data: ReportData): [string, string, string] {
  const { summary, groupSize, rewardParts } = data;
  const { before, after, steps } = summary;
  const graded = onlyAccuracy(data)
    ? "that one grade was all it was told: in training it was shown no solution, and nothing rewarded length or wording"
    : `it was shown no solution in training; the grades were ${list(rewardParts.filter(({ weight }) => weight !== 0).map(({ name }) => name))}`;
  const length =
    after.meanLength > 1.2 * before.meanLength
      ? `its answers grew from ${number(before.meanLength, 0)} to ${number(after.meanLength, 0)} tokens by themselves`
      : `its answers took ${number(before.meanLength, 0)} tokens before and ${number(after.meanLength, 0)} after`;
  const subject =
    summary.model === undefined
      ? "A language model that had only been trained to continue text"
      : `The language model ${summary.model}`;
  return [
    `${subject} was given problems in ${steps} ${steps === 1 ? "round" : "rounds"}, and answered each problem ${groupSize} times.`,
    `A program graded every answer, and whatever the better answers of a problem had in common was made a little more likely; ${graded}.`,
    `On ${before.problems} problems that it never practised on, ${percentText(before.pass1, 1)} of its answers were right before and ${percentText(after.pass1, 1)} after, and ${length}.`,
  ];
}

const list = (names: readonly string[]): string => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** What each grader said of the held-out answers, where there are several; weight 0 was never trained on. */
export function graders({ rewardParts }: ReportData): readonly [string, string, string, string][] {
  if (rewardParts.length < 2) return [];
  return rewardParts.map(({ name, weight, before, after }) => [
    name,
    weight === 0 ? "0: reported only" : String(weight),
    number(before, 3),
    number(after, 3),
  ]);
}

/** What `autodidact plan` foretells: seconds of a step and peak memory, as far as the run has them. */
export function planned(
  seconds: number | undefined,
  { steps, peakMemoryMiB: peak, plannedMemoryMiB: foretold }: Foretold,
): [string, string][] {
  const rows: [string, string][] = [];
  const gibibytes = (mebibytes: number): string => (mebibytes / 1024).toFixed(2);
  if (seconds !== undefined) rows.push(["a step", duration(seconds / steps)]);
  if (peak !== undefined)
    rows.push([
      "memory",
      `${gibibytes(peak)} GiB at most${foretold === undefined ? "" : `; ${gibibytes(foretold)} planned`}`,
    ]);
  return rows;
}
type Foretold = Pick<Summary | SftSummary, "steps" | "peakMemoryMiB" | "plannedMemoryMiB">;

export const phases = ({ summary: { seconds } }: ReportData): [string, number][] =>
  Object.entries(seconds).sort(([a], [b]) => Number(a === "total") - Number(b === "total"));

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** Reason codes of either measurement with their shares, the most frequent of the base first. */
export function reasons(data: ReportData): { reason: string; before: number; after: number }[] {
  const before = data.evaluations[0]?.reasons ?? {};
  const after = data.evaluations.at(-1)?.reasons ?? {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((reason) => ({ reason, before: before[reason] ?? 0, after: after[reason] ?? 0 }))
    .sort((a, b) => Number(b.reason === "correct") - Number(a.reason === "correct") || b.before - a.before);
}

/** pass@k of either measurement, each with its 95 % interval, for the k that both have. */
export function passAtK(data: ReportData): { k: number; before: string; after: string }[] {
  const [before, after] = [data.evaluations[0], data.evaluations.at(-1)];
  if (before === undefined || after === undefined) return [];
  const shown = ({ passAtK, passAtKIntervals }: typeof before, k: string): string => {
    const interval = passAtKIntervals?.[k];
    const spread = interval ? ` (${(100 * interval.low).toFixed(1)} to ${(100 * interval.high).toFixed(1)})` : "";
    return percentText(passAtK[k]!, 1) + spread;
  };
  return Object.keys(before.passAtK)
    .filter((k) => after.passAtK[k] !== undefined)
    .map((k) => ({ k: Number(k), before: shown(before, k), after: shown(after, k) }))
    .sort((a, b) => a.k - b.k);
}

/** Fields of the objective other than its text, as written. */
export function objectiveFields({ summary: { objective } }: ReportData): [string, string][] {
  return Object.entries(objective)
    .filter(([field]) => field !== "text")
    .map(([field, value]) => [field, typeof value === "string" ? value : JSON.stringify(value)]);
}

export const factor = (before: number, after: number): string =>
  before > 0 ? `× ${(after / before).toFixed(1)}` : "–";

/** How many solutions cannot have been copied, in one sentence or two; null where the run was none of the small world's. */
export function novelty({ summary: { novelSolutions: novel, task } }: ReportData): string | null {
  if (novel === null && task !== undefined) return null;
  if (novel === null) return "The base model's pretraining text is not known, so this was not counted.";
  return `${number(novel.count, 0)} of ${number(novel.solved, 0)} solved held-out problems were solved by a sequence of operations that appears nowhere in the base's pretraining text (${number(novel.checkedSequences, 0)} sequences were compared). Leaving the numbers out and looking at the course of the whole answer, ${number(novel.novelCourses, 0)} answers follow a course that the text never shows.`;
}
