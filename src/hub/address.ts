import { pause, retryAfter } from "../endpoint/post.ts";
import { AutodidactError } from "../errors.ts";

/** Where the hub is, and how it is asked: token, patience, and what went wrong in words. */
export interface HubAddress {
  /** Of the hub or a mirror, without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds before the first retry, twice as many before each further one. @default 1000 */
  readonly retryMs?: number | undefined;
}

/** Attempts at one request, the first included. */
export const attempts = 4;

/** A hub that asks for more patience than this is not waited for. */
const longestWaitMs = 120_000;

/**
 * `fetch` with the token, for requests to the hub alone: where a download is redirected, the other host never sees it.
 * Asks again, a few times and ever later, where the hub is busy (429, 503) or failed (500, 502, 504; not for a POST, which may
 * have been carried out), and waits as long as its Retry-After says.
 */
export function hubFetch(address: HubAddress): typeof fetch {
  const { endpoint, token, fetch: base = fetch, signal } = address;
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const headers = new Headers(init.headers);
    if (url.origin === new URL(endpoint).origin) {
      if (token === undefined) headers.delete("Authorization");
      else headers.set("Authorization", `Bearer ${token}`);
    }
    const signals = [signal, init.signal].filter((one) => one != null);
    const all = signals.length > 0 ? AbortSignal.any(signals) : undefined;
    const passing = init.method === "POST" ? [429, 503] : [429, 500, 502, 503, 504];
    for (let attempt = 1; ; attempt++) {
      const response = await base(input, { ...init, headers, ...(all && { signal: all }) });
      if (!passing.includes(response.status) || attempt === attempts) return response;
      const wait = retryAfter(response.headers.get("Retry-After")) ?? backoff(attempt, address);
      if (wait > longestWaitMs) return response;
      await response.body?.cancel();
      await pause(wait, all);
    }
  };
}

export const backoff = (attempt: number, { retryMs = 1000 }: Pick<HubAddress, "retryMs">): number =>
  retryMs * 2 ** (attempt - 1);

/** What went wrong between here and the hub, in words that name the remedy. */
export function hubError(error: unknown, what: string, endpoint: string, instead = ", or give local files"): unknown {
  if (error instanceof AutodidactError) return error;
  if (!(error instanceof Error) || error.name === "AbortError") return error;
  const status = (error as { readonly statusCode?: unknown }).statusCode;
  if (typeof status === "number") return statusError(status, what, endpoint, error);
  const cause = (error as { readonly cause?: { readonly message?: unknown } }).cause?.message;
  const words = `${error.message}${typeof cause === "string" ? `: ${cause}` : ""}`;
  return new AutodidactError(
    "HUB_NETWORK",
    `${what}: ${endpoint} cannot be reached or broke off (${words}); try again, name a mirror in HF_ENDPOINT${instead}`,
    { cause: error },
  );
}

export function statusError(status: number, what: string, endpoint: string, cause?: unknown): AutodidactError {
  if (status === 404) {
    return new AutodidactError("HUB_NOT_FOUND", `${what} is not at ${endpoint} (404); check id, revision and path`, {
      cause,
    });
  }
  if (status === 401 || status === 403) {
    return new AutodidactError(
      "HUB_ACCESS",
      `${what}: ${endpoint} refuses access (${status}); the id may be wrong, or it is private or gated: accept its licence on its page and give a token in HF_TOKEN, a valid one (a token that has expired is refused for every model; unset it for a public one)`,
      { cause },
    );
  }
  const remedy =
    status === 429
      ? "too many requests: wait a while, or give a token in HF_TOKEN"
      : "try again later, or another mirror";
  return new AutodidactError("HUB_NETWORK", `${what}: ${endpoint} answered ${status}; ${remedy}`, { cause });
}
