import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { replaceDirectory, replaceFile, writeError } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";
import type { PlannedFile } from "../export/planned-file.ts";
import { Stopped } from "./observer.ts";

export interface ExportedFile {
  readonly name: string;
  /** Size in bytes. */
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface WriteExportOptions {
  /** Replace an export that is there. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** Called every few megabytes with what is written, in bytes, and the file being written. */
  readonly onProgress?: (written: number, total: number, file: string) => void;
  /** Free bytes where `path` will lie; null where the system does not say. @default asks the file system */
  readonly freeBytes?: (path: string) => Promise<number | null>;
}

/**
 * Writes files as a directory, or with `single` one file, and where a second is given that as the card beside it, PATH.md;
 * under a temporary name beside `path`, synced, then renamed: what has the final name is whole.
 *
 * @throws AutodidactError EXPORT_TARGET where something is at `path` that must not be replaced; FILE_NO_SPACE, before the
 *   first byte where the room that is there is known; those of writeError. Stopped where the signal was given.
 */
export async function writeExport(
  path: string,
  files: readonly PlannedFile[],
  options: WriteExportOptions & { readonly single?: boolean },
): Promise<ExportedFile[]> {
  const { signal, onProgress, freeBytes = freeOnDisk, single = false } = options;
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const written = new Map<string, ExportedFile>();
  let bytesWritten = 0;
  let current = path;
  const stopIfAsked = (): void => {
    if (signal.aborted) throw new Stopped("the export was asked to stop; nothing was written under its name");
  };
  const write = async (file: PlannedFile, to: string): Promise<void> => {
    current = single ? path : join(path, file.name);
    await mkdir(dirname(to), { recursive: true });
    const hash = createHash("sha256");
    let bytes = 0;
    const handle = await open(to, "wx");
    try {
      for await (const chunk of file.chunks()) {
        stopIfAsked();
        hash.update(chunk);
        await writeAll(handle, chunk);
        bytes += chunk.length;
        bytesWritten += chunk.length;
        onProgress?.(bytesWritten, total, file.name);
      }
      stopIfAsked();
      if (bytes !== file.size) throw new Error(`${file.name}: ${bytes} bytes were made of ${file.size}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    written.set(file.name, { name: file.name, bytes, sha256: hash.digest("hex") });
  };

  await checkTarget(path, options.force, single);
  try {
    await mkdir(dirname(path), { recursive: true });
    for (const one of single ? [path, cardPath(path)] : [path]) await removeAbandoned(one);
    const free = await freeBytes(dirname(path));
    if (free !== null && free < total)
      throw new AutodidactError(
        "FILE_NO_SPACE",
        `${path}: needs ${total} bytes, and ${free} are free; free some space or choose another place`,
      );
    if (single) {
      const [file, card] = files;
      const place = (): Promise<void> => replaceFile(path, (temporary) => write(file!, temporary));
      if (card === undefined) await place();
      else
        await replaceFile(cardPath(path), async (temporary) => {
          await write(card, temporary);
          await place();
        });
    } else
      await replaceDirectory(path, async (temporary) => {
        for (const file of files) await write(file, join(temporary, file.name));
        current = path;
      });
  } catch (cause) {
    throw writeError(cause, current, 0);
  }
  return files.map(({ name }) => written.get(name)!);
}

const cardPath = (path: string): string => `${path}.md`;

/** What exports are made of; --force replaces a directory that holds nothing else. */
const known =
  /^(config\.json|generation_config\.json|tokenizer[\w.-]*|vocab\.json|merges\.txt|special_tokens_map\.json|chat_template\.jinja|added_tokens\.json|adapter_(config\.json|model\.safetensors)|autodidact\.json|README\.md|LICEN[CS]E[\w.-]*|onnx|[\w.-]+\.(safetensors|safetensors\.index\.json|gguf)|\.gitattributes)$/;

/** @throws AutodidactError EXPORT_TARGET before a model is read, where it is called first */
export async function checkTarget(path: string, force: boolean, single: boolean): Promise<void> {
  for (const one of single ? [path, cardPath(path)] : [path]) await checkPlace(one, force, single);
}

async function checkPlace(path: string, force: boolean, single: boolean): Promise<void> {
  const fail = (message: string): never => {
    throw new AutodidactError("EXPORT_TARGET", `${path}: ${message}`);
  };
  const found = await stat(path).catch(() => null);
  if (found === null) return;
  if (found.isDirectory() === single) fail(`is a ${single ? "directory" : "file"}; name another place`);
  if (single) {
    if (!force) fail("is there already; give --force to replace it, or name another place");
    return;
  }
  const names = await readdir(path);
  if (names.length === 0) return;
  const some = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  if (!force) fail(`holds ${some}; give --force to replace an export, or name an empty place`);
  const foreign = names.find((name) => !known.test(name));
  if (foreign !== undefined)
    fail(`holds ${foreign}, which no export writes and --force would delete; name another place`);
}

/** Removes what exports to this place left behind whose process was killed. */
async function removeAbandoned(path: string): Promise<void> {
  const prefix = `.${basename(path)}.tmp-`;
  for (const name of await readdir(dirname(path))) {
    const process = name.startsWith(prefix) ? /^(\d+)-\d+$/.exec(name.slice(prefix.length)) : null;
    if (process !== null && !isAlive(Number(process[1])))
      await rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

async function freeOnDisk(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return null;
  }
}

/** A call may write less than asked. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, offset, Math.min(bytes.length - offset, 1 << 28));
    offset += bytesWritten;
  }
}
