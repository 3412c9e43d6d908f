import { alpha, type Difference } from "../eval/compare.ts";
import type { ComparedSides } from "./compare.ts";
import { percent, table } from "./eval-text.ts";

/** A comparison in words, for a terminal. */

/** "+12.3 points" */
const points = (share: number): string =>
  `${share > 0 ? "+" : share < 0 ? "−" : ""}${Math.abs(share * 100).toFixed(1)}`;
const count = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

export function pText(p: number): string {
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}

/** One sentence that says whether the difference can be chance, and what to do if so. */
export function verdict({ difference, p, significant, problems, problemsNeeded, better, worse }: Difference): string {
  const { value, low, high } = difference;
  if (better === 0 && worse === 0)
    return `No difference: both answer every one of the ${count(problems, "problem")} right equally often.`;
  const size = `${Math.abs(value * 100).toFixed(1)} points (95 % interval ${points(low)} to ${points(high)})`;
  const chance = `p ${p < 0.0001 ? "< 0.0001" : `= ${pText(p)}`}`;
  if (significant)
    return `B is ${value > 0 ? "better" : "worse"} than A by ${size}; the difference is significant, ${chance}.`;
  const more =
    problemsNeeded === null
      ? ""
      : problemsNeeded > problems
        ? ` To find a difference of this size significant four times in five, about ${count(problemsNeeded, "problem")} would be needed; these were ${problems.toLocaleString("en")}.`
        : " It is close to the line: measure on more problems to be sure.";
  const seen =
    value === 0 ? "B and A are right equally often" : `B is ${value > 0 ? "better" : "worse"} than A by ${size}`;
  return `No significant difference: ${seen}, but chance alone can make as much, ${chance}.${more}`;
}

export function compareLines({ a, b, differing, comparison }: ComparedSides): string[] {
  const { pass1, problems, better, worse, same, byLevel, byFamily = [] } = comparison;
  const parts = (name: string, list: readonly (readonly [string, Difference])[]): string[] =>
    list.length < 2
      ? []
      : [
          "",
          ...table(
            [
              [name, "problems", "A", "B", "B less A", "95 % interval", "p", ""],
              ...list.map(([label, one]) => [
                label,
                String(one.problems),
                percent(one.pass1.a),
                percent(one.pass1.b),
                points(one.difference.value),
                `${points(one.difference.low)} to ${points(one.difference.high)}`,
                pText(one.p),
                one.significant ? "significant" : "",
              ]),
            ],
            [false, true, true, true, true, true, true],
          ).map((line) => `  ${line}`),
        ];
  const levels = byLevel.map((one) => [String(one.level), one] as const);
  const families = byFamily.map((one) => [one.family, one] as const);
  const several = levels.length > 1 || families.length > 1;
  return [
    ...table([
      ["A", a, `${percent(pass1.a)} of answers right`],
      ["B", b, `${percent(pass1.b)} of answers right`],
    ]),
    ...differing.map((one) => `allowed to differ: ${one}`),
    "",
    verdict(comparison),
    `Of ${count(problems, "problem")} B does better on ${better}, worse on ${worse}, and as well on ${same}.`,
    ...parts("level", levels),
    ...parts("family", families),
    "",
    `Differences are in percentage points. p: how often chance alone would make a difference this large, if both models were alike (exact paired permutation test over problems); below ${alpha} it counts as significant.`,
    ...(several ? ["Each row is a test of its own: among twenty, one is significant by chance."] : []),
  ];
}
