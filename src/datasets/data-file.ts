import { AutodidactError } from "../errors.ts";

/** A file as the readers see it, wherever it lies. */
export interface DataFile {
  /** What messages call it: a path, or `hf:ID/path`. Its ending says the format. */
  readonly name: string;
  readonly byteLength: number;
  /** Bytes from start to end, end left out; Parquet files are read so. */
  slice(start: number, end?: number): Promise<ArrayBuffer>;
  /** All bytes in order. */
  stream(): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

export function fileError(file: Pick<DataFile, "name">, message: string, cause?: unknown): AutodidactError {
  return new AutodidactError("DATASET_FILE", `${file.name} ${message}`, { cause });
}

export function rowError(file: Pick<DataFile, "name">, row: number, message: string, cause?: unknown): AutodidactError {
  return new AutodidactError("DATASET_ROW", `${file.name}, row ${row}: ${message}`, { cause });
}
