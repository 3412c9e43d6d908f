import { z } from "zod";

/** How answers are graded. */
export const verificationSchema = z.strictObject({
  deadline: z.number().positive().default(10).describe("seconds an asynchronous verifier has for one answer"),
  concurrency: z.int().min(1).default(16).describe("answers that are verified at the same time"),
  maxErrorShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("share of a step's answers whose verifier may fail before the run stops"),
});
export type Verification = Readonly<z.output<typeof verificationSchema>>;
