/** The file layer of data sets: files on this machine. */
import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { AutodidactError } from "../errors.ts";
import type { DataFile } from "./data-file.ts";

/** Looks like OWNER/NAME. */
const isId = (name: string): boolean => /^[\w-]+\/[\w-]+$/.test(name);

/**
 * A file on this machine.
 *
 * @param name what messages call it; the path where left out
 * @throws DATASET_FILE where it cannot be opened
 */
export async function localFile(path: string, name = path): Promise<DataFile> {
  const full = resolve(path);
  const info = await stat(full).catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === "ENOENT"
        ? `is not there (${full}); check the path${isId(name) ? `, or write hf:${name} for a data set of the hub` : ""}`
        : `cannot be opened (${error.message})`;
    throw new AutodidactError("DATASET_FILE", `${name} ${why}`, { cause: error });
  });
  if (!info.isFile()) {
    throw new AutodidactError(
      "DATASET_FILE",
      `${name} is a directory; name the files in it, or hf:ID for a data set of the hub`,
    );
  }
  return {
    name,
    byteLength: info.size,
    async slice(start, end = info.size) {
      const handle = await open(full);
      try {
        const buffer = new ArrayBuffer(Math.max(0, Math.min(end, info.size) - start));
        const bytes = new Uint8Array(buffer);
        let at = 0;
        while (at < bytes.length) {
          const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
          if (bytesRead === 0) throw new RangeError("the file became shorter while it was read");
          at += bytesRead;
        }
        return buffer;
      } finally {
        await handle.close();
      }
    },
    async *stream() {
      const handle = await open(full);
      try {
        for (;;) {
          const bytes = new Uint8Array(256 * 1024);
          const { bytesRead } = await handle.read(bytes, 0, bytes.length, null);
          if (bytesRead === 0) return;
          yield bytes.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    },
  };
}
