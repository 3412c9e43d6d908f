import {
  type Complex,
  cosine,
  exponential,
  gamma,
  logarithm,
  minus,
  modulus,
  notANumber,
  over,
  plus,
  power,
  sine,
  squareRoot,
  times,
} from "./complex.ts";
import { basedValue } from "./exact.ts";
import { type Budget, mathsLimits } from "./limits.ts";
import type { MathsNode } from "./node.ts";
import { toNumber } from "./rational.ts";

/** Numeric values at fixed points: the same text has the same value in every run and on every machine that follows IEEE 754. */

/** FNV-1a, spread over [0, 1). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/** Points at which expressions with variables are compared: positive, of mixed signs, and whole. */
export const points = { positive: [0, 1, 2, 3], mixed: [4, 5, 6], whole: [7, 8, 9, 10] } as const;
export const allPoints: readonly number[] = [...points.positive, ...points.mixed, ...points.whole];

function variable(name: string, point: number): number {
  const share = fraction(`${name}@${point}`);
  if (point >= points.whole[0]) return 2 + Math.floor(share * 6);
  const size = 0.35 + 2.3 * share;
  return point >= points.mixed[0] && fraction(`${point}@${name}`) < 0.6 ? -size : size;
}

/** Gauss-Legendre nodes and weights on [-1, 1], ten points. */
const gauss: readonly (readonly [number, number])[] = [
  [0.1488743389816312, 0.2955242247147529],
  [0.4333953941292472, 0.2692667193099964],
  [0.6794095682990244, 0.219086362515982],
  [0.8650633666889845, 0.1494513491505806],
  [0.9739065285171717, 0.0666713443086881],
];
const panels = 12;

export class Numeric {
  readonly point: number;
  readonly realOnly: boolean;
  readonly budget: Budget;
  /** Values of the variables of sums and integrals around. */
  readonly bound = new Map<string, number>();

  constructor(point: number, realOnly: boolean, budget: Budget) {
    this.point = point;
    this.realOnly = realOnly;
    this.budget = budget;
  }

  of(node: MathsNode): Complex {
    this.budget.spend(2);
    switch (node.kind) {
      case "number":
        return [toNumber(node.value), 0];
      case "based":
        return [toNumber(basedValue(node.digits, node.base)), 0];
      case "constant":
        if (node.name === "i") return [0, 1];
        return [node.name === "pi" ? Math.PI : node.name === "e" ? Math.E : Number.POSITIVE_INFINITY, 0];
      case "symbol": {
        const name = node.index === undefined ? node.name : `${node.name}_${this.text(node.index)}`;
        return [this.bound.get(name) ?? variable(name, this.point), 0];
      }
      case "negative": {
        const [a, b] = this.of(node.arg);
        return [-a, b === 0 ? 0 : -b];
      }
      case "sum":
        return node.args.map((arg) => this.of(arg)).reduce(plus);
      case "product":
        return node.args.map((arg) => this.of(arg)).reduce(times);
      case "quotient":
        return over(this.of(node.left), this.of(node.right));
      case "power":
        return power(this.of(node.left), this.of(node.right), this.realOnly, oddRoot(node.right));
      case "percent":
        return over(this.of(node.arg), [100, 0]);
      case "quantity": {
        const value = this.of(node.arg);
        return node.unit?.dimension === "degrees" ? times(value, [Math.PI / 180, 0]) : value;
      }
      case "call":
        return this.call(node.name, node.args);
      case "range":
        return this.range(node);
      default:
        return this.unknown(node.kind, []);
    }
  }

  text(node: MathsNode): string {
    return this.of(node)
      .map((x) => (Math.abs(x) < 1e-9 ? "0" : x.toPrecision(9)))
      .join(",");
  }

  /** A function that is not known: some number that depends on its arguments alone. */
  unknown(name: string, args: readonly MathsNode[]): Complex {
    return [0.5 + fraction(`${name}(${args.map((arg) => this.text(arg)).join(";")})@${this.point}`), 0];
  }

