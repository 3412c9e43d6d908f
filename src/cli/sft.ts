import { existsSync } from "node:fs";
import { z } from "zod";
import { sftDefaults, sftLoraLearningRate } from "../recipe/defaults.ts";
import { recipeAsking } from "../recipe/model-fields.ts";
import { parseRecipe, type SftRecipe, sftSchema } from "../recipe/schema.ts";
import { type Command, type Context, defineCommand } from "./command.ts";
import {
  adapterFlags,
  assemble,
  modelName,
  modelSpec,
  outPath,
  recipeBelow,
  required,
  runOptions,
  trainedOptions,
  understood,
  untilStopped,
  viewFor,
} from "./run-options.ts";

export const sftOptions = z.object({
  model: trainedOptions.model,
  data: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("file of rows (.jsonl, .json, .csv, .tsv, .parquet), or hf:OWNER/NAME; required unless --resume")
    .meta({ value: "FILE|ID" }),
  out: z.string().min(1).default("runs/sft").describe("run directory").meta({ value: "DIR" }),
  lora: trainedOptions.lora,
  hold: trainedOptions.hold,
  system: z.string().min(1).optional().describe("system message of rows that have none").meta({ value: "TEXT" }),
  template: z
    .string()
    .min(1)
    .optional()
    .describe("text around {prompt} in place of the chat template, for prompt and completion")
    .meta({ value: "TEXT" }),
  epochs: z.number().positive().optional().describe("passes over the rows").meta({ value: "N" }),
  steps: z.int().min(1).optional().describe("updates, in place of epochs").meta({ value: "N" }),
  tokensPerStep: z.int().min(1).optional().describe("learned tokens of one update, about").meta({ value: "N" }),
  maxLength: z.int().min(2).optional().describe("longest row in tokens; longer ones are left out").meta({ value: "N" }),
  learningRate: trainedOptions.learningRate,
  ...runOptions,
});

/** The recipe that a command line asks for. */
export function sftRecipe(options: z.output<typeof sftOptions>, context: Context, command: Command): SftRecipe {
  const { system, template, epochs, steps, tokensPerStep, maxLength } = options;
  const { below, resumed } = recipeBelow(context, options, sftDefaults);
  const { model, data } = resumed
    ? options
    : { model: required(options.model, command, "model"), data: required(options.data, command, "data") };
  const flags = {
    model: model && modelSpec(context, model),
    // A file by its full path, so that a run resumes from anywhere.
    data: data?.map((one) => (existsSync(outPath(context, one)) ? outPath(context, one) : one)),
    ...adapterFlags(options, resumed, sftLoraLearningRate),
    system,
    template,
    epochs,
    steps,
    tokensPerStep,
    maxLength,
  };
  const recipe = understood(() => parseRecipe(sftSchema, assemble(below, flags, options)));
  understood(() => recipeAsking(recipe));
  return recipe;
}

export const sft: Command = defineCommand({
  name: "sft",
  summary: "supervised fine-tuning of any model on conversations or texts",
  description:
    "Trains a model to say what stands in the rows of a data set: conversations (messages), questions with answers (prompt, completion) or plain text. Conversations go through the model's chat template, and only what the assistant says is learned. The loss on kept-out rows is measured on the way. The result is a model directory, or with --lora an adapter in PEFT's format.",
  examples: [
    { command: "autodidact sft --model ./my-model --data chats.jsonl", what: "JSON lines with messages" },
    {
      command:
        "autodidact sft --model HuggingFaceTB/SmolLM2-135M --data hf:OWNER/NAME --lora --epochs 2 --out runs/chat",
      what: "adapters, on a data set of the hub",
    },
    {
      command:
        "autodidact sft --model ./m --data a.parquet --set columns.prompt=task --set columns.completion=solution",
      what: "columns of other names",
    },
  ],
  options: sftOptions,
  async run(options, context) {
    const recipe = sftRecipe(options, context, sft);
    const path = outPath(context, options.out);
    if (options.dryRun) {
      context.result(recipe, JSON.stringify(recipe, null, 2));
      return;
    }
    const { readExamples } = await import("../datasets/conversations.ts");
    const { runSft, sourceOf } = await import("../run/sft.ts");
    const view = viewFor(context, recipe.steps ?? 0);
    const summary = await untilStopped(view, options.out, "sft", async () => {
      view.phase("Reading the data", recipe.data.join(", "));
      const examples = await readExamples(sourceOf(recipe));
      return runSft(
        recipe,
        { path, resume: options.resume, command: context.commandLine, signal: context.signal, observer: view },
        { examples, named: modelName(context, recipe.model) },
      );
    });
    const { loss } = summary;
    const held =
      loss.heldOutBefore === null
        ? ""
        : `held-out loss  ${loss.heldOutBefore.toFixed(4)} -> ${loss.heldOutAfter?.toFixed(4)} nats a token\n`;
    context.result(
      summary,
      `training loss  ${loss.first.toFixed(4)} -> ${loss.last.toFixed(4)} nats a token\n${held}${summary.result}: ${path}/${summary.result}\nreport: ${path}/report.html`,
    );
  },
});
