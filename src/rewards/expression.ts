/**
 * A bounded parser for sums that a model wrote: numbers, + - * /, brackets, exact rational values. Completions are
 * hostile input, so there is no `eval` and no regular expression here, and every bound below is checked before the
 * work it limits: `9**9**9`, a thousand brackets or a number of a million digits end in a reason code, not in a hang.
 *
 * Left out: powers, roots, functions, names. A task that needs them should bring a parser of its own.
 */

/** An exact value: numerator over denominator, in lowest terms, denominator positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export type ExpressionFault = "malformed" | "too-long" | "too-large" | "division-by-zero";

/** Limits of one expression. `parseExpression` refuses what goes beyond them. */
export const expressionLimits = {
  /** Characters read. */
  characters: 1000,
  /** Numbers in one expression. */
  numbers: 32,
  /** Open brackets and signs at one time. */
  depth: 16,
  /** Digits of one number, before and after the decimal point together. */
  digits: 9,
  /** Decimal digits of any intermediate numerator or denominator. */
  valueDigits: 30,
} as const;

const largest = 10n ** BigInt(expressionLimits.valueDigits);

function divisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b];
  while (y > 0n) [x, y] = [y, x % y];
  return x;
}

/** In lowest terms; null where it is too large to go on with or the denominator is 0. */
export function rational(numerator: bigint, denominator = 1n): Rational | null {
  if (denominator === 0n) return null;
  const sign = denominator < 0n ? -1n : 1n;
  const common = divisor(numerator, denominator * sign) * sign;
  const value = { numerator: numerator / common, denominator: denominator / common };
  const size = value.numerator < 0n ? -value.numerator : value.numerator;
  return size < largest && value.denominator < largest ? value : null;
}

export function equal(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator;
}

/** `7`, `-7` or `7/2`. */
export function formatRational(value: Rational): string {
  return value.denominator === 1n ? `${value.numerator}` : `${value.numerator}/${value.denominator}`;
}

/** What one expression is worth and the numbers written in it, in order. */
export interface Expression {
  readonly value: Rational;
  readonly numbers: readonly Rational[];
  /** Position of the first character that is not part of it. */
  readonly end: number;
}

export type Parsed =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly fault: ExpressionFault };

class Refusal extends Error {
  readonly fault: ExpressionFault;
  constructor(fault: ExpressionFault) {
    super(fault);
    this.fault = fault;
  }
}

/** The operator a character stands for, typographic ones included. */
export function operatorAt(text: string, position: number): "+" | "-" | "*" | "/" | null {
  switch (text[position]) {
    case "+":
      return "+";
    case "-":
    case "\u2212":
      return "-";
    case "*":
    case "\u00d7":
    case "\u00b7":
      return "*";
    case "/":
    case "\u00f7":
      return "/";
    default:
      return null;
  }
}

/** ASCII digits only: other scripts' digits look alike and mean trouble. */
export function isDigit(text: string, position: number): boolean {
  const code = text.charCodeAt(position);
  return code >= 48 && code <= 57;
}

/** Position of the first character at or after `position` that is not a space. */
export function skipSpaces(text: string, position: number): number {
  let at = position;
  while (text[at] === " ") at++;
  return at;
}

/** Recursive descent; recursion depth is bounded by `expressionLimits.depth`. */
class Reader {
  readonly text: string;
  readonly numbers: Rational[] = [];
  at: number;

  constructor(text: string, start: number) {
    this.text = text;
    this.at = start;
  }

  number(): Rational {
    const start = this.at;
    let digits = "";
    let decimals = 0;
    while (isDigit(this.text, this.at)) digits += this.text[this.at++];
    if (digits !== "" && this.text[this.at] === "." && isDigit(this.text, this.at + 1)) {
      this.at++;
      const whole = digits.length;
      while (isDigit(this.text, this.at) && digits.length <= expressionLimits.digits) digits += this.text[this.at++];
      decimals = digits.length - whole;
    }
    if (this.at === start) throw new Refusal("malformed");
    if (digits.length > expressionLimits.digits) throw new Refusal("too-large");
    return this.bounded(rational(BigInt(digits), 10n ** BigInt(decimals)));
  }

  bounded(value: Rational | null): Rational {
    if (value === null) throw new Refusal("too-large");
    return value;
  }

  factor(depth: number): Rational {
    if (depth > expressionLimits.depth) throw new Refusal("too-long");
    this.at = skipSpaces(this.text, this.at);
    const sign = operatorAt(this.text, this.at);
    if (sign === "-" || sign === "+") {
      this.at++;
      const { numerator, denominator } = this.factor(depth + 1);
      return { numerator: sign === "-" ? -numerator : numerator, denominator };
    }
    if (this.text[this.at] === "(") {
      this.at++;
      const value = this.sum(depth + 1);
      this.at = skipSpaces(this.text, this.at);
      if (this.text[this.at] !== ")") throw new Refusal("malformed");
      this.at++;
      return value;
    }
    const value = this.number();
    if (this.numbers.push(value) > expressionLimits.numbers) throw new Refusal("too-long");
    return value;
  }

  product(depth: number): Rational {
    let left = this.factor(depth);
    while (true) {
      const next = skipSpaces(this.text, this.at);
      const operator = operatorAt(this.text, next);
      if (operator !== "*" && operator !== "/") return left;
      this.at = next + 1;
      const right = this.factor(depth);
      if (operator === "*") {
        left = this.bounded(rational(left.numerator * right.numerator, left.denominator * right.denominator));
      } else {
        if (right.numerator === 0n) throw new Refusal("division-by-zero");
        left = this.bounded(rational(left.numerator * right.denominator, left.denominator * right.numerator));
      }
    }
  }

  sum(depth: number): Rational {
    let left = this.product(depth);
    while (true) {
      const next = skipSpaces(this.text, this.at);
      const operator = operatorAt(this.text, next);
      if (operator !== "+" && operator !== "-") return left;
      this.at = next + 1;
      const right = this.product(depth);
      const cross = right.numerator * left.denominator;
      const numerator = left.numerator * right.denominator + (operator === "+" ? cross : -cross);
      left = this.bounded(rational(numerator, left.denominator * right.denominator));
    }
  }
}

function guarded(text: string, start: number, read: (reader: Reader) => Rational): Parsed {
  if (text.length - start > expressionLimits.characters) return { ok: false, fault: "too-long" };
  const reader = new Reader(text, start);
  try {
    const value = read(reader);
    return { ok: true, expression: { value, numbers: reader.numbers, end: reader.at } };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, fault: error.fault };
    throw error;
  }
}

/**
 * Reads the longest expression at `start`: `(9*7)+2`, `9 × 7 − 2`, `-3.5/2`. Usual precedence, left to right. Never
 * throws; time is linear in the text.
 */
export function parseExpression(text: string, start = 0): Parsed {
  return guarded(text, start, (reader) => reader.sum(0));
}

/** Reads a signed whole or decimal number at `start`, the right side of a written step. */
export function parseNumber(text: string, start = 0): Parsed {
  return guarded(text, start, (reader) => {
    reader.at = skipSpaces(text, start);
    const negative = operatorAt(text, reader.at) === "-";
    if (negative) reader.at++;
    const { numerator, denominator } = reader.number();
    return { numerator: negative ? -numerator : numerator, denominator };
  });
}