  /** The value where it is real, else NaN. */
  real(node: MathsNode): number {
    const [a, b] = this.of(node);
    return Math.abs(b) < 1e-12 ? a : Number.NaN;
  }

  call(name: string, args: readonly MathsNode[]): Complex {
    const [first, second] = args;
    if (first === undefined) return notANumber;
    if (name.startsWith("function-") || name.startsWith("accent-") || name === "figure" || first.kind === "matrix") {
      return name === "det" && first.kind === "matrix" ? this.determinant(first.rows) : this.unknown(name, args);
    }
    const x = this.of(first);
    const realOnly = this.realOnly;
    const real = x[1] === 0 ? x[0] : Number.NaN;
    switch (name) {
      case "sqrt":
        return squareRoot(x, realOnly);
      case "cbrt":
        return x[1] === 0 ? [Math.cbrt(x[0]), 0] : power(x, [1 / 3, 0], realOnly, null);
      case "root": {
        const index = this.real(second!);
        if (x[1] === 0 && x[0] >= 0) return [index === 2 ? Math.sqrt(x[0]) : x[0] ** (1 / index), 0];
        return power(
          x,
          [1 / index, 0],
          realOnly,
          Number.isInteger(index) && index % 2 !== 0 ? { p: 1, q: index } : null,
        );
      }
      case "exp":
        return exponential(x);
      case "log":
      case "ln": {
        if (second !== undefined) return over(logarithm(x, realOnly), logarithm(this.of(second), realOnly));
        return logarithm(x, realOnly);
      }
      case "sin":
        return sine(x);
      case "cos":
        return cosine(x);
      case "tan":
        return over(sine(x), cosine(x));
      case "cot":
        return over(cosine(x), sine(x));
      case "sec":
        return over([1, 0], cosine(x));
      case "csc":
        return over([1, 0], sine(x));
      case "abs":
      case "norm":
        return [modulus(x), 0];
      case "Re":
        return [x[0], 0];
      case "Im":
        return [x[1], 0];
      case "arg":
        return [Math.atan2(x[1], x[0]), 0];
      case "conj":
        return [x[0], -x[1]];
      case "!":
        return [gamma(real + 1), 0];
      case "!!":
        return [doubleFactorial(real), 0];
      case "binom": {
        const k = this.real(second!);
        if (Number.isInteger(real) && Number.isInteger(k) && real >= 0 && (k < 0 || k > real)) return [0, 0];
        return [gamma(real + 1) / (gamma(k + 1) * gamma(real - k + 1)), 0];
      }
      case "max":
        return [Math.max(...args.map((arg) => this.real(arg))), 0];
      case "min":
        return [Math.min(...args.map((arg) => this.real(arg))), 0];
      case "gcd":
      case "lcm":
        return this.unknown(
          name,
          [...args].sort((a, b) => this.real(a) - this.real(b)),
        );
      case "mod": {
        const by = this.real(second!);
        return [real - by * Math.floor(real / by), 0];
      }
    }
    const plain = realFunctions[name];
    return plain === undefined ? this.unknown(name, args) : [plain(real), 0];
  }

  determinant(rows: readonly (readonly MathsNode[])[]): Complex {
    const m = rows.map((row) => row.map((entry) => this.of(entry)));
    const n = m.length;
    if (n > 6 || m.some((row) => row.length !== n)) return notANumber;
    const expand = (columns: readonly number[], row: number): Complex => {
      this.budget.spend(4);
      if (row === n) return [1, 0];
      return columns.reduce<Complex>(
        (sum, column, index) => {
          const part = times(
            m[row]![column]!,
            expand(
              columns.filter((one) => one !== column),
              row + 1,
            ),
          );
          return index % 2 === 0 ? plus(sum, part) : minus(sum, part);
        },
        [0, 0],
      );
    };
    return expand([...m.keys()], 0);
  }

