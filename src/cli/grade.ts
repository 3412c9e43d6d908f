import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import type { GradeLine } from "../run/grade-lines.ts";
import { type Context, defineCommand, UsageError } from "./command.ts";

const verifiers = ["maths", "code", "task"] as const;

export const grade = defineCommand({
  name: "grade",
  summary: "grade JSON lines: mathematical answers, programs by tests, answers to a task's problems",
  description:
    'Reads one JSON object a line from a file or standard input and writes one line each with reward, parts and reason, in the same order. maths takes {"gold", "answer"}, code {"completion", "tests"}, task {"problem", "completion"} with --task; "complete": false says that an answer was cut off. A line that cannot be graded gets the reason invalid-line and says why; the others go on.',
  examples: [
    { command: "autodidact grade --verifier maths answers.jsonl", what: "answers against golds" },
    { command: "autodidact grade --verifier code < programs.jsonl > verdicts.jsonl", what: "programs, in sandboxes" },
    { command: "autodidact grade --task ./my-task.ts completions.jsonl", what: "completions of a task of your own" },
  ],
  options: z.object({
    verifier: z.enum(verifiers).optional().describe("what grades; task where --task is given"),
    task: z.string().min(1).optional().describe("a task's name, or a .ts or .js file").meta({ value: "NAME|FILE" }),
    strict: z
      .boolean()
      .default(false)
      .describe("maths: only an answer in \\boxed{} or answer tags counts, not the last number"),
    concurrency: z.int().min(1).max(1024).optional().describe("lines graded at the same time").meta({ value: "N" }),
    deadline: z
      .number()
      .positive()
      .default(10)
      .describe("task: seconds that an asynchronous verifier has for one answer")
      .meta({ value: "S" }),
  }),
  positionals: z.object({ file: z.string().min(1).optional().describe("JSON lines; standard input where left out") }),
  async run({ verifier, task, strict, concurrency, deadline, file }, context) {
    const chosen = verifier ?? (task === undefined ? undefined : "task");
    if (chosen === undefined)
      throw new UsageError(
        "OPTION_MISSING",
        `--verifier is required: one of ${verifiers.join(", ")}; see: autodidact grade --help`,
      );
    if ((chosen === "task") !== (task !== undefined))
      throw new UsageError(
        "OPTION_INVALID",
        chosen === "task"
          ? "--task is required with --verifier task: a task's name, or a .ts or .js file"
          : `--task ${task}: goes with --verifier task only, and --verifier is ${chosen}; leave one of them out`,
      );
    const { gradeLines } = await import("../run/grade-lines.ts");
    const verify = await lineVerifier(chosen, { task, strict, deadline, context });
    const input = file === undefined ? standardInput(context) : await readable(resolve(context.cwd, file), file);
    const options = {
      ...(file !== undefined && { source: file }),
      concurrency: concurrency ?? Math.max(4, 2 * availableParallelism()),
    };
    const { stdout } = context;
    let [lines, invalid] = [0, 0];
    for await (const verdict of gradeLines(input, verify, options)) {
      context.signal.throwIfAborted();
      lines++;
      if (verdict.reason === "invalid-line") invalid++;
      // Reads no faster than is read from us.
      if (!stdout.write(`${JSON.stringify(verdict)}\n`)) await once(stdout, "drain", { signal: context.signal });
    }
    if (!context.json && invalid > 0)
      context.stderr.write(`${invalid} of ${lines} lines could not be graded; their "error" says why\n`);
  },
});

interface Chosen {
  readonly task: string | undefined;
  readonly strict: boolean;
  readonly deadline: number;
  readonly context: Context;
}

async function lineVerifier(
  name: (typeof verifiers)[number],
  { task, strict, deadline, context }: Chosen,
): Promise<GradeLine> {
  const { codeLines, mathsLines, taskLines } = await import("../run/line-verifiers.ts");
  if (name === "maths") return mathsLines(strict);
  if (name === "code") return codeLines();
  // What a task prints must not stand between the verdicts.
  console.log = console.info = console.debug = console.error;
  const { openTask } = await import("../run/load-task.ts");
  return taskLines(await openTask(task!, context.cwd), deadline);
}

function standardInput({ stdin = process.stdin, stderr }: Context): AsyncIterable<Uint8Array> {
  if ((stdin as { isTTY?: boolean }).isTTY === true)
    stderr.write("Reading JSON lines from the terminal; end with Ctrl-D.\n");
  return stdin as AsyncIterable<Uint8Array>;
}

async function readable(path: string, name: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    const handle = await open(path);
    const isFile = !(await handle.stat()).isDirectory();
    await handle.close();
    if (isFile) return createReadStream(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new AutodidactError("GRADE_FILE", `${name}: ${why}; give a file of JSON lines`, { cause: error });
  }
  throw new AutodidactError("GRADE_FILE", `${name}: is a directory; give a file of JSON lines`);
}
