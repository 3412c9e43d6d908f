import { z } from "zod";
import { presetNames } from "../losses/objective-schema.ts";
import { quickDefaults, shippedModel, zeroDefaults } from "../recipe/defaults.ts";
import { parseReinforcement, zeroSchema } from "../recipe/schema.ts";
import { defineCommand } from "./command.ts";
import {
  assemble,
  modelSpec,
  outPath,
  printRun,
  recipeBelow,
  runOptions,
  understood,
  untilStopped,
  viewFor,
} from "./run-options.ts";
import { summaryLines } from "./view-text.ts";

export const zero = defineCommand({
  name: "zero",
  summary: "R1-Zero on this machine: a small base model learns to reason by reinforcement alone",
  description:
    "Measures a small base model on number puzzles, lets it write 16 answers to each question, grades them against each other by a rule, strengthens what beats the group, and measures again. No solution is shown to it and nothing but right answers is rewarded. Writes everything, with a report, into the run directory.",
  examples: [
    { command: "autodidact zero", what: "the whole run" },
    { command: "autodidact zero --quick --out runs/quick", what: "a visible rise in a minute or two" },
    { command: "autodidact zero --resume", what: "go on with a run that was stopped" },
    {
      command: "autodidact zero --preset r1-zero --set objective.minibatches=1 --out runs/r1",
      what: "another objective",
    },
  ],
  options: z.object({
    out: z.string().min(1).default("runs/zero").describe("run directory").meta({ value: "DIR" }),
    quick: z.boolean().default(false).describe("few steps and a small measurement"),
    model: z
      .string()
      .min(1)
      .optional()
      .describe("base model, as sample takes it; the shipped one where left out")
      .meta({ value: "MODEL" }),
    steps: z.int().min(1).optional().describe("updates of reinforcement learning").meta({ value: "N" }),
    problemsPerStep: z.int().min(1).optional().describe("questions a step").meta({ value: "N" }),
    groupSize: z.int().min(2).optional().describe("G, answers to each question").meta({ value: "N" }),
    maxTokens: z.int().min(2).optional().describe("token limit of an answer").meta({ value: "N" }),
    learningRate: z.number().positive().optional().describe("highest learning rate").meta({ value: "RATE" }),
    preset: z.enum(presetNames).optional().describe("published objective to start from"),
    ...runOptions,
  }),
  async run(options, context) {
    const { quick, model, steps, problemsPerStep, groupSize, maxTokens, learningRate, preset } = options;
    const path = outPath(context, options.out);
    const { below, resumed } = recipeBelow(context, options, zeroDefaults);
    const flags = {
      model: model !== undefined ? modelSpec(context, model) : resumed ? undefined : shippedModel,
      steps,
      problemsPerStep,
      groupSize,
      maxTokens,
      "schedule.learningRate": learningRate,
      "objective.preset": preset,
    };
    const start = quick ? { ...below, ...quickDefaults } : below;
    const recipe = understood(() => parseReinforcement(zeroSchema, assemble(start, flags, options)));
    if (options.dryRun) {
      await printRun(context, recipe);
      return;
    }
    const { runZero } = await import("../run/zero.ts");
    const view = viewFor(context, recipe.steps);
    const { resume } = options;
    const summary = await untilStopped(view, options.out, "zero", () =>
      runZero(recipe, { path, resume, command: context.commandLine, signal: context.signal, observer: view }),
    );
    context.result(summary, [...summaryLines(summary), `report: ${path}/report.html`].join("\n"));
  },
});
