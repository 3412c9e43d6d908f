import { z } from "zod";
import type { Backend, Generated, GenerateOptions, Prompt } from "../backends/backend.ts";
import { promptOf } from "../backends/prompt.ts";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import type { Asking } from "../model/policy.ts";
import { openAnswers, sha256 } from "./answers-directory.ts";
import { generateInto } from "./generate.ts";
import { jsonLines } from "./json-lines.ts";
import { type RunControl, unlessStopped } from "./observer.ts";

/** A line of prompts: what is asked, and whatever else should stand beside its answers. */
const promptLineSchema = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  prompt: z.string().optional(),
  messages: z
    .array(z.object({ role: z.string().min(1), content: z.string() }))
    .min(1)
    .optional(),
});
export type PromptLine = z.output<typeof promptLineSchema>;

/** A line of answers.jsonl: the line of its prompt, and the answer. */
export const sampleLineSchema = z.looseObject({
  /** Number of the prompt's line, from 1. */
  line: z.int(),
  sample: z.int(),
  completion: z.string(),
  /** Completion tokens; a fourth of the characters where `estimated`. */
  tokens: z.int(),
  estimated: z.literal(true).exactOptional(),
  finish: z.enum(["stop", "length"]),
  /** False: the token limit cut it off. */
  complete: z.boolean(),
  logprobs: z.array(z.number()).exactOptional(),
});
export type SampleLine = z.output<typeof sampleLineSchema>;

/** Fields of an answer; a prompt's own fields of these names would be overwritten. */
const own = ["line", "sample", "completion", "tokens", "estimated", "finish", "complete", "logprobs"];

/** @throws AutodidactError PROMPTS_FILE naming line and field */
export async function readPrompts(file: string): Promise<PromptLine[]> {
  const prompts: PromptLine[] = [];
  const refuse = (number: number, what: string): never => {
    throw new AutodidactError("PROMPTS_FILE", `${file}:${number}: ${what}`);
  };
  try {
    for await (const { number, text } of jsonLines(file)) {
      if (text.trim() === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(number === 1 ? text.replace(/^\uFEFF/, "") : text);
      } catch {
        refuse(number, 'is not JSON; write one object a line, {"prompt": "..."}');
      }
      const parsed = promptLineSchema.safeParse(value);
      if (!parsed.success) refuse(number, firstIssue(parsed.error, value));
      const line = parsed.data!;
      if ((line.prompt === undefined) === (line.messages === undefined))
        refuse(
          number,
          `has ${line.prompt === undefined ? "neither prompt nor" : "both prompt and"} messages; give one of them`,
        );
      const taken = own.find((field) => Object.hasOwn(line, field));
      if (taken !== undefined)
        refuse(number, `has a field ${taken}, under which its answers are written; give it another name`);
      prompts.push(line);
    }
  } catch (cause) {
    if (!(cause instanceof Error) || (cause as NodeJS.ErrnoException).code !== "EISDIR") throw cause;
    throw new AutodidactError("PROMPTS_FILE", `${file}: is a directory; give a file of JSON lines`, { cause });
  }
  if (prompts.length === 0)
    throw new AutodidactError(
      "PROMPTS_FILE",
      `${file}: holds no prompt, or is not there; give JSON lines, {"prompt": "..."}`,
    );
  return prompts;
}

export interface SamplePromptsOptions
  extends Omit<GenerateOptions, "onAnswer" | "onProgress" | "signal" | "stop">,
    Pick<RunControl, "signal" | "observer"> {
  /** Directory of recipe.json and answers.jsonl; lines are only passed to `onLine` where it is null. */
  readonly path: string | null;
  /** Answers to each prompt. */
  readonly count: number;
  readonly seed: number;
  readonly asking: Asking;
  /** Prompts are the very text that the model continues. */
  readonly raw: boolean;
  /** What of the model goes into recipe.json. */
  readonly model: Readonly<Record<string, unknown>>;
  /** Called with each line as it comes. */
  readonly onLine?: (line: SampleLine) => void;
}

export interface SampledPrompts {
  readonly prompts: number;
  readonly answers: number;
  /** Answers that were there before. */
  readonly before: number;
  readonly tokens: number;
}

/**
 * Samples answers to prompts, each appended as soon as it is there, with the fields of its prompt's line: what rejection
 * sampling and distillation start from. The same command goes on behind what is there.
 */
export async function samplePrompts(
  backend: Backend,
  prompts: readonly PromptLine[],
  options: SamplePromptsOptions,
): Promise<SampledPrompts> {
  const { path, count, seed, asking, raw, model, signal, observer, onLine, ...sampling } = options;
  const recipe = {
    kind: "sample",
    ...model,
    prompts: sha256(JSON.stringify(prompts)),
    count,
    seed,
    raw,
    ...asking,
    ...sampling,
  };
  const answers =
    path === null ? null : await openAnswers(path, { recipe, engine: backend.name, line: sampleLineSchema });
  try {
    const present = new Set((answers?.present ?? []).map(({ line, sample }) => `${line}/${sample}`));
    const missing = prompts.flatMap((line, i) => {
      const samples = Array.from({ length: count }, (_, sample) => sample).filter(
        (sample) => !present.has(`${i + 1}/${sample}`),
      );
      const key = [seed, "sample", line.id ?? i + 1];
      return samples.length === 0
        ? []
        : [{ i, line, request: { prompt: questionOf(line, asking, raw), samples, key } }];
    });
    if (present.size > 0) observer.note(`going on behind ${present.size} of ${prompts.length * count} answers`);
    observer.phase("Sampling", `${prompts.length} prompts, ${count} answers to each`);
    let tokens = (answers?.present ?? []).reduce((sum, one) => sum + one.tokens, 0);
    const work = generateInto(
      backend,
      missing.map(({ request }) => request),
      {
        ...sampling,
        ...(asking.stop && { stop: asking.stop }),
        signal,
        observer,
        before: present.size,
        what: "answers",
        async take(request, answer) {
          const { i, line } = missing[request]!;
          const written = sampleLine(i + 1, line, answer);
          tokens += answer.tokens;
          await answers?.append(written);
          onLine?.(written);
        },
      },
    );
    await unlessStopped(signal, work);
    return { prompts: prompts.length, answers: prompts.length * count, before: present.size, tokens };
  } finally {
    await answers?.close();
  }
}

function questionOf(line: PromptLine, asking: Asking, raw: boolean): Prompt {
  if (line.messages === undefined) return raw ? { text: line.prompt! } : promptOf(line.prompt!, asking);
  const { system, chatVariables } = asking;
  const messages = system === undefined ? line.messages : [{ role: "system", content: system }, ...line.messages];
  return { messages, ...(chatVariables && { variables: chatVariables }) };
}

function sampleLine(number: number, prompt: PromptLine, answer: Generated): SampleLine {
  const { sample, text, tokens, estimated, finish, logprobs } = answer;
  return {
    ...prompt,
    line: number,
    sample,
    completion: text,
    tokens,
    ...(estimated && { estimated }),
    finish,
    complete: finish === "stop",
    ...(logprobs && { logprobs: Array.from(logprobs) }),
  };
}
