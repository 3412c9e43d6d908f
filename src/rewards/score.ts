import type { Group, Rollout } from "../rollout/rollout.ts";
import type { Answer, Problem, Reward, Task, Verdict } from "../tasks/task.ts";

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

/** Milliseconds an asynchronous verifier has for one answer. */
const DEADLINE = 10_000;

/**
 * Grades every rollout. A verifier that throws, takes too long or gives no finite number is recorded as reason
 * "verifier-error" with reward 0, and the step goes on.
 */
export async function score<P extends Problem>(groups: readonly Group[], task: Task<P>): Promise<Group<Scored>[]> {
  return Promise.all(
    groups.map(async ({ problem, promptTokens, rollouts }) => ({
      problem,
      promptTokens,
      rollouts: await Promise.all(rollouts.map((rollout) => scoreOne(rollout, problem as P, task))),
    })),
  );
}

async function scoreOne<P extends Problem>(rollout: Rollout, problem: P, task: Task<P>): Promise<Scored> {
  const answer: Answer = { text: rollout.text, complete: rollout.finish === "stop" };
  const rewards: Record<string, number> = {};
  let [reward, reason, normal]: [number, string, string | null] = [0, "", null];
  for (const [name, part] of Object.entries(task.rewards)) {
    const verdict = await verdictOf(part, answer, problem);
    rewards[name] = verdict.reward;
    reward += part.weight * verdict.reward;
    if (name !== "accuracy") continue;
    reason = verdict.reason;
    normal = verdict.answer ?? null;
  }
  return { ...rollout, rewards, reward, reason, answer: normal };
}

async function verdictOf<P extends Problem>(part: Reward<P>, answer: Answer, problem: P): Promise<Verdict> {
  try {
    const given = part.verify(answer, problem);
    const verdict = given instanceof Promise ? await inTime(given) : given;
    if (!Number.isFinite(verdict.reward)) throw new Error(`reward ${verdict.reward} is not a finite number`);
    return verdict;
  } catch {
    return { reward: 0, reason: "verifier-error", answer: null };
  }
}

async function inTime(verdict: Promise<Verdict>): Promise<Verdict> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the verifier took too long")), DEADLINE);
  });
  try {
    return await Promise.race([verdict, late]);
  } finally {
    clearTimeout(timer);
  }
}
