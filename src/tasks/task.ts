import type { Random } from "../random.ts";

/** A question q. Tasks add the fields their verifier needs. */
export interface Problem {
  /** Equal ids mean equal problems; no id is in both splits. */
  readonly id: string;
  /** What the model is asked, before any chat template. */
  readonly prompt: string;
  /** Difficulty, 1 (easiest) to 5. */
  readonly level: number;
}

export type Split = "train" | "eval";

/** What a verifier sees of a rollout: text only, never a tensor. */
export interface Answer {
  /** The whole completion. */
  readonly text: string;
  /** False when the token limit cut it off. */
  readonly complete: boolean;
}

/** `reason` says in a stable code why the reward is what it is ("correct", "wrong-value", "no-answer", ...). */
export interface Verdict {
  readonly reward: number;
  readonly reason: string;
  /** Normal form of the given answer, by which a majority vote counts; null where there is none to grade. */
  readonly answer?: string | null;
}

export interface Reward<P extends Problem> {
  readonly weight: number;
  /** Bounded by construction: completions are hostile input and JavaScript cannot interrupt a synchronous call. */
  verify(answer: Answer, problem: P): Verdict | Promise<Verdict>;
}

export interface Task<P extends Problem = Problem> {
  readonly name: string;
  /** An endless stream for "train", in an order given by `random`; the same problems for "eval" every time. */
  problems(split: Split, random: Random): Iterable<P>;
  /** Reward parts by name; the total is their weighted sum. "accuracy" is the part that pass@1 counts. */
  readonly rewards: { readonly accuracy: Reward<P> } & { readonly [name: string]: Reward<P> };
  /** A completion that must earn full marks. */
  gold(problem: P): string;
}

/** Declares a task; the types of its problems flow into its verifiers. */
export function defineTask<P extends Problem>(task: Task<P>): Task<P> {
  return task;
}

/** The next `count` problems of a stream, fewer where it ends. The stream stays open: taking again goes on behind them. */
export function takeProblems<P extends Problem>(stream: Iterator<P>, count: number): P[] {
  const taken: P[] = [];
  while (taken.length < count) {
    const { value, done } = stream.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
