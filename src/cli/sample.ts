import { z } from "zod";
import type { Backend } from "../backends/backend.ts";
import { backendOptions, backendSettings } from "./backend-options.ts";
import { type Context, defineCommand, UsageError } from "./command.ts";
import { downloadOptions } from "./download-view.ts";
import { outPath } from "./run-options.ts";
import { clean } from "./spans.ts";
import { createView } from "./view.ts";

export const sample = defineCommand({
  name: "sample",
  summary: "print completions of a prompt, or write those of many",
  description:
    "Samples completions of a prompt from a model: a directory, a GGUF file, an id on the Hugging Face hub, which is downloaded once, or a model behind an OpenAI-compatible endpoint. The prompt goes through the model's chat template unless --raw is given. With --prompts it answers each line of a file and writes a JSON line for each answer, with the fields of its prompt beside it; with --out the same command goes on where it was stopped.",
  examples: [
    { command: 'autodidact sample --model countdown-base --prompt "2 7 9 make 65" -n 4', what: "four answers" },
    {
      command: 'autodidact sample --model runs/zero/model --prompt "2 7 9 make 65" --temperature 0 --json',
      what: "the likeliest one, with log-probabilities",
    },
    {
      command: 'autodidact sample --model HuggingFaceTB/SmolLM2-135M-Instruct --prompt "What is 17 + 25?"',
      what: "a model of the hub",
    },
    {
      command:
        "autodidact sample --endpoint http://localhost:8000/v1 --model Qwen/Qwen3-8B --prompts questions.jsonl -n 8 --out data/answers",
      what: "eight answers to every question of a file, from a model that is served elsewhere",
    },
  ],
  options: z.object({
    ...backendOptions,
    prompt: z.string().optional().describe("what the model is asked").meta({ value: "TEXT" }),
    prompts: z
      .string()
      .min(1)
      .optional()
      .describe('file of JSON lines with "prompt" or "messages", in place of --prompt')
      .meta({ value: "FILE" }),
    out: z
      .string()
      .min(1)
      .optional()
      .describe("with --prompts: directory for answers.jsonl; lines go to stdout where left out")
      .meta({ value: "DIR" }),
    system: z.string().min(1).optional().describe("system message before the prompt").meta({ value: "TEXT" }),
    n: z.int().min(1).max(4096).default(1).describe("number of completions").meta({ short: "n", value: "N" }),
    temperature: z.number().min(0).default(1).describe("0 always takes the likeliest token").meta({ value: "T" }),
    topP: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe("keep the likeliest tokens up to this probability")
      .meta({ value: "P" }),
    topK: z.int().min(0).default(0).describe("keep this many tokens; 0 keeps all").meta({ value: "N" }),
    maxTokens: z.int().min(1).default(256).describe("token limit of a completion").meta({ value: "N" }),
    stop: z
      .array(z.string().min(1))
      .default([])
      .describe("text behind which a completion ends")
      .meta({ value: "TEXT" }),
    seed: z.int().min(0).default(1).describe("names the random numbers").meta({ value: "N" }),
    raw: z.boolean().default(false).describe("leave the chat template out"),
    logprobs: z
      .boolean()
      .optional()
      .describe(
        "with --prompts: write log-probabilities too, where the backend has them; --prompt prints them with --json",
      ),
  }),
  async run(options, context) {
    const { findBackend } = await import("../run/open-backend.ts");
    const { prompt, prompts, out, raw, system } = options;
    if ((prompt === undefined) === (prompts === undefined))
      throw new UsageError(
        prompt === undefined ? "OPTION_MISSING" : "OPTION_INVALID",
        "give either --prompt TEXT or --prompts FILE; see: autodidact sample --help",
      );
    if (out !== undefined && prompts === undefined)
      throw new UsageError("OPTION_INVALID", `--out ${out}: goes with --prompts FILE only; leave it out`);
    if (raw && system !== undefined)
      throw new UsageError("OPTION_INVALID", "--system: goes through the chat template, which --raw leaves out");
    const lines = prompts === undefined ? null : await readLines(outPath(context, prompts));
    const settings = backendSettings(options, context);
    const found = await findBackend(settings, downloadOptions(context));
    const backend = await found.open();
    try {
      if (lines === null) await printAnswers(backend, prompt!, options, context);
      else {
        const model = { model: settings.model, endpoint: settings.endpoint, weights: found.weights };
        await writeAnswers(backend, lines, model, options, context);
      }
    } finally {
      await backend.close();
    }
  },
});

