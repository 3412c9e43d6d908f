/**
 * Grades what a model wrote about a Countdown puzzle. The answer is the last attempt in the text, because that is where
 * the writer stopped. An attempt is a run of written steps (`9*7=63 63+2=65`) or one expression (`(9*7)+2`, with or
 * without `=65`); any word, comma or line end closes it. Notes in square brackets (`[2 63:65]`, what is left to do) are
 * passed over. Whether the writer said "yes" or "no" does not count.
 */
import {
  type ExpressionFault,
  equal,
  formatRational,
  isDigit,
  operatorAt,
  parseExpression,
  parseNumber,
  type Rational,
  rational,
  skipSpaces,
} from "../rewards/expression.ts";
import type { Answer, Verdict } from "./task.ts";

export type CountdownReason =
  | "correct"
  | "wrong-value"
  | "wrong-arithmetic"
  | "number-not-available"
  | "numbers-left"
  | "no-answer"
  | "truncated"
  | ExpressionFault;

/** Longer completions are not read. */
const longestText = 20_000;
/** An attempt has at most this many steps; a puzzle with n numbers needs n - 1. */
const mostSteps = 32;

/** One step as written: the numbers it takes from the pool and the value it gives back. */
export interface WrittenStep {
  readonly text: string;
  readonly numbers: readonly Rational[];
  /** What the left side is worth. */
  readonly value: Rational;
  /** What stands behind the `=`; null for a bare expression. */
  readonly claimed: Rational | null;
}

function isSumCharacter(text: string, at: number): boolean {
  return isDigit(text, at) || operatorAt(text, at) !== null || "()= .".includes(text[at]!);
}

/** The texts of all attempts, in order: maximal runs of sum characters and notes that hold a digit and an operator. */
export function attemptTexts(text: string): string[] {
  const attempts: string[] = [];
  let run = "";
  let digit = false;
  let operator = false;
  for (let at = 0; at <= text.length; at++) {
    const noteEnd = text[at] === "[" ? text.indexOf("]", at) : -1;
    if (noteEnd > 0) {
      run += " ";
      at = noteEnd;
      continue;
    }
    if (at < text.length && isSumCharacter(text, at)) {
      digit ||= isDigit(text, at);
      operator ||= operatorAt(text, at) !== null;
      run += text[at]!;
      continue;
    }
    if (digit && operator) attempts.push(run.trim());
    run = "";
    digit = false;
    operator = false;
    if (text[at] === "[") break; // a note without an end
  }
  return attempts;
}

/** Reads an attempt step by step; a fault where it is not a run of steps within the bounds. */
export function parseAttempt(attempt: string): readonly WrittenStep[] | ExpressionFault {
  const steps: WrittenStep[] = [];
  // A full stop after the last step belongs to the sentence, not to the sum.
  const text = attempt.endsWith(".") ? attempt.slice(0, -1).trimEnd() : attempt;
  let at = skipSpaces(text, 0);
  while (at < text.length) {
    if (steps.length === mostSteps) return "too-long";
    const left = parseExpression(text, at);
    if (!left.ok) return left.fault;
    const { value, numbers, end } = left.expression;
    let next = skipSpaces(text, end);
    let claimed: Rational | null = null;
    if (text[next] === "=") {
      const right = parseNumber(text, next + 1);
      if (!right.ok) return right.fault;
      claimed = right.expression.value;
      next = right.expression.end;
      // The next step stands apart: `9*7=63+2=65` claims that 9*7 is 63+2.
      if (next < text.length && text[next] !== " ") return "malformed";
      next = skipSpaces(text, next);
    }
    steps.push({ text: text.slice(at, next).trimEnd(), numbers, value, claimed });
    at = next;
  }
  return steps;
}

interface Finding {
  readonly reason: CountdownReason;
  /** Value that the attempt arrives at as written; null where it cannot be read. */
  readonly value: Rational | null;
}

function check(steps: readonly WrittenStep[], numbers: readonly number[], target: number): Finding {
  const pool = numbers.map((number) => rational(BigInt(number))!);
  const last = steps.at(-1)!;
  const value = last.claimed ?? last.value;
  for (const step of steps) {
    for (const number of step.numbers) {
      const found = pool.findIndex((one) => equal(one, number));
      if (found < 0) return { reason: "number-not-available", value };
      pool.splice(found, 1);
    }
    if (step.claimed !== null && !equal(step.claimed, step.value)) return { reason: "wrong-arithmetic", value };
    pool.push(step.value);
  }
  if (pool.length > 1) return { reason: "numbers-left", value };
  return { reason: equal(pool[0]!, rational(BigInt(target))!) ? "correct" : "wrong-value", value };
}

/**
 * Reward 1 for a complete answer whose last attempt uses each number once, has no wrong step, and ends at the target.
 *
 * `answer`, the form in which votes are counted: for a legal attempt its exact value, so that different ways to the same
 * value vote together; for an illegal one the value it claims behind its fault ("wrong-arithmetic 65"), so that it
 * cannot lend its vote to an honest one; null where nothing can be read (no attempt, cut off, malformed).
 */
export function gradeCountdown(answer: Answer, numbers: readonly number[], target: number): Verdict {
  const nothing = (reason: CountdownReason): Verdict => ({ reward: 0, reason, answer: null });
  if (!answer.complete) return nothing("truncated");
  if (answer.text.length > longestText) return nothing("too-long");
  const attempt = attemptTexts(answer.text).at(-1);
  if (attempt === undefined) return nothing("no-answer");
  const steps = parseAttempt(attempt);
  if (typeof steps === "string") return nothing(steps);
  const { reason, value } = check(steps, numbers, target);
  const shown = value === null ? null : formatRational(value);
  if (reason === "correct" || reason === "wrong-value")
    return { reward: reason === "correct" ? 1 : 0, reason, answer: shown };
  return { reward: 0, reason, answer: `${reason} ${shown}` };
}
