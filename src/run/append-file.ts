import { type FileHandle, open } from "node:fs/promises";
import { writeError } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";

/** What is used of a file handle; tests put a full disk behind it. */
export type Appendable = Pick<FileHandle, "write" | "truncate" | "sync" | "close">;

/**
 * A file that only grows. Its length is known at every moment, so that a checkpoint can store it and a resumed run can
 * cut back to it, and so that a write that fails half way leaves no torn line behind.
 */
export class AppendFile {
  readonly path: string;
  #handle: Appendable;
  #length: number;

  constructor(path: string, handle: Appendable, length: number) {
    this.path = path;
    this.#handle = handle;
    this.#length = length;
  }

  /** Opens `path`, made where it is missing. */
  static async open(path: string): Promise<AppendFile> {
    // "r+" and explicit positions: append mode would ignore the position after a cut on some systems.
    const handle = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return open(path, "w+");
      throw error;
    });
    return new AppendFile(path, handle, (await handle.stat()).size);
  }

  /** Bytes. */
  get length(): number {
    return this.#length;
  }

  /** Appends values as JSON lines, all of them or none. Throws FILE_NO_SPACE and the other codes of writeError. */
  async append(values: readonly unknown[]): Promise<void> {
    if (values.length === 0) return;
    const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""), "utf8");
    try {
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#length + done);
        done += bytesWritten;
      }
    } catch (error) {
      await this.#handle.truncate(this.#length).catch(() => {});
      throw writeError(error, this.path, bytes.length);
    }
    this.#length += bytes.length;
  }

  /** Cuts the file to a length that a checkpoint stored. */
  async cut(length: number): Promise<void> {
    if (length > this.#length) {
      throw new AutodidactError(
        "RUN_DAMAGED",
        `${this.path}: has ${this.#length} bytes where the checkpoint saw ${length}; bring back the file or resume from an earlier checkpoint`,
      );
    }
    await this.#handle.truncate(length);
    this.#length = length;
  }

  /** Returns when the bytes are on the disk. */
  async sync(): Promise<void> {
    try {
      await this.#handle.sync();
    } catch (error) {
      throw writeError(error, this.path, this.#length);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
