import { EndpointError, type Failure, isHttpAddress, post, turns } from "../endpoint/post.ts";
import { AutodidactError } from "../errors.ts";
import { hashKey } from "../random.ts";
import type { Backend, Generated, GenerateOptions, GenerateRequest, Prompt } from "./backend.ts";

/** Any server that speaks OpenAI's API: vLLM, llama.cpp's server, Ollama, SGLang, LM Studio, hosted ones. */
export interface OpenaiOptions {
  /** Base address: `http://localhost:8000/v1`. */
  readonly endpoint: string;
  readonly model: string;
  readonly apiKey?: string | undefined;
  /** Requests under way at once. @default 8 */
  readonly concurrency?: number | undefined;
  /** Samples asked for in one request (`n`). With 1 each sample has a seed of its own. @default 1 */
  readonly samplesPerRequest?: number | undefined;
  /** Milliseconds that one request may take. @default 600000 */
  readonly timeoutMs?: number | undefined;
  /** Further tries of a request that failed for a passing reason. @default 6 */
  readonly retries?: number | undefined;
  /** Milliseconds before the first of them, twice as many before each further one, at most a minute. @default 1000 */
  readonly retryMs?: number | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** What an endpoint has been asked and says that it counted. */
export interface Usage {
  requests: number;
  promptTokens: number;
  completionTokens: number;
}

export interface OpenaiBackend extends Backend {
  readonly usage: Readonly<Usage>;
}

/** What a server may not know; after a refusal that names it, it is asked for in another way or not at all. */
interface Habits {
  /** OpenAI's newer models want `max_completion_tokens`. */
  limitName: "max_tokens" | "max_completion_tokens";
  logprobs: boolean;
  /** Some servers refuse fields that they do not know. Answers then cannot be had again. */
  seed: boolean;
}

/** @throws AutodidactError ENDPOINT_OPTIONS */
export function openaiBackend(options: OpenaiOptions): OpenaiBackend {
  const { endpoint, model, concurrency = 8, samplesPerRequest = 1 } = options;
  if (!isHttpAddress(endpoint))
    throw new AutodidactError(
      "ENDPOINT_OPTIONS",
      `endpoint: is ${JSON.stringify(endpoint)}, which is no address; write http://HOST/v1`,
    );
  if (model === "")
    throw new AutodidactError("ENDPOINT_OPTIONS", "model: is empty; give the name that the endpoint has for it");
  for (const [field, value] of Object.entries({ concurrency, samplesPerRequest }))
    if (!Number.isInteger(value) || value < 1)
      throw new AutodidactError("ENDPOINT_OPTIONS", `${field}: is ${value}; give a whole number from 1`);
  const turn = turns(concurrency);
  const usage: Usage = { requests: 0, promptTokens: 0, completionTokens: 0 };
  const habits: Habits = { limitName: "max_tokens", logprobs: true, seed: true };
  return {
    name: "openai",
    usage,
    room: () => Infinity,
    async generate(requests, settings) {
      const { onAnswer, onProgress, signal } = settings;
      // The first failure ends the others: their answers would be lost.
      const ending = new AbortController();
      const stop = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal;
      const total = requests.reduce((sum, { samples }) => sum + samples.length, 0);
      let [finished, tokens] = [0, 0];
      const found = requests.map(() => new Map<number, Generated>());
      const works = requests.flatMap((request, i) =>
        chunks(request.samples, samplesPerRequest).map((samples) =>
          turn(async () => {
            // A server that knows no `n` gives one answer: the others are asked for again.
            for (let left = samples; left.length > 0; ) {
              stop.throwIfAborted();
              const answers = await ask(options, { ...request, samples: left }, settings, habits, usage, stop);
              for (const answer of answers) {
                found[i]!.set(answer.sample, answer);
                onAnswer?.(i, answer);
                finished++;
                tokens += answer.tokens;
              }
              onProgress?.({ finished, total, tokens });
              left = left.slice(answers.length);
            }
          }).catch((error: unknown) => {
            ending.abort(error);
            throw error;
          }),
        ),
      );
      const ends = await Promise.allSettled(works);
      signal?.throwIfAborted();
      if (ending.signal.aborted) throw ending.signal.reason;
      if (ends.some(({ status }) => status === "rejected")) throw new Error("a request failed without a reason");
      return requests.map(({ samples }, i) => samples.map((sample) => found[i]!.get(sample)!));
    },
    close: async () => {},
  };
}

async function ask(
  options: OpenaiOptions,
  request: GenerateRequest,
  settings: GenerateOptions,
  habits: Habits,
  usage: Usage,
  signal: AbortSignal,
): Promise<Generated[]> {
  const { endpoint: url, apiKey, timeoutMs = 600_000, retries = 6, retryMs, fetch } = options;
  const [first] = request.samples;
  for (;;) {
    const { limitName, logprobs, seed } = habits;
    try {
      return await post(
        { url, apiKey, timeoutMs, retries, retryMs, fetch, signal },
        {
          path: "text" in request.prompt ? "/completions" : "/chat/completions",
          body: bodyOf(options.model, request, settings, habits, hashKey([...request.key, first!]) & 0x7fffffff),
          longestReply: longestReply(settings, request.samples.length),
          beforeTry: async () => void usage.requests++,
          read: (text) => answersIn(text, request, settings, usage),
        },
      );
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error;
      if (error.status === 400 || error.status === 422) {
        // Another request may have learnt it meanwhile; then this one only has to be asked again.
        if (limitName === "max_tokens" && error.message.includes("max_completion_tokens")) {
          habits.limitName = "max_completion_tokens";
          continue;
        }
        if (logprobs && settings.logprobs && error.message.includes("logprobs")) {
          habits.logprobs = false;
          continue;
        }
        if (seed && /\bseed\b/.test(error.message)) {
          habits.seed = false;
          continue;
        }
      }
      throw refusal(error, url, options.model);
    }
  }
}

function refusal({ kind, message, cause }: EndpointError, url: string, model: string): AutodidactError {
  return kind === "refused"
    ? new AutodidactError("ENDPOINT_REFUSED", `${url}, model ${model}: ${message}; check address, model and key`, {
        cause,
      })
    : new AutodidactError(
        "ENDPOINT_UNREACHABLE",
        `${url}, model ${model}: ${message}; start it, ask it for less at once, or give more time`,
        { cause },
      );
}

function bodyOf(
  model: string,
  { prompt, samples }: GenerateRequest,
  { maxTokens, temperature, topP, topK, stop, logprobs }: GenerateOptions,
  habits: Habits,
  seed: number,
): object {
  const asked = logprobs === true && habits.logprobs;
  return {
    model,
    ...promptField(prompt),
    temperature,
    ...(topP !== undefined && { top_p: topP }),
    // No field of OpenAI's; servers of open models take it.
    ...(topK !== undefined && topK > 0 && { top_k: topK }),
    [habits.limitName]: maxTokens,
    ...(stop && stop.length > 0 && { stop }),
    ...(samples.length > 1 && { n: samples.length }),
    ...(asked && { logprobs: "text" in prompt ? 1 : true }),
    ...(habits.seed && { seed }),
    stream: false,
  };
}

function promptField(prompt: Prompt): object {
  if ("text" in prompt) return { prompt: prompt.text };
  const { messages, variables } = prompt;
  return { messages, ...(variables && { chat_template_kwargs: variables }) };
}

/** Bytes: room for the text in any script as JSON escapes it, and for log-probabilities where they are asked for. */
function longestReply({ maxTokens, logprobs }: GenerateOptions, samples: number): number {
  const each = logprobs ? 1024 : 64;
  return Math.min(2 ** 28, 2 ** 20 + samples * maxTokens * each);
}

/** What is read of a reply; anything may stand in it. */
interface Choice {
  readonly text?: unknown;
  readonly message?: {
    readonly content?: unknown;
    readonly reasoning_content?: unknown;
    readonly reasoning?: unknown;
  } | null;
  readonly finish_reason?: unknown;
  readonly stop_reason?: unknown;
  readonly logprobs?: { readonly content?: unknown; readonly token_logprobs?: unknown } | null;
}

function answersIn(
  text: string,
  request: GenerateRequest,
  settings: GenerateOptions,
  usage: Usage,
): Generated[] | Failure {
  let reply: { choices?: unknown; usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } | null };
  try {
    reply = (JSON.parse(text) ?? {}) as typeof reply;
  } catch (cause) {
    return { words: "gave a reply that is not JSON", passing: true, cause };
  }
  const choices = Array.isArray(reply.choices) ? (reply.choices as (Choice | null)[]) : [];
  if (choices.length === 0) return { words: "gave a reply without choices", passing: true };
  const some = choices.slice(0, request.samples.length);
  const texts = some.map((choice) => textOf(choice, settings.stop ?? []));
  const missing = texts.indexOf(null);
  if (missing >= 0) return { words: `gave a reply without text in choices[${missing}]`, passing: true };
  const counted = count(reply.usage?.completion_tokens);
  usage.promptTokens += count(reply.usage?.prompt_tokens) ?? 0;
  usage.completionTokens += counted ?? 0;
  const logprobs = some.map((choice) => (settings.logprobs ? logprobsOf(choice) : null));
  const characters = texts.map((one) => Math.max(1, one!.length));
  const all = characters.reduce((sum, one) => sum + one, 0);
  return some.map((choice, i) => {
    // The count is for all choices together; it is exact where there is one.
    const shared = counted === null ? null : Math.round((counted * characters[i]!) / all);
    const tokens = logprobs[i]?.length ?? shared;
    return {
      sample: request.samples[i]!,
      text: texts[i]!,
      tokens: tokens ?? Math.ceil(texts[i]!.length / 4),
      ...(tokens === null && { estimated: true as const }),
      finish: choice?.finish_reason === "length" ? "length" : "stop",
      logprobs: logprobs[i]!,
      tokenIds: null,
    };
  });
}

const count = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;

/** The answer, with its reasoning as models write it where the server has put that into a field of its own. */
function textOf(choice: Choice | null, stop: readonly string[]): string | null {
  const { message, text } = choice ?? {};
  const reasoning = [message?.reasoning_content, message?.reasoning].find(
    (one) => typeof one === "string" && one !== "",
  );
  const content = message === undefined || message === null ? text : message.content;
  if (typeof content !== "string" && reasoning === undefined) return null;
  const answer = typeof content === "string" ? content : "";
  // vLLM says which stop text it was; most servers leave it out of the answer without a word.
  const ended = stop.find((one) => one === choice?.stop_reason);
  const whole = ended === undefined || answer.endsWith(ended) ? answer : answer + ended;
  return reasoning === undefined ? whole : `<think>\n${reasoning as string}\n</think>\n\n${whole}`;
}

function logprobsOf(choice: Choice | null): number[] | null {
  const { content, token_logprobs: plain } = choice?.logprobs ?? {};
  const values: unknown[] | null = Array.isArray(content)
    ? content.map((one: { logprob?: unknown } | null) => one?.logprob)
    : Array.isArray(plain)
      ? plain
      : null;
  return values?.every((value) => typeof value === "number") ? (values as number[]) : null;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
