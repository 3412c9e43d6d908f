import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { random } from "../src/random.ts";
import { type Problem, type Task, takeProblems, type Verdict } from "../src/tasks/task.ts";
import { processorTime } from "./processor-time.ts";

/** What holds for every task that gives one final answer on a last line `Answer: VALUE`. */

/** Problems looked at in each split. */
const many = 2_000;

export async function verdictOf<P extends Problem>(
  task: Task<P>,
  problem: P,
  text: string,
  complete = true,
  part = "accuracy",
): Promise<Verdict> {
  return task.rewards[part]!.verify({ text, complete }, problem);
}

export function problemsOf<P extends Problem>(task: Task<P>, split: "train" | "eval", count: number, seed = 1): P[] {
  return takeProblems(task.problems(split, random(seed, "contract"))[Symbol.iterator](), count);
}

/** The value of a gold's last line. */
export function goldValue(gold: string): string {
  const last = gold.split("\n").at(-1)!;
  assert.ok(last.startsWith("Answer: "), gold);
  return last.slice("Answer: ".length);
}

/** Completions made from a gold that must earn nothing. `others` are values of other problems of the task. */
export function spoiled(gold: string, prompt: string, others: readonly string[]): [what: string, text: string][] {
  const value = goldValue(gold);
  const lines = gold.split("\n");
  const without = lines.slice(0, -1).join("\n");
  const digit = value.search(/\d/);
  const wrong = others.find((other) => other !== value)!;
  return [
    ["empty", ""],
    ["only spaces", " \n\n "],
    ["answer removed", without],
    ["an answer without value", `${without}\nAnswer:`],
    ["prompt echoed", prompt],
    ["prompt echoed behind the gold", `${gold}\n${prompt}`],
    ["placeholder", `${without}\nAnswer: <answer>`],
    ["cut in the middle", gold.slice(0, gold.length - value.length - 4)],
    ["cut before the value", gold.slice(0, gold.length - value.length)],
    ["two answers on one line", `${without}\nAnswer: ${value} or ${wrong}`],
    ["two answers on one line, the right one last", `${without}\nAnswer: ${wrong} or ${value}`],
    ["all candidates", `${without}\nAnswer: ${[value, ...others].join(" ")}`],
    ["all candidates, with commas", `${without}\nAnswer: ${[...others, value].join(", ")}`],
    ["two boxes", `${without}\nSo \\boxed{${value}} or \\boxed{${wrong}}`],
    ["denied", `${without}\nAnswer: not ${value}`],
    ["another answer behind it", `${gold}\nAnswer: ${wrong === value ? "" : "none of these"}`],
    ["unfinished thoughts", `<think>${gold}`],
    ["thoughts only", `<think>${gold}</think>`],
    ...(digit < 0
      ? []
      : ([
          [
            "a digit changed",
            `${without}\nAnswer: ${value.slice(0, digit)}${(Number(value[digit]) + 1) % 10}${value.slice(digit + 1)}`,
          ],
        ] as [string, string][])),
  ];
}

