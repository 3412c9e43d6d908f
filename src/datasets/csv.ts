import { CsvError, parse } from "csv-parse/sync";
import { type DataFile, fileError, rowError } from "./data-file.ts";
import type { Row } from "./problem.ts";

/**
 * Rows of a CSV text (RFC 4180: quotes doubled, line breaks inside quotes) whose first row names the columns.
 *
 * @throws DATASET_ROW where a row has another number of values, or a quote is out of place; DATASET_FILE where the header
 * names a column twice
 */
export function csvRows(file: DataFile, text: string, delimiter: string): Row[] {
  let table: string[][];
  try {
    table = parse(text, { delimiter, bom: true, skip_empty_lines: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // The library counts the header as record 0.
    const row = Math.max(1, Number(error.records ?? 0));
    throw rowError(file, row, `${error.message}; correct the quotes or commas of this row`, error);
  }
  const [header, ...rows] = table;
  if (!header) return [];
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) throw fileError(file, `has two columns "${twice}"; rename one`);
  return rows.map((values, i) => ({
    file: file.name,
    row: i + 1,
    fields: Object.fromEntries(header.map((name, column) => [name, values[column]])),
  }));
}
