import { AutodidactError } from "../errors.ts";
import type { Asking } from "../model/policy.ts";
import { random } from "../random.ts";
import { promptTokens } from "../rollout/collect.ts";
import { type Problem, type Task, takeProblems } from "../tasks/task.ts";
import type { ModelFrame } from "./trained-model.ts";

/** Training problems that are looked at; a task may have an endless number. */
const LOOKED_AT = 200;

/**
 * Refuses questions that leave no room for an answer, before anything is sampled. All held-out problems of the
 * measurements are asked, and the first training problems.
 *
 * @throws AutodidactError RECIPE_INVALID naming the longest question; CHAT_TEMPLATE and TOKENIZER_CHARACTER where the model cannot be asked at all
 */
export function checkPrompts(
  { config, tokenizer }: Pick<ModelFrame, "config" | "tokenizer">,
  task: Task,
  asking: Asking,
  { maxTokens, heldOut, seed }: { readonly maxTokens: number; readonly heldOut: number; readonly seed: number },
): void {
  const positions = config.max_position_embeddings;
  const streams = [
    ["eval", random("eval"), heldOut],
    ["train", random(seed, "problems", 1), LOOKED_AT],
  ] as const;
  let longest: { problem: Problem; length: number } | undefined;
  for (const [split, stream, count] of streams) {
    const problems = takeProblems(task.problems(split, stream)[Symbol.iterator](), count);
    if (problems.length === 0)
      throw new AutodidactError(
        "TASK_PROBLEMS",
        `task ${task.name} has no ${split === "eval" ? "held-out" : "training"} problem; give it some`,
      );
    for (const problem of problems) {
      const { length } = promptTokens({ tokenizer, asking }, problem);
      if (longest === undefined || length > longest.length) longest = { problem, length };
    }
  }
  if (longest === undefined || longest.length + maxTokens <= positions) return;
  const { problem, length } = longest;
  const remedy =
    length + 2 <= positions
      ? `give at most ${positions - length}`
      : `problem ${problem.id} alone is too long; leave it out, or take a model with more positions`;
  throw new AutodidactError(
    "RECIPE_INVALID",
    `maxTokens: is ${maxTokens}; with a question of ${length} tokens (${problem.id}) that exceeds the model's ${positions} positions; ${remedy}`,
  );
}
