/**
 * File layer. Writes that a crash cannot leave half done.
 *
 * A file is written under a temporary name beside its place, synced, then renamed over it. A directory is written the
 * same way, but no portable call swaps two directories, so replacing one takes two renames:
 *
 *   .NAME.tmp-ID   being written; after a crash here NAME is what it was
 *   NAME -> .NAME.old, then .NAME.tmp-ID -> NAME
 *                  after a crash between the two there is no NAME, and .NAME.old is complete: recovery puts it back
 *   .NAME.old -> .NAME.tmp-ID, deleted
 *                  after a crash here NAME is the new one; what is left of the old is recognised as temporary
 *
 * One process at a time may write under a name; recovery takes any temporary name for a leftover.
 */

import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AutodidactError } from "../errors.ts";

/** Contents of a file, whole, in pieces, or in pieces that are made one after the other. */
export type Contents = Uint8Array | readonly Uint8Array[] | Chunked;
export interface Chunked {
  /** In bytes; known before any are made. */
  readonly size: number;
  /** Made while they are written, a few megabytes at a time or a tensor; good until the next is asked for. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Parts of a file by position, so that a file need not be in memory as a whole. */
export interface RangedReader {
  /** For error messages. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** May fill `into`, which has that length, instead of making an array. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** Below what one read or write call takes on every platform (2 GiB). */
const CALL_BYTES = 1 << 28;

let counter = 0;
const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.tmp-${process.pid}-${counter++}`);
const oldName = (path: string): string => join(dirname(path), `.${basename(path)}.old`);

/**
 * After this returns the file has the new contents on disk; before, it is what it was, or absent.
 *
 * @throws AutodidactError FILE_NO_SPACE, FILE_NOT_WRITABLE, FILE_NO_DIRECTORY, FILE_WRITE; the temporary file is removed
 */
export async function writeFileAtomic(path: string, contents: Contents): Promise<void> {
  try {
    await replaceFile(path, (temporary) => writeSynced(temporary, contents));
  } catch (cause) {
    throw writeError(cause, path, sizeOf(contents));
  }
}

/**
 * Writes a whole directory: names may have folders ("model/config.json"), separated by "/". Replaces an older one.
 * Where a crash leaves no directory under the name, `currentDirectory` finds the old one, and the next write or
 * `recoverLeftovers` restores it.
 *
 * @throws AutodidactError as writeFileAtomic; what was there stays
 */
export async function writeDirectoryAtomic(path: string, files: ReadonlyMap<string, Contents>): Promise<void> {
  for (const name of files.keys())
    if (
      name === "" ||
      posix.isAbsolute(name) ||
      /[\\:]/.test(name) ||
      name.split("/").some((part) => /^\.*$/.test(part))
    )
      throw new AutodidactError("FILE_NAME", `file name ${JSON.stringify(name)}: must stay inside its directory`);
  let current = path;
  let size = 0;
  try {
    await replaceDirectory(path, async (temporary) => {
      for (const [name, contents] of files) {
        current = join(path, name);
        size = sizeOf(contents);
        await mkdir(dirname(join(temporary, name)), { recursive: true });
        await writeSynced(join(temporary, name), contents);
      }
      current = path;
    });
  } catch (cause) {
    throw writeError(cause, current, size);
  }
}

/**
 * Puts in place of `path` a directory that `fill` writes under the name it is given. It syncs each file; the folders, and
 * the renames described above, are done here. Where `fill` fails, what was there stays.
 */
export async function replaceDirectory(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await recoverName(path);
    await mkdir(temporary);
    await fill(temporary);
    for (const entry of await readdir(temporary, { withFileTypes: true, recursive: true }))
      if (entry.isDirectory()) await syncDirectory(join(entry.parentPath, entry.name));
    await syncDirectory(temporary);
    if (await exists(path)) await renameRetrying(path, oldName(path));
    await renameRetrying(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    await recoverName(path).catch(() => {});
    throw cause;
  }
  // The new directory is in place; a failure to clear away the old one loses nothing, and recovery tries again.
  await removeDirectory(oldName(path)).catch(() => {});
}

/** As replaceDirectory for one file, which `fill` writes and syncs under the name it is given. */
export async function replaceFile(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await fill(temporary);
    await renameRetrying(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw cause;
  }
}

/**
 * Where the directory of this name lies now: under its name, or, where a replacement was cut off between its two renames,
 * under the name of the old one. Changes nothing, so it is safe while another process writes.
 */
export async function currentDirectory(path: string): Promise<string> {
  return !(await exists(path)) && (await exists(oldName(path))) ? oldName(path) : path;
}

/** Deletes a directory; a crash meanwhile leaves it whole or leaves something that recovery deletes. */
export async function removeDirectory(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const temporary = temporaryName(basename(path).startsWith(".") ? join(dirname(path), basename(path).slice(1)) : path);
  await renameRetrying(path, temporary);
  await syncDirectory(dirname(path));
  await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Puts right what crashed writes left in `directory`: restores a directory caught between its two renames, deletes
 * temporary files and directories. For the process that writes there, before it begins.
 *
 * @returns one line for each thing done, for people
 */
export async function recoverLeftovers(directory: string): Promise<string[]> {
  const done: string[] = [];
  if (!(await exists(directory))) return done;
  const names = await readdir(directory);
  for (const name of names) {
    const old = /^\.(.+)\.old$/.exec(name);
    if (old !== null) done.push(...(await recoverName(join(directory, old[1]!))));
  }
  for (const name of names)
    if (/^\..+\.tmp-\d+-\d+$/.test(name)) {
      await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
      done.push(`removed the unfinished ${join(directory, name)}`);
    }
  return done;
}

/** More than any tokenizer.json takes. */
const MAX_JSON = 256 * 2 ** 20;

/** @throws AutodidactError FILE_JSON where the file is not JSON, or has more than `most` bytes */
export async function readJson(path: string, most = MAX_JSON): Promise<unknown> {
  const { size } = await stat(path);
  if (size > most)
    throw new AutodidactError("FILE_JSON", `${path}: expected at most ${most} bytes of JSON, found ${size}`);
  const text = await readFile(path, "utf8");
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AutodidactError(
      "FILE_JSON",
      `${path}: expected JSON, found ${JSON.stringify(text.slice(0, 40))} (${text.length} characters); the file is damaged or cut short, restore it`,
      { cause },
    );
  }
}

/** Calls `use` with a reader of the file's parts. */
export async function withRangedReader<T>(path: string, use: (reader: RangedReader) => Promise<T>): Promise<T> {
  const file = await open(path, "r");
  try {
    const read = async (offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> => {
      const bytes = into ?? new Uint8Array(length);
      let count = 0;
      while (count < length) {
        const { bytesRead } = await file.read(bytes, count, Math.min(length - count, CALL_BYTES), offset + count);
        if (bytesRead === 0) break;
        count += bytesRead;
      }
      return bytes.subarray(0, count);
    };
    return await use({ name: path, size: (await file.stat()).size, read });
  } finally {
    await file.close();
  }
}

async function recoverName(path: string): Promise<string[]> {
  const old = oldName(path);
  if (!(await exists(old))) return [];
  if (await exists(path)) {
    await removeDirectory(old);
    return [`removed ${old}, which ${path} replaces`];
  }
  await renameRetrying(old, path);
  await syncDirectory(dirname(path));
  return [`restored ${path}: the write that was to replace it did not finish`];
}

async function writeSynced(path: string, contents: Contents): Promise<void> {
  const file = await open(path, "wx");
  try {
    for await (const chunk of chunksOf(contents)) await writeAll(file, chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A call may write less than asked. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, offset, Math.min(bytes.length - offset, CALL_BYTES));
    offset += bytesWritten;
  }
}

/** Makes a rename last. Windows and some file systems cannot sync a directory; their renames are journaled. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EPERM", "EISDIR"].includes(codeOf(error))) throw error;
  } finally {
    await directory.close();
  }
}

/** On Windows a virus scanner or an indexer may hold a new file for a moment. */
async function renameRetrying(from: string, to: string): Promise<void> {
  for (let attempt = 0; ; attempt++)
    try {
      return await rename(from, to);
    } catch (error) {
      const passing = process.platform === "win32" && ["EPERM", "EACCES", "EBUSY"].includes(codeOf(error));
      if (!passing || attempt === 8) throw error;
      await sleep(10 * 2 ** attempt);
    }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** The error that a user can act on, from what the system said when writing `size` bytes to `path`. */
export function writeError(cause: unknown, path: string, size: number): unknown {
  if (cause instanceof AutodidactError || !(cause instanceof Error)) return cause;
  const error = (code: string, message: string): AutodidactError =>
    new AutodidactError(code, `${path}: cannot write${size === 0 ? "" : ` ${size} bytes`}: ${message}`, { cause });
  switch (codeOf(cause)) {
    case "ENOSPC":
    case "EDQUOT":
      return error("FILE_NO_SPACE", "the disk or quota is full; free some space, what was saved before is intact");
    case "EFBIG":
      return error(
        "FILE_NO_SPACE",
        "the file is larger than this system allows (see ulimit -f); what was saved before is intact",
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return error(
        "FILE_NOT_WRITABLE",
        `${dirname(path)} is not writable; change its permissions or choose another place`,
      );
    case "ENOENT":
    case "ENOTDIR":
      return error("FILE_NO_DIRECTORY", `${dirname(path)} is not a directory; create it first`);
    case "":
      return cause;
    default:
      return error("FILE_WRITE", `${cause.message}; what was saved before is intact`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

export function sizeOf(contents: Contents): number {
  if (contents instanceof Uint8Array) return contents.length;
  return "chunks" in contents ? contents.size : contents.reduce((sum, chunk) => sum + chunk.length, 0);
}

function chunksOf(contents: Contents): ReturnType<Chunked["chunks"]> {
  if (contents instanceof Uint8Array) return [contents];
  return "chunks" in contents ? contents.chunks() : contents;
}
