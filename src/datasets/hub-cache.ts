/**
 * The file layer of the hub: downloads into the cache that Hugging Face's own tools use
 * (`$HF_HOME/hub/datasets--OWNER--NAME/{blobs,refs,snapshots}`), so that what one has fetched the other finds.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, open, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { AutodidactError } from "../errors.ts";
import type { DataFile } from "./data-file.ts";
import { localFile } from "./files.ts";
import {
  filesOfSplit,
  type HubAddress,
  type HubDataset,
  type HubFile,
  hubDataset,
  hubError,
  hubFetch,
  statusError,
} from "./hub.ts";

export interface HubOptions {
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or the hub's own */
  readonly endpoint?: string;
  /** @default HF_TOKEN, or the token that `hf auth login` saved */
  readonly token?: string;
  /** Directory of the cache. @default HF_HUB_CACHE, or hub in HF_HOME */
  readonly cache?: string;
  /** Take what is in the cache and ask nobody. @default HF_HUB_OFFLINE is 1 */
  readonly offline?: boolean;
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Environment to read the defaults from. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds to wait before the first retry, twice as many before each further one. @default 1000 */
  readonly retryMs?: number;
  /** Milliseconds without a byte after which a download is begun again. @default 60000 */
  readonly stallMs?: number;
}

export interface DownloadProgress {
  readonly file: string;
  /** Bytes that are there, and bytes in all. */
  readonly bytes: number;
  readonly size: number;
}

export interface HubRequest {
  readonly id: string;
  readonly config?: string | undefined;
  readonly split: string;
  /** @default "main" */
  readonly revision?: string | undefined;
}

/** Attempts at one file, the first included. */
const attempts = 4;

/**
 * The files of one split of a data set of the hub, downloaded where the cache hasn't them. A broken download goes on where
 * it broke off; size and hash are checked against what the hub says.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, DATASET_SPLIT
 */
export async function hubFiles(request: HubRequest, options: HubOptions = {}): Promise<DataFile[]> {
  const { id, config, split, revision = "main" } = request;
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id) || id.split("/").some((part) => /^\.+$/.test(part))) {
    throw new AutodidactError(
      "HUB_NOT_FOUND",
      `${JSON.stringify(id)} is no id of a data set; write OWNER/NAME, hf:openai/gsm8k`,
    );
  }
  const env = options.env ?? process.env;
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const cache = options.cache ?? (env.HF_HUB_CACHE || join(home, "hub"));
  const folder = join(cache, `datasets--${id.replaceAll("/", "--")}`);
  const address: HubAddress = {
    endpoint: (options.endpoint ?? (env.HF_ENDPOINT || "https://huggingface.co")).replace(/\/+$/, ""),
    token: options.token ?? (env.HF_TOKEN || (await savedToken(env, home))),
    fetch: options.fetch,
    signal: options.signal,
  };
  if (!/^https?:\/\//.test(address.endpoint)) {
    throw new AutodidactError(
      "HUB_NETWORK",
      `endpoint ${address.endpoint} is no address; write it with https:// in front`,
    );
  }
  const offline = options.offline ?? /^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? "");
  const set = await listing(id, revision, folder, address, offline);
  const files: DataFile[] = [];
  for (const file of filesOfSplit(set, config, split)) {
    const path = await cached(set, file, folder, address, offline, options);
    files.push(await localFile(path, `hf:${id}/${file.path}`));
  }
  return files;
}

async function savedToken(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): Promise<string | undefined> {
  const text = await readFile(env.HF_TOKEN_PATH || join(home, "token"), "utf8").catch(() => "");
  return text.trim() || undefined;
}

/** What the hub says of a data set. A commit never changes, so that its listing is asked for once and kept beside the cache. */
async function listing(
  id: string,
  revision: string,
  folder: string,
  address: HubAddress,
  offline: boolean,
): Promise<HubDataset> {
  const kept = (commit: string): string => join(folder, "autodidact", `${commit}.json`);
  const read = async (commit: string): Promise<HubDataset | null> => {
    const text = await readFile(kept(commit), "utf8").catch(() => null);
    try {
      return text === null ? null : (JSON.parse(text) as HubDataset);
    } catch {
      return null;
    }
  };
  const ref = join(folder, "refs", ...revision.split("/"));
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  if (isCommit || offline) {
    const commit = isCommit ? revision : (await readFile(ref, "utf8").catch(() => "")).trim();
    const found = commit === "" ? null : await read(commit);
    if (found) return found;
    if (offline) {
      throw new AutodidactError(
        "HUB_NETWORK",
        `data set ${id}, revision ${revision}, is not in the cache (${folder}); unset HF_HUB_OFFLINE to download it`,
      );
    }
  }
  const set = await hubDataset(id, revision, address);
  await mkdir(dirname(kept(set.commit)), { recursive: true });
  await writeWhole(kept(set.commit), JSON.stringify(set));
  if (!isCommit && !revision.split("/").some((part) => /^\.*$/.test(part))) {
    await mkdir(dirname(ref), { recursive: true });
    await writeWhole(ref, set.commit);
  }
  return set;
}

