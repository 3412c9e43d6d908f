import { z } from "zod";
import type { Plan } from "../run/plan.ts";
import { type Command, type Context, defineCommand } from "./command.ts";
import { grpoOptions, grpoRecipe } from "./grpo.ts";
import { viewFor } from "./run-options.ts";
import { sftOptions, sftRecipe } from "./sft.ts";
import type { View } from "./view.ts";

const measure = z
  .boolean()
  .default(true)
  .describe("measure this machine for ten to thirty seconds; without it there are no figures of time");

export const planGrpoCommand: Command = defineCommand({
  name: "plan grpo",
  summary: "memory and seconds a step of a grpo command on this machine, before anything loads",
  description:
    "Takes the options of grpo and prints what the run would take: memory by part and phase, seconds a step, whether it fits, and what each change would save. No weight is read; of a model on the hub only the small files are fetched.",
  examples: [
    { command: "autodidact plan grpo --model ./my-model --task ./my-task.ts", what: "every weight trained" },
    {
      command: "autodidact plan grpo --model Qwen/Qwen2.5-0.5B-Instruct --task gcd-lcm --lora --mean-length 120",
      what: "adapters, answers of about 120 tokens",
    },
  ],
  options: grpoOptions.extend({
    meanLength: z
      .int()
      .min(1)
      .optional()
      .describe("expected tokens of an answer; half of maxTokens where left out")
      .meta({ value: "N" }),
    measure,
  }),
  async run({ meanLength, measure: measures, ...options }, context) {
    const recipe = await grpoRecipe(options, context, planGrpoCommand);
    const { openTasks } = await import("../run/load-task.ts");
    const { planGrpo } = await import("../run/plan.ts");
    const task = await openTasks(recipe.task, recipe.levels, context.cwd);
    await print(context, (view) =>
      planGrpo(recipe, task, meanLength, { observer: view, signal: context.signal, measure: measures }),
    );
  },
});

export const planSftCommand: Command = defineCommand({
  name: "plan sft",
  summary: "memory and seconds a step of an sft command on this machine, before anything loads",
  description:
    "Takes the options of sft, reads the rows and prints what the run would take: memory by part and phase, seconds a step, whether it fits, and what each change would save. No weight is read; of a model on the hub only the small files are fetched.",
  examples: [{ command: "autodidact plan sft --model ./my-model --data chats.jsonl --lora", what: "adapters" }],
  options: sftOptions.extend({ measure }),
  async run({ measure: measures, ...options }, context) {
    const recipe = sftRecipe(options, context, planSftCommand);
    const { planSft } = await import("../run/plan.ts");
    await print(context, (view) => planSft(recipe, { observer: view, signal: context.signal, measure: measures }));
  },
});

async function print(context: Context, work: (view: View) => Promise<Plan>): Promise<void> {
  const { planText } = await import("../run/plan-text.ts");
  const view = viewFor(context, 0);
  let plan: Plan;
  try {
    plan = await work(view);
  } finally {
    view.close();
  }
  context.result(plan, planText(plan));
}
