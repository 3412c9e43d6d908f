import type { Random } from "../random.ts";

/** A question q. Tasks add the fields their verifier needs. */
export interface Problem {
  /** Equal ids mean equal problems; no id is in both splits. */
  readonly id: string;
  /** What the model is asked, before any chat template. */
  readonly prompt: string;
  /** Difficulty, 1 (easiest) to 5. */
  readonly level: number;
  /** What kind of problem it is, where a task has several; figures are told apart by it. */
  readonly family?: string;
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
  /** Factor in the total. 0: reported as a metric and never trained on. */
  readonly weight: number;
  /** Seconds an asynchronous verdict may take, where it needs another time than the run's. */
  readonly deadline?: number;
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
  /** Hears after each training step how its problems went; what it draws next may depend on that. */
  observe?(seen: readonly Observation[]): void;
  /** What `observe` has left behind, as plain JSON. A checkpoint keeps it, so that a run resumes to the same bytes. */
  save?(): unknown;
  /** Takes back what `save` gave. */
  restore?(state: unknown): void;
}

/** How a problem went in a training step. */
export interface Observation {
  readonly problem: Problem;
  /** Answers with full marks. */
  readonly right: number;
  readonly answers: number;
}

/** A task whose reward names its type knows. */
export interface NamedTask<P extends Problem, N extends string> extends Omit<Task<P>, "rewards"> {
  readonly rewards: { readonly accuracy: Reward<P> } & { readonly [Name in N]: Reward<P> };
}

/** Names of a task's reward parts; any text where the task's type doesn't say. */
export type RewardName<T extends Task> = keyof T["rewards"] & string;

/**
 * Declares a task. The type of its problems is that of what `problems` yields and flows into verifiers and gold; the names
 * of its rewards flow into the metrics of its training steps. With the type of problems written out,
 * `defineTask<MyProblem>(...)`, everything is checked but the names in metrics.
 */
export function defineTask<P extends Problem, N extends string = string>(task: NamedTask<P, N>): NamedTask<P, N> {
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
