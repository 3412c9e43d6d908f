import { z } from "zod";
import { pretrainDefaults } from "../recipe/defaults.ts";
import { parseRecipe, pretrainSchema } from "../recipe/schema.ts";
import { defineCommand } from "./command.ts";
import { assemble, outPath, recipeBelow, runOptions, understood, untilStopped, viewFor } from "./run-options.ts";

export const pretrain = defineCommand({
  name: "pretrain",
  summary: "make the small world's base model from a generated corpus",
  description:
    "Generates text of sloppy puzzle solving and arithmetic and trains a small character model on it once. The result is a model directory in Hugging Face's layout, the starting point of `autodidact zero`.",
  examples: [
    { command: "autodidact pretrain --out runs/base", what: "the base model that ships with the package" },
    { command: "autodidact pretrain --tokens 2000000 --width 64 --out runs/small", what: "a smaller one, sooner" },
  ],
  options: z.object({
    out: z
      .string()
      .min(1)
      .default("runs/base")
      .describe("run directory; the model is in its folder model")
      .meta({ value: "DIR" }),
    tokens: z.int().min(1).optional().describe("characters of the corpus to read").meta({ value: "N" }),
    width: z.int().min(32).optional().describe("hidden_size, a multiple of 32").meta({ value: "N" }),
    layers: z.int().min(1).optional().describe("num_hidden_layers").meta({ value: "N" }),
    learningRate: z.number().positive().optional().describe("highest learning rate").meta({ value: "RATE" }),
    ...runOptions,
  }),
  async run(options, context) {
    const { tokens, width, layers, learningRate } = options;
    const path = outPath(context, options.out);
    const { below } = recipeBelow(context, options, pretrainDefaults);
    const flags = { tokens, width, layers, "schedule.learningRate": learningRate };
    const recipe = understood(() => parseRecipe(pretrainSchema, assemble(below, flags, options)));
    if (options.dryRun) {
      context.result(recipe, JSON.stringify(recipe, null, 2));
      return;
    }
    const { pretrain: run } = await import("../run/pretrain.ts");
    const view = viewFor(context, Math.max(1, Math.floor(recipe.tokens / recipe.tokensPerStep)));
    const { resume } = options;
    const result = await untilStopped(view, options.out, "pretrain", () =>
      run(recipe, { path, resume, command: context.commandLine, signal: context.signal, observer: view }),
    );
    context.result(
      result,
      `${result.model}: ${result.parameters} parameters, held-out loss ${result.heldOutLoss.toFixed(4)} nats a character, ${Math.round(result.seconds)} s`,
    );
  },
});
