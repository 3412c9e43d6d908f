import { Numeric } from "./evaluate.ts";
import { type Budget, mathsLimits } from "./limits.ts";
import { type MathsNode, variablesOf } from "./node.ts";
import { constantValue, scalarOf } from "./scalar.ts";

/** A set of real numbers with finitely many ends: intervals, unions, inequalities in one variable. */
export interface RealSet {
  readonly ends: readonly number[];
  has(x: number): boolean;
  /** The variable an inequality speaks of; x > 5 and y > 5 are not the same. */
  readonly variable: string | null;
  /** Only points, or an interval somewhere. */
  readonly points: boolean;
}

const near = (a: number, b: number): boolean =>
  a === b ||
  (Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= 1e-10 * Math.max(Math.abs(a), Math.abs(b), 1e-6));
const everything: RealSet = { ends: [], has: () => true, variable: null, points: false };

function constant(node: MathsNode, budget: Budget): number | null {
  const scalar = scalarOf(node, budget);
  if (scalar === null || scalar.variables || scalar.imaginary) return null;
  const [a, b] = constantValue(scalar, budget);
  return b === 0 ? a : null;
}

function interval(low: number, high: number, lowClosed: boolean, highClosed: boolean): RealSet {
  const has = (x: number): boolean => {
    if (near(x, low)) return lowClosed && (highClosed || !near(x, high));
    if (near(x, high)) return highClosed;
    return x > low && x < high;
  };
  return { ends: [low, high].filter(Number.isFinite), has, variable: null, points: false };
}

function combine(a: RealSet | null, b: RealSet | null, has: (x: boolean, y: boolean) => boolean): RealSet | null {
  if (a !== null && b !== null && a.ends.length + b.ends.length > mathsLimits.items) return null;
  if (a === null || b === null || (a.variable !== null && b.variable !== null && a.variable !== b.variable))
    return null;
  const ends = [...a.ends, ...b.ends];
  return {
    ends,
    has: (x) => has(a.has(x), b.has(x)),
    variable: a.variable ?? b.variable,
    points: a.points && b.points,
  };
}
const either = (x: boolean, y: boolean): boolean => x || y;
const both = (x: boolean, y: boolean): boolean => x && y;

function pointsOf(items: readonly MathsNode[], budget: Budget): RealSet | null {
  if (items.length > mathsLimits.items) return null;
  const values = items.map((item) => constant(item, budget));
  if (values.some((value) => value === null)) return null;
  return {
    ends: values as number[],
    has: (x) => values.some((value) => near(x, value!)),
    variable: null,
    points: true,
  };
}

/** Where a x^2 + b x + c is 0. */
function rootsOf(a: number, b: number, c: number): number[] {
  if (a === 0) return [c === 0 ? 0 : -c / b];
  const inside = b * b - 4 * a * c;
  if (Math.abs(inside) < 1e-12 * Math.max(b * b, Math.abs(a * c))) return [-b / (2 * a)];
  if (inside < 0) return [];
  const q = -(b + (b < 0 ? -1 : 1) * Math.sqrt(inside)) / 2;
  return q === 0 ? [0] : [q / a, c / q];
}

/** |f| < r is f < r and f > -r; |f| > r is f > r or f < -r. */
function absolute(arg: MathsNode, operator: string, right: MathsNode, budget: Budget): RealSet | null {
  const below = operator === "<" || operator === "≤";
  if (!below && operator !== ">" && operator !== "≥") return null;
  const other = { "<": ">", "≤": "≥", ">": "<", "≥": "≤" }[operator]!;
  const negative: MathsNode = { kind: "negative", arg: right };
  const sides = [inequality(arg, operator, right, budget), inequality(arg, other, negative, budget)] as const;
  return combine(...sides, below ? both : either);
}

