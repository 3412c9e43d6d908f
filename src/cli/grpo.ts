import { z } from "zod";
import { presetNames } from "../losses/objective-schema.ts";
import { grpoDefaults, loraLearningRate } from "../recipe/defaults.ts";
import { recipeAsking } from "../recipe/model-fields.ts";
import { type GrpoRecipe, grpoSchema, parseReinforcement } from "../recipe/schema.ts";
import { type Command, type Context, defineCommand } from "./command.ts";
import {
  adapterFlags,
  assemble,
  modelName,
  modelSpec,
  outPath,
  printRun,
  recipeBelow,
  required,
  runOptions,
  trainedOptions,
  understood,
  untilStopped,
  viewFor,
} from "./run-options.ts";
import { summaryLines } from "./view-text.ts";

export const grpoOptions = z.object({
  model: trainedOptions.model,
  task: z
    .string()
    .min(1)
    .optional()
    .describe("name as in task list, several with commas between, or a .ts or .js file; required unless --resume")
    .meta({ value: "NAME|FILE" }),
  out: z.string().min(1).default("runs/grpo").describe("run directory").meta({ value: "DIR" }),
  lora: trainedOptions.lora,
  hold: trainedOptions.hold,
  system: z.string().min(1).optional().describe("system message before every question").meta({ value: "TEXT" }),
  template: z
    .string()
    .min(1)
    .optional()
    .describe('text around {prompt} in place of the chat template, or "r1-zero"')
    .meta({ value: "TEXT" }),
  stop: z.array(z.string().min(1)).default([]).describe("text behind which an answer ends").meta({ value: "TEXT" }),
  steps: z.int().min(1).optional().describe("updates of reinforcement learning").meta({ value: "N" }),
  problemsPerStep: z.int().min(1).optional().describe("questions a step").meta({ value: "N" }),
  groupSize: z.int().min(2).optional().describe("G, answers to each question").meta({ value: "N" }),
  maxTokens: z.int().min(2).optional().describe("token limit of an answer").meta({ value: "N" }),
  learningRate: trainedOptions.learningRate,
  preset: z.enum(presetNames).optional().describe("published objective to start from"),
  ...runOptions,
});

/** The recipe that a command line asks for. */
export async function grpoRecipe(
  options: z.output<typeof grpoOptions>,
  context: Context,
  command: Command,
): Promise<GrpoRecipe> {
  const { system, template, steps, problemsPerStep, groupSize, maxTokens, preset } = options;
  const { fullTaskSpec } = await import("../run/load-task.ts");
  const { below, resumed } = recipeBelow(context, options, grpoDefaults);
  const { model, task } = resumed
    ? options
    : { model: required(options.model, command, "model"), task: required(options.task, command, "task") };
  const flags = {
    model: model && modelSpec(context, model),
    task: task && fullTaskSpec(task, context.cwd),
    ...adapterFlags(options, resumed, loraLearningRate),
    system,
    template,
    stop: options.stop.length > 0 ? options.stop : undefined,
    steps,
    problemsPerStep,
    groupSize,
    maxTokens,
    "objective.preset": preset,
  };
  const recipe = understood(() => parseReinforcement(grpoSchema, assemble(below, flags, options)));
  understood(() => recipeAsking(recipe));
  return recipe;
}

export const grpo: Command = defineCommand({
  name: "grpo",
  summary: "reinforcement learning of any model on any task",
  description:
    "Measures a model on a task's held-out problems, lets it write several answers to each training problem, grades them against each other by the task's own rewards, strengthens what beats the group, and measures again. Writes everything, with a report, into the run directory; the result is a model directory, or with --lora an adapter in PEFT's format.",
  examples: [
    {
      command: "autodidact grpo --model HuggingFaceTB/SmolLM2-135M-Instruct --task arithmetic --set levels=[1]",
      what: "a small open model on sums",
    },
    {
      command: "autodidact grpo --model ./my-model --task ./my-task.ts --lora --out runs/mine",
      what: "your model, your task, adapters only",
    },
    {
      command: "autodidact grpo --model ./my-model --task gcd-lcm,zebra --dry-run",
      what: "a mixture; print every setting and stop",
    },
    {
      command: "autodidact grpo --model ./base --task ./my-task.ts --template r1-zero --preset r1-zero",
      what: "a base model, asked as in the paper",
    },
  ],
  options: grpoOptions,
  async run(options, context) {
    const recipe = await grpoRecipe(options, context, grpo);
    const path = outPath(context, options.out);
    const asking = recipeAsking(recipe);
    if (options.dryRun) {
      await printRun(context, recipe);
      return;
    }
    const { openTasks } = await import("../run/load-task.ts");
    const { runGrpo } = await import("../run/grpo.ts");
    const { checkPrompts } = await import("../run/check-prompts.ts");
    const task = await openTasks(recipe.task, recipe.levels, context.cwd);
    const { maxTokens: limit, seed, evaluation } = recipe;
    const view = viewFor(context, recipe.steps);
    const summary = await untilStopped(view, options.out, "grpo", () =>
      runGrpo(
        recipe,
        { path, resume: options.resume, command: context.commandLine, signal: context.signal, observer: view },
        {
          task,
          named: { model: modelName(context, recipe.model), task: task.name },
          checkModel: (model) =>
            checkPrompts(model, task, asking, { maxTokens: limit, heldOut: evaluation.problems, seed }),
        },
      ),
    );
    context.result(summary, [...summaryLines(summary), `report: ${path}/report.html`].join("\n"));
  },
});
