import { type Budget, Refusal } from "./limits.ts";
import type { MathsNode } from "./node.ts";
import {
  addPolynomials,
  atomPolynomial,
  constantPolynomial,
  formatPolynomial,
  multiplyPolynomials,
  type Polynomial,
  primeMark,
  rationalOf,
  scaled,
  termOf,
} from "./polynomial.ts";
import {
  compareRational,
  divide,
  integer,
  negate,
  one,
  powerRational,
  type Rational,
  rational,
  toNumber,
} from "./rational.ts";

/** top/bottom. `certain` where a top that has terms is surely not zero: no function values, no two transcendental constants. */
export interface Exact {
  readonly top: Polynomial;
  readonly bottom: Polynomial;
  readonly certain: boolean;
}

/** Thrown where there is no exact form; the numeric comparison then decides. */
class Inexact extends Error {}

const oneP = constantPolynomial(one);
const whole = (top: Polynomial, certain = true): Exact => ({ top, bottom: oneP, certain });
const constant = (value: Rational): Exact => whole(constantPolynomial(value));

/** Largest n of an exact n!. */
const largestFactorial = 2500;
/** Larger powers of sums are left to the numeric comparison. */
const largestPowerOfSum = 24;

class Evaluator {
  readonly budget: Budget;
  constructor(budget: Budget) {
    this.budget = budget;
  }

  add(a: Exact, b: Exact, sign: 1 | -1 = 1): Exact {
    const certain = a.certain && b.certain;
    if (a.bottom === b.bottom)
      return { top: addPolynomials(a.top, b.top, sign, this.budget), bottom: a.bottom, certain };
    const left = multiplyPolynomials(a.top, b.bottom, this.budget);
    const right = multiplyPolynomials(b.top, a.bottom, this.budget);
    const top = addPolynomials(left, right, sign, this.budget);
    return { top, bottom: multiplyPolynomials(a.bottom, b.bottom, this.budget), certain };
  }

  multiply(a: Exact, b: Exact): Exact {
    const top = multiplyPolynomials(a.top, b.top, this.budget);
    return { top, bottom: multiplyPolynomials(a.bottom, b.bottom, this.budget), certain: a.certain && b.certain };
  }

  /** 1/a; a rational or a single term goes to the top, so that most forms have no bottom. */
  inverse(a: Exact): Exact {
    if (a.top.size === 0) throw new Refusal("undefined");
    const term = termOf(a.top);
    if (term === null) return { top: a.bottom, bottom: a.top, certain: a.certain };
    let inverse = constantPolynomial(divide(one, term.coefficient));
    for (const { atom, p, q } of term.factors)
      inverse = multiplyPolynomials(inverse, atomPolynomial(atom, -p, q), this.budget);
    return { top: multiplyPolynomials(a.bottom, inverse, this.budget), bottom: oneP, certain: a.certain };
  }

  rational(a: Exact): Rational | null {
    const [top, bottom] = [rationalOf(a.top), rationalOf(a.bottom)];
    return top === null || bottom === null ? null : divide(top, bottom);
  }

  of(node: MathsNode): Exact {
    this.budget.spend(8);
    switch (node.kind) {
      case "number":
        return constant(node.value);
      case "based":
        return constant(basedValue(node.digits, node.base));
      case "symbol":
        return whole(atomPolynomial(this.symbol(node)), true);
      case "constant":
        if (node.name === "infinity") throw new Inexact();
        return whole(atomPolynomial(node.name), node.name !== "e");
      case "negative": {
        const arg = this.of(node.arg);
        return { ...arg, top: scaled(arg.top, { n: -1n, d: 1n }) };
      }
      case "sum":
        return node.args.map((arg) => this.of(arg)).reduce((a, b) => this.add(a, b));
      case "product":
        return node.args.map((arg) => this.of(arg)).reduce((a, b) => this.multiply(a, b));
      case "quotient":
        return this.multiply(this.of(node.left), this.inverse(this.of(node.right)));
      case "power":
        return this.power(this.of(node.left), this.of(node.right));
      case "percent":
        return this.multiply(this.of(node.arg), constant({ n: 1n, d: 100n }));
      case "call":
        return this.call(node.name, node.args);
      default:
        throw new Inexact();
    }
  }

  symbol(node: MathsNode & { kind: "symbol" }): string {
    return node.index === undefined ? node.name : `${node.name}_${this.text(this.of(node.index))}`;
  }

  text(a: Exact): string {
    return a.bottom === oneP
      ? `{${formatPolynomial(a.top)}}`
      : `{${formatPolynomial(a.top)}|${formatPolynomial(a.bottom)}}`;
  }

