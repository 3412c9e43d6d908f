/**
 * What one comparison may cost. Completions are hostile input and JavaScript cannot interrupt a synchronous call, so every
 * bound is checked before the work it limits; what goes beyond ends in a `MathsFault`, never in a hang.
 */
export const mathsLimits = {
  /** Characters of a completion that extraction reads. */
  text: 400_000,
  /** Characters at the end of a completion in which sentences and formulas are looked for. */
  tail: 100_000,
  /** Characters of one answer. */
  answer: 4000,
  /** Tokens of one answer. */
  tokens: 2000,
  /** Brackets, fractions, signs and powers open at one time. */
  depth: 64,
  /** Bits of an exact numerator or denominator. */
  bits: 1 << 16,
  /** Terms of an expanded polynomial. */
  terms: 300,
  /** Units of work of one comparison, about 50 ns each. */
  work: 120_000,
  /** Numbers added up in one \sum or \prod. */
  sumTerms: 2000,
  /** Items compared as a set; 8 readings of each are tried at most. */
  items: 100,
} as const;

/**
 * Why an answer has no value: `too-large` names numbers beyond the limits, `undefined` a division by zero and the like,
 * `malformed` text that is no mathematics.
 */
export type MathsFault = "too-long" | "too-deep" | "too-large" | "malformed" | "undefined";

/** Thrown inside this part only; the exported functions turn it into a reason. */
export class Refusal extends Error {
  readonly fault: MathsFault;
  constructor(fault: MathsFault) {
    super(fault);
    this.fault = fault;
  }
}

/** Work left to one comparison. */
export class Budget {
  left: number = mathsLimits.work;
  spend(work: number): void {
    this.left -= work;
    if (this.left < 0) throw new Refusal("too-large");
  }
}
