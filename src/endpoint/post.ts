/**
 * Asks an HTTP endpoint that takes and gives JSON, such as any OpenAI-compatible server: tries again what failed for a
 * passing reason, waits as long as the server asks, and never holds more of a reply than it was told to.
 */

export interface Endpoint {
  /** Base address: `http://localhost:8000/v1`. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Milliseconds that one request may take. @default 120000 */
  readonly timeoutMs?: number | undefined;
  /** Further tries of a request that failed for a passing reason. @default 4 */
  readonly retries?: number | undefined;
  /** Milliseconds before the first of them, twice as many before each further one, at most a minute. @default 1000 */
  readonly retryMs?: number | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Why a request gave nothing. */
export interface Failure {
  readonly words: string;
  /** Another try may go better. */
  readonly passing: boolean;
  /** Milliseconds that the server asked to wait. */
  readonly waitMs?: number;
  /** Status of an answer that was no success. */
  readonly status?: number;
  readonly cause?: unknown;
}

/** A request that was given up; the caller says what to do. */
export class EndpointError extends Error {
  override readonly name = "EndpointError";
  /** "refused": the request itself is wrong or not allowed; "unreachable": it failed again and again. */
  readonly kind: "refused" | "unreachable";
  readonly status: number | undefined;

  constructor(kind: "refused" | "unreachable", { words, status, cause }: Failure) {
    super(words, { cause });
    this.kind = kind;
    this.status = status;
  }
}

export interface Post<T> {
  /** Path behind the base address: "/chat/completions". */
  readonly path: string;
  readonly body: unknown;
  /** Bytes of the longest reply that is read. @default 4 MiB */
  readonly longestReply?: number;
  /** What is wanted of a reply, or why it is none. */
  read(text: string): T | Failure;
  /** Called before each try, the first included; what it throws ends the request. */
  beforeTry?(): Promise<void>;
}

const mebibyte = 2 ** 20;
const longestWait = 60_000;

/** @throws EndpointError, and the signal's reason where it was aborted */
export async function post<T extends object | string>(endpoint: Endpoint, request: Post<T>): Promise<T> {
  const { retries = 4, retryMs = 1000, signal } = endpoint;
  const body = JSON.stringify(request.body);
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted();
    await request.beforeTry?.();
    const got = await once(endpoint, request, body);
    if (!isFailure(got)) return got;
    if (!got.passing) throw new EndpointError("refused", got);
    if (attempt >= retries)
      throw new EndpointError("unreachable", { ...got, words: `${got.words}, ${times(attempt + 1)}` });
    await pause(Math.min(longestWait, got.waitMs ?? retryMs * 2 ** attempt), signal);
  }
}

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

const isFailure = (value: unknown): value is Failure =>
  typeof value === "object" && value !== null && "passing" in value && "words" in value;

async function once<T>(endpoint: Endpoint, request: Post<T>, body: string): Promise<T | Failure> {
  const { url, apiKey, fetch: ask = fetch, timeoutMs = 120_000, signal } = endpoint;
  const late = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await ask(`${url.replace(/\/+$/, "")}${request.path}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }),
      },
      body,
      signal: AbortSignal.any([late, ...(signal ? [signal] : [])]),
    });
    text = await readText(response, request.longestReply ?? 4 * mebibyte);
  } catch (error) {
    signal?.throwIfAborted();
    const words = late.aborted
      ? `no answer within ${timeoutMs / 1000} s`
      : error instanceof TooLong
        ? error.message
        : `cannot be reached (${reasonOf(error)})`;
    return { words, passing: true, cause: error };
  }
  if (response.ok) return request.read(text);
  const { status } = response;
  const passing = status === 408 || status === 409 || status === 429 || status >= 500;
  const said = apiKey === undefined || apiKey === "" ? text : text.replaceAll(apiKey, "(key)");
  const words = `answered ${status} ${said.slice(0, 200).replaceAll(/\s+/g, " ")}`.trim();
  const waitMs = retryAfter(response.headers.get("Retry-After"));
  return { words, passing, status, ...(waitMs !== null && { waitMs }) };
}

/** "fetch failed" says nothing; what lies below it does. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const below = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : "";
  return below === "" ? message : `${message}: ${below}`;
}

/** Milliseconds that a Retry-After header asks for: it holds seconds or a date. */
export function retryAfter(header: string | null): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  if (seconds >= 0) return seconds * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

class TooLong extends Error {}

async function readText(response: Response, longest: number): Promise<string> {
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let length = 0;
  while (reader) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > longest) {
      await reader.cancel();
      throw new TooLong(`gave a reply of more than ${Math.round((longest / mebibyte) * 10) / 10} MiB`);
    }
    chunks.push(decoder.decode(value, { stream: true }));
  }
  return chunks.join("") + decoder.decode();
}

/** Waits, or rejects with the signal's reason. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((done, stopped) => {
    const stop = (): void => {
      clearTimeout(timer);
      stopped(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      done();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** At most `limit` works at once; the others wait in line. */
export function turns(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free >= 1) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** Whether a text is the address of an HTTP server. */
export function isHttpAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