/** l op r with one variable in which l - r is a line or a parabola. */
function inequality(left: MathsNode, operator: string, right: MathsNode, budget: Budget): RealSet | null {
  if (operator === "∈" || operator === "∉") {
    const set = realSetOf(right, budget);
    if (set === null || left.kind !== "symbol") return null;
    return {
      ...set,
      variable: left.name,
      ...(operator === "∉" ? { has: (x: number) => !set.has(x), points: false } : {}),
    };
  }
  if (left.kind === "call" && left.name === "abs") return absolute(left.args[0]!, operator, right, budget);
  const names = variablesOf(left, right);
  const [name] = names;
  if (
    names.size !== 1 ||
    name === undefined ||
    name.endsWith("_") ||
    scalarOf(left, budget) === null ||
    scalarOf(right, budget) === null
  )
    return null;
  const numeric = new Numeric(0, true, budget);
  const at = (x: number): number => {
    numeric.bound.set(name, x);
    const [a, b] = [numeric.real(left), numeric.real(right)];
    return Number.isFinite(a) || Number.isFinite(b) ? a - b : Number.NaN;
  };
  const [y0, y1, y2] = [at(0), at(1), at(2)];
  const infinite = [left, right].findIndex(
    (side) => side.kind === "constant" || (side.kind === "negative" && side.arg.kind === "constant"),
  );
  if (Math.abs(y0) === Number.POSITIVE_INFINITY && infinite >= 0) {
    // x < ∞ says nothing.
    const holds = operator === "<" || operator === "≤" ? y0 < 0 : y0 > 0;
    return { ...everything, has: () => holds, variable: name };
  }
  // y = a x^2 + b x + y0 through three points; two more say whether it is one.
  const [a, b] = [(y2 - 2 * y1 + y0) / 2, (4 * y1 - y2 - 3 * y0) / 2];
  const size = Math.max(Math.abs(a), Math.abs(b), Math.abs(y0));
  const fits = [-7, 2.5].every((x) => Math.abs(at(x) - (a * x * x + b * x + y0)) <= 1e-8 * size * (1 + x * x));
  if (!fits || !(Math.max(Math.abs(a), Math.abs(b)) > 1e-12)) return null;
  const root = rootsOf(Math.abs(a) > 1e-11 * size ? a : 0, b, y0);
  const has = (x: number): boolean => {
    const sign = root.some((one) => near(x, one)) ? 0 : Math.sign(a * x * x + b * x + y0);
    switch (operator) {
      case "<":
        return sign < 0;
      case "≤":
        return sign <= 0;
      case ">":
        return sign > 0;
      case "≥":
        return sign >= 0;
      case "≠":
        return sign !== 0;
      default:
        return sign === 0;
    }
  };
  if (!["<", "≤", ">", "≥", "≠", "="].includes(operator)) return null;
  return { ends: root, has, variable: name, points: operator === "=" };
}

/** Null where the node is no such set. */
export function realSetOf(node: MathsNode, budget: Budget): RealSet | null {
  budget.spend(20);
  switch (node.kind) {
    case "group": {
      if (node.items.length !== 2 || !"([".includes(node.open)) return null;
      const [low, high] = node.items.map((item) => constant(item, budget));
      if (low === null || high === null || low === undefined || high === undefined || !(low <= high)) return null;
      return interval(low, high, node.open === "[", node.close === "]");
    }
    case "set":
      return pointsOf(node.items, budget);
    case "named-set":
      if (node.name === "R") return everything;
      if (node.name === "R^+") return interval(0, Number.POSITIVE_INFINITY, false, false);
      return node.name === "R^-" ? interval(Number.NEGATIVE_INFINITY, 0, false, false) : null;
    case "set-operation": {
      const [left, right] = [realSetOf(node.left, budget), realSetOf(node.right, budget)];
      if (node.operator === "∖") return combine(left, right, (x, y) => x && !y);
      return combine(left, right, node.operator === "∪" ? either : both);
    }
    case "builder": {
      const condition = realSetOf(node.condition, budget);
      const range = node.variable.kind === "relation" ? realSetOf(node.variable, budget) : null;
      const variable = node.variable.kind === "relation" ? node.variable.args[0]! : node.variable;
      if (
        condition === null ||
        variable.kind !== "symbol" ||
        (condition.variable !== null && condition.variable !== variable.name)
      )
        return null;
      if (node.variable.kind === "relation" && range === null) return null;
      return { ...(range === null ? condition : combine(condition, range, both)!), variable: null };
    }
    case "relation": {
      let set: RealSet | null = everything;
      for (let i = 0; i < node.operators.length && set !== null; i++)
        set = combine(set, inequality(node.args[i]!, node.operators[i]!, node.args[i + 1]!, budget), both);
      return set;
    }
    case "list": {
      if (node.items.length > mathsLimits.items) return null;
      const and =
        node.join === "and" ||
        (node.join === "," && node.items.some((item) => item.kind === "relation" && item.operators.includes("≠")));
      const relations = node.items.some((item) => item.kind === "relation");
      const sets = node.items.map((item) => realSetOf(item, budget) ?? pointsOf([item], budget));
      return sets.reduce((a, b) => combine(a, b, and && relations ? both : either));
    }
    default:
      return null;
  }
}

/** Do they have the same members: at every end of either, between the ends and beyond? */
export function sameSet(a: RealSet, b: RealSet): boolean {
  if (a.variable !== null && b.variable !== null && a.variable !== b.variable) return false;
  const ends = [...a.ends, ...b.ends].sort((x, y) => x - y);
  if (ends.length === 0) return a.has(0) === b.has(0);
  const places = [...ends, ends[0]! - 1, ends.at(-1)! + 1];
  for (let i = 1; i < ends.length; i++) if (!near(ends[i - 1]!, ends[i]!)) places.push((ends[i - 1]! + ends[i]!) / 2);
  return places.every((x) => a.has(x) === b.has(x));
}
