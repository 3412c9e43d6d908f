import { random } from "../random.ts";
import type { Problem, Split, Task } from "../tasks/task.ts";
import type { Check, CheckFailure } from "./report.ts";

/** What is checked of the problems alone. */

export interface Drawn {
  readonly train: readonly Problem[];
  readonly eval: readonly Problem[];
}

/** Seconds spent on drawing a split. */
const patience = 5;

/** The first problems of a split, fewer where it ends or takes long. */
export function draw(task: Task, split: Split, count: number, seed: number): Problem[] {
  const until = performance.now() + patience * 1000;
  const drawn: Problem[] = [];
  if (count === 0) return drawn;
  for (const problem of task.problems(split, random(seed, "check", split))) {
    drawn.push(problem);
    if (drawn.length === count || performance.now() > until) break;
  }
  return drawn;
}

export function checkProblems(task: Task, drawn: Drawn, seed: number): Check[] {
  return [form(drawn), ids(drawn), splits(drawn), deterministic(task, drawn, seed), order(task, drawn, seed)];
}

const check = (name: string, demands: string, tried: number, failure: CheckFailure | null, note?: string): Check => ({
  name,
  demands,
  passed: failure === null,
  tried,
  ...(note !== undefined && { note }),
  ...(failure && { failure }),
});

/** The first of some findings, with their number. */
function first(found: readonly { readonly message: string; readonly problem?: string }[]): CheckFailure | null {
  return found.length === 0 ? null : { ...found[0]!, count: found.length };
}

function form({ train, eval: held }: Drawn): Check {
  const found = [...train, ...held].flatMap((problem) => {
    const wrong = malformed(problem);
    return wrong === null ? [] : [{ message: wrong, problem: String(problem?.id) }];
  });
  const empty = [
    ...(train.length === 0 ? [{ message: 'problems("train") gives none; give an endless stream' }] : []),
    ...(held.length === 0 ? [{ message: 'problems("eval") gives none; keep some problems out of training' }] : []),
  ];
  return check(
    "problems",
    "id, prompt and level of the right kind; plain data",
    train.length + held.length,
    first([...empty, ...found]),
  );
}

function malformed(problem: Problem | null | undefined): string | null {
  if (typeof problem !== "object" || problem === null) return "a problem is no object";
  const { id, prompt, level } = problem;
  if (typeof id !== "string" || id === "") return `id is ${JSON.stringify(id)}: give a text that is not empty`;
  if (typeof prompt !== "string" || prompt === "")
    return `prompt is ${JSON.stringify(prompt)}: give a text that is not empty`;
  if (!Number.isInteger(level) || level < 1)
    return `level is ${JSON.stringify(level)}: give a whole number, 1 (easiest) to 5`;
  const stray = notJson(problem, "");
  return stray === null ? null : `${stray}: a problem is written to files as JSON, so use plain data`;
}

/** The first place that JSON would lose: functions, maps, big integers, NaN. */
function notJson(value: unknown, place: string): string | null {
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") return Number.isFinite(value) ? null : `${place} is ${value}`;
  if (typeof value !== "object") return value === undefined ? null : `${place} is a ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
    return `${place} is a ${(value as object).constructor?.name ?? "class"}`;
  for (const [key, inner] of Object.entries(value)) {
    const found = notJson(inner, place === "" ? key : `${place}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

function ids({ train, eval: held }: Drawn): Check {
  const known = new Map<string, string>();
  const found: { message: string; problem: string }[] = [];
  for (const problem of [...train, ...held]) {
    // The level is left out: one question may be as hard as two levels ask.
    const text = json({ ...problem, level: 0 });
    const other = known.get(problem.id);
    if (other !== undefined && other !== text)
      found.push({
        message: "two different problems have this id: make the id of everything that differs",
        problem: problem.id,
      });
    known.set(problem.id, text);
  }
  const seen = new Set<string>();
  for (const { id } of held) {
    if (seen.has(id)) found.push({ message: "held out twice: it would be measured twice", problem: id });
    seen.add(id);
  }
  return check(
    "ids",
    "one id, one problem; nothing held out twice",
    train.length + held.length,
    first(found),
    `${known.size} different`,
  );
}

function splits({ train, eval: held }: Drawn): Check {
  const [heldIds, heldPrompts] = [new Set(held.map(({ id }) => id)), new Set(held.map(({ prompt }) => prompt))];
  const found = train.flatMap(({ id, prompt }) =>
    heldIds.has(id)
      ? [{ message: "is in both splits", problem: id }]
      : heldPrompts.has(prompt)
        ? [{ message: "asks what a held-out problem asks, under another id", problem: id }]
        : [],
  );
  const failure = first(found);
  return check(
    "splits",
    "no problem of training is held out",
    train.length + held.length,
    failure && {
      ...failure,
      message: `${failure.message}: decide the split by the problem itself, a hash of its id for instance`,
    },
  );
}

/** Two streams drawn in turns, so that anything they share shows. */
function deterministic(task: Task, drawn: Drawn, seed: number): Check {
  const found: { message: string; problem: string }[] = [];
  for (const split of ["train", "eval"] as const) {
    const streams = [0, 1].map(() => task.problems(split, random(seed, "check", split))[Symbol.iterator]());
    for (const problem of drawn[split].slice(0, 300)) {
      const again = streams.map((stream) => stream.next().value as Problem | undefined);
      if (again.every((one) => one !== undefined && json(one) === json(problem))) continue;
      found.push({
        message: `${split}: the same seed gave other problems: take every choice from the random that is passed in, and keep no state outside`,
        problem: problem.id,
      });
      break;
    }
    for (const stream of streams) stream.return?.();
  }
  const tried = Math.min(300, drawn.train.length) + Math.min(300, drawn.eval.length);
  return check("deterministic", "the same seed gives the same problems, twice at once", tried, first(found));
}

/** A trainer asks anew at every step, with another random: a stream that ignores it gives the same problems each time. */
function order(task: Task, { train }: Drawn, seed: number): Check {
  const [one, two] = [1, 2].map((step) =>
    draw(task, "train", Math.min(20, train.length), seed + step)
      .map(({ id }) => id)
      .join(),
  );
  const same = train.length > 1 && one === two;
  return check(
    "order",
    "training problems come in an order given by random",
    Math.min(20, train.length) * 2,
    same
      ? {
          message:
            "two seeds gave the same problems in the same order, so every step would train on them: shuffle or draw with the random that is passed in",
          count: 1,
        }
      : null,
  );
}

/** Same data, same text, in whatever order the fields were set. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : typeof inner === "bigint"
        ? `${inner}n`
        : inner,
  );
}
