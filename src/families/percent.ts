import { formatRational, rational } from "../rewards/expression.ts";
import { defineFamily } from "./family.ts";
import { type Kind, parseRational } from "./values.ts";

const exact: Kind<NonNullable<ReturnType<typeof parseRational>>> = {
  form: "number, exact, as a decimal or a fraction",
  parse: parseRational,
  show: formatRational,
};

function course({ start, changes }: { start: number; changes: readonly number[] }) {
  const values = [rational(BigInt(start))!];
  for (const change of changes) {
    const { numerator, denominator } = values.at(-1)!;
    values.push(rational(numerator * BigInt(100 + change), denominator * 100n)!);
  }
  return values;
}

export const percent = defineFamily({
  name: "percent",
  asks: "a price after some changes in percent",
  grows: "how many changes, and how round the percentages are",
  levels: [
    { changes: 1, multipleOf: 10, prices: 900 },
    { changes: 1, multipleOf: 5, prices: 2_000 },
    { changes: 2, multipleOf: 5, prices: 900 },
    { changes: 2, multipleOf: 1, prices: 2_000 },
    { changes: 3, multipleOf: 1, prices: 5_000 },
  ],
  draw({ changes, multipleOf, prices }, random) {
    const most = Math.floor(60 / multipleOf);
    return {
      start: random.int(2, prices),
      changes: Array.from({ length: changes }, () => random.int(1, most) * multipleOf * (random.chance(0.5) ? 1 : -1)),
    };
  },
  ask: ({ start, changes }) =>
    `A price of ${start} ${changes.map((change) => (change > 0 ? `rises by ${change} %` : `falls by ${-change} %`)).join(", then ")}. What is it now? Do not round.`,
  kind: exact,
  solve: (content) => course(content).at(-1)!,
  steps(content) {
    const values = course(content).map(formatRational);
    return content.changes.map((change, i) => `${values[i]} * ${100 + change} / 100 = ${values[i + 1]}`).join("\n");
  },
});
