import type { Scored } from "./rewards/score.ts";

/** A scored rollout with its advantage A_i; null where its group is constant and left out of the loss. */
export interface Advantaged extends Scored {
  readonly advantage: number | null;
}
