import { reflectiveWords } from "../eval/reflection.ts";
import type { Run } from "./reader.ts";
import type { AnswerLine, EvaluationLine, GrpoLine, RolloutLine } from "./records.ts";
import type { Summary } from "./summary.ts";

/** What a report tells, gathered from a run. */
export interface ReportData {
  readonly summary: Summary;
  readonly metrics: readonly GrpoLine[];
  /** In order of steps; the first is the base, the last the trained model. */
  readonly evaluations: readonly EvaluationLine[];
  readonly words: readonly WordHistory[];
  readonly examples: readonly Example[];
  /** Answers to one problem in a step. */
  readonly groupSize: number;
  readonly rewardParts: readonly RewardPart[];
}

/** One grader; its means over the held-out answers of the first and the last measurement, NaN where not recorded. */
export interface RewardPart {
  readonly name: string;
  readonly weight: number;
  readonly before: number;
  readonly after: number;
}

/** How one reflective word came into use. */
export interface WordHistory {
  readonly word: string;
  /** Uses per answer in the base's held-out answers, or in the first step's rollouts where those were not kept. */
  readonly baseRate: number;
  /** Uses per answer in the rollouts of the last `window` steps. */
  readonly finalRate: number;
  /** First step whose rollouts have it; null: never. */
  readonly firstStep: number | null;
  /** First step at which the mean of the last `window` steps is above twice the base rate; null: never. */
  readonly doubledStep: number | null;
}

/** Steps over which a word's rate is averaged, so that one lucky batch is not called a habit. */
export const wordWindow = 5;

/** One held-out problem, answered by both. */
export interface Example {
  readonly before: AnswerLine;
  readonly after: AnswerLine;
}

/** Reads a run's rollouts once, step by step. */
export async function collectReport(
  run: Run,
  summary: Summary,
  words: readonly string[] = [...reflectiveWords.english, ...reflectiveWords.chinese],
): Promise<ReportData> {
  const counts = await countWords(run.rollouts(), words);
  const baseAnswers = run.answers.filter(({ label }) => label === "before");
  const evaluations = [...run.evaluations].sort((a, b) => a.step - b.step);
  const metrics = run.metrics.filter((line) => line.kind === "grpo");
  return {
    summary,
    metrics,
    evaluations,
    words: words.map((word, i) => history(word, i, counts.steps, baseAnswers)),
    examples: examples(run.answers),
    groupSize: counts.groupSize,
    rewardParts: rewardParts(evaluations),
  };
}

function rewardParts(evaluations: readonly EvaluationLine[]): RewardPart[] {
  const [first, last] = [evaluations[0]?.rewardParts ?? {}, evaluations.at(-1)?.rewardParts ?? {}];
  return Object.entries(last).map(([name, { weight, mean }]) => ({
    name,
    weight,
    before: first[name]?.mean ?? Number.NaN,
    after: mean,
  }));
}

interface StepCounts {
  readonly step: number;
  answers: number;
  /** Uses of each word. */
  readonly uses: number[];
}

async function countWords(
  rollouts: AsyncIterable<RolloutLine>,
  words: readonly string[],
): Promise<{ steps: StepCounts[]; groupSize: number }> {
  const steps: StepCounts[] = [];
  const matchers = words.map(matcher);
  let groupSize = 0;
  for await (const line of rollouts) {
    let last = steps.at(-1);
    if (last?.step !== line.step) {
      last = { step: line.step, answers: 0, uses: words.map(() => 0) };
      steps.push(last);
    }
    last.answers++;
    groupSize = Math.max(groupSize, line.sample + 1);
    matchers.forEach((match, i) => {
      last.uses[i]! += count(line.text, match);
    });
  }
  return { steps, groupSize };
}

/** As countReflectiveWords counts: English ones as whole words in any case, others wherever they stand. */
function matcher(word: string): RegExp {
  return /^[a-z]+$/.test(word) ? new RegExp(`(?<![a-z])${word}(?![a-z])`, "gi") : new RegExp(word, "g");
}

function count(text: string, match: RegExp): number {
  return text.match(match)?.length ?? 0;
}

function history(word: string, index: number, steps: readonly StepCounts[], base: readonly AnswerLine[]): WordHistory {
  const rate = (some: readonly StepCounts[]): number => {
    const answers = some.reduce((sum, step) => sum + step.answers, 0);
    return answers === 0 ? 0 : some.reduce((sum, step) => sum + step.uses[index]!, 0) / answers;
  };
  const match = matcher(word);
  const baseRate =
    base.length > 0
      ? base.reduce((sum, { text }) => sum + count(text, match), 0) / base.length
      : rate(steps.slice(0, 1));
  const doubled = steps.findIndex(
    (_, i) => i + 1 >= wordWindow && rate(steps.slice(i + 1 - wordWindow, i + 1)) > 2 * baseRate,
  );
  return {
    word,
    baseRate,
    finalRate: rate(steps.slice(-wordWindow)),
    firstStep: steps.find((step) => step.uses[index]! > 0)?.step ?? null,
    doubledStep: steps[doubled]?.step ?? null,
  };
}

/**
 * Five problems that both answered, chosen before anything is known of the answers: the first of each level, in the
 * order of the held-out set, then the second of each; sample 0 of each.
 */
function examples(answers: readonly AnswerLine[], wanted = 5): Example[] {
  const first = answers.filter(({ sample }) => sample === 0);
  const after = new Map(first.filter(({ label }) => label === "after").map((line) => [line.problem, line]));
  const seen = new Map<number, number>();
  return first
    .filter(({ label, problem }) => label === "before" && after.has(problem))
    .map((before) => {
      const rank = seen.get(before.level) ?? 0;
      seen.set(before.level, rank + 1);
      return { rank, before, after: after.get(before.problem)! };
    })
    .sort((a, b) => a.rank - b.rank || a.before.level - b.before.level)
    .slice(0, wanted)
    .sort((a, b) => a.before.level - b.before.level)
    .map(({ before, after }) => ({ before, after }));
}
