/** What was tried, apart from how it was worded: for counting solutions that the corpus does not hold. */
import { formatRational, operatorAt } from "../rewards/expression.ts";
import { attemptTexts, parseAttempt, type WrittenStep } from "../tasks/countdown-answer.ts";

function normalStep({ text, numbers }: WrittenStep): string {
  const signs: string[] = [];
  for (let at = 0; at < text.length && text[at] !== "="; at++) {
    const sign = operatorAt(text, at);
    if (sign !== null) signs.push(sign);
  }
  if (numbers.length !== 2 || signs.length !== 1) {
    // A longer expression keeps its brackets: its order is in them.
    return [...(text.split("=")[0] ?? "")]
      .map((one, at) => operatorAt(text, at) ?? one)
      .filter((one) => one !== " ")
      .join("");
  }
  const [a, b] = numbers.map(formatRational) as [string, string];
  const sign = signs[0]!;
  const swap = (sign === "+" || sign === "*") && (a.length > b.length || (a.length === b.length && a > b));
  return swap ? `${b}${sign}${a}` : `${a}${sign}${b}`;
}

/**
 * The normal form of each readable attempt in a text: its steps in order with numbers and operations, operands of + and
 * * ascending, results left out (`7*9 2+63`).
 *
 * A form names the numbers it uses, and the corpus poses no puzzle with a held-out number set; its two steps may still be
 * the tail of a four-number attempt. `operationPath` asks about the course of a whole answer.
 */
export function operationSequences(text: string): string[] {
  const forms: string[] = [];
  for (const attempt of attemptTexts(text)) {
    const steps = parseAttempt(attempt);
    if (typeof steps !== "string") forms.push(steps.map(normalStep).join(" "));
  }
  return forms;
}

/**
 * The whole answer as its operations alone, attempt after attempt (`*+ +* --`): the course of a search without its
 * numbers. Two answers of the same course on different puzzles have the same path.
 */
export function operationPath(text: string): string {
  return operationSequences(text)
    .map((form) => [...form].filter((_, at) => operatorAt(form, at) !== null && at > 0).join(""))
    .join(" ");
}
