import { z } from "zod";
import { defineCommand } from "./command.ts";
import { modelSpec, outPath, viewFor } from "./run-options.ts";

export const merge = defineCommand({
  name: "merge",
  summary: "write an adapter and its base as one model",
  description:
    "Adds a LoRA adapter, ours or one that PEFT has saved, to the weights below it and writes the full model in Hugging Face's layout, with a model card. An adapter that was trained on another model is refused.",
  examples: [
    {
      command: "autodidact merge --adapter runs/grpo/adapter --out models/mine",
      what: "the base that the adapter names",
    },
    {
      command: "autodidact merge --adapter ./adapter --base ./base --out ./full --json",
      what: "a base that has moved",
    },
  ],
  options: z.object({
    adapter: z
      .string()
      .min(1)
      .describe("directory of the adapter, or of the run that trained it")
      .meta({ value: "DIR" }),
    base: z
      .string()
      .min(1)
      .optional()
      .describe("the model below it; the one that the adapter names where left out")
      .meta({ value: "MODEL" }),
    out: z.string().min(1).describe("directory to write").meta({ value: "DIR" }),
    force: z.boolean().default(false).describe("replace an export that is there"),
  }),
  async run({ adapter, base, out, force }, context) {
    const { merge } = await import("../run/merge.ts");
    const view = viewFor(context, 0);
    try {
      const merged = await merge(outPath(context, adapter), outPath(context, out), {
        ...(base !== undefined && { base: modelSpec(context, base) }),
        force,
        cwd: context.cwd,
        observer: view,
        signal: context.signal,
      });
      context.result(merged, `${merged.model}: ${merged.parameters} parameters, from ${merged.base}`);
    } finally {
      view.close();
    }
  },
});
