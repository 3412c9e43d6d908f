import { z } from "zod";
import type { Generated } from "../backends/backend.ts";
import type { MeasuredGroup } from "../eval/statistics.ts";
import type { Grade } from "../rewards/score.ts";
import type { Problem } from "../tasks/task.ts";
import { type AnswerLine, answerLineSchema } from "./records.ts";

/** A line of an evaluation's answers.jsonl: one answer with its grades. */
export const evalLineSchema = answerLineSchema.omit({ label: true }).extend({
  /** The endpoint counts no tokens: `tokens` is a fourth of the characters. */
  estimated: z.literal(true).exactOptional(),
});
export type EvalLine = z.output<typeof evalLineSchema>;

export function evalLine(
  problem: Problem,
  answer: Pick<Generated, "sample" | "text" | "tokens" | "finish" | "estimated"> & Grade,
): EvalLine {
  const { sample, text, tokens, finish, rewards, reward, reason, reasons, answer: given, failures, estimated } = answer;
  return {
    problem: problem.id,
    level: problem.level,
    ...(problem.family !== undefined && { family: problem.family }),
    prompt: problem.prompt,
    sample,
    text,
    tokens,
    ...(estimated && { estimated }),
    finish,
    rewards: { ...rewards },
    reward,
    reason,
    reasons: { ...reasons },
    answer: given,
    ...(failures && { failures: failures.map((failure) => ({ ...failure })) }),
  };
}

/** Answers by problem, as reports and comparisons take them; problems in the order in which they first stand there. */
export function measuredGroups(lines: readonly Omit<AnswerLine, "label">[]): MeasuredGroup[] {
  const groups = new Map<
    string,
    { problem: Problem; rollouts: (MeasuredGroup["rollouts"][number] & { sample: number })[] }
  >();
  for (const { problem: id, level, family, prompt, tokens, failures, ...rest } of lines) {
    let group = groups.get(id);
    if (group === undefined) {
      group = { problem: { id, level, prompt, ...(family !== undefined && { family }) }, rollouts: [] };
      groups.set(id, group);
    }
    group.rollouts.push({ ...rest, tokens: { length: tokens }, ...(failures && { failures }) });
  }
  for (const { rollouts } of groups.values()) rollouts.sort((a, b) => a.sample - b.sample);
  return [...groups.values()];
}
