import { AutodidactError } from "../errors.ts";
import { type ReadAnswer, readAnswer } from "./answer.ts";
import { Equality, type EqualityOptions } from "./equal.ts";
import { Budget, type MathsFault, mathsLimits, Refusal } from "./limits.ts";
import { someNode } from "./node.ts";

export interface MathsComparison {
  readonly equal: boolean;
  /** "ambiguous": several answers were given, one of them right. */
  readonly reason: "correct" | "wrong-value" | "no-answer" | "ambiguous" | MathsFault;
}

/** Golds come back in every group; the trees of the last ones are kept. */
const cache = new Map<string, ReadAnswer>();
const cached = 2048;

export function readGold(gold: string): ReadAnswer {
  const before = cache.get(gold);
  if (before !== undefined) return before;
  const fresh = readAnswer(gold);
  if (cache.size >= cached) cache.delete(cache.keys().next().value!);
  cache.set(gold, fresh);
  return fresh;
}

/** Says what is wrong with a gold answer, or null. */
export function goldFault(gold: string): "empty" | MathsFault | null {
  if (gold.trim() === "") return "empty";
  const read = readGold(gold);
  if (read.literal === "") return "empty";
  // Text is a gold like any other; broken formulas only ever match themselves.
  if (
    read.fault === "malformed" &&
    read.words !== null &&
    !/[\\^_{}]/.test(gold.replace(/\\(?:text\w*|mbox|mathrm|[ ,])/g, "").replace(/[{}]/g, ""))
  )
    return null;
  return read.fault;
}

export function checkGold(gold: string): void {
  const fault = goldFault(gold);
  if (fault === null || fault === "malformed" || fault === "undefined") return;
  const shown = gold.length > 60 ? `${gold.slice(0, 60)}...` : gold;
  const limit = fault === "too-long" ? `more than ${mathsLimits.answer} characters` : fault;
  throw new AutodidactError(
    "MATHS_GOLD",
    `gold, ${JSON.stringify(shown)} is ${limit}: give the right answer to compare with, such as "1/2" or "\\\\frac{1}{2}"`,
  );
}

/**
 * Compares two answers, each LaTeX or plain. Never throws because of `answer`; an empty gold is the caller's mistake.
 * @throws AutodidactError MATHS_GOLD for a gold that is empty or beyond the limits
 */
export function compareMaths(gold: string, answer: string, options: EqualityOptions = {}): MathsComparison {
  checkGold(gold);
  return compareRead(readGold(gold), readAnswer(answer), options);
}

/** Are two answers equal? See compareMaths. */
export function mathsEqual(gold: string, answer: string, options: EqualityOptions = {}): boolean {
  return compareMaths(gold, answer, options).equal;
}

export function compareRead(gold: ReadAnswer, answer: ReadAnswer, options: EqualityOptions): MathsComparison {
  if (answer.literal === "") return { equal: false, reason: answer.fault === "too-long" ? "too-long" : "no-answer" };
  if (gold.literal === answer.literal && answer.fault !== "too-long") return { equal: true, reason: "correct" };
  if (gold.words !== null && gold.words === answer.words && /[\p{L}\d]/u.test(gold.words))
    return { equal: true, reason: "correct" };
  const equality = new Equality(new Budget(), options);
  try {
    for (const right of gold.readings)
      for (const given of answer.readings)
        if (equality.answers(right, given)) return { equal: true, reason: "correct" };
    if (gold.qualified === null || answer.qualified === null || gold.qualified === answer.qualified) {
      const [golds, givens] = [gold, answer].map(({ readings, general }) => (general.length > 0 ? general : readings));
      if (gold.qualified !== null || answer.qualified !== null)
        for (const right of golds!)
          for (const given of givens!) if (equality.answers(right, given)) return { equal: true, reason: "correct" };
    }
    const [right] = gold.readings;
    const [given] = answer.readings;
    if (
      given?.kind === "list" &&
      right !== undefined &&
      right.kind !== "list" &&
      !someNode(right, (one) => one.kind === "plus-minus")
    ) {
      if (given.items.slice(0, mathsLimits.items).some((item) => equality.same(right, item)))
        return { equal: false, reason: "ambiguous" };
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { equal: false, reason: error.fault };
  }
  return { equal: false, reason: answer.fault ?? equality.fault ?? "wrong-value" };
}
