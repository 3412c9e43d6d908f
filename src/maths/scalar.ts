import type { Complex } from "./complex.ts";
import { allPoints, Numeric, points } from "./evaluate.ts";
import { differenceOf, type Exact, exactOf, rationalValue } from "./exact.ts";
import { type Budget, type MathsFault, Refusal } from "./limits.ts";
import { isArithmetic, isOpen, type MathsNode, someNode } from "./node.ts";
import { equalRational, powerRational, type Rational, rational, toNumber } from "./rational.ts";

/** Relative difference below which two doubles are one value; the exact comparison has gone before. */
export const tolerance = 1e-10;
/** A decimal with at least this many significant digits may stand for the value it is the rounding of. */
export const roundedDigits = 6;
/** Places behind which a decimal is floating-point noise. */
const noisePlaces = 12;

/** One number or expression with what is computed of it once. */
export interface Scalar {
  readonly node: MathsNode;
  readonly exact: Exact | null;
  readonly rational: Rational | null;
  readonly variables: boolean;
  readonly imaginary: boolean;
  readonly infinite: boolean;
  /** Digits as written, where the whole is one decimal. */
  readonly decimal: { readonly significant: number; readonly places: number } | null;
}

const kept = new WeakMap<MathsNode, Scalar>();

/** Null where the node is no arithmetic (a set, a relation). Throws a Refusal for 1/0. */
export function scalarOf(node: MathsNode, budget: Budget): Scalar | null {
  const before = kept.get(node);
  if (before !== undefined) return before;
  if (!isArithmetic(node) && !(node.kind === "call" && node.name === "det")) return null;
  const infinite = someNode(node, (one) => one.kind === "constant" && one.name === "infinity");
  const exact = infinite ? null : exactOf(node, budget);
  const bare = node.kind === "negative" ? node.arg : node;
  const scalar: Scalar = {
    node,
    exact,
    rational: exact === null ? null : rationalValue(exact),
    variables: isOpen(node),
    imaginary: someNode(node, (one) => one.kind === "constant" && one.name === "i"),
    infinite,
    decimal: bare.kind === "number" ? (bare.decimal ?? null) : null,
  };
  kept.set(node, scalar);
  return scalar;
}

export function valueAt(scalar: Scalar, point: number, realOnly: boolean, budget: Budget): Complex {
  return new Numeric(point, realOnly, budget).of(scalar.node);
}

const finite = ([a, b]: Complex): boolean => Number.isFinite(a) && Number.isFinite(b);

export function close([a, b]: Complex, [c, d]: Complex, within = tolerance): boolean {
  const size = Math.max(Math.hypot(a, b), Math.hypot(c, d));
  // Every number is within a share of infinity; what overflows has been compared exactly or not at all.
  if (!Number.isFinite(size)) return false;
  return Math.hypot(a - c, b - d) <= within * size || size < 1e-300;
}

/** The value of a constant; complex where the reals have none. Throws a Refusal where there is none at all. */
export function constantValue(scalar: Scalar, budget: Budget): Complex {
  if (scalar.rational !== null) return [toNumber(scalar.rational), 0];
  let value = valueAt(scalar, 0, !scalar.imaginary, budget);
  if (!finite(value) && !scalar.imaginary && !scalar.infinite) value = valueAt(scalar, 0, false, budget);
  if (Number.isNaN(value[0]) || Number.isNaN(value[1])) throw new Refusal("undefined");
  if (!finite(value) && !scalar.infinite) throw new Refusal("too-large");
  return value;
}

/**
 * Does a decimal of `roundedDigits` or more significant digits stand for `value`? It does where it is that value rounded
 * to the digits written.
 */
function isRoundingOf(decimal: Scalar, other: Scalar, budget: Budget): boolean {
  const digits = decimal.decimal;
  if (
    digits === null ||
    digits.significant < roundedDigits ||
    decimal.rational === null ||
    other.variables ||
    other.infinite
  )
    return false;
  const places = Math.min(digits.places, noisePlaces);
  if (Math.abs(places) > 400) return false;
  if (other.rational !== null) {
    const scale = powerRational(rational(10n), places);
    const difference = {
      n: decimal.rational.n * other.rational.d - other.rational.n * decimal.rational.d,
      d: decimal.rational.d * other.rational.d,
    };
    const size = difference.n < 0n ? -difference.n : difference.n;
    // |a - b| <= half a unit of the last place.
    return 2n * size * scale.n <= difference.d * scale.d;
  }
  const [a, b] = constantValue(other, budget);
  if (Math.abs(b) > 1e-12) return false;
  return Math.abs(a - toNumber(decimal.rational)) <= 0.5 * 10 ** -places * (1 + 1e-9) + Math.abs(a) * 1e-15;
}

