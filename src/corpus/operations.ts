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
 * A form names the numbers it uses, and held-out problems share no number set with the corpus, so a full solution of a
 * held-out problem cannot be in the corpus by construction; the count confirms that the split holds. `operationPath` is
 * the question that the split does not answer.
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
