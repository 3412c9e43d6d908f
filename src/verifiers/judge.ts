import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import type { Answer, Problem, Reward, Verdict } from "../tasks/task.ts";
import { askJudge, type JudgeCalls, type JudgeEndpoint, judgeCalls } from "./judge-endpoint.ts";
import { pairwisePrompt, readPairwise, readScore, scorePrompt } from "./judge-prompt.ts";
import { splitThinking } from "./think.ts";

/**
 * A reward given by another model. Such rewards get hacked: in the paper's own experiment the reward of a preference model
 * rose while the benchmark fell (section B.5), and no model judges reasoning there. Use it for what no rule can grade, for
 * the last few hundred steps only, with a rule-graded benchmark beside it.
 */
export const judgeWarning =
  "a judge's reward gets hacked: watch a benchmark graded by rule beside it, and stop when the reward rises and that falls";

export interface JudgeOptions<P extends Problem = Problem> extends JudgeEndpoint {
  /** "score": 0 to 10 for each answer. "pairwise": against another answer to the same problem. */
  readonly mode: "score" | "pairwise";
  /** What a good answer is, in words. */
  readonly rubric: string;
  /** @default 1 */
  readonly weight?: number;
  /** Judgements of one answer or pair; half of a pair's in either order. @default 4, as in the paper */
  readonly judgements?: number;
  /** What the answer is compared with; needed for "pairwise". */
  readonly against?: (problem: P) => string;
  /**
   * Pairwise: mean verdict, -2 to 2, that it takes to win or lose; anything less is a draw.
   *
   * @default 1: the paper keeps preferences beyond it
   */
  readonly clearWin?: number;
  /** What the judge sees: the text behind the thinking (the paper's choice for helpfulness), or all of it. @default "answer" */
  readonly sees?: "answer" | "all";
  /** Longest answer shown to the judge, in characters; a longer one is not judged. @default 20000 */
  readonly maxCharacters?: number;
  /** Hears the warning once. @default console.warn */
  readonly onWarning?: (text: string) => void;
}

/** One judged pair: the mean of the verdicts, -2 (the other is much better) to 2 (this one is). */
export interface Judgement {
  readonly mean: number;
  readonly verdicts: readonly number[];
}

/**
 * A reward given by a model behind an OpenAI-compatible endpoint. "score": the mean of the marks, divided by 10. "pairwise":
 * 1 for a clear win over `against`, 0.5 for a draw, 0 for a clear loss; the order of the two changes from judgement to
 * judgement, since judges like the first. Answers are data to the judge, fenced by a mark they cannot know.
 *
 * Reasons: "judged" (score), "win", "draw", "loss", "truncated", "empty", "too-long", "judge-unreadable" (no judgement could be read).
 * A judge that cannot be reached, or a spent budget, is thrown: it says nothing of the answer.
 *
 * @throws JUDGE_OPTIONS; while grading JUDGE_BUDGET, JUDGE_REFUSED, JUDGE_UNREACHABLE
 */
export function judge<P extends Problem>(options: JudgeOptions<P>): Reward<P> {
  const { mode, against, judgements = 4, clearWin = 1, weight = 1, maxCharacters = 20_000 } = options;
  checkOptions(options, mode === "pairwise");
  if (mode === "pairwise" && against === undefined) {
    throw new AutodidactError(
      "JUDGE_OPTIONS",
      'against is missing; "pairwise" needs an answer to compare with, or take mode "score"',
    );
  }
  const calls = judgeCalls(options);
  const warn = once(options.onWarning ?? ((text: string) => console.warn(`judge: ${text}`)));
  return {
    weight,
    // Waiting for its turn and for retries is no fault of the answer.
    deadline: 600,
    async verify(answer: Answer, problem: P): Promise<Verdict> {
      warn(judgeWarning);
      if (!answer.complete) return { reward: 0, reason: "truncated" };
      const seen = (options.sees === "all" ? answer.text : splitThinking(answer.text).answer).trim();
      if (seen === "") return { reward: 0, reason: "empty" };
      if (seen.length > maxCharacters) return { reward: 0, reason: "too-long" };
      if (mode === "score") {
        const marks = await scores(calls, options, problem.prompt, seen, judgements);
        if (marks.length === 0) return { reward: 0, reason: "judge-unreadable" };
        return { reward: average(marks) / 10, reason: "judged" };
      }
      const judged = await compare(calls, options, problem.prompt, seen, against!(problem), judgements);
      if (judged.verdicts.length === 0) return { reward: 0, reason: "judge-unreadable" };
      if (judged.mean > clearWin) return { reward: 1, reason: "win" };
      return judged.mean < -clearWin ? { reward: 0, reason: "loss" } : { reward: 0.5, reason: "draw" };
    },
  };
}

