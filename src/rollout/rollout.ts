import type { Problem } from "../tasks/task.ts";

/** "stop": the model ended its answer; "length": the token limit cut it off. */
export type Finish = "stop" | "length";

/** One output o_i of a group. Never changed after it was sampled: rewards and advantages are added in new types. */
export interface Rollout {
  /** Position in its group, 0 to G-1. */
  readonly sample: number;
  readonly text: string;
  /** Completion tokens, the end-of-sequence token included where one was sampled. (T) */
  readonly tokens: Int32Array;
  /** log pi_old of each completion token under the distribution it was sampled from. (T) */
  readonly logprobs: Float32Array;
  readonly finish: Finish;
  /** Number of trainer steps the sampling policy had seen. */
  readonly policyVersion: number;
}

/** The G outputs of one question q. */
export interface Group<R extends Rollout = Rollout> {
  readonly problem: Problem;
  readonly promptTokens: Int32Array;
  readonly rollouts: readonly R[];
}
