import type { Verdict } from "../tasks/task.ts";
import { readAnswer } from "./answer.ts";
import { checkGold, compareRead, type MathsComparison, readGold } from "./compare.ts";
import type { EqualityOptions } from "./equal.ts";
import { type ExtractOptions, extractAnswers } from "./extract.ts";
import { mathsLimits } from "./limits.ts";
import { normalForm } from "./normal-form.ts";

export interface MathsOptions extends ExtractOptions, EqualityOptions {
  /** False where the token limit cut the completion off: it then earns nothing, since its last number is not its answer. */
  readonly complete?: boolean;
}

export type MathsReason = MathsComparison["reason"] | "truncated";

/** A gold as data sets write it: the answer itself, $x$, \boxed{x}, "... #### 5", or a whole solution with a box. */
export function goldAnswer(gold: string): string {
  const marked = extractAnswers(gold, { sources: ["boxed", "tag", "hashes"] })[0];
  if (marked !== undefined) return marked.text;
  if (gold.length <= 200 && !/\b(?:answer|solution)\b.*\bis\b/i.test(gold)) return gold;
  return extractAnswers(gold, { sources: ["whole", "phrase", "formula"] })[0]?.text ?? gold;
}

/**
 * Grades what a model wrote, a whole completion or a bare answer, against the right answer: reward 1 or 0, the reason, and
 * the normal form of the answer for majority votes. Never throws because of `text`; its time is bounded by `mathsLimits`.
 * @throws AutodidactError MATHS_GOLD for a gold that is empty or beyond the limits
 */
export function gradeMaths(text: string, gold: string, options: MathsOptions = {}): Verdict {
  const right = goldAnswer(gold);
  checkGold(right);
  const none = (reason: MathsReason): Verdict => ({ reward: 0, reason, answer: null });
  if (options.complete === false) return none("truncated");
  if (text.length > mathsLimits.text) return none("too-long");
  const [found] = extractAnswers(text, options);
  if (found === undefined) {
    // Text that holds no formula and no number may still be the answer: "Evelyn".
    const words = options.mode === "strict" || options.sources !== undefined ? "" : text.trim();
    if (words === "" || words.length > 200) return none("no-answer");
    return verdict(words, right, options);
  }
  const graded = verdict(found.text, right, options);
  if (graded.reward === 1 || found.source === "boxed") return graded;
  // An answer in words with a number in it ("May 5, 2020") is compared as a whole, too.
  const whole = found.sentence ?? text.trim();
  const asked = found.sentence !== undefined || (options.mode !== "strict" && options.sources === undefined);
  return asked && whole.length <= 200 && sameWords(whole, right) ? verdict(whole, right, options) : graded;
}

function sameWords(text: string, gold: string): boolean {
  const [a, b] = [readAnswer(text), readGold(gold)];
  return a.literal === b.literal || (a.words !== null && a.words === b.words);
}

function verdict(text: string, gold: string, options: MathsOptions): Verdict {
  const answer = readAnswer(text);
  const { equal, reason } = compareRead(readGold(gold), answer, options);
  return { reward: equal ? 1 : 0, reason, answer: normalForm(answer) };
}
