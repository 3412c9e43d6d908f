import { defineFamily } from "./family.ts";
import { numbersBetween, signed } from "./integers.ts";
import { assignment, wholeNumber } from "./values.ts";

interface System {
  readonly unknowns: readonly string[];
  readonly rows: readonly (readonly number[])[];
  /** Right sides. */
  readonly sums: readonly number[];
  readonly values: readonly number[];
}

/** Determinant by expansion along the first row; whole numbers stay exact. */
export function determinant(rows: readonly (readonly number[])[]): number {
  if (rows.length === 1) return rows[0]![0]!;
  return rows[0]!.reduce((sum, value, column) => {
    const minor = rows.slice(1).map((row) => row.filter((_, i) => i !== column));
    return sum + (column % 2 === 0 ? 1 : -1) * value * determinant(minor);
  }, 0);
}

function equation(row: readonly number[], sum: number, unknowns: readonly string[]): string {
  const terms = row.flatMap((factor, i) => {
    if (factor === 0) return [];
    const size = Math.abs(factor) === 1 ? "" : Math.abs(factor);
    return [`${factor < 0 ? "-" : "+"} ${size}${unknowns[i]}`];
  });
  const text = terms.join(" ");
  return `${text.startsWith("+") ? text.slice(2) : text.replace("- ", "-")} = ${sum}`;
}

export const linearSystem = defineFamily({
  name: "linear-system",
  asks: "the values of two or three unknowns in as many linear equations",
  grows: "how many unknowns, size of coefficients and values",
  levels: [
    { unknowns: 2, coefficients: 1, values: 30 },
    { unknowns: 2, coefficients: 3, values: 15 },
    { unknowns: 2, coefficients: 9, values: 20 },
    { unknowns: 3, coefficients: 3, values: 12 },
    { unknowns: 3, coefficients: 9, values: 20 },
  ],
  draw({ unknowns: count, coefficients, values: largest }, random): System | null {
    const unknowns = ["x", "y", "z"].slice(0, count);
    const values = numbersBetween(random, count, -largest, largest);
    const rows = unknowns.map(() => unknowns.map(() => signed(random, coefficients)));
    if (determinant(rows) === 0) return null;
    const sums = rows.map((row) => row.reduce((sum, factor, i) => sum + factor * values[i]!, 0));
    return { unknowns, rows, sums, values };
  },
  ask: ({ unknowns, rows, sums }) =>
    `Find the numbers ${unknowns.join(", ")} for which all of these hold:\n${rows.map((row, i) => equation(row, sums[i]!, unknowns)).join("\n")}`,
  kind: ({ unknowns }) =>
    assignment(unknowns, wholeNumber, unknowns.map((name) => `${name} = whole number`).join(", ")),
  solve: ({ unknowns, values }) => Object.fromEntries(unknowns.map((name, i) => [name, values[i]!])),
  steps: ({ unknowns, rows, sums, values }) =>
    rows
      .map((row, i) => `${row.map((factor, k) => `${factor}*(${values[k]})`).join(" + ")} = ${sums[i]}`)
      .concat(`With these values of ${unknowns.join(", ")} every equation holds, and there are no others.`)
      .join("\n"),
});
