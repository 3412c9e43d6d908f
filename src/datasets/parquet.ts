import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type DataFile, fileError } from "./data-file.ts";
import type { Row } from "./problem.ts";

/** Rows read at a time: a whole group of a large file may not fit in memory. */
const batch = 1024;

/**
 * Rows of a Parquet file, a batch at a time; lists, structs, and the codecs snappy, gzip, brotli, lz4 and zstd.
 *
 * @param columns names to read; those that the file lacks are left out, and all are read where it has none of them
 * @throws DATASET_FILE where the file is no Parquet file or damaged
 */
export async function* parquetRows(source: DataFile, columns?: readonly string[]): AsyncIterable<Row> {
  const file: AsyncBuffer = { byteLength: source.byteLength, slice: (start, end) => source.slice(start, end) };
  const damaged = (error: unknown): Error =>
    fileError(source, `cannot be read as Parquet (${(error as Error).message}); download or write it again`, error);
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (error) {
    throw damaged(error);
  }
  const there = parquetSchema(metadata).children.map((child) => child.element.name);
  const wanted = columns?.filter((name) => there.includes(name)) ?? [];
  const rows = Number(metadata.num_rows);
  for (let start = 0; start < rows; start += batch) {
    let objects: Record<string, unknown>[];
    try {
      objects = await parquetReadObjects({
        file,
        metadata,
        compressors,
        rowStart: start,
        rowEnd: Math.min(rows, start + batch),
        ...(wanted.length > 0 && { columns: wanted }),
      });
    } catch (error) {
      throw damaged(error);
    }
    for (const [i, fields] of objects.entries()) {
      yield { file: source.name, row: start + i + 1, fields: plain(fields) as Row["fields"], columns: there };
    }
  }
}

/** Values as JSON would have them: whole numbers of 64 bits as numbers where they fit, dates as ISO text. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
