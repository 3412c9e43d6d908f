/** Complex doubles as [real, imaginary]. In real mode a function outside its real domain gives NaN instead of a complex value. */
export type Complex = readonly [number, number];

export const notANumber: Complex = [Number.NaN, 0];
const real = (x: number): Complex => [x, 0];

export const plus = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d];
export const minus = ([a, b]: Complex, [c, d]: Complex): Complex => [a - c, b - d];
export const times = ([a, b]: Complex, [c, d]: Complex): Complex =>
  b === 0 && d === 0 ? [a * c, 0] : [a * c - b * d, a * d + b * c];
export function over([a, b]: Complex, [c, d]: Complex): Complex {
  if (d === 0) return c === 0 ? notANumber : [a / c, b / c];
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
}

export const modulus = ([a, b]: Complex): number => Math.hypot(a, b);

export function logarithm([a, b]: Complex, realOnly: boolean): Complex {
  if (b === 0 && a > 0) return real(Math.log(a));
  if (realOnly || (a === 0 && b === 0)) return notANumber;
  return [Math.log(Math.hypot(a, b)), Math.atan2(b, a)];
}

export function exponential([a, b]: Complex): Complex {
  const size = Math.exp(a);
  return b === 0 ? real(size) : [size * Math.cos(b), size * Math.sin(b)];
}

/** base^exponent. `odd` says that the exponent is p/q with an odd q: then the real root of a negative is meant. */
export function power(
  base: Complex,
  exponent: Complex,
  realOnly: boolean,
  odd: { p: number; q: number } | null,
): Complex {
  const [a, b] = base;
  const [c, d] = exponent;
  if (b === 0 && d === 0) {
    if (a === 0) return c > 0 ? real(0) : c === 0 ? real(1) : notANumber;
    if (a > 0 || Number.isInteger(c)) return real(a ** c);
    if (odd !== null) return real((odd.p % 2 === 0 ? 1 : -1) * (-a) ** c);
    if (realOnly) return notANumber;
  }
  if (a === 0 && b === 0) return c > 0 ? real(0) : notANumber;
  if (d === 0 && Number.isInteger(c) && Math.abs(c) <= 64) {
    let product: Complex = [1, 0];
    for (let i = 0; i < Math.abs(c); i++) product = times(product, base);
    return c < 0 ? over([1, 0], product) : product;
  }
  return exponential(times(exponent, logarithm(base, realOnly)));
}

export const squareRoot = (x: Complex, realOnly: boolean): Complex => {
  const [a, b] = x;
  if (b === 0) return a >= 0 ? real(Math.sqrt(a)) : realOnly ? notANumber : [0, Math.sqrt(-a)];
  const size = Math.hypot(a, b);
  const root = Math.sqrt((size + Math.abs(a)) / 2);
  const other = Math.abs(b) / (2 * root);
  return a >= 0 ? [root, b < 0 ? -other : other] : [other, b < 0 ? -root : root];
};

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Γ by Lanczos' approximation (g = 7, nine terms), about 15 digits. */
export function gamma(x: number): number {
  if (Number.isInteger(x)) {
    if (x <= 0) return Number.NaN;
    if (x > 171) return Number.POSITIVE_INFINITY;
    let product = 1;
    for (let i = 2; i < x; i++) product *= i;
    return product;
  }
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
  const t = x + 6.5;
  const series = lanczos.reduce((sum, coefficient, k) => (k === 0 ? coefficient : sum + coefficient / (x - 1 + k)), 0);
  return Math.sqrt(2 * Math.PI) * t ** (x - 0.5) * Math.exp(-t) * series;
}

/** sin and cos, hyperbolic ones included, of a complex number. */
export function sine([a, b]: Complex): Complex {
  return b === 0 ? real(Math.sin(a)) : [Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b)];
}
export function cosine([a, b]: Complex): Complex {
  return b === 0 ? real(Math.cos(a)) : [Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b)];
}
