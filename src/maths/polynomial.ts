import { type Budget, mathsLimits, Refusal } from "./limits.ts";
import {
  add,
  equalRational,
  formatRational,
  multiply,
  one,
  powerRational,
  type Rational,
  rational,
  zero,
} from "./rational.ts";

/**
 * Polynomials with rational coefficients over atoms: variables, π, e, i, and primes under a root. Exponents are fractions
 * p/q, so that √8 is 2·2^(1/2). Products of different primes to fractional powers below one are linearly independent
 * over the rationals, hence a polynomial in normal form is zero only if it has no terms.
 */
export interface Factor {
  readonly atom: string;
  readonly p: number;
  readonly q: number;
}
interface Term {
  readonly coefficient: Rational;
  readonly factors: readonly Factor[];
}
export type Polynomial = ReadonlyMap<string, Term>;

const largestExponent = 100_000;

const greatest = (a: number, b: number): number => (b === 0 ? Math.abs(a) : greatest(b, a % b));
const keyOf = (factors: readonly Factor[]): string =>
  factors.length === 0
    ? ""
    : factors.map(({ atom, p, q }) => (p === q ? atom : q === 1 ? `${atom}^${p}` : `${atom}^(${p}/${q})`)).join("*");

/** Marks an atom that is a whole number under a root. */
export const primeMark = "#";

/** A factor as it stands in normal form: i^3 is -i, 2^(3/2) is 2·2^(1/2). */
function reduced(atom: string, p: number, q: number): { coefficient: Rational; factor: Factor | null } {
  const common = greatest(p, q) || 1;
  [p, q] = [p / common, q / common];
  if (Math.abs(p) > largestExponent || q > 1000) throw new Refusal("too-large");
  if (p === 0) return { coefficient: one, factor: null };
  if (atom === "i" && q === 1) {
    const turn = ((p % 4) + 4) % 4;
    return { coefficient: turn >= 2 ? { n: -1n, d: 1n } : one, factor: turn % 2 === 1 ? { atom, p: 1, q: 1 } : null };
  }
  if (atom.startsWith(primeMark)) {
    const whole = Math.floor(p / q);
    const rest = p - whole * q;
    const prime = { n: BigInt(atom.slice(1)), d: 1n };
    return { coefficient: powerRational(prime, whole), factor: rest === 0 ? null : { atom, p: rest, q } };
  }
  return { coefficient: one, factor: { atom, p, q } };
}

function multiplyTerms(a: Term, b: Term): Term {
  let coefficient = multiply(a.coefficient, b.coefficient);
  if (a.factors.length === 0) return { coefficient, factors: b.factors };
  if (b.factors.length === 0) return { coefficient, factors: a.factors };
  const factors: Factor[] = [];
  let [i, j] = [0, 0];
  while (i < a.factors.length || j < b.factors.length) {
    const [x, y] = [a.factors[i], b.factors[j]];
    if (y === undefined || (x !== undefined && x.atom < y.atom)) {
      factors.push(x!);
      i++;
    } else if (x === undefined || y.atom < x.atom) {
      factors.push(y);
      j++;
    } else {
      const product = reduced(x.atom, x.p * y.q + y.p * x.q, x.q * y.q);
      coefficient = multiply(coefficient, product.coefficient);
      if (product.factor !== null) factors.push(product.factor);
      i++;
      j++;
    }
  }
  return { coefficient, factors };
}

function collect(target: Map<string, Term>, term: Term): void {
  const key = keyOf(term.factors);
  const before = target.get(key);
  const coefficient = before === undefined ? term.coefficient : add(before.coefficient, term.coefficient);
  if (coefficient.n === 0n) target.delete(key);
  else target.set(key, { coefficient, factors: term.factors });
  if (target.size > mathsLimits.terms) throw new Refusal("too-large");
}

export const constantPolynomial = (value: Rational): Polynomial =>
  value.n === 0n ? new Map() : new Map([["", { coefficient: value, factors: [] }]]);

export function atomPolynomial(atom: string, p = 1, q = 1): Polynomial {
  const { coefficient, factor } = reduced(atom, p, q);
  const factors = factor === null ? [] : [factor];
  return new Map([[keyOf(factors), { coefficient, factors }]]);
}

export function addPolynomials(a: Polynomial, b: Polynomial, sign: 1 | -1, budget: Budget): Polynomial {
  if (b.size === 0) return a;
  budget.spend(4 * (a.size + b.size));
  const sum = new Map(a);
  for (const term of b.values())
    collect(sum, sign === 1 ? term : { ...term, coefficient: { n: -term.coefficient.n, d: term.coefficient.d } });
  return sum;
}

const isOne = (a: Polynomial): boolean =>
  a.size === 1 && (a.get("")?.coefficient.n ?? 0n) === 1n && a.get("")!.coefficient.d === 1n;

export function multiplyPolynomials(a: Polynomial, b: Polynomial, budget: Budget): Polynomial {
  if (isOne(a)) return b;
  if (isOne(b)) return a;
  budget.spend(8 * a.size * b.size);
  const product = new Map<string, Term>();
  for (const x of a.values())
    for (const y of b.values()) {
      // Large numbers cost more than the count of terms tells.
      if (x.coefficient.n > 1n << 512n || x.coefficient.d > 1n << 512n) budget.spend(200);
      collect(product, multiplyTerms(x, y));
    }
  return product;
}

/** The rational it is, or null. */
export function rationalOf(a: Polynomial): Rational | null {
  if (a.size === 0) return zero;
  return a.size === 1 ? (a.get("")?.coefficient ?? null) : null;
}

/** The one term it is, or null. */
export function termOf(a: Polynomial): Term | null {
  return a.size === 1 ? [...a.values()][0]! : null;
}

export function scaled(a: Polynomial, by: Rational): Polynomial {
  return new Map([...a].map(([key, term]) => [key, { ...term, coefficient: multiply(term.coefficient, by) }]));
}

/** True where a = c·b for a rational c. */
export function proportional(a: Polynomial, b: Polynomial): boolean {
  if (a.size !== b.size || a.size === 0) return false;
  let ratio: Rational | null = null;
  for (const [key, { coefficient }] of a) {
    const other = b.get(key);
    if (other === undefined) return false;
    const here = rational(coefficient.n * other.coefficient.d, coefficient.d * other.coefficient.n);
    if (ratio !== null && !equalRational(ratio, here)) return false;
    ratio = here;
  }
  return true;
}

/** Terms in a fixed order: `3*x^2-x+1/2`. */
export function formatPolynomial(a: Polynomial): string {
  if (a.size === 0) return "0";
  const keys = [...a.keys()].sort((x, y) => (x === "" ? 1 : y === "" ? -1 : x < y ? -1 : 1));
  const text = keys.map((key) => {
    const coefficient = formatRational(a.get(key)!.coefficient);
    const name = key.replaceAll(primeMark, "");
    if (key === "") return coefficient;
    return coefficient === "1" ? name : coefficient === "-1" ? `-${name}` : `${coefficient}*${name}`;
  });
  return text.reduce((sum, term) => sum + (term.startsWith("-") ? term : `+${term}`));
}