  power(base: Exact, exponent: Exact): Exact {
    const value = this.rational(exponent);
    if (value === null) return this.unknownPower(base, exponent);
    if (value.d === 1n) {
      if (value.n > 100_000n || value.n < -100_000n) {
        const known = this.rational(base);
        if (known !== null && known.d === 1n && (known.n === 1n || known.n === -1n || known.n === 0n))
          return constant(powerRational(known, Number(value.n % 2n) + (value.n > 0n ? 2 : 0)));
        throw new Refusal("too-large");
      }
      return this.wholePower(base, Number(value.n));
    }
    if (value.d > 60n || value.n > 1000n || value.n < -1000n) throw new Inexact();
    const [p, q] = [Number(value.n), Number(value.d)];
    if (p < 0) return this.inverse(this.power(base, constant(negate(value))));
    const term = termOf(base.top);
    const bottom = rationalOf(base.bottom);
    if (base.top.size === 0) return constant({ n: 0n, d: 1n });
    if (term === null || bottom === null) return whole(atomPolynomial(`root${this.text(base)}`, p, q), false);
    const coefficient = divide(term.coefficient, bottom);
    if (term.factors.length === 0) return this.root(coefficient, p, q);
    if (term.factors.length > 1 || coefficient.n < 0n)
      return whole(atomPolynomial(`root${this.text(base)}`, p, q), false);
    const { atom, p: inner, q: outer } = term.factors[0]!;
    // (x^2)^(1/2) is no x.
    if (inner !== 1 || outer !== 1 || atom === "i") return whole(atomPolynomial(`root${this.text(base)}`, p, q), false);
    return this.multiply(this.root(coefficient, p, q), whole(atomPolynomial(atom, p, q), base.certain));
  }

  wholePower(base: Exact, k: number): Exact {
    if (k < 0) return this.inverse(this.wholePower(base, -k));
    if (k === 0) return constant(one);
    const value = this.rational(base);
    if (value !== null) {
      this.budget.spend(Math.min(k, 5000));
      return constant(powerRational(value, k));
    }
    const single = termOf(base.top);
    if (single !== null && base.bottom === oneP) {
      let product = constantPolynomial(powerRational(single.coefficient, k));
      for (const { atom, p, q } of single.factors)
        product = multiplyPolynomials(product, atomPolynomial(atom, p * k, q), this.budget);
      return { top: product, bottom: oneP, certain: base.certain };
    }
    if (k > largestPowerOfSum) throw new Inexact();
    let result = base;
    for (let i = 1; i < k; i++) result = this.multiply(result, base);
    return result;
  }

  /** a^(p/q) of a rational: primes under the root, i for the square root of a negative. */
  root(a: Rational, p: number, q: number): Exact {
    if (a.n < 0n) {
      const positive = this.root(negate(a), p, q);
      if (q % 2 === 1) return p % 2 === 1 ? this.multiply(constant({ n: -1n, d: 1n }), positive) : positive;
      if (q === 2) return this.multiply(positive, whole(atomPolynomial("i", p)));
      throw new Inexact();
    }
    let [product, certain] = [oneP as Polynomial, true];
    for (const [number, sign] of [
      [a.n, 1],
      [a.d, -1],
    ] as const) {
      const parts = this.factors(number, q);
      certain &&= parts.certain;
      for (const [prime, power] of parts.powers)
        product = multiplyPolynomials(
          product,
          atomPolynomial(`${primeMark}${prime}`, sign * power * p, q),
          this.budget,
        );
    }
    return whole(product, certain);
  }

  /** Prime powers by trial division up to 1000; a rest above 10^6 stays whole and is not sure to be a prime. */
  factors(number: bigint, q: number): { powers: [bigint, number][]; certain: boolean } {
    if (number > 1n << 256n) throw new Inexact();
    const powers: [bigint, number][] = [];
    let rest = number;
    for (let prime = 2n; prime <= 1000n && prime * prime <= rest; prime += prime === 2n ? 1n : 2n) {
      let power = 0;
      while (rest % prime === 0n) {
        rest /= prime;
        power++;
      }
      if (power > 0) powers.push([prime, power]);
    }
    this.budget.spend(500);
    if (rest === 1n) return { powers, certain: true };
    const estimate = BigInt(Math.round(Number(rest) ** (1 / q)));
    if (rest > 1_000_000n && estimate > 1n && estimate ** BigInt(q) === rest)
      return { powers: [...powers, [estimate, q]], certain: true };
    return { powers: [...powers, [rest, 1]], certain: rest < 1_000_000n };
  }

  /** 2^x, e^(2x), x^y: atoms of their own; whole parts of the exponent are split off, so that 2^(x+1) is 2·2^x. */
  unknownPower(base: Exact, exponent: Exact): Exact {
    if (exponent.bottom !== oneP) return whole(atomPolynomial(`${this.text(base)}^${this.text(exponent)}`), false);
    let [product, rest] = [constant(one), exponent.top];
    const fixed = exponent.top.get("");
    if (fixed !== undefined && fixed.coefficient.d === 1n) {
      product = this.power(base, constant(fixed.coefficient));
      rest = addPolynomials(exponent.top, constantPolynomial(fixed.coefficient), -1, this.budget);
    }
    return this.multiply(product, whole(atomPolynomial(`${this.text(base)}^${this.text(whole(rest))}`), false));
  }

