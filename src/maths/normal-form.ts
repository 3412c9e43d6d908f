import type { ReadAnswer } from "./answer.ts";
import { allPoints } from "./evaluate.ts";
import { Budget, Refusal } from "./limits.ts";
import type { MathsNode } from "./node.ts";
import { formatPolynomial, rationalOf } from "./polynomial.ts";
import { formatRational } from "./rational.ts";
import { assignedValue } from "./relation.ts";
import { expandPlusMinus, scaledMatrix } from "./rewrite.ts";
import { constantValue, scalarOf, valueAt } from "./scalar.ts";

/** Digits by which values without an exact form are told apart in a vote. */
const digits = 10;
/** Longest normal form kept as it is. */
const longest = 200;

const clipped = (x: number): string => (Math.abs(x) < 1e-12 ? "0" : `${Number(x.toPrecision(digits))}`);

/** p/q with a small q where x is within rounding of it, so that cos 60° votes with 1/2. */
function fractionOf(x: number): string | null {
  for (let q = 1; q <= 360; q++) {
    const p = x * q;
    if (Math.abs(p) < 1e6 && Math.abs(p - Math.round(p)) < 1e-11 * Math.max(1, Math.abs(p)))
      return q === 1 ? `${Math.round(p)}` : `${Math.round(p)}/${q}`;
  }
  return null;
}

function scalarForm(node: MathsNode, budget: Budget): string | null {
  const scalar = scalarOf(node, budget);
  if (scalar === null) return null;
  if (scalar.rational !== null) return formatRational(scalar.rational);
  if (!scalar.variables) {
    const [a, b] = constantValue(scalar, budget);
    if (scalar.infinite) return a > 0 ? "infinity" : "-infinity";
    const [re, im] = [fractionOf(a) ?? clipped(a), fractionOf(b) ?? clipped(b)];
    return im === "0" ? re : `${re}+${im}i`;
  }
  if (scalar.exact?.certain && rationalOf(scalar.exact.bottom)?.n === 1n) {
    const text = formatPolynomial(scalar.exact.top);
    if (text.length <= longest) return text;
  }
  // No canonical text: the values at the points stand for it.
  const values = allPoints.slice(0, 3).map((point) => valueAt(scalar, point, false, budget).map(clipped).join("i"));
  return `f[${values.join(",")}]`;
}

function formOf(node: MathsNode, budget: Budget): string {
  const form = (one: MathsNode): string => formOf(one, budget);
  switch (node.kind) {
    case "quantity":
      return node.unit?.dimension === "degrees" || node.unit === null ? form(node.arg) : form(node.arg);
    case "list":
    case "set": {
      const items = node.items.map(form);
      const distinct = node.kind === "set" ? [...new Set(items)] : items;
      return distinct.length === 1 ? distinct[0]! : `{${distinct.sort().join(", ")}}`;
    }
    case "group":
      return `${node.open === "[" ? "[" : "("}${node.items.map(form).join(", ")}${node.close === "]" ? "]" : ")"}`;
    case "matrix":
      return `[${node.rows.map((row) => `[${row.map(form).join(", ")}]`).join(", ")}]`;
    case "relation": {
      const value = assignedValue(node, false);
      if (value !== null && node.operators.every((operator) => operator === "=")) return form(value);
      return node.args.map((arg, i) => (i === 0 ? form(arg) : `${node.operators[i - 1]}${form(arg)}`)).join("");
    }
    case "set-operation":
      return `${form(node.left)}${node.operator}${form(node.right)}`;
    case "named-set":
      return node.name;
    case "ratio":
      return node.clock?.trim() ?? node.parts.map(form).join(":");
    case "based":
      return `${node.digits}_${node.base}`;
    case "modulo":
      return `${form(node.arg)} mod ${form(node.modulus)}`;
    case "builder":
      return `{${form(node.variable)}|${form(node.condition)}}`;
    case "dots":
      return "...";
    default:
      return scalarForm(node, budget) ?? node.kind;
  }
}

/**
 * One text for all ways to write an answer, by which a majority vote counts: 1/2, 0.5 and \frac12 are "1/2". Sets and lists are sorted,
 * names (x =) and units taken off. Equations and inequalities are not turned round. Null where there is no answer.
 */
export function normalForm(answer: ReadAnswer): string | null {
  if (answer.literal === "") return null;
  const [first] = answer.readings;
  const plain = (answer.words ?? answer.literal).slice(0, longest);
  if (first === undefined) return plain;
  try {
    return formOf(scaledMatrix(expandPlusMinus(first, true)), new Budget());
  } catch (error) {
    if (error instanceof Refusal) return plain;
    throw error;
  }
}