async function writeWhole(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  await writeFile(beside, text);
  await rename(beside, path);
}

/** Path of a file in the cache, downloaded where it isn't there. */
async function cached(
  set: HubDataset,
  file: HubFile,
  folder: string,
  address: HubAddress,
  offline: boolean,
  options: HubOptions,
): Promise<string> {
  const what = `hf:${set.id}/${file.path}`;
  const parts = file.path.split("/");
  const hash = file.sha256 ?? file.gitOid;
  if (
    parts.some((part) => /^\.*$/.test(part) || /[\\:\0]/.test(part)) ||
    (hash !== null && !/^[0-9a-f]+$/i.test(hash))
  ) {
    throw new AutodidactError("HUB_DAMAGED", `${what} has a path or hash that no file can have; take another mirror`);
  }
  const path = join(folder, "snapshots", set.commit, ...parts);
  if ((await sizeOf(path)) === file.size) return path;
  const blob = join(folder, "blobs", hash ?? `${set.commit}-${parts.join("--")}`);
  if ((await sizeOf(blob)) !== file.size) {
    if (offline) {
      throw new AutodidactError("HUB_NETWORK", `${what} is not in the cache; unset HF_HUB_OFFLINE to download it`);
    }
    await mkdir(dirname(blob), { recursive: true });
    await download(set, file, `${blob}.incomplete`, address, options);
    await rename(`${blob}.incomplete`, blob);
  }
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  // Not every file system has links.
  await symlink(relative(dirname(path), blob), path).catch(() => copyFile(blob, path));
  return path;
}

const sizeOf = (path: string): Promise<number | null> =>
  stat(path).then(
    (info) => info.size,
    () => null,
  );

async function download(
  set: HubDataset,
  file: HubFile,
  part: string,
  address: HubAddress,
  options: HubOptions,
): Promise<void> {
  const what = `hf:${set.id}/${file.path}`;
  const retryMs = options.retryMs ?? 1000;
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(set, file, part, address, options);
      break;
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      const wrapped = hubError(error, what, address.endpoint);
      const hopeless = !(wrapped instanceof AutodidactError) || wrapped.code !== "HUB_NETWORK";
      if (hopeless || attempt === attempts) throw wrapped;
      await new Promise((done) => setTimeout(done, retryMs * 2 ** (attempt - 1)));
    }
  }
  const found = await contentHash(part, file);
  const wanted = file.sha256 ?? file.gitOid;
  if (wanted !== null && found !== wanted.toLowerCase()) {
    await rm(part, { force: true });
    throw new AutodidactError(
      "HUB_DAMAGED",
      `${what} has hash ${found} where the hub says ${wanted}; it was removed, download it again`,
    );
  }
}

/** Appends what is missing to the part that is there. */
async function fetchRest(
  set: HubDataset,
  file: HubFile,
  part: string,
  address: HubAddress,
  options: HubOptions,
): Promise<void> {
  const what = `hf:${set.id}/${file.path}`;
  let have = (await sizeOf(part)) ?? 0;
  if (have > file.size) {
    await rm(part, { force: true });
    have = 0;
  }
  const handle = await open(part, "a");
  const stall = new AbortController();
  const restart = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => stall.abort(new Error("no byte came for too long")), options.stallMs ?? 60_000);
  let timer = restart();
  try {
    if (have === file.size) return;
    const path = file.path.split("/").map(encodeURIComponent).join("/");
    const url = `${address.endpoint}/datasets/${set.id}/resolve/${set.commit}/${path}`;
    const signal = AbortSignal.any([stall.signal, ...(options.signal ? [options.signal] : [])]);
    const response = await hubFetch({ ...address, signal })(url, {
      headers: have > 0 ? { Range: `bytes=${have}-` } : {},
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw statusError(response.status, what, address.endpoint);
    }
    const begins = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1];
    if (have > 0 && !(response.status === 206 && Number(begins) === have)) {
      // The server sends the whole file again.
      await handle.truncate(0);
      have = 0;
    }
    const reader = response.body!.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      timer = restart();
      have += value.length;
      if (have > file.size) {
        await reader.cancel();
        break;
      }
      await handle.write(value);
      options.onProgress?.({ file: what, bytes: have, size: file.size });
    }
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
  if (have < file.size) throw new Error(`${have} of ${file.size} bytes came`);
  if (have > file.size) {
    await rm(part, { force: true });
    throw new AutodidactError(
      "HUB_DAMAGED",
      `${what} is longer than the ${file.size} bytes that the hub says; take another mirror or revision`,
    );
  }
}

async function contentHash(path: string, file: HubFile): Promise<string> {
  const hash: Hash = createHash(file.sha256 === null ? "sha1" : "sha256");
  if (file.sha256 === null) hash.update(`blob ${file.size}\0`);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
