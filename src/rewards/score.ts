import type { Group, Rollout } from "../rollout/rollout.ts";
import type { Answer, Problem, Reward, Task, Verdict } from "../tasks/task.ts";
import { type Verification, verificationSchema } from "./verification.ts";

/** What grading says of one answer; the total is the weighted sum of the parts. */
export interface Grade {
  /** Reward parts by name, unweighted. */
  readonly rewards: Readonly<Record<string, number>>;
  readonly reward: number;
  /** Reason code of the accuracy part. */
  readonly reason: string;
  /** Reason codes by part. */
  readonly reasons: Readonly<Record<string, string>>;
  /** Normal form of the given answer, for majority votes; null where none was found. */
  readonly answer: string | null;
  /** Parts whose verifier failed, with the cause; not there where none did. */
  readonly failures?: readonly VerifierFailure[];
}

/** A rollout with its grades. */
export interface Scored extends Rollout, Grade {}

/** A verifier that gave no usable verdict: its part counts 0. */
export interface VerifierFailure {
  /** Name of the reward part. */
  readonly part: string;
  readonly kind: "threw" | "late" | "no-verdict" | "not-finite";
  /** What happened, at most 300 characters. */
  readonly message: string;
}

const longestMessage = 300;
const defaults = verificationSchema.parse({});
type Settings = Partial<Pick<Verification, "deadline" | "concurrency">>;

/**
 * Grades every rollout, in order. A verifier that throws, takes too long or gives no finite number is recorded with its
 * cause, its part counts 0, and the rest goes on.
 */
export async function score<P extends Problem>(
  groups: readonly Group[],
  task: Task<P>,
  settings: Settings = {},
): Promise<Group<Scored>[]> {
  const grader = new Grader(task, settings);
  return Promise.all(groups.map((group) => grader.grade(group)));
}

/** Grades groups as they come, a bounded number of answers at a time. What it says does not depend on when. */
export class Grader<P extends Problem> {
  readonly #task: Task<P>;
  readonly #deadline: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(task: Task<P>, { deadline = defaults.deadline, concurrency = defaults.concurrency }: Settings = {}) {
    this.#task = task;
    this.#deadline = deadline;
    this.#free = concurrency;
  }

  /** Never rejects: a failing verifier is part of the grade. */
  async grade(group: Group): Promise<Group<Scored>> {
    return { ...group, rollouts: await Promise.all(group.rollouts.map((one) => this.gradeOne(group.problem, one))) };
  }

  /** One answer, with its grade. */
  async gradeOne<A extends Pick<Rollout, "text" | "finish">>(problem: Problem, given: A): Promise<A & Grade> {
    await this.#enter();
    try {
      const answer: Answer = { text: given.text, complete: given.finish === "stop" };
      return { ...given, ...(await gradeAnswer(answer, problem as P, this.#task, this.#deadline)) };
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/**
 * Grades one answer by all parts of a task.
 *
 * @param deadline seconds for each asynchronous part without one of its own
 */
export async function gradeAnswer<P extends Problem>(
  answer: Answer,
  problem: P,
  task: Task<P>,
  deadline: number = defaults.deadline,
): Promise<Grade> {
  const rewards: Record<string, number> = {};
  const reasons: Record<string, string> = {};
  const failures: VerifierFailure[] = [];
  let reward = 0;
  let normal: string | null = null;
  for (const [name, part] of Object.entries(task.rewards)) {
    const verdict = await verdictOf(part, answer, problem, part.deadline ?? deadline);
    if ("kind" in verdict) {
      failures.push({ part: name, ...verdict });
      rewards[name] = 0;
      reasons[name] = verdict.kind === "late" ? "verifier-timeout" : "verifier-error";
      continue;
    }
    rewards[name] = verdict.reward;
    reasons[name] = verdict.reason;
    // A part of weight 0 takes no part in the sum, not even as a zero that rounds.
    if (part.weight !== 0) reward += part.weight * verdict.reward;
    if (name === "accuracy") normal = verdict.answer ?? null;
  }
  const reason = reasons.accuracy ?? "";
  return { rewards, reward, reason, reasons, answer: normal, ...(failures.length > 0 && { failures }) };
}

type Failed = Omit<VerifierFailure, "part">;

async function verdictOf<P extends Problem>(
  part: Reward<P>,
  answer: Answer,
  problem: P,
  deadline: number,
): Promise<Verdict | Failed> {
  try {
    const given: unknown = part.verify(answer, problem);
    const verdict: unknown = isPromise(given) ? await inTime(given, deadline) : given;
    return verdict === late ? failed("late", `no verdict within ${deadline} s`) : checked(verdict);
  } catch (error) {
    return failed("threw", error instanceof Error ? `${error.name}: ${error.message}` : `threw ${show(error)}`);
  }
}

/** The verdict itself where it is one; everything that could not be recorded is a failure. */
function checked(verdict: unknown): Verdict | Failed {
  if (typeof verdict !== "object" || verdict === null)
    return failed("no-verdict", `gave ${show(verdict)} instead of { reward, reason }`);
  const { reward, reason, answer = null } = verdict as Record<string, unknown>;
  if (typeof reward !== "number" || !Number.isFinite(reward))
    return failed("not-finite", `reward is ${show(reward)}, not a finite number`);
  if (typeof reason !== "string" || reason === "")
    return failed("no-verdict", `reason is ${show(reason)}, not a reason code`);
  if (answer !== null && typeof answer !== "string")
    return failed("no-verdict", `answer is ${show(answer)}, neither text nor null`);
  return verdict as Verdict;
}

function failed(kind: Failed["kind"], message: string): Failed {
  return { kind, message: message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message };
}

/** Any value in a few words; a verifier's value may be anything. */
function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return typeof value === "string" ? JSON.stringify(value.slice(0, longestMessage)) : String(value);
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";

const late = Symbol("late");

/** What the promise gives, or `late` after so many seconds; it cannot be stopped, only left. */
async function inTime(given: PromiseLike<unknown>, seconds: number): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), seconds * 1000);
  });
  try {
    return await Promise.race([given, over]);
  } finally {
    clearTimeout(timer);
  }
}
