import { AutodidactError } from "../errors.ts";
import { type DataFile, fileError, rowError } from "./data-file.ts";
import type { Row } from "./problem.ts";

export const formats = ["jsonl", "json", "csv", "tsv", "parquet"] as const;
export type Format = (typeof formats)[number];

/** Format by ending, and whether it is compressed: "train.jsonl.gz" -> jsonl, gz. null where the ending says nothing. */
export function formatOf(name: string): { readonly format: Format; readonly gz: boolean } | null {
  const match = /\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz)?$/i.exec(name);
  if (!match) return null;
  const ending = match[1]!.toLowerCase();
  return { format: ending === "ndjson" ? "jsonl" : (ending as Format), gz: match[2] !== undefined };
}

/** Longest line, and longest text that has to be read whole (CSV, a JSON list), in characters. */
const longestLine = 64 * 2 ** 20;
const longestText = 256 * 2 ** 20;

/**
 * The rows of a file, one after the other.
 *
 * @param columns those that Parquet files are read for; all where left out
 * @throws DATASET_FILE where the file is empty, damaged or of no known format; DATASET_ROW where a row cannot be parsed
 */
export async function* rowsOf(file: DataFile, columns?: readonly string[]): AsyncIterable<Row> {
  const found = formatOf(file.name);
  if (!found) {
    throw fileError(
      file,
      `has an ending that says no format; name it .jsonl, .json, .csv, .tsv or .parquet (text also with .gz)`,
    );
  }
  if (file.byteLength === 0) throw fileError(file, "is empty; give a file with rows");
  let rows = 0;
  for await (const row of reader(file, found.format, found.gz, columns)) {
    rows++;
    yield row;
  }
  if (rows === 0) throw fileError(file, "has no rows; give a file with rows");
}

function reader(file: DataFile, format: Format, gz: boolean, columns?: readonly string[]): AsyncIterable<Row> {
  if (format === "parquet") {
    if (gz) throw fileError(file, "is a compressed Parquet file; unpack it, Parquet compresses its own pages");
    return lazily(async () => (await import("./parquet.ts")).parquetRows(file, columns));
  }
  const text = decoded(file, gz);
  if (format === "jsonl") return jsonLines(file, text);
  if (format === "json") return jsonRows(file, text);
  return lazily(async () =>
    (await import("./csv.ts")).csvRows(file, await whole(file, text), format === "tsv" ? "\t" : ","),
  );
}

async function* lazily(open: () => Promise<AsyncIterable<Row> | Iterable<Row>>): AsyncIterable<Row> {
  yield* await open();
}

async function* decoded(file: DataFile, gz: boolean): AsyncIterable<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of gz ? gunzipped(file.stream()) : file.stream())
      yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof AutodidactError) throw error;
    if (!(error instanceof TypeError)) throw error;
    throw fileError(
      file,
      gz ? "is no gzip file, or is cut short; pack or download it again" : "is not UTF-8 text; convert it",
      error,
    );
  }
}

async function* gunzipped(bytes: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const gunzip = new DecompressionStream("gzip");
  const writer = gunzip.writable.getWriter();
  let unreadable: unknown;
  const feeding = (async () => {
    try {
      for await (const chunk of bytes) await writer.write(chunk);
    } catch (error) {
      unreadable = error;
    }
    await writer.close();
  })();
  // A damaged stream fails on both ends; the reader's failure is the one that is reported.
  feeding.catch(() => {});
  for (const reading = gunzip.readable.getReader(); ; ) {
    // Node's own error is of another class than the standard's.
    const { value, done } = await reading.read().catch((cause: unknown) => {
      throw new TypeError("not gzip", { cause });
    });
    if (done) break;
    yield value;
  }
  if (unreadable instanceof Error && !("code" in unreadable && String(unreadable.code).startsWith("Z_")))
    throw unreadable;
}

async function* jsonLines(file: DataFile, text: AsyncIterable<string>): AsyncIterable<Row> {
  let row = 0;
  let line = 0;
  for await (const each of linesOf(file, text)) {
    line++;
    if (each.trim() === "") continue;
    row++;
    yield { file: file.name, row, fields: jsonRow(file, row, each, line) };
  }
}

async function* linesOf(file: DataFile, text: AsyncIterable<string>): AsyncIterable<string> {
  let held: string[] = [];
  let length = 0;
  for await (const chunk of text) {
    let at = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", at)) {
      yield held.join("") + chunk.slice(at, end);
      held = [];
      length = 0;
      at = end + 1;
    }
    held.push(chunk.slice(at));
    length += chunk.length - at;
    if (length > longestLine)
      throw fileError(file, `has a line of more than ${longestLine / 2 ** 20} MiB; is it JSON lines?`);
  }
  if (length > 0) yield held.join("");
}

function jsonRow(file: DataFile, row: number, text: string, line: number): Row["fields"] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw rowError(file, row, `line ${line} is not JSON (${(error as Error).message}); correct or remove it`, error);
  }
  return object(file, row, value);
}

function object(file: DataFile, row: number, value: unknown): Row["fields"] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row["fields"];
  const kind = Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`;
  throw rowError(file, row, `must be an object with columns, and is ${kind}`);
}

/** A list of objects; where the text doesn't begin with "[" it is JSON lines under another name, as the hub has them. */
async function* jsonRows(file: DataFile, text: AsyncIterable<string>): AsyncIterable<Row> {
  const chunks = text[Symbol.asyncIterator]();
  let first = "";
  while (first.trim() === "") {
    const { value, done } = await chunks.next();
    if (done === true) return;
    first += value;
  }
  const all = (async function* () {
    yield first;
    yield* { [Symbol.asyncIterator]: () => chunks };
  })();
  if (!first.trimStart().startsWith("[")) {
    yield* jsonLines(file, all);
    return;
  }
  let list: unknown;
  try {
    list = JSON.parse(await whole(file, all));
  } catch (error) {
    if (error instanceof AutodidactError) throw error;
    throw fileError(file, `is not JSON (${(error as Error).message}); correct it, or give JSON lines`, error);
  }
  for (const [i, value] of (list as unknown[]).entries()) {
    yield { file: file.name, row: i + 1, fields: object(file, i + 1, value) };
  }
}

async function whole(file: DataFile, text: AsyncIterable<string>): Promise<string> {
  const chunks: string[] = [];
  let length = 0;
  for await (const chunk of text) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > longestText) {
      throw fileError(
        file,
        `is longer than the ${longestText / 2 ** 20} MiB that its format can be read at; convert it to JSON lines or Parquet`,
      );
    }
  }
  return chunks.join("");
}
