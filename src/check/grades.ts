import { type Grade, gradeAnswer } from "../rewards/score.ts";
import type { Answer, Problem, Reward, Task } from "../tasks/task.ts";
import { hostile } from "./hostile.ts";
import type { Check, CheckFailure, PartSummary, Speed } from "./report.ts";
import { lastLine, type Spoiling } from "./spoil.ts";

/** What is checked of gold answers and verifiers. */

export interface GradingOptions {
  /** Seconds for one asynchronous verdict. */
  readonly deadline: number;
  /** Called before each verdict: where it does not come back, this says what it was asked. */
  readonly onTrying?: (what: string) => void;
}

const longestExample = 2_000;
/** A verdict that takes longer than this many milliseconds blocks everything else. */
const slowVerdict = 2_000;
/** Of an odd completion that is right by chance, so many of the problems it is tried on. */
const byChance = 0.05;
/** Hostile completions are tried on this many problems. */
const hostileProblems = 20;

interface Asked {
  readonly problem: Problem;
  readonly answer: Answer;
  readonly what: string;
}
interface Graded extends Asked {
  readonly grade: Grade;
  /** Until the verdict was there, and how much of that nothing else could run. */
  readonly milliseconds: number;
  readonly blocked: number;
}

/** Tries a task's verifiers, and remembers how long they took. */
export class Trial {
  readonly #task: Task;
  readonly #options: GradingOptions;
  readonly #golds = new Map<Problem, Graded>();
  /** All verdicts of spoiled and hostile answers. */
  readonly #sums = new Map<string, Record<"gold" | "spoiled" | "hostile", { sum: number; count: number }>>();
  #slowest: Graded | null = null;
  /** The one that blocked longest. */
  #longest: Graded | null = null;

