import { z } from "zod";

/** Learning rate over the updates of a run: a linear warm-up, then constant or down to a floor. */
export const scheduleSchema = z.strictObject({
  kind: z.enum(["constant", "linear", "cosine"]).describe("course of the learning rate after warm-up"),
  learningRate: z.number().positive().describe("the highest learning rate"),
  warmupSteps: z.int().nonnegative().default(0).describe("updates over which the learning rate rises to it"),
  floor: z.number().min(0).max(1).default(0).describe("linear, cosine: last learning rate as a share of the highest"),
});
export type Schedule = Readonly<z.infer<typeof scheduleSchema>>;

/**
 * Learning rate of an update. The first one already moves (1 / (warmupSteps + 1) of the highest), the highest is reached
 * right behind warm-up, and the floor one update behind the last, so that no update is wasted: torch's SequentialLR of
 * LinearLR and CosineAnnealingLR. Steps behind `totalSteps` stay at the floor.
 *
 * @param step 1 for the first update
 */
export function learningRateAt(schedule: Schedule, step: number, totalSteps: number): number {
  const { kind, learningRate, warmupSteps, floor } = schedule;
  if (step <= warmupSteps) return (learningRate * step) / (warmupSteps + 1);
  const progress = Math.min(1, (step - 1 - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  switch (kind) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * (1 - (1 - floor) * progress);
    case "cosine":
      return learningRate * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress))) / 2);
    default:
      return kind satisfies never;
  }
}
