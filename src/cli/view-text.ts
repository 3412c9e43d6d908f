import type { EvalReport } from "../eval/report.ts";
import type { Summary } from "../run/summary.ts";
import { timeText } from "../run/time-text.ts";

export { timeText };

/** Seconds that are left of work begun at `began` (milliseconds) of which `fraction` is done at `now`. */
export const timeLeft = (began: number, now: number, fraction: number): number =>
  (((now - began) / 1000) * (1 - fraction)) / fraction;

export const percent = (share: number): string => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–");

export function evaluationText(report: EvalReport): string {
  const { value, low, high } = report.pass1;
  const interval = `(${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)})`;
  return `${percent(value)} right ${interval}  vote ${percent(report.majority.value)}  length ${report.meanLength.toFixed(0)}  words ${report.reflectiveWordsPerResponse.toFixed(2)}`;
}

/** The last words of a run: what it was, what it is, and what that took. */
export function summaryLines({ before, after, seconds, novelSolutions }: Summary): string[] {
  const interval = ([low, high]: readonly [number, number]): string =>
    `(95 % interval ${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)})`;
  const vote =
    before.majority16 === null || after.majority16 === null
      ? []
      : [`vote of 16        ${percent(before.majority16)} -> ${percent(after.majority16)}`];
  const total = seconds.total ?? Object.values(seconds).reduce((sum, one) => sum + one, 0);
  return [
    `right answers     ${percent(before.pass1)} ${interval(before.pass1Interval)} -> ${percent(after.pass1)} ${interval(after.pass1Interval)}`,
    ...vote,
    `answer length     ${before.meanLength.toFixed(0)} -> ${after.meanLength.toFixed(0)} tokens`,
    `reflective words  ${before.reflectiveWordsPerResponse.toFixed(2)} -> ${after.reflectiveWordsPerResponse.toFixed(2)} an answer`,
    ...(novelSolutions === null
      ? []
      : [
          `new solutions     ${novelSolutions.count} of ${novelSolutions.solved} solved problems, by operations the corpus never shows`,
        ]),
    `time              ${timeText(total)}`,
  ];
}
