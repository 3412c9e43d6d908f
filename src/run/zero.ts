import { AutodidactError } from "../errors.ts";
import type { ZeroRecipe } from "../recipe/schema.ts";
import { countdown } from "../tasks/countdown.ts";
import { runGrpo } from "./grpo.ts";
import { locateModel } from "./locate-model.ts";
import { countNovelSolutions } from "./novelty.ts";
import type { RunControl } from "./observer.ts";
import type { Summary } from "./summary.ts";

/** R1-Zero in the small world: a run of reinforcement learning on Countdown, and a look whether answers were copied. */
export function runZero(recipe: ZeroRecipe, control: RunControl): Promise<Summary> {
  return runGrpo(recipe, control, {
    task: countdown({ levels: recipe.levels }),
    checkModel: ({ config }) => checkLength(recipe, config.max_position_embeddings),
    countNovel: async (answers, onProgress) => {
      // The run has read it: the cache has the very copy.
      const { path } = await locateModel(recipe.model, { signal: control.signal, hub: { offline: true } });
      return countNovelSolutions(path, answers, onProgress);
    },
  });
}

/** The longest Countdown question, in tokens, with room to spare. */
const PROMPT_ROOM = 40;

function checkLength({ maxTokens }: ZeroRecipe, positions: number): void {
  if (maxTokens + PROMPT_ROOM > positions)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `maxTokens: is ${maxTokens}; with a question of up to ${PROMPT_ROOM} tokens that exceeds the model's ${positions} positions; give at most ${positions - PROMPT_ROOM}`,
    );
}
