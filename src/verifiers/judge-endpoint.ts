import { EndpointError, type Failure, isHttpAddress, pause, post, turns } from "../endpoint/post.ts";
import { AutodidactError } from "../errors.ts";
import type { JudgePrompt } from "./judge-prompt.ts";

/** The model that judges, behind any OpenAI-compatible `/chat/completions`, and what it may cost. */
export interface JudgeEndpoint {
  /** Base address: `http://localhost:8000/v1`. */
  readonly endpoint: string;
  readonly model: string;
  readonly apiKey?: string;
  /** What the judge may spend in all; at its end JUDGE_BUDGET is thrown. Replies from the cache are free. */
  readonly budget: JudgeBudget;
  /** @default 0.7: judgements of one answer are meant to differ where the judge is unsure */
  readonly temperature?: number;
  /** Tokens of one reply. @default 1024 */
  readonly maxTokens?: number;
  /** Requests under way at once. @default 8 */
  readonly concurrency?: number;
  /** Requests begun in a minute. @default no limit */
  readonly requestsPerMinute?: number;
  /** Milliseconds that one request may take. @default 120000 */
  readonly timeoutMs?: number;
  /** Further tries of a request that failed for a passing reason. @default 4 */
  readonly retries?: number;
  /** Milliseconds before the first of them, twice as many before each further one, at most a minute. @default 1000 */
  readonly retryMs?: number;
  /** Keeps replies, so that a run that is resumed or repeated asks nothing twice. @default in memory */
  readonly cache?: JudgeCache;
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
}

export interface JudgeBudget {
  /** Requests, retries included. */
  readonly requests: number;
  /**
   * Tokens of prompts and replies as the endpoint counts them; where it doesn't, a token for every three characters. Requests
   * under way when it is reached still end.
   */
  readonly tokens: number;
}

/** A store of replies by the SHA-256 of all that was asked. A file, a database, or a Map wrapped. */
export interface JudgeCache {
  get(key: string): string | undefined | Promise<string | undefined>;
  set(key: string, reply: string): void | Promise<void>;
}

/** What one judge has spent and has under way. */
export interface JudgeCalls {
  readonly endpoint: JudgeEndpoint;
  readonly spent: { requests: number; tokens: number };
  readonly cache: JudgeCache;
  /** Requests under way by key: the same question asked twice at once is sent once. */
  readonly pending: Map<string, Promise<string>>;
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** @throws JUDGE_OPTIONS */
export function judgeCalls(endpoint: JudgeEndpoint): JudgeCalls {
  const refuse = (message: string): never => {
    throw new AutodidactError("JUDGE_OPTIONS", message);
  };
  if (!isHttpAddress(endpoint.endpoint)) {
    refuse(`endpoint ${JSON.stringify(endpoint.endpoint)} is no address; write http://HOST/v1`);
  }
  if (endpoint.model === "") refuse("model is empty; name the judge's model");
  for (const field of ["requests", "tokens"] as const) {
    const value = endpoint.budget[field];
    if (!(value > 0)) refuse(`budget.${field} ${value} must be greater than 0; Infinity is no limit`);
  }
  for (const field of ["maxTokens", "concurrency", "requestsPerMinute", "timeoutMs"] as const) {
    const value = endpoint[field];
    if (value !== undefined && !(value > 0)) refuse(`${field} ${value} must be greater than 0`);
  }
  const memory = new Map<string, string>();
  const cache = endpoint.cache ?? {
    get: (key: string) => memory.get(key),
    set: (key: string, reply: string) => void memory.set(key, reply),
  };
  return {
    endpoint,
    spent: { requests: 0, tokens: 0 },
    cache,
    pending: new Map(),
    turn: turns(endpoint.concurrency ?? 8),
  };
}

/**
 * The judge's reply.
 *
 * @param index number of the judgement: the same prompt is asked again for another one
 * @throws JUDGE_BUDGET, JUDGE_REFUSED, JUDGE_UNREACHABLE
 */
export async function askJudge(calls: JudgeCalls, prompt: JudgePrompt, index: number): Promise<string> {
  const { model, temperature = 0.7, maxTokens = 1024 } = calls.endpoint;
  const body = {
    model,
    messages: [
      { role: "system", content: prompt.system },
      { role: "user", content: prompt.user },
    ],
    temperature,
    max_tokens: maxTokens,
    // Endpoints that take a seed give the same reply again; the others ignore it.
    seed: index,
  };
  const key = await sha256(JSON.stringify([calls.endpoint.endpoint, body]));
  const underWay = calls.pending.get(key);
  if (underWay) return underWay;
  const asking = (async () => {
    const kept = await calls.cache.get(key);
    if (kept !== undefined) return kept;
    const reply = await calls.turn(() => request(calls, body));
    await calls.cache.set(key, reply);
    return reply;
  })();
  calls.pending.set(key, asking);
  try {
    return await asking;
  } finally {
    calls.pending.delete(key);
  }
}

async function sha256(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function request(calls: JudgeCalls, body: object): Promise<string> {
  const { endpoint: url, apiKey, timeoutMs, retries, retryMs, fetch, signal } = calls.endpoint;
  const length = JSON.stringify(body).length;
  try {
    return await post(
      { url, apiKey, timeoutMs, retries, retryMs, fetch, signal },
      {
        path: "/chat/completions",
        body,
        beforeTry: () => spend(calls),
        read: (text) => content(calls, length, text),
      },
    );
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    const { kind, message, cause } = error;
    if (kind === "refused")
      throw new AutodidactError("JUDGE_REFUSED", `judge at ${url}: ${message}; check endpoint, model and apiKey`, {
        cause,
      });
    throw new AutodidactError(
      "JUDGE_UNREACHABLE",
      `judge at ${url}: ${message}; start it, or give more retries or time`,
      { cause },
    );
  }
}

/** Counts a request before it is sent, and waits for its place in the minute. */
async function spend(calls: JudgeCalls): Promise<void> {
  const { spent, endpoint } = calls;
  for (const field of ["requests", "tokens"] as const) {
    if (spent[field] < endpoint.budget[field]) continue;
    throw new AutodidactError(
      "JUDGE_BUDGET",
      `budget.${field}: the judge has used ${spent[field]} of ${endpoint.budget[field]}; raise it and resume, replies so far are in the cache`,
    );
  }
  const place = spent.requests++;
  if (endpoint.requestsPerMinute === undefined) return;
  const starts = startOf(calls) + (place * 60_000) / endpoint.requestsPerMinute;
  if (starts > performance.now()) await pause(starts - performance.now(), endpoint.signal);
}

const firstRequests = new WeakMap<JudgeCalls, number>();
function startOf(calls: JudgeCalls): number {
  const start = firstRequests.get(calls) ?? performance.now();
  firstRequests.set(calls, start);
  return start;
}

function content(calls: JudgeCalls, asked: number, text: string): string | Failure {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch (error) {
    return { words: "its reply is not JSON", passing: true, cause: error };
  }
  const { choices, usage } = (reply ?? {}) as { choices?: unknown; usage?: { total_tokens?: unknown } };
  const first = Array.isArray(choices) ? (choices[0] as { message?: { content?: unknown } } | undefined) : undefined;
  const words = first?.message?.content;
  const counted = Number(usage?.total_tokens);
  calls.spent.tokens += counted > 0 ? counted : Math.ceil((asked + text.length) / 3);
  if (typeof words !== "string") return { words: "its reply has no choices[0].message.content", passing: true };
  return words;
}