  range(node: MathsNode & { kind: "range" }): Complex {
    const { name, variable: index, from, to, body } = node;
    if (name === "lim" || from === null || to === null || index === "") {
      // Without numbers to add up: the same text has the same value.
      this.bound.set(index, 0.5 + fraction(`${name}@${this.point}`));
      const value = this.text(body);
      this.bound.delete(index);
      const ends = [from, to].map((end) => (end === null ? "" : this.text(end))).join("..");
      return [0.5 + fraction(`${name} ${ends} ${value}`), 0];
    }
    const [low, high] = [this.real(from), this.real(to)];
    const outer = this.bound.get(index);
    let value: Complex = name === "prod" ? [1, 0] : [0, 0];
    if (name === "int") {
      if (!Number.isFinite(low) || !Number.isFinite(high)) return this.endless(node, low, high);
      const half = (high - low) / panels / 2;
      for (let panel = 0; panel < panels; panel++)
        for (const [x, weight] of gauss)
          for (const side of [-1, 1]) {
            this.bound.set(index, low + half * (2 * panel + 1 + side * x));
            value = plus(value, times([half * weight, 0], this.of(body)));
          }
    } else {
      if (!Number.isFinite(high) || !Number.isFinite(low)) return this.endless(node, low, high);
      if (!Number.isInteger(low) || !Number.isInteger(high) || high - low > mathsLimits.sumTerms) return notANumber;
      for (let i = low; i <= high; i++) {
        this.bound.set(index, i);
        value = name === "sum" ? plus(value, this.of(body)) : times(value, this.of(body));
      }
    }
    if (outer === undefined) this.bound.delete(index);
    else this.bound.set(index, outer);
    return value;
  }

  /** Series and improper integrals are compared as written: term by term, not by their limit. */
  endless(node: MathsNode & { kind: "range" }, low: number, high: number): Complex {
    const values = [1, 2, 3].map((step) => {
      this.bound.set(node.variable, (Number.isFinite(low) ? low : 0) + step);
      return this.text(node.body);
    });
    this.bound.delete(node.variable);
    return [0.5 + fraction(`${node.name} ${low} ${high} ${values.join(";")}`), 0];
  }
}

function doubleFactorial(n: number): number {
  if (!Number.isInteger(n) || n < 0) return Number.NaN;
  if (n > 300) return Number.POSITIVE_INFINITY;
  let product = 1;
  for (let i = n; i > 1; i -= 2) product *= i;
  return product;
}

const realFunctions: Readonly<Record<string, (x: number) => number>> = {
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  arccot: (x) => Math.PI / 2 - Math.atan(x),
  arcsec: (x) => Math.acos(1 / x),
  arccsc: (x) => Math.asin(1 / x),
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  coth: (x) => 1 / Math.tanh(x),
  sech: (x) => 1 / Math.cosh(x),
  csch: (x) => 1 / Math.sinh(x),
  arcsinh: Math.asinh,
  arccosh: Math.acosh,
  arctanh: Math.atanh,
  floor: (x) => Math.floor(Math.abs(x - Math.round(x)) < 1e-12 ? Math.round(x) : x),
  ceil: (x) => Math.ceil(Math.abs(x - Math.round(x)) < 1e-12 ? Math.round(x) : x),
  sgn: Math.sign,
};

/** p and q of an exponent p/q with whole numbers and an odd q. */
function oddRoot(exponent: MathsNode): { p: number; q: number } | null {
  if (
    exponent.kind !== "quotient" ||
    exponent.right.kind !== "number" ||
    exponent.right.value.n % 2n === 0n ||
    exponent.right.value.d !== 1n
  )
    return null;
  const left = exponent.left.kind === "negative" ? exponent.left.arg : exponent.left;
  if (left.kind !== "number" || left.value.d !== 1n) return null;
  return { p: Number(left.value.n), q: Number(exponent.right.value.n) };
}
