import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { corpus } from "../corpus/corpus.ts";
import { operationPath, operationSequences } from "../corpus/operations.ts";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import type { Summary } from "./summary.ts";

/** pretraining.json beside a base model: what text it has read, so that the text can be made again. */
export const pretrainingSchema = z.object({
  corpus: z.literal("countdown"),
  seed: z.int(),
  documents: z.int().nonnegative(),
});
export type Pretraining = z.infer<typeof pretrainingSchema>;

/** Documents between two breaths, so that the terminal stays alive. */
const BREATH = 2000;

/**
 * Counts solved held-out problems whose solution, as a sequence of operations, stands nowhere in the base's corpus: it
 * cannot have been copied. The tail of a longer attempt counts as seen. The second count leaves the
 * numbers out and asks whether the course of the whole answer was ever seen. The corpus is made again from its seed and searched whole. null where the model's corpus is
 * not known.
 */
export async function countNovelSolutions(
  model: string,
  answers: readonly Group<Scored>[],
  onProgress: (fraction: number) => void,
): Promise<Summary["novelSolutions"]> {
  const pretraining = await readPretraining(model);
  if (pretraining === null) return null;
  const solved = answers.flatMap(({ rollouts }) => {
    const right = rollouts.find(({ rewards }) => rewards.accuracy === 1);
    const sequence = right && operationSequences(right.text).at(-1);
    return right === undefined || sequence === undefined ? [] : [{ sequence, path: operationPath(right.text) }];
  });
  const unseen = new Set(solved.map(({ sequence }) => sequence));
  const unseenPaths = new Set(solved.map(({ path }) => path));
  let checkedSequences = 0;
  let read = 0;
  for (const { text } of corpus(pretraining.seed)) {
    if (read === pretraining.documents) break;
    for (const sequence of operationSequences(text)) {
      checkedSequences++;
      // The end of a longer attempt counts as seen too: a four-number puzzle becomes one with three.
      for (let at = 0; at >= 0; at = sequence.indexOf(" ", at) + 1 || -1) unseen.delete(sequence.slice(at));
    }
    unseenPaths.delete(operationPath(text));
    if (++read % BREATH !== 0) continue;
    onProgress(read / pretraining.documents);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    count: solved.filter(({ sequence }) => unseen.has(sequence)).length,
    solved: solved.length,
    checkedSequences,
    novelCourses: solved.filter(({ path }) => unseenPaths.has(path)).length,
  };
}

async function readPretraining(model: string): Promise<Pretraining | null> {
  try {
    return pretrainingSchema.parse(JSON.parse(await readFile(join(model, "pretraining.json"), "utf8")));
  } catch {
    return null;
  }
}
