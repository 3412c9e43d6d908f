import { basename } from "node:path";
import { z } from "zod";
import { backendOptions, backendSettings } from "./backend-options.ts";
import { defineCommand, UsageError } from "./command.ts";
import { mappingOf, source } from "./dataset.ts";
import { outPath, viewFor } from "./run-options.ts";
import { clean } from "./spans.ts";

const { level: levelColumn, ...others } = source;
const columns = {
  ...others,
  split: z
    .string()
    .min(1)
    .optional()
    .describe("split of a data set of the hub; test where left out")
    .meta({ value: "NAME" }),
};
const { model, ...means } = backendOptions;

export const evalCommand = defineCommand({
  name: "eval",
  summary: "measure a model on held-out problems, with intervals",
  description:
    "Lets a model answer the held-out problems of a task, or all problems of a data set, several times each, and grades the answers. Prints pass@1, pass@k, the majority's score, lengths and reasons with 95 % intervals, and writes every answer, eval.json and eval.md into --out. The same command goes on where it was stopped; a finished one is only printed. The model may be on this machine, in llama.cpp, or behind an OpenAI-compatible endpoint.",
  examples: [
    { command: "autodidact eval --model runs/zero/model --task countdown -k 16", what: "what a run has trained" },
    {
      command:
        'autodidact eval --model HuggingFaceTB/SmolLM2-135M-Instruct --task hf:openai/gsm8k --config main --instruction "Put the final answer in \\boxed{}."',
      what: "a model of the hub on a data set",
    },
    {
      command: "autodidact eval --model big.Q4_K_M.gguf --backend llama.cpp --task ./my-task.ts",
      what: "a quantised model, your own task",
    },
    {
      command: "autodidact eval --endpoint http://localhost:8000/v1 --model Qwen/Qwen3-8B --task gcd-lcm",
      what: "a model that vLLM serves",
    },
  ],
  options: z.object({
    model,
    task: z
      .string()
      .min(1)
      .describe(
        "name as in task list, several with commas between, a .ts or .js file, a file of rows, or hf:OWNER/NAME",
      )
      .meta({ value: "NAME|FILE" }),
    problems: z.int().min(1).default(200).describe("held-out problems").meta({ value: "N" }),
    k: z.int().min(1).max(4096).default(4).describe("answers to each problem").meta({ short: "k", value: "N" }),
    temperature: z.number().min(0).default(0.6).describe("0 always takes the likeliest token").meta({ value: "T" }),
    topP: z
      .number()
      .gt(0)
      .max(1)
      .default(0.95)
      .describe("choose among the likeliest tokens up to this probability")
      .meta({ value: "P" }),
    topK: z.int().min(0).default(0).describe("choose among this many tokens; 0 among all").meta({ value: "N" }),
    maxTokens: z
      .int()
      .min(1)
      .optional()
      .describe("token limit of an answer; 2048, or what the model has room for, where left out")
      .meta({ value: "N" }),
    seed: z.int().min(0).default(1).describe("names the random numbers").meta({ value: "N" }),
    system: z.string().min(1).optional().describe("system message before every question").meta({ value: "TEXT" }),
    instruction: z
      .string()
      .min(1)
      .optional()
      .describe("text behind every question, such as how to write the final answer")
      .meta({ value: "TEXT" }),
    template: z
      .string()
      .min(1)
      .default("chat")
      .describe('"chat": the model\'s own template; "r1-zero": the paper\'s; or a text around {prompt}')
      .meta({ value: "TEXT" }),
    chatVariable: z
      .array(z.string().min(1))
      .default([])
      .describe("variable that the chat template reads, enable_thinking=false for instance")
      .meta({ value: "NAME=VALUE" }),
    stop: z.array(z.string().min(1)).default([]).describe("text behind which an answer ends").meta({ value: "TEXT" }),
    level: z.array(z.int().min(1).max(5)).default([]).describe("only this level of a family").meta({ value: "LEVEL" }),
    out: z
      .string()
      .min(1)
      .optional()
      .describe("directory for answers and figures; evals/MODEL--TASK where left out")
      .meta({ value: "DIR" }),
    deadline: z
      .number()
      .positive()
      .default(10)
      .describe("seconds that an asynchronous verifier has for one answer")
      .meta({ value: "S" }),
    ...means,
    ...columns,
    levelColumn,
  }),
  async run(options, context) {
    const { isDataset } = await import("../run/eval-task.ts");
    const { fullTaskSpec } = await import("../run/load-task.ts");
    const { runEval } = await import("../run/eval.ts");
    const { evalLines } = await import("../run/eval-text.ts");
    const { Stopped } = await import("../run/observer.ts");
    const settings = backendSettings(options, context);
    const { model, backend, endpoint, ...means } = settings;
    const rows = isDataset(options.task);
    const data = dataOf(options);
    if (!rows && data !== null)
      throw new UsageError("OPTION_INVALID", `--${data.flag}: is for data sets, and --task ${options.task} is none`);
    const out = options.out ?? `evals/${plain(options.model)}--${plain(options.task)}`;
    const onDisk = rows && !options.task.startsWith("hf:");
    const request = {
      model,
      backend,
      endpoint,
      task: onDisk ? outPath(context, options.task) : rows ? options.task : fullTaskSpec(options.task, context.cwd),
      levels: options.level.length > 0 ? [...options.level] : null,
      data: rows ? (data?.value ?? { skipBad: false }) : null,
      problems: options.problems,
      samplesPerProblem: options.k,
      temperature: options.temperature,
      topP: options.topP,
      topK: options.topK,
      maxTokens: options.maxTokens,
      seed: options.seed,
      system: options.system ?? null,
      template: options.template,
      chatVariables: variables(options.chatVariable),
      instruction: options.instruction ?? null,
      stop: options.stop,
    };
    const view = viewFor(context, 0);
    try {
      const record = await runEval(request, {
        ...means,
        path: outPath(context, out),
        cwd: context.cwd,
        signal: context.signal,
        observer: view,
        hub: { env: context.env },
        verification: { deadline: options.deadline },
      });
      view.close();
      context.result(record, [...evalLines(record), "", `answers and figures: ${out}`].map(clean).join("\n"));
    } catch (error) {
      if (error instanceof Stopped)
        view.done([`Stopped; every answer until now is in ${out}. Go on with the same command.`]);
      throw error;
    } finally {
      view.close();
    }
  },
});