export interface Comparison {
  readonly equal: boolean;
  readonly fault?: MathsFault;
}
const same: Comparison = { equal: true };
const different: Comparison = { equal: false };

/**
 * Are two expressions equal? Exactly where both have an exact form: a difference without terms is zero, and one with
 * terms is not, if it is `certain`. Else by value: constants once, expressions with variables at all points at which both
 * have a value, of which there must be three.
 */
export function compareScalars(a: Scalar, b: Scalar, budget: Budget): Comparison {
  try {
    if (a.rational !== null && b.rational !== null && equalRational(a.rational, b.rational)) return same;
    if (isRoundingOf(a, b, budget) || isRoundingOf(b, a, budget)) return same;
    if (a.rational !== null && b.rational !== null) return different;
    if (a.infinite || b.infinite) return compareInfinite(a, b, budget);
    if (a.exact !== null && b.exact !== null) {
      const difference = differenceOf(a.exact, b.exact, budget);
      if (difference !== null) {
        if (difference.size === 0) return same;
        if (a.exact.certain && b.exact.certain) return different;
        // Whatever else is in them cancels: what is left is a number, and not 0.
        if (difference.size === 1 && difference.has("")) return different;
      }
    }
    if (!a.variables && !b.variables) return { equal: close(constantValue(a, budget), constantValue(b, budget)) };
    return compareAtPoints(a, b, budget);
  } catch (error) {
    if (error instanceof Refusal) return { equal: false, fault: error.fault };
    throw error;
  }
}

function compareInfinite(a: Scalar, b: Scalar, budget: Budget): Comparison {
  if (!a.infinite || !b.infinite) return different;
  const [x, y] = [valueAt(a, 0, true, budget)[0], valueAt(b, 0, true, budget)[0]];
  return { equal: x === y };
}

/** Values of a and b where both are real, or complex where i is written. */
export function compareAtPoints(a: Scalar, b: Scalar, budget: Budget): Comparison {
  const realOnly = !a.imaginary && !b.imaginary;
  let seen = 0;
  let tooLarge = false;
  for (const point of allPoints) {
    const [x, y] = [valueAt(a, point, realOnly, budget), valueAt(b, point, realOnly, budget)];
    if (!finite(x) || !finite(y)) {
      tooLarge ||= Math.abs(x[0]) === Number.POSITIVE_INFINITY || Math.abs(y[0]) === Number.POSITIVE_INFINITY;
      continue;
    }
    if (Math.max(Math.hypot(...x), Math.hypot(...y)) < 1e-200) continue;
    if (!close(x, y, 1e-9)) return different;
    seen++;
  }
  if (seen >= 3) return same;
  return { equal: false, fault: tooLarge ? "too-large" : "undefined" };
}

/**
 * Is a(x) = c·b(x) with a constant c that is not 0? Equations and inequalities are compared so: the sign of c says whether the
 * side was changed. Null where it is not.
 */
export function constantRatio(a: MathsNode, b: MathsNode, budget: Budget): number | null {
  let ratio: number | null = null;
  let seen = 0;
  for (const point of [...points.positive, ...points.mixed, ...points.whole]) {
    const [x, y] = [a, b].map((node) => new Numeric(point, false, budget).of(node)) as [Complex, Complex];
    if (!finite(x) || !finite(y)) continue;
    const [p, q] = [Math.hypot(...x), Math.hypot(...y)];
    if (p < 1e-9 !== q < 1e-9) return null;
    if (p < 1e-9) continue;
    const size = y[0] * y[0] + y[1] * y[1];
    const [re, im] = [(x[0] * y[0] + x[1] * y[1]) / size, (x[1] * y[0] - x[0] * y[1]) / size];
    if (Math.abs(im) > 1e-9 * Math.abs(re)) return null;
    if (ratio !== null && Math.abs(re - ratio) > 1e-8 * Math.abs(ratio)) return null;
    ratio = re;
    seen++;
  }
  return seen >= 3 ? ratio : null;
}