export interface Preference {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly mean: number;
}

/**
 * The paper's way of making preference pairs (section 3.1): four judgements of each pair, order shuffled, and only those kept
 * whose mean verdict is beyond `clearWin`. Pairs that are not clear, or whose judgements could not be read, are left out.
 *
 * @throws JUDGE_OPTIONS, JUDGE_BUDGET, JUDGE_REFUSED, JUDGE_UNREACHABLE
 */
export async function preferences(
  pairs: readonly { readonly prompt: string; readonly a: string; readonly b: string }[],
  options: Omit<JudgeOptions, "mode" | "against" | "weight" | "sees">,
): Promise<Preference[]> {
  checkOptions(options, true);
  const { judgements = 4, clearWin = 1 } = options;
  (options.onWarning ?? ((text: string) => console.warn(`judge: ${text}`)))(judgeWarning);
  const calls = judgeCalls(options);
  const judged = await Promise.all(pairs.map(({ prompt, a, b }) => compare(calls, options, prompt, a, b, judgements)));
  return pairs.flatMap(({ prompt, a, b }, i): Preference[] => {
    const { mean } = judged[i]!;
    if (mean > clearWin) return [{ prompt, chosen: a, rejected: b, mean }];
    return mean < -clearWin ? [{ prompt, chosen: b, rejected: a, mean }] : [];
  });
}

type Asked = Pick<JudgeOptions, "model" | "rubric">;

async function scores(
  calls: JudgeCalls,
  { rubric }: Asked,
  question: string,
  answer: string,
  count: number,
): Promise<number[]> {
  const marks = Array.from({ length: count }, async (_, i) =>
    readScore(await askJudge(calls, scorePrompt(rubric, question, answer), i)),
  );
  return (await settled(marks)).filter((mark) => mark !== null);
}

/** Half of the judgements see `a` first and half `b`; which of them begin is drawn by the texts, so that it repeats. */
async function compare(
  calls: JudgeCalls,
  { rubric }: Asked,
  question: string,
  a: string,
  b: string,
  count: number,
): Promise<Judgement> {
  const first = random("judge", question, a, b).chance(0.5) ? 0 : 1;
  const verdicts = Array.from({ length: count }, async (_, i) => {
    const swapped = (i + first) % 2 === 1;
    const prompt = swapped ? pairwisePrompt(rubric, question, b, a) : pairwisePrompt(rubric, question, a, b);
    const verdict = readPairwise(await askJudge(calls, prompt, i));
    return verdict === null ? null : swapped ? -verdict : verdict;
  });
  const read = (await settled(verdicts)).filter((verdict) => verdict !== null);
  // With judgements missing on one side, the order could decide: then there is no verdict.
  return read.length < count ? { mean: 0, verdicts: [] } : { mean: average(read), verdicts: read };
}

/** All results, or the first failure once none is under way any more. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function once(call: (text: string) => void): (text: string) => void {
  let called = false;
  return (text) => {
    if (!called) call(text);
    called = true;
  };
}

function checkOptions(
  { rubric, judgements = 4, clearWin = 1 }: Pick<JudgeOptions, "rubric" | "judgements" | "clearWin">,
  pairs: boolean,
): void {
  const refuse = (message: string): never => {
    throw new AutodidactError("JUDGE_OPTIONS", message);
  };
  if (rubric.trim() === "") refuse("rubric is empty; say what a good answer is");
  if (!Number.isInteger(judgements) || judgements < 1 || judgements > 100) {
    refuse(`judgements ${judgements} must be a whole number from 1 to 100`);
  }
  if (pairs && judgements % 2 !== 0) {
    refuse(`judgements ${judgements} must be even, so that each order is seen as often; take ${judgements + 1}`);
  }
  if (!(clearWin >= 0 && clearWin < 2)) refuse(`clearWin ${clearWin} must be at least 0 and less than 2`);
}