type Options = Parameters<typeof sampling>[0] & {
  readonly prompts?: string | undefined;
  readonly out?: string | undefined;
  readonly n: number;
  readonly logprobs?: boolean | undefined;
  readonly seed: number;
  readonly raw: boolean;
  readonly system?: string | undefined;
  readonly stop: readonly string[];
};

const sampling = (options: {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
}) => ({
  maxTokens: options.maxTokens,
  temperature: options.temperature,
  topP: options.topP,
  topK: options.topK,
});

async function readLines(path: string) {
  const { readPrompts } = await import("../run/sample-prompts.ts");
  return readPrompts(path);
}

async function printAnswers(backend: Backend, prompt: string, options: Options, context: Context): Promise<void> {
  const { promptOf } = await import("../backends/prompt.ts");
  const { unlessStopped } = await import("../run/observer.ts");
  const { n, seed, raw, system, stop } = options;
  const work = backend.generate(
    [
      {
        prompt: raw ? { text: prompt } : promptOf(prompt, system === undefined ? {} : { system }),
        samples: Array.from({ length: n }, (_, i) => i),
        key: [seed, "sample"],
      },
    ],
    { ...sampling(options), logprobs: true, ...(stop.length > 0 && { stop }), signal: context.signal },
  );
  const [answers] = await unlessStopped(context.signal, work);
  const results = answers!.map(({ text, tokens, estimated, tokenIds, logprobs, finish }) => ({
    text,
    tokens: tokenIds && Array.from(tokenIds),
    length: tokens,
    ...(estimated && { estimated }),
    logprobs: logprobs && Array.from(logprobs),
    finish,
  }));
  context.result(results, results.map((result) => clean(result.text)).join("\n"));
}

async function writeAnswers(
  backend: Backend,
  lines: Awaited<ReturnType<typeof readLines>>,
  model: Readonly<Record<string, unknown>>,
  options: Options,
  context: Context,
): Promise<void> {
  const { samplePrompts } = await import("../run/sample-prompts.ts");
  const { Stopped } = await import("../run/observer.ts");
  const { out, n, seed, raw, system, stop } = options;
  // Lines on stdout are for a program: what is said meanwhile goes to stderr.
  const stream = out === undefined || context.json ? context.stderr : context.stdout;
  const view = createView({ stream, isTTY: stream.isTTY === true, totalSteps: 0, env: context.env });
  try {
    const made = await samplePrompts(backend, lines, {
      ...sampling(options),
      logprobs: options.logprobs ?? false,
      path: out === undefined ? null : outPath(context, out),
      count: n,
      seed,
      raw,
      asking: { ...(system !== undefined && { system }), ...(stop.length > 0 && { stop }) },
      model,
      signal: context.signal,
      observer: view,
      ...(out === undefined && { onLine: (line) => void context.stdout.write(`${JSON.stringify(line)}\n`) }),
    });
    view.close();
    if (out !== undefined)
      context.result(
        { ...made, out },
        `${made.answers} answers to ${made.prompts} prompts, ${made.tokens} tokens: ${out}/answers.jsonl`,
      );
  } catch (error) {
    if (error instanceof Stopped && out !== undefined)
      view.done([`Stopped; every answer until now is in ${out}. Go on with the same command.`]);
    throw error;
  } finally {
    view.close();
  }
}