/** What of a spec may stand in the name of a directory. */
function plain(spec: string): string {
  const name = /[\\/]/.test(spec) && !spec.startsWith("hf:") ? basename(spec.replace(/[\\/]+model[\\/]*$/, "")) : spec;
  return name
    .replace(/^hf:/, "")
    .replaceAll(/[^\w.-]+/g, "-")
    .replace(/^\.+/, "")
    .slice(0, 80);
}

type DataFlags = Partial<z.output<z.ZodObject<typeof columns>>> & { readonly levelColumn?: string | undefined };

function dataOf(flags: DataFlags) {
  const { config, split, revision, skipBad = false, levelColumn } = flags;
  const { mapping } = mappingOf({ ...flags, level: levelColumn });
  const given = Object.keys({ ...columns, levelColumn }).find(
    (name) => name !== "skipBad" && flags[name as keyof DataFlags] !== undefined,
  );
  if (given === undefined && !skipBad) return null;
  return {
    flag: given ?? "skip-bad",
    value: {
      ...(mapping !== undefined && { mapping: mapping as string | Record<string, string> }),
      ...(config !== undefined && { config }),
      ...(split !== undefined && { split }),
      ...(revision !== undefined && { revision }),
      skipBad,
    },
  };
}

/** "enable_thinking=false": a value that is JSON is that, any other is text. */
function variables(given: readonly string[]): Record<string, z.core.util.JSONType> {
  return Object.fromEntries(
    given.map((assignment) => {
      const equals = assignment.indexOf("=");
      if (equals < 1) throw new UsageError("OPTION_INVALID", `--chat-variable ${assignment}: write NAME=VALUE`);
      const text = assignment.slice(equals + 1);
      try {
        return [assignment.slice(0, equals), JSON.parse(text) as z.core.util.JSONType];
      } catch {
        return [assignment.slice(0, equals), text];
      }
    }),
  );
}