  call(name: string, args: readonly MathsNode[]): Exact {
    const values = args.map((arg) => this.of(arg));
    const known = values.map((value) => this.rational(value));
    const [first, second] = known;
    if (name === "sqrt") return this.power(values[0]!, constant({ n: 1n, d: 2n }));
    if (name === "cbrt") return this.power(values[0]!, constant({ n: 1n, d: 3n }));
    if (name === "root" && second) return this.power(values[0]!, constant(divide(one, second)));
    if (name === "exp") return this.power(whole(atomPolynomial("e"), false), values[0]!);
    if (known.every((one) => one !== null) && first) {
      const value = rationalFunction(name, known as Rational[], this.budget);
      if (value !== null) return constant(value);
    }
    if (name === "log" && second && first) {
      const power = Math.round(Math.log(toNumber(first)) / Math.log(toNumber(second)));
      if (
        Number.isSafeInteger(power) &&
        Math.abs(power) < 1000 &&
        compareRational(powerRational(second, power), first) === 0
      )
        return constant(integer(power));
    }
    return whole(atomPolynomial(`${name}${values.map((value) => this.text(value)).join("")}`), false);
  }
}

export function basedValue(digits: string, base: number): Rational {
  let value = 0n;
  for (const digit of digits) {
    const place = Number.parseInt(digit, 36);
    if (!(place < base)) throw new Refusal("undefined");
    value = value * BigInt(base) + BigInt(place);
  }
  return rational(value);
}

const floorOf = ({ n, d }: Rational): bigint => (n >= 0n || n % d === 0n ? n / d : n / d - 1n);

/** Functions of rationals that are rational. Null for any other. */
function rationalFunction(name: string, args: readonly Rational[], budget: Budget): Rational | null {
  const [a, b] = args as [Rational, Rational | undefined];
  const wholes = args.every(({ d }) => d === 1n);
  switch (name) {
    case "abs":
      return a.n < 0n ? negate(a) : a;
    case "floor":
      return rational(floorOf(a));
    case "ceil":
      return rational(-floorOf(negate(a)));
    case "sgn":
      return integer(a.n > 0n ? 1 : a.n < 0n ? -1 : 0);
    case "max":
      return args.reduce((x, y) => (compareRational(x, y) >= 0 ? x : y));
    case "min":
      return args.reduce((x, y) => (compareRational(x, y) <= 0 ? x : y));
    case "gcd":
    case "lcm": {
      if (!wholes || b === undefined || args.some(({ n }) => n === 0n)) return null;
      let value = a.n < 0n ? -a.n : a.n;
      for (const { n } of args.slice(1)) {
        const ratio = rational(value, n < 0n ? -n : n);
        value = name === "gcd" ? value / ratio.n : value * ratio.d;
      }
      return rational(value);
    }
    case "!": {
      if (!wholes || a.n < 0n) return null;
      if (a.n > BigInt(largestFactorial)) throw new Refusal("too-large");
      budget.spend(Number(a.n) * 20);
      let value = 1n;
      for (let i = 2n; i <= a.n; i++) value *= i;
      return rational(value);
    }
    case "binom": {
      if (!wholes || b === undefined || a.n < 0n || a.n > 1000n) return null;
      if (b.n < 0n || b.n > a.n) return integer(0);
      budget.spend(Number(a.n) * 10);
      let value = 1n;
      for (let i = 1n; i <= b.n; i++) value = (value * (a.n - b.n + i)) / i;
      return rational(value);
    }
    default:
      return null;
  }
}

/** Null where there is no exact form within the limits. Throws a Refusal for what has no value at all. */
export function exactOf(node: MathsNode, budget: Budget): Exact | null {
  try {
    return new Evaluator(budget).of(node);
  } catch (error) {
    if (error instanceof Inexact || (error instanceof Refusal && error.fault === "too-large")) return null;
    throw error;
  }
}

/** a - b, its numerator: without terms where they are equal. Null where it grows beyond the limits. */
export function differenceOf(a: Exact, b: Exact, budget: Budget): Polynomial | null {
  try {
    return new Evaluator(budget).add(a, b, -1).top;
  } catch (error) {
    if (error instanceof Refusal && error.fault === "too-large") return null;
    throw error;
  }
}

/** The rational that `a` is, or null. */
export function rationalValue(a: Exact): Rational | null {
  const [top, bottom] = [rationalOf(a.top), rationalOf(a.bottom)];
  return top === null || bottom === null ? null : divide(top, bottom);
}