export function taskContract<P extends Problem>(
  name: string,
  load: () => Promise<Task<P>>,
  { perLevel, mostFrequent }: { perLevel: number; mostFrequent: number },
): void {
  describe(`task ${name}`, () => {
    let made: Promise<{ train: P[]; held: P[] }> | undefined;
    const both = () => {
      made ??= load().then((task) => ({
        train: problemsOf(task, "train", many),
        held: problemsOf(task, "eval", many),
      }));
      return made;
    };
    test("gold earns full marks, and keeps to the letter", async () => {
      const task = await load();
      for (const problem of [...problemsOf(task, "train", 150), ...problemsOf(task, "eval", 150)]) {
        const gold = task.gold(problem);
        const verdict = await verdictOf(task, problem, gold);
        assert.deepEqual([verdict.reward, verdict.reason], [1, "correct"], `${problem.prompt}\n${gold}`);
        const form = await verdictOf(task, problem, gold, true, "format");
        assert.deepEqual(form, { reward: 1, reason: "as-asked" }, gold);
      }
    });

    test("spoiled golds earn nothing, each with a reason", async () => {
      const task = await load();
      const problems = problemsOf(task, "train", 60, 3);
      const values = [...new Set(problems.map((problem) => goldValue(task.gold(problem))))];
      for (const [i, problem] of problems.entries()) {
        const gold = task.gold(problem);
        const others = values.slice(i % 20, (i % 20) + 6).filter((value) => value !== goldValue(gold));
        if (others.length === 0) others.push(...values.filter((value) => value !== goldValue(gold)).slice(0, 1));
        for (const [what, text] of spoiled(gold, problem.prompt, others)) {
          const verdict = await verdictOf(task, problem, text);
          assert.equal(verdict.reward, 0, `${what}: ${problem.prompt}\n---\n${text}\n${JSON.stringify(verdict)}`);
          assert.match(verdict.reason, /^[a-z]+(-[a-z]+)*$/);
        }
        assert.deepEqual(await verdictOf(task, problem, gold, false), { reward: 0, reason: "truncated", answer: null });
      }
    });

    test("wording is free, the value is not", async () => {
      const task = await load();
      for (const problem of problemsOf(task, "train", 25, 4)) {
        const value = goldValue(task.gold(problem));
        for (const text of [
          `Answer: ${value}`,
          `I think so.\n\n**Answer:** ${value}\n`,
          `<think>Answer: none</think>\nanswer: ${value}.\n\nI hope this helps.`,
          `First I took it for something else.\nAnswer: nothing\nNo.\nAnswer: ${value}`,
          `<answer>${value}</answer>`,
          `Final answer:\n\`${value}\``,
          `The answer is $\\boxed{${value}}$.`,
        ])
          assert.equal((await verdictOf(task, problem, text)).reward, 1, `${problem.prompt}\n---\n${text}`);
      }
    });

    test(`${many} problems a split: ids, splits, levels, prompts; and the same once more`, async () => {
      const task = await load();
      const { train, held } = await both();
      assert.equal(train.length, many, "training problems never end");
      const known = new Map<string, string>();
      const prompts = new Map<string, string>();
      for (const problem of [...train, ...held]) {
        const text = JSON.stringify(problem);
        assert.equal(known.get(problem.id) ?? text, text, `two problems have the id ${problem.id}`);
        known.set(problem.id, text);
        assert.ok(problem.prompt.trim() === problem.prompt && problem.prompt.length > 20, problem.prompt);
        assert.ok(!/undefined|NaN|\[object/.test(problem.prompt), problem.prompt);
      }
      for (const { prompt } of train) prompts.set(prompt, "train");
      for (const { prompt, id } of held) assert.ok(!prompts.has(prompt), `held-out problem ${id} is asked in training`);
      assert.equal(new Set(held.map(({ id }) => id)).size, held.length, "no held-out problem twice");
      for (const level of [1, 2, 3, 4, 5]) {
        assert.equal(train.filter((problem) => problem.level === level).length, many / 5);
        const count = held.filter((problem) => problem.level === level).length;
        assert.ok(count >= perLevel, `only ${count} held-out problems of level ${level}`);
        const distinct = new Set(train.filter((problem) => problem.level === level).map(({ id }) => id)).size;
        assert.ok(distinct >= 150, `only ${distinct} different ones in ${many / 5} of level ${level}`);
      }
      assert.deepEqual(problemsOf(task, "train", 200), train.slice(0, 200));
      assert.deepEqual(problemsOf(task, "eval", 200, 9), held.slice(0, 200), "held-out problems are always the same");
      assert.notDeepEqual(problemsOf(task, "train", 20, 2), train.slice(0, 20), "another seed, other problems");
    });

    test(`no answer is more frequent than ${mostFrequent}`, async () => {
      const task = await load();
      for (const [split, problems] of Object.entries(await both())) {
        for (const level of [1, 2, 3, 4, 5]) {
          const counts = new Map<string, number>();
          const ofLevel = problems.filter((problem) => problem.level === level);
          for (const problem of ofLevel) {
            const value = goldValue(task.gold(problem));
            counts.set(value, (counts.get(value) ?? 0) + 1);
          }
          const [value, most] = [...counts].sort((a, b) => b[1] - a[1])[0]!;
          assert.ok(
            most / ofLevel.length <= mostFrequent,
            `level ${level}, ${split}: ${value} ${most} times of ${ofLevel.length}`,
          );
        }
      }
    });

    test("verdicts are quick, hostile answers too", async () => {
      const task = await load();
      const problems = problemsOf(task, "train", 50, 5);
      const golds = problems.map((problem) => task.gold(problem));
      const hostile = [
        "9".repeat(100_000),
        `Answer: ${"(".repeat(50_000)}`,
        `Answer: ${"1, ".repeat(50_000)}`,
        `Answer: ${"a ".repeat(2_000)}`,
        `Answer: ${"\\boxed{".repeat(5_000)}`,
        `Answer: 9**9**9**9`,
        "Answer: ".repeat(20_000),
        "answer is is is ".repeat(20_000),
        "\n".repeat(100_000),
        "<think>".repeat(20_000),
        "\u0000\ud800\u202e",
        "Answer: \u0661\u0662",
        "Answer: __proto__",
        "Answer: constructor = 1, toString = 2",
      ];
      const all = await processorTime(async () => {
        for (const [i, problem] of problems.entries()) await verdictOf(task, problem, golds[i]!);
      }, 5 * problems.length);
      assert.ok(all < 5 * problems.length, `${(all / problems.length).toFixed(2)} ms a verdict`);
      for (const text of hostile) {
        const took = await processorTime(async () => {
          const verdict = await verdictOf(task, problems[0]!, text);
          assert.equal(verdict.reward, 0, text.slice(0, 60));
        }, 100);
        assert.ok(took < 100, `${text.slice(0, 30)} took ${took.toFixed(0)} ms`);
      }
    });
  });
}
