import { random } from "../random.ts";
import { gradeAnswer } from "../rewards/score.ts";
import type { Problem, Task, Verdict } from "../tasks/task.ts";
import {
  blamingLine,
  completeField,
  type GradeLine,
  kindOf,
  LineError,
  type LineVerdict,
  textField,
} from "./grade-lines.ts";

/** What `autodidact grade` can verify: how the fields of a line become a verdict. */

const accuracy = ({ reward, reason }: Verdict): LineVerdict => ({ reward, parts: { accuracy: reward }, reason });

/** `{"gold", "answer"}`: the answer is a whole completion or the bare answer; a number is taken as it is written. */
export async function mathsLines(strict: boolean): Promise<GradeLine> {
  const { gradeMaths } = await import("../maths/grade.ts");
  const options = strict ? ({ mode: "strict" } as const) : {};
  return (line) => {
    const [gold, answer, complete] = [written(line, "gold"), written(line, "answer"), completeField(line)];
    return blamingLine(["MATHS_GOLD"], () => accuracy(gradeMaths(answer, gold, { ...options, complete })));
  };
}

function written(line: Readonly<Record<string, unknown>>, field: string): string {
  const value = line[field];
  if (typeof value !== "number") return textField(line, field);
  // 12345678901234567891 is another number once it has been read.
  if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return String(value);
  throw new LineError(`${field} is a number that JSON cannot carry exactly; write it as text`);
}

/** `{"completion", "tests"}`. */
export async function codeLines(): Promise<GradeLine> {
  const { gradeCode } = await import("../code/grade.ts");
  const { parseTests } = await import("../code/tests.ts");
  return async (line) => {
    const [completion, complete] = [textField(line, "completion"), completeField(line)];
    const { language, tests } = await blamingLine(["CODE_TESTS"], () => parseTests(line.tests));
    return accuracy(await gradeCode(completion, { tests, ...(language && { language }) }, { complete }));
  };
}

/** `{"problem", "completion"}`: the problem as `task show --json` prints it, or its id. */
export function taskLines(task: Task, deadline: number): GradeLine {
  const find = problemFinder(task);
  return async (line) => {
    const problem = problemField(line.problem, find);
    const answer = { text: textField(line, "completion"), complete: completeField(line) };
    const { reward, rewards, reason, failures } = await gradeAnswer(answer, problem, task, deadline);
    const error = failures?.map(({ part, message }) => `rewards.${part}.verify: ${message}`).join("; ");
    return { reward, parts: rewards, reason, ...(error !== undefined && { error }) };
  };
}

function problemField(value: unknown, find: (id: string) => Problem | undefined): Problem {
  if (typeof value === "string") {
    const found = find(value);
    if (found !== undefined) return found;
    throw new LineError(
      `problem is the id ${JSON.stringify(value.slice(0, 80))}, which is not among the first problems of the task; give the problem itself, as task show --json prints it`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new LineError(`problem is ${kindOf(value)}; give a problem as task show --json prints it, or its id`);
  const { id, prompt, level } = value as Partial<Problem>;
  if (typeof id !== "string") throw new LineError(`problem.id is ${kindOf(id)}; give text`);
  // The task's own where it has it: what stands in the line may be a part of it only.
  const known = find(id);
  if (known !== undefined && (prompt === undefined || prompt === known.prompt)) return known;
  if (typeof prompt !== "string") throw new LineError(`problem.prompt is ${kindOf(prompt)}; give text`);
  if (typeof level !== "number") throw new LineError(`problem.level is ${kindOf(level)}; give a number`);
  return value as Problem;
}

/** Problems of each split that are looked through for an id, and the seconds that may take. */
const known = 20_000;
const patience = 5;

function problemFinder(task: Task): (id: string) => Problem | undefined {
  let byId: Map<string, Problem> | null = null;
  return (id) => {
    byId ??= problemsById(task);
    return byId.get(id);
  };
}

function problemsById(task: Task): Map<string, Problem> {
  const found = new Map<string, Problem>();
  for (const split of ["eval", "train"] as const) {
    const until = performance.now() + patience * 1000;
    let count = 0;
    // The training problems are those that task show prints first.
    for (const problem of task.problems(split, random(1, "show"))) {
      if (!found.has(problem.id)) found.set(problem.id, problem);
      if (++count === known || performance.now() > until) break;
    }
  }
  return found;
}
