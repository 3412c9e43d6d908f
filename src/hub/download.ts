/** File layer. One file of the hub, streamed to disk: goes on where it broke off, and is checked. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { writeError } from "../checkpoint/files.ts";
import { pause } from "../endpoint/post.ts";
import { AutodidactError } from "../errors.ts";
import { attempts, backoff, hubError, hubFetch, statusError } from "./address.ts";
import type { HubFile } from "./listing.ts";
import type { HubSettings } from "./settings.ts";

/** A file, and where it lies on the hub. */
export interface RemoteFile extends HubFile {
  /** What messages call it: OWNER/NAME/PATH. */
  readonly name: string;
  readonly url: string;
}

/** After so many bytes a connection that breaks is as good as new. */
const goodBytes = 16 * 2 ** 20;

/**
 * Completes the part of a file at `path` and checks its hash. What came stays there when this throws, except content with a wrong hash.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, and those of writing
 */
export async function download(
  file: RemoteFile,
  path: string,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { address, signal } = settings;
  let from = (await sizeOf(path)) ?? 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(file, path, settings, onBytes);
      break;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof AutodidactError) throw error;
      const have = (await sizeOf(path)) ?? 0;
      if (have - from > goodBytes) attempt = 1;
      from = have;
      if (attempt >= attempts) throw hubError(error, file.name, address.endpoint);
      await pause(backoff(attempt, address), signal);
    }
  }
  const wanted = (file.sha256 ?? file.gitOid)?.toLowerCase();
  const found = wanted === undefined ? undefined : await contentHash(path, file, signal);
  if (found !== wanted) {
    await rm(path, { force: true });
    throw new AutodidactError(
      "HUB_DAMAGED",
      `${file.name} has hash ${found} where the hub says ${wanted}; it was removed, download it again`,
    );
  }
}

/** Appends what is missing to the part that is there. */
async function fetchRest(
  file: RemoteFile,
  path: string,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { address, signal, stallMs = 60_000 } = settings;
  const writing = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw writeError(error, path, file.size);
    });
  let have = (await sizeOf(path)) ?? 0;
  if (have > file.size) {
    await rm(path, { force: true });
    have = 0;
  }
  const handle = await writing(open(path, "a"));
  const stall = new AbortController();
  const watch = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => stall.abort(new Error(`no byte came in ${stallMs / 1000} s`)), stallMs);
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Not while hubFetch waits as long as the hub has asked for.
  const watched: typeof fetch = async (input, init) => {
    timer = watch();
    try {
      return await (address.fetch ?? fetch)(input, init);
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    if (have === file.size) return;
    onBytes(have);
    const answer = await hubFetch({
      ...address,
      fetch: watched,
      signal: AbortSignal.any([stall.signal, ...(signal ? [signal] : [])]),
    })(file.url, { headers: have > 0 ? { Range: `bytes=${have}-` } : {} });
    if (!answer.ok) {
      await answer.body?.cancel();
      throw statusError(answer.status, file.name, address.endpoint);
    }
    const begins = /^bytes (\d+)-/.exec(answer.headers.get("Content-Range") ?? "")?.[1];
    if (have > 0 && !(answer.status === 206 && Number(begins) === have)) {
      // The server sends the whole file again.
      await writing(handle.truncate(0));
      have = 0;
    }
    const reader = answer.body!.getReader();
    timer = watch();
    for (;;) {
      const { value, done } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      timer = watch();
      have += value.length;
      if (have > file.size) {
        await reader.cancel();
        break;
      }
      await writing(writeAll(handle, value));
      onBytes(have);
    }
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
  if (have < file.size) throw new Error(`${have} of ${file.size} bytes came`);
  if (have > file.size) {
    await rm(path, { force: true });
    throw new AutodidactError(
      "HUB_DAMAGED",
      `${file.name} is longer than the ${file.size} bytes that the hub says; take another mirror or revision`,
    );
  }
}

/** A call may write less than asked. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
}

export const sizeOf = (path: string): Promise<number | null> =>
  stat(path).then(
    (info) => info.size,
    () => null,
  );

/** As the hub gives it: SHA-256 for a file that is stored apart, else git's SHA-1 of a blob. */
async function contentHash(path: string, file: HubFile, signal?: AbortSignal): Promise<string> {
  const hash: Hash = createHash(file.sha256 === null ? "sha1" : "sha256");
  if (file.sha256 === null) hash.update(`blob ${file.size}\0`);
  // One buffer again and again: streamed pieces would wait for the garbage collector by the hundred megabytes.
  const buffer = new Uint8Array(1 << 20);
  const handle = await open(path);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}