  constructor(task: Task, options: GradingOptions) {
    this.#task = task;
    this.#options = options;
    for (const name of Object.keys(task.rewards))
      this.#sums.set(name, {
        gold: { sum: 0, count: 0 },
        spoiled: { sum: 0, count: 0 },
        hostile: { sum: 0, count: 0 },
      });
  }

  /** Must come first: the other checks go by the golds that earned full marks. */
  async gold(problems: readonly Problem[]): Promise<Check> {
    const failures = new Failures();
    const golds = problems.flatMap((problem): Asked[] => {
      const text = goldOf(this.#task, problem);
      if (!("failure" in text)) return [{ problem, answer: text, what: `the gold of problem ${problem.id}` }];
      failures.add(text.failure, problem);
      return [];
    });
    const pairs = await inBatches(golds, async (asked) => [await this.#grade(asked, "gold"), await this.#grade(asked)]);
    for (const [graded, again] of pairs as [Graded, Graded][]) {
      const wrong = failed(graded) ?? failed(again) ?? notFull(graded) ?? changed(graded, again);
      if (wrong === null) this.#golds.set(graded.problem, graded);
      else failures.add(wrong, graded.problem, graded.answer.text);
    }
    return failures.check("gold", "the gold answer earns full marks, asked twice", problems.length);
  }

  /** Golds that earned full marks. */
  get golds(): number {
    return this.#golds.size;
  }

  async spoiled({ name, demands, complete, kind, spoil }: Spoiling): Promise<Check> {
    const failures = new Failures();
    const golds = [...this.#golds.values()];
    const asked = golds.flatMap((gold, i): (Asked & { readonly gold: Graded })[] => {
      if (kind === "hollow" && i >= hostileProblems) return [];
      const { problem, answer } = gold;
      const text = spoil(answer.text, problem, anotherGold(golds, i)?.answer.text ?? null);
      if (text === null || text === answer.text) return [];
      return [{ gold, problem, answer: { text, complete }, what: `${name}, problem ${problem.id}` }];
    });
    let [same, accepted] = [0, 0];
    const verdicts = await inBatches(asked, (one) => this.#grade(one, "spoiled"));
    for (const [i, graded] of verdicts.entries()) {
      const { grade, problem, answer } = graded;
      const gold = asked[i]!.gold.grade;
      const error = failed(graded);
      if (error !== null) failures.add(error, problem, answer.text);
      else if (kind === "hollow") {
        if (paid(graded))
          failures.add(`accuracy is ${grade.rewards.accuracy}, and there is nothing to reward`, problem, answer.text);
      } else if (full(grade) || grade.reward > gold.reward) {
        const kept = grade.answer !== null && grade.answer === gold.answer;
        if (kind === "partial" && kept) same++;
        else {
          accepted++;
          failures.add(`it earned full marks${kind === "partial" ? hint(graded) : ""}`, problem, answer.text);
        }
      }
    }
    const chance = kind === "foreign" && accepted <= byChance * asked.length && failures.count === accepted;
    const notes = [
      ...(same > 0 ? [`the same answer still stood there in ${same}`] : []),
      ...(chance && accepted > 0 ? [`${accepted} right by chance`] : []),
      ...(asked.length === 0 ? ["does not apply here"] : []),
    ];
    return (chance ? new Failures() : failures).check(name, demands, asked.length, notes.join("; "));
  }

  async hostile(): Promise<Check> {
    const failures = new Failures();
    const golds = spread([...this.#golds.values()], hostileProblems);
    let tried = 0;
    let lucky = 0;
    for (const { name, text } of hostile) {
      const accepted: Graded[] = [];
      const verdicts = golds.map(({ problem }) => {
        const answer = { text: text(problem.prompt), complete: true };
        return this.#grade({ problem, answer, what: `hostile completion "${name}", problem ${problem.id}` }, "hostile");
      });
      for (const graded of await Promise.all(verdicts)) {
        const { problem, answer } = graded;
        tried++;
        const error = failed(graded);
        if (error !== null) failures.add(`${name}: ${error}`, problem, answer.text);
        if (paid(graded)) accepted.push(graded);
      }
      if (accepted.length === 0) continue;
      if (golds.length > 1 && accepted.length <= Math.max(1, byChance * golds.length)) lucky += accepted.length;
      else
        for (const { problem, answer, grade } of accepted)
          failures.add(`${name}: accuracy is ${grade.rewards.accuracy}`, problem, answer.text);
    }
    const note = lucky > 0 ? `${lucky} verdicts right by chance` : "";
    return failures.check("hostile", `${hostile.length} completions written to cheat: 0`, tried, note);
  }

  /** Grades golds again and again for a quarter of a second. */
  async speed(): Promise<{ check: Check; speed: Speed }> {
    const golds = [...this.#golds.values()];
    const began = performance.now();
    let count = 0;
    while (golds.length > 0 && performance.now() - began < 250) {
      const batch = golds.slice(0, 64);
      await Promise.all(
        batch.map(({ answer, problem }) => gradeAnswer(answer, problem, this.#task, this.#options.deadline)),
      );
      count += batch.length;
    }
    const seconds = (performance.now() - began) / 1000;
    const [slowest, seen] = [this.#slowest, this.#longest];
    // A machine that was busy for a moment is no slow verifier: asked again, the shorter time counts.
    const slowestMilliseconds = slowest && Math.min(slowest.milliseconds, (await this.#grade(slowest)).milliseconds);
    const blocked = seen && Math.min(seen.blocked, (await this.#grade(seen)).blocked);
    const speed: Speed = {
      verdictsPerSecond: count / Math.max(seconds, 1e-9),
      slowestMilliseconds: slowestMilliseconds ?? 0,
      slowest: slowest?.what ?? "",
    };
    const failures = new Failures();
    if (seen !== null && blocked !== null && blocked > slowVerdict)
      failures.add(
        `nothing else could run for ${(blocked / 1000).toFixed(1)} s at ${seen.what}: bound the work by construction, nothing can interrupt it`,
        seen.problem,
        seen.answer.text,
      );
    return {
      check: failures.check("time", `no verdict holds everything up for more than ${slowVerdict / 1000} s`, count),
      speed,
    };
  }

  parts(): PartSummary[] {
    return Object.entries(this.#task.rewards).map(([name, { weight }]) => {
      const { gold, spoiled, hostile: cheats } = this.#sums.get(name)!;
      const mean = ({ sum, count }: { sum: number; count: number }): number => (count === 0 ? Number.NaN : sum / count);
      return { name, weight, gold: mean(gold), spoiled: mean(spoiled), hostile: mean(cheats) };
    });
  }

  async #grade(asked: Asked, kind?: "gold" | "spoiled" | "hostile"): Promise<Graded> {
    this.#options.onTrying?.(asked.what);
    const watch = new Stopwatch(this.#task);
    const grade = await gradeAnswer(asked.answer, asked.problem, watch.task, this.#options.deadline);
    const graded: Graded = { ...asked, grade, milliseconds: watch.milliseconds, blocked: watch.blocked };
    if (graded.milliseconds > (this.#slowest?.milliseconds ?? 0)) this.#slowest = graded;
    if (graded.blocked > (this.#longest?.blocked ?? 0)) this.#longest = graded;
    if (kind !== undefined)
      for (const [name, reward] of Object.entries(grade.rewards)) {
        const sums = this.#sums.get(name)![kind];
        sums.sum += reward;
        sums.count++;
      }
    return graded;
  }
}

/** A task whose verifiers are timed: how long one blocks everything else, and, where it answers later, how long that takes. */
class Stopwatch {
  readonly task: Task;
  blocked = 0;
  milliseconds = 0;

  constructor(task: Task) {
    const rewards = Object.entries(task.rewards).map(([name, part]) => [name, this.#timed(part)] as const);
    this.task = { ...task, rewards: Object.fromEntries(rewards) as unknown as Task["rewards"] };
  }

  #timed(part: Reward<Problem>): Reward<Problem> {
    return {
      weight: part.weight,
      ...(part.deadline !== undefined && { deadline: part.deadline }),
      verify: (answer, problem) => {
        const began = performance.now();
        const took = (): number => performance.now() - began;
        let given: ReturnType<typeof part.verify>;
        try {
          given = part.verify(answer, problem);
        } finally {
          this.blocked = Math.max(this.blocked, took());
          this.milliseconds = Math.max(this.milliseconds, took());
        }
        if (!("then" in Object(given))) return given;
        return Promise.resolve(given).finally(() => {
          this.milliseconds = Math.max(this.milliseconds, took());
        });
      },
    };
  }
}

/** Collects what went wrong under one heading; the first is shown. */
class Failures {
  #first: Omit<CheckFailure, "count"> | null = null;
  count = 0;

  add(message: string, problem: Problem, completion?: string): void {
    this.count++;
    this.#first ??= {
      message,
      problem: problem.id,
      ...(completion !== undefined && { completion: completion.slice(0, longestExample) }),
    };
  }

  check(name: string, demands: string, tried: number, note = ""): Check {
    const failure = this.#first && { ...this.#first, count: this.count };
    return {
      name,
      demands,
      passed: failure === null,
      tried,
      ...(note !== "" && { note }),
      ...(failure && { failure }),
    };
  }
}

/** Verdicts asked for at the same time. */
const batchSize = 16;

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < items.length; at += batchSize)
    done.push(...(await Promise.all(items.slice(at, at + batchSize).map(work))));
  return done;
}

function goldOf(task: Task, problem: Problem): Answer | { readonly failure: string } {
  try {
    const text: unknown = task.gold(problem);
    if (typeof text === "string") return { text, complete: true };
    return { failure: `gold gave ${typeof text}: give the completion as text` };
  } catch (error) {
    return { failure: `gold threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}` };
  }
}

const full = ({ rewards }: Grade): boolean => rewards.accuracy! >= 1 - 1e-9;
const paid = ({ grade }: Graded): boolean => grade.rewards.accuracy! > 0;

function failed({ grade }: Graded): string | null {
  const failure = grade.failures?.[0];
  return failure === undefined ? null : `rewards.${failure.part}.verify: ${failure.message}`;
}

function notFull(graded: Graded): string | null {
  const { rewards, reason } = graded.grade;
  return full(graded.grade) ? null : `accuracy is ${rewards.accuracy} ("${reason}"), and full marks are 1`;
}

function changed(one: Graded, two: Graded): string | null {
  const same = JSON.stringify([one.grade.rewards, one.grade.reasons, one.grade.answer]);
  return same === JSON.stringify([two.grade.rewards, two.grade.reasons, two.grade.answer])
    ? null
    : "asked twice, the verifier gave two verdicts: it must depend on the answer and the problem only";
}

const hint = ({ grade }: Graded): string =>
  grade.answer === null
    ? "; where the right answer still stands in it, let the verdict carry `answer`, and it is not counted"
    : ` (the verifier read "${grade.answer.slice(0, 60)}")`;

/** The next problem's gold whose answer is another one. */
function anotherGold(golds: readonly Graded[], i: number): Graded | null {
  const { grade, answer } = golds[i]!;
  for (let step = 1; step < Math.min(golds.length, 30); step++) {
    const other = golds[(i + step) % golds.length]!;
    const different =
      grade.answer === null
        ? lastLine(other.answer.text) !== lastLine(answer.text)
        : other.grade.answer !== grade.answer;
    if (different) return other;
  }
  return null;
}

/** At most `count` of them, evenly spread. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}
