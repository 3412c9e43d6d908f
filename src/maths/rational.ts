import { mathsLimits, Refusal } from "./limits.ts";

/** n/d, d positive; in lowest terms while both are below 1024 bits (a greatest common divisor of large numbers is slow). */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

const reducible = 1n << 1024n;
const largest = 1n << BigInt(mathsLimits.bits);
const safe = BigInt(Number.MAX_SAFE_INTEGER);

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y > 0n) {
    if (x <= safe && y <= safe) {
      let [p, q] = [Number(x), Number(y)];
      while (q > 0) [p, q] = [q, p % q];
      return BigInt(p);
    }
    [x, y] = [y, x % y];
  }
  return x;
}

export const zero: Rational = { n: 0n, d: 1n };
export const one: Rational = { n: 1n, d: 1n };

/** Throws a Refusal: `undefined` where d is 0, `too-large` beyond the limit of bits. */
export function rational(n: bigint, d = 1n): Rational {
  if (d === 1n && n <= safe && n >= -safe) return { n, d };
  if (d === 0n) throw new Refusal("undefined");
  if (n === 0n) return zero;
  const sign = d < 0n ? -1n : 1n;
  const [p, q] = [n * sign, d * sign];
  const size = p < 0n ? -p : p;
  if (size > largest || q > largest) throw new Refusal("too-large");
  if (size > reducible || q > reducible) return p % q === 0n ? { n: p / q, d: 1n } : { n: p, d: q };
  const common = gcd(p, q);
  return common === 1n ? { n: p, d: q } : { n: p / common, d: q / common };
}

export const integer = (n: number): Rational => ({ n: BigInt(n), d: 1n });
export const add = (a: Rational, b: Rational): Rational =>
  a.d === 1n && b.d === 1n ? rational(a.n + b.n) : rational(a.n * b.d + b.n * a.d, a.d * b.d);
export const negate = (a: Rational): Rational => ({ n: -a.n, d: a.d });
export const multiply = (a: Rational, b: Rational): Rational => rational(a.n * b.n, a.d * b.d);
export const divide = (a: Rational, b: Rational): Rational => rational(a.n * b.d, a.d * b.n);
export const compareRational = (a: Rational, b: Rational): number => {
  const difference = a.n * b.d - b.n * a.d;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
};
export const equalRational = (a: Rational, b: Rational): boolean => a.n * b.d === b.n * a.d;

const bits = (a: bigint): number =>
  a <= safe && a >= -safe ? Math.log2(Math.max(1, Math.abs(Number(a)))) : a.toString(16).length * 4;

/** a^k for a whole k. */
export function powerRational(a: Rational, k: number): Rational {
  if (k < 0) {
    if (a.n === 0n) throw new Refusal("undefined");
    return powerRational(divide(one, a), -k);
  }
  if (a.n === 0n || (a.d === 1n && (a.n === 1n || a.n === -1n))) {
    if (k === 0) return one;
    return a.n === -1n && k % 2 === 0 ? one : a;
  }
  if (Math.max(bits(a.n), bits(a.d)) * k > mathsLimits.bits + 64) throw new Refusal("too-large");
  return rational(a.n ** BigInt(k), a.d ** BigInt(k));
}

/** Nearest double, also where numerator and denominator overflow one. */
export function toNumber({ n, d }: Rational): number {
  if (d === 1n) return Number(n);
  const [p, q] = [Number(n), Number(d)];
  if (Number.isFinite(p) && Number.isFinite(q) && Math.abs(p) < 2 ** 1000) return p / q;
  const shift = BigInt(Math.floor(bits(n) - bits(d) - 80));
  const quotient = shift >= 0n ? n / (d << shift) : (n << -shift) / d;
  return Number(quotient) * 2 ** Number(shift);
}

/** `7`, `-7` or `7/2`; beyond 1024 bits in hexadecimal, since decimal digits of large numbers are slow. */
export function formatRational({ n, d }: Rational): string {
  const text = (x: bigint): string =>
    x < reducible && x > -reducible ? `${x}` : `${x < 0n ? "-" : ""}0x${(x < 0n ? -x : x).toString(16)}`;
  return d === 1n ? text(n) : `${text(n)}/${text(d)}`;
}

/** `digits` as written, ASCII; at most the length of one answer. */
export const fromDecimal = (whole: string, fraction: string, exponent = 0): Rational => {
  if (Math.abs(exponent) > 10_000) throw new Refusal("too-large");
  const shift = exponent - fraction.length;
  const digits = BigInt(`${whole}${fraction}` || "0");
  return shift >= 0 ? rational(digits * 10n ** BigInt(shift)) : rational(digits, 10n ** BigInt(-shift));
};
