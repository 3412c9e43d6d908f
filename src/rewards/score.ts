import type { Rollout } from "../rollout/rollout.ts";

/** A rollout with its grades; the total is the weighted sum of the parts. */
export interface Scored extends Rollout {
  /** Reward parts by name, unweighted. */
  readonly rewards: Readonly<Record<string, number>>;
  readonly reward: number;
  /** Reason code of the accuracy part. */
  readonly reason: string;
  /** Normal form of the given answer, for majority votes; null where none was found. */
  readonly answer: string | null;
}
