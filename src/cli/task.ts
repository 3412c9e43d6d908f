import { z } from "zod";
import type { Problem } from "../tasks/task.ts";
import { defineCommand } from "./command.ts";
import { clean } from "./spans.ts";

export const taskList = defineCommand({
  name: "task list",
  summary: "the tasks that ship, and what each asks",
  description:
    "Lists the tasks that ship: procedural families, each with endless problems in five levels, and the small world's own task.",
  examples: [{ command: "autodidact task list --json", what: "names and summaries for a program" }],
  options: z.object({}),
  async run(_, context) {
    const { families, otherTasks } = await import("../families/families.ts");
    const tasks = Object.entries({ ...families, ...otherTasks }).map(([name, { summary }]) => ({ name, summary }));
    const width = Math.max(...tasks.map(({ name }) => name.length));
    const lines = tasks.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}`);
    context.result(tasks, lines.join("\n"));
  },
});

export const taskShow = defineCommand({
  name: "task show",
  summary: "sample problems of a task with their gold answers, and what grows with its levels",
  description:
    "Prints problems of a task, one that ships or your own, each with an answer that earns full marks. The same seed gives the same problems. With --json each problem is whole, as `grade --task` takes it.",
  examples: [
    { command: "autodidact task show graph-path", what: "one problem of each level" },
    { command: "autodidact task show zebra --level 5 -n 3 --seed 2", what: "three of the hardest" },
    { command: "autodidact task show gcd-lcm --split eval -n 100 --json", what: "held-out problems for a program" },
  ],
  options: z.object({
    level: z.array(z.int().min(1).max(5)).default([]).describe("only this level").meta({ value: "LEVEL" }),
    n: z.int().min(1).max(100_000).default(5).describe("number of problems").meta({ short: "n", value: "N" }),
    split: z.enum(["train", "eval"]).default("train").describe("training or held-out problems"),
    seed: z.int().min(0).default(1).describe("names the training problems").meta({ value: "N" }),
  }),
  positionals: z.object({ name: z.string().min(1).describe("a name as in task list, or a .ts or .js file") }),
  async run({ name, level, n, split, seed }, context) {
    const { openTask } = await import("../run/load-task.ts");
    const { random } = await import("../random.ts");
    const task = await openTask(name, context.cwd);
    const sizes = sizesOf(task);
    const wanted = new Set(level.length === 0 ? [1, 2, 3, 4, 5] : level);
    const shown: (Problem & { readonly gold: string })[] = [];
    for (const problem of task.problems(split, random(seed, "show"))) {
      if (!wanted.has(problem.level)) continue;
      shown.push({ ...problem, gold: task.gold(problem) });
      if (shown.length === n) break;
    }
    const text = [
      ...(sizes === null ? [name] : [`${name}: ${sizes.asks}`, `Grows with the level: ${sizes.grows}.`]),
      ...(sizes?.levels ?? []).map((size, i) => `  level ${i + 1}  ${sizeText(size)}`),
      ...shown.map(
        (one) => `\n── level ${one.level}, ${one.id}\n${clean(one.prompt)}\n\n  gold:\n${indented(clean(one.gold))}`,
      ),
    ];
    context.result({ name, split, ...sizes, problems: shown }, text.join("\n"));
  },
});

type Sizes = Pick<import("../families/family.ts").Family, "asks" | "grows" | "levels">;

/** What a family says of its levels; null for a task that is no family. */
function sizesOf(task: object): Sizes | null {
  if (!("asks" in task) || !("grows" in task) || !("levels" in task)) return null;
  const { asks, grows, levels } = task as Sizes;
  return { asks, grows, levels };
}

function sizeText(size: Sizes["levels"][number]): string {
  return Object.entries(size)
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(" ") : value}`)
    .join(", ");
}

const indented = (text: string): string => text.replace(/^/gm, "  ");
