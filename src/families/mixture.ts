import { AutodidactError } from "../errors.ts";
import { random as keyed, type Random } from "../random.ts";
import { defineTask, type Observation, type Problem, type Reward, type Task } from "../tasks/task.ts";

export interface MixturePart {
  readonly task: Task;
  /** How often it is drawn, compared with the others. */
  readonly weight: number;
}

/** A problem of one of the parts; `inner` is what that part made and grades. */
export interface MixedProblem extends Problem {
  readonly family: string;
  /** Name of the part it comes from. */
  readonly part: string;
  readonly inner: Problem;
}

/**
 * One task out of several. Training problems are drawn by weight; the held-out list takes the parts in turn, whatever
 * their weights, and ends where one of them has no more, so that each prefix is balanced. Each problem is graded by the
 * rewards of its part; a reward part that it doesn't have counts 0.
 *
 * @example
 * ```ts
 * const sums = mixture([
 *   { task: await loadFamily("arithmetic"), weight: 2 },
 *   { task: (await loadFamily("fractions")).at([1, 2]), weight: 1 },
 * ]);
 * ```
 * @throws AutodidactError TASK_MIXTURE where there is no part, a weight is not positive, two parts have one name and other
 * rewards, or a reward has not the same weight in all parts; TASK_PROBLEMS where a part has no problem of a split
 */
export function mixture(parts: readonly MixturePart[], options: { readonly name?: string } = {}): Task<MixedProblem> {
  check(parts);
  const byName = new Map(parts.map(({ task }) => [task.name, task]));
  const partOf = ({ part }: MixedProblem): Task => byName.get(part)!;
  const rewards: Record<string, Reward<MixedProblem>> = {};
  for (const { task } of parts)
    for (const [name, { weight, deadline }] of Object.entries(task.rewards)) {
      const longest = Math.max(deadline ?? 0, rewards[name]?.deadline ?? 0);
      rewards[name] = {
        weight,
        ...(longest > 0 && { deadline: longest }),
        verify: (answer, problem) =>
          partOf(problem).rewards[name]?.verify(answer, problem.inner) ?? { reward: 0, reason: "no-such-part" },
      };
    }
  const observers = parts.map(({ task }) => task).filter((task) => task.observe);
  return {
    ...defineTask<MixedProblem>({
      name: options.name ?? [...byName.keys()].join("+"),
      problems: (split, random) => (split === "train" ? drawn(parts, random) : inTurn(parts, random)),
      rewards: rewards as Task<MixedProblem>["rewards"],
      gold: (problem) => partOf(problem).gold(problem.inner),
    }),
    ...(observers.length > 0 && passedOn(observers)),
  };
}

function mixed({ name }: Task, problem: Problem): MixedProblem {
  const { id, prompt, level, family = name } = problem;
  return { id: `${name}/${id}`, prompt, level, family, part: name, inner: problem };
}

function* drawn(parts: readonly MixturePart[], random: Random): Generator<MixedProblem> {
  const key = random.int(0, 0x7fffffff);
  const open = (part: number, round: number): Iterator<Problem> =>
    parts[part]!.task.problems("train", keyed("mixture", key, part, round))[Symbol.iterator]();
  const streams = parts.map((_, i) => ({ stream: open(i, 0), round: 0 }));
  const places = parts.map((_, i) => i);
  const weights = parts.map(({ weight }) => weight);
  while (true) {
    const place = random.weighted(places, weights);
    const source = streams[place]!;
    let next = source.stream.next();
    // A data set has an end; it begins again in another order.
    if (next.done) {
      source.stream = open(place, ++source.round);
      next = source.stream.next();
      if (next.done) throw empty(parts[place]!.task, "train");
    }
    yield mixed(parts[place]!.task, next.value);
  }
}

function* inTurn(parts: readonly MixturePart[], random: Random): Generator<MixedProblem> {
  const streams = parts.map(({ task }) => task.problems("eval", random)[Symbol.iterator]());
  for (let round = 0; ; round++) {
    const next = streams.map((stream) => stream.next());
    const ended = next.findIndex(({ done }) => done);
    if (ended >= 0 && round === 0) throw empty(parts[ended]!.task, "eval");
    if (ended >= 0) return;
    for (const [i, { value }] of next.entries()) yield mixed(parts[i]!.task, value as Problem);
  }
}

/** What the parts hear and keep. */
function passedOn(observers: readonly Task[]): Pick<Task, "observe" | "save" | "restore"> {
  return {
    observe(seen: readonly Observation[]) {
      for (const task of observers) {
        const own = seen.filter(({ problem }) => (problem as MixedProblem).part === task.name);
        task.observe!(own.map((one) => ({ ...one, problem: (one.problem as MixedProblem).inner })));
      }
    },
    save: () => Object.fromEntries(observers.map((task) => [task.name, task.save?.() ?? null])),
    restore(state) {
      for (const task of observers) task.restore?.((state as Record<string, unknown>)[task.name]);
    },
  };
}

function empty({ name }: Task, split: string): AutodidactError {
  return new AutodidactError("TASK_PROBLEMS", `task ${name} has no ${split} problem; take it out of the mixture`);
}

function check(parts: readonly MixturePart[]): void {
  const refuse = (text: string): never => {
    throw new AutodidactError("TASK_MIXTURE", text);
  };
  if (parts.length === 0) refuse("parts: there are none; give at least one task with its weight");
  const tasks = new Map<string, Task>();
  const weights = new Map<string, { weight: number; task: string }>();
  for (const { task, weight } of parts) {
    if (!(Number.isFinite(weight) && weight > 0)) refuse(`${task.name}: weight is ${weight}; give a number above 0`);
    const other = tasks.get(task.name);
    if (other !== undefined && other.rewards.accuracy !== task.rewards.accuracy)
      refuse(`${task.name}: two different tasks have this name; give one of them another`);
    tasks.set(task.name, task);
    for (const [name, reward] of Object.entries(task.rewards)) {
      const known = weights.get(name);
      if (known !== undefined && known.weight !== reward.weight)
        refuse(
          `reward ${name} has weight ${known.weight} in ${known.task} and ${reward.weight} in ${task.name}; give it one weight`,
        );
      weights.set(name, { weight: reward.weight, task: task.name });
    }
  }
}
