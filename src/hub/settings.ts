/** File layer. What a user says of the hub, in options or in the environment that Hugging Face's own tools read. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isHttpAddress } from "../endpoint/post.ts";
import { AutodidactError } from "../errors.ts";
import type { HubAddress } from "./address.ts";

export interface HubOptions {
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or the hub's own */
  readonly endpoint?: string | undefined;
  /** @default HF_TOKEN, or the token that `hf auth login` saved */
  readonly token?: string | undefined;
  /** Directory of the cache. @default HF_HUB_CACHE, or hub in HF_HOME */
  readonly cache?: string | undefined;
  /** Take what is in the cache and ask nobody. @default HF_HUB_OFFLINE is 1 */
  readonly offline?: boolean | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Told what a user should know: that an older copy is used because the hub cannot be reached. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Environment to read the defaults from. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Milliseconds to wait before the first retry, twice as many before each further one. @default 1000 */
  readonly retryMs?: number | undefined;
  /** Milliseconds without a byte after which a download is begun again. @default 60000 */
  readonly stallMs?: number | undefined;
  /** Bytes free where `path` is. @default what the file system says */
  readonly freeBytes?: ((path: string) => Promise<number>) | undefined;
}

export interface DownloadProgress {
  readonly file: string;
  /** Bytes of the file that are there, and bytes in all. */
  readonly bytes: number;
  readonly size: number;
  /** The same for all files that are downloaded together. */
  readonly allBytes: number;
  readonly allSize: number;
}

/** The options with the environment's defaults in their place. */
export interface HubSettings extends HubOptions {
  readonly address: HubAddress;
  readonly cache: string;
  readonly offline: boolean;
  /** False where the file system has no links, or HF_HUB_DISABLE_SYMLINKS says not to use them. */
  readonly symlinks: boolean;
}

/** @throws HUB_NETWORK where the endpoint is no address */
export async function hubSettings(options: HubOptions = {}): Promise<HubSettings> {
  const env = options.env ?? process.env;
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const endpoint = (options.endpoint ?? (env.HF_ENDPOINT || "https://huggingface.co")).replace(/\/+$/, "");
  if (!isHttpAddress(endpoint))
    throw new AutodidactError(
      "HUB_NETWORK",
      `HF_ENDPOINT: is ${endpoint}, which is no address; write https:// in front, or unset it for the hub itself`,
    );
  const token = options.token ?? (env.HF_TOKEN?.trim() || (await savedToken(env.HF_TOKEN_PATH || join(home, "token"))));
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new AutodidactError(
      "HUB_ACCESS",
      "the token in HF_TOKEN or the stored one has a space or a character that no token has; copy it again",
    );
  }
  const { fetch, signal, retryMs } = options;
  return {
    ...options,
    address: { endpoint, token, fetch, signal, retryMs },
    cache: options.cache ?? (env.HF_HUB_CACHE || join(home, "hub")),
    offline: options.offline ?? (isTrue(env.HF_HUB_OFFLINE) || isTrue(env.TRANSFORMERS_OFFLINE)),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
  };
}

const isTrue = (text = ""): boolean => /^(1|true|yes|on)$/i.test(text);

async function savedToken(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim() || undefined;
}
