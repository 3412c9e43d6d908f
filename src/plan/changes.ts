import type { GrpoRecipe, SftRecipe } from "../recipe/schema.ts";
import { memory, peak } from "./memory.ts";
import { type Speed, stepSeconds } from "./seconds.ts";
import type { Workload } from "./workload.ts";

/** A change to a recipe that saves memory, and what the run would then need. */
export interface Change {
  /** As it is written on the command line. */
  readonly option: string;
  readonly peakBytes: number;
  /** Of a step; null where nothing was measured, or where another way of holding weights would have to be. */
  readonly seconds: number | null;
}

interface Candidate {
  readonly option: string;
  readonly changed: Readonly<Record<string, unknown>>;
}

const lora = { rank: 16, alpha: 32, dropout: 0, targetModules: "all-linear", rslora: false };

/** One thing at a time, except that held weights need adapters. */
function candidates(recipe: GrpoRecipe | SftRecipe, maxRows: number): Candidate[] {
  const list: Candidate[] = [];
  if (recipe.lora === null) list.push({ option: "--lora", changed: { lora } });
  for (const hold of ["bfloat16", "int8"] as const)
    if (recipe.hold !== hold && recipe.hold !== "int8")
      list.push({
        option: `${recipe.lora === null ? "--lora " : ""}--hold ${hold}`,
        changed: { lora: recipe.lora ?? lora, hold },
      });
  const slotBudget = Math.max(256, Math.floor((recipe.slotBudget ?? 4096) / 4));
  if (slotBudget < (recipe.slotBudget ?? 4096))
    list.push({ option: `--set slotBudget=${slotBudget}`, changed: { slotBudget } });
  if ("maxTokens" in recipe) {
    const { maxTokens, groupSize } = recipe;
    if (maxTokens >= 64)
      list.push({ option: `--max-tokens ${maxTokens >> 1}`, changed: { maxTokens: maxTokens >> 1 } });
    if (groupSize >= 8) list.push({ option: `--group-size ${groupSize >> 1}`, changed: { groupSize: groupSize >> 1 } });
    if (maxRows > 16) list.push({ option: `--set maxRows=${maxRows >> 2}`, changed: { maxRows: maxRows >> 2 } });
  } else if (recipe.maxLength >= 128)
    list.push({ option: `--max-length ${recipe.maxLength >> 1}`, changed: { maxLength: recipe.maxLength >> 1 } });
  return list;
}

/** What saves memory, most first; nothing that saves less than a fiftieth. */
export function changes<R extends GrpoRecipe | SftRecipe>(
  recipe: R,
  now: number,
  workloadOf: (recipe: R) => Workload,
  speed: Speed | null,
): Change[] {
  return candidates(recipe, workloadOf(recipe).sampling?.maxRows ?? 0)
    .map(({ option, changed }) => {
      const load = workloadOf({ ...recipe, ...changed });
      const seconds = speed === null || load.hold !== recipe.hold ? null : stepSeconds(load, speed).total;
      return { option, peakBytes: peak(memory(load)).total, seconds };
    })
    .filter(({ peakBytes }) => peakBytes < 0.98 * now)
    .sort((a, b) => a.peakBytes - b.peakBytes);
}
