import { z } from "zod";
import { environmentSchema } from "./environment.ts";

/** summary.json of a run of supervised fine-tuning. */
export const sftSummarySchema = z.object({
  kind: z.literal("sft").describe("tells it from a run of reinforcement learning"),
  version: z.string().describe("version of autodidact"),
  command: z.string().describe("the command line that repeats the run"),
  seed: z.int().describe("seed of the run"),
  model: z.string().describe("the model that was trained"),
  data: z.array(z.string()).describe("files, or the data set of the hub"),
  result: z.string().describe("folder of the run that holds what came of it: model or adapter"),
  steps: z.int().describe("number of updates made"),
  epochs: z.number().describe("passes over the training rows"),
  tokens: z.int().describe("learned tokens in all, repetitions counted"),
  rows: z
    .object({
      rows: z.int().describe("rows read"),
      train: z.int().describe("documents trained on"),
      heldOut: z.int().describe("documents kept out"),
      dropped: z.int().describe("rows left out as too long"),
      cut: z.int().describe("rows cut as too long"),
    })
    .describe("what became of the rows"),
  loss: z
    .object({
      first: z.number().describe("training loss of the first update, nats a learned token"),
      last: z.number().describe("training loss, mean of the last ten updates"),
      heldOutBefore: z.number().nullable().describe("loss on kept-out documents before training; null without any"),
      heldOutAfter: z.number().nullable().describe("the same after training"),
    })
    .describe("cross-entropy in nats for each learned token"),
  seconds: z.record(z.string(), z.number()).describe("wall-clock seconds by phase; `total` is their sum"),
  peakMemoryMiB: z
    .int()
    .exactOptional()
    .describe("the most memory the process had at one time, the part behind the last resume; not in earlier versions"),
  plannedMemoryMiB: z.int().exactOptional().describe("what `autodidact plan` says of it; not in earlier versions"),
  machine: environmentSchema.describe("the machine and the program versions"),
});
export type SftSummary = z.infer<typeof sftSummarySchema>;
