import { createReadStream } from "node:fs";

export interface JsonLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** Bytes of the file up to the end of this line. */
  readonly end: number;
  /** False: the line has no line feed, as a writer that was killed leaves it, or one that is still writing. */
  readonly whole: boolean;
}

/**
 * Lines of a UTF-8 file, ended by a line feed and nothing else: JSON may hold U+2028 as it is, where Node's readline would
 * break it. A missing file has none.
 */
export async function* jsonLines(path: string): AsyncGenerator<JsonLine> {
  let parts: Buffer[] = [];
  let [number, end] = [0, 0];
  const take = (whole: boolean): JsonLine => {
    const text = Buffer.concat(parts).toString("utf8");
    parts = [];
    return { number: ++number, text, end, whole };
  };
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, feed));
        end += feed + 1 - from;
        from = feed + 1;
        yield take(true);
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
      end += chunk.length - from;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return;
  }
  if (parts.length > 0) yield take(false);
}
