import type { Task } from "../tasks/task.ts";
import { type GradingOptions, Trial } from "./grades.ts";
import { checkProblems, type Drawn, draw } from "./problems.ts";
import type { Check, CheckReport } from "./report.ts";
import { spoilings } from "./spoil.ts";

export interface CheckOptions extends Partial<GradingOptions> {
  /** Problems of each split whose gold is tried. @default 100 */
  readonly problems?: number;
  /** @default 1 */
  readonly seed?: number;
  /** Called with each check as it is done. */
  readonly onCheck?: (check: Check) => void;
}

/** Problems of each split that are compared with each other, where there are so many. */
const compared = { train: 2_000, eval: 1_000 };

/**
 * What can be said of a task without a model: whether its problems are sound, its gold answers right, and its verifiers
 * hard to cheat. A verifier that never comes back hangs this too; `task check` runs it in a thread of its own.
 */
export async function checkTask(task: Task, options: CheckOptions = {}): Promise<CheckReport> {
  const { problems = 100, seed = 1, deadline = 10, onTrying, onCheck } = options;
  const checks: Check[] = [];
  const add = (check: Check): void => {
    checks.push(check);
    onCheck?.(check);
  };
  const trial = new Trial(task, { deadline, ...(onTrying && { onTrying }) });
  const report = (speed: CheckReport["speed"]): CheckReport => ({
    task: task.name,
    passed: checks.every(({ passed }) => passed),
    checks,
    parts: trial.parts(),
    speed,
  });

  onTrying?.("drawing problems");
  let drawn: Drawn;
  try {
    drawn = {
      train: draw(task, "train", Math.max(problems, compared.train), seed),
      eval: draw(task, "eval", Math.max(problems, compared.eval), seed),
    };
    for (const check of checkProblems(task, drawn, seed)) add(check);
  } catch (error) {
    const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    add({
      name: "problems",
      demands: "id, prompt and level of the right kind; plain data",
      passed: false,
      tried: 0,
      failure: { message: `problems threw ${cause}${place(error)}`, count: 1 },
    });
    return report(null);
  }
  // Nothing can be said of answers to problems that are none.
  if (!checks[0]!.passed) return report(null);
  add(await trial.gold([...drawn.train.slice(0, problems), ...drawn.eval.slice(0, problems)]));
  if (trial.golds === 0) return report(null);
  for (const spoiling of spoilings) add(await trial.spoiled(spoiling));
  add(await trial.hostile());
  const { check, speed } = await trial.speed();
  add(check);
  return report(speed);
}

/** " (my-task.ts:12)", the first place in the error's stack. */
function place(error: unknown): string {
  const at = error instanceof Error ? error.stack?.match(/([^\s/\\(]+:\d+):\d+\)?$/m)?.[1] : undefined;
  return at === undefined ? "" : ` (${at})`;
}
