import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { AutodidactError } from "../errors.ts";
import { localFile } from "./files.ts";
import { parquetRows } from "./parquet.ts";
import type { Row } from "./problem.ts";
import { formatOf, rowsOf } from "./rows.ts";

const folder = mkdtempSync(join(tmpdir(), "rows-"));
after(() => rmSync(folder, { recursive: true }));

async function read(name: string, content: string | Uint8Array, columns?: readonly string[]): Promise<Row["fields"][]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const rows: Row["fields"][] = [];
  for await (const row of rowsOf(await localFile(path, name), columns)) {
    assert.equal(row.row, rows.length + 1);
    rows.push(row.fields);
  }
  return rows;
}
async function refused(name: string, content: string | Uint8Array, code: string, words: RegExp): Promise<void> {
  await assert.rejects(read(name, content), (error) => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(`${error.code}: ${error.message}`.match(words) !== null, true, `${error.code}: ${error.message}`);
    assert.equal(error.code, code);
    assert.ok(error.message.startsWith(name), error.message);
    return true;
  });
}

describe("text files", () => {
  test("JSON lines, with a BOM, CRLF, empty lines, no end of line, compressed, in any case", async () => {
    const lines = '\ufeff{"a":1}\r\n\r\n{"a":"é中"}\n{"a":null}';
    const rows = [{ a: 1 }, { a: "é中" }, { a: null }];
    assert.deepEqual(await read("a.jsonl", lines), rows);
    assert.deepEqual(await read("a.ndjson.gz", gzipSync(lines)), rows);
    assert.deepEqual(await read("A.JSONL", lines), rows);
    // Characters that lie across the pieces a file is read in.
    const long = Array.from({ length: 3000 }, (_, i) => ({ a: `${"中é🙂".repeat(i % 97)}${i}` }));
    assert.deepEqual(await read("long.jsonl", long.map((row) => JSON.stringify(row)).join("\n")), long);
  });

  test("JSON: a list, or lines under that name", async () => {
    assert.deepEqual(await read("a.json", ' [{"a":1},\n{"a":2}]'), [{ a: 1 }, { a: 2 }]);
    assert.deepEqual(await read("b.json", '{"a":1}\n{"a":2}\n'), [{ a: 1 }, { a: 2 }]);
  });

  test("CSV and TSV: quotes, line breaks and commas in values", async () => {
    const rows = [
      { q: "a, b", a: 'say "x"' },
      { q: "two\nlines", a: "" },
    ];
    assert.deepEqual(await read("a.csv", '\ufeffq,a\r\n"a, b","say ""x"""\r\n\r\n"two\nlines",\r\n'), rows);
    assert.deepEqual(await read("a.tsv", 'q\ta\na, b\t"say ""x"""\n"two\nlines"\t\n'), rows);
    assert.deepEqual(await read("a.csv.gz", gzipSync("q\n1\n")), [{ q: "1" }]);
  });

  test("a broken row is named with its number", async () => {
    await refused("a.jsonl", '{"a":1}\n\n{"a":\n', "DATASET_ROW", /row 2: line 3 is not JSON/);
    await refused("a.jsonl", '{"a":1}\n[1]\n', "DATASET_ROW", /row 2: must be an object with columns, and is a list/);
    await refused("a.json", '[{"a":1}, 5]', "DATASET_ROW", /row 2: must be an object with columns, and is a number/);
    await refused("a.json", '[{"a":1},', "DATASET_FILE", /is not JSON/);
    await refused("a.csv", "q,a\n1,2\n3\n", "DATASET_ROW", /row 2: .*correct the quotes or commas/);
    await refused("a.csv", 'q,a\n1,2\n3,"4\n', "DATASET_ROW", /row 2: .*quote/i);
    await refused("a.csv", "q,q\n1,2\n", "DATASET_FILE", /two columns "q"/);
  });

  test("files that are empty, unknown, not text, cut short or not there", async () => {
    await refused("a.jsonl", "", "DATASET_FILE", /is empty/);
    await refused("a.jsonl", "\n\n", "DATASET_FILE", /has no rows/);
    await refused("a.json", "[]", "DATASET_FILE", /has no rows/);
    await refused("a.json", "  ", "DATASET_FILE", /has no rows/);
    await refused("a.csv", "q,a\n", "DATASET_FILE", /has no rows/);
    await refused("a.txt", "x", "DATASET_FILE", /ending that says no format/);
    await refused("a.jsonl", Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), "DATASET_FILE", /is not UTF-8/);
    await refused("a.jsonl.gz", '{"a":1}\n', "DATASET_FILE", /is no gzip file/);
    await refused("a.jsonl.gz", gzipSync('{"a":1}\n'.repeat(5000)).subarray(0, 60), "DATASET_FILE", /cut short/);
    await assert.rejects(localFile(join(folder, "none.csv")), /is not there/);
    await assert.rejects(localFile(folder), /is a directory/);
    assert.equal(formatOf("a.jsonl.zip"), null);
  });
});

describe("Parquet files", () => {
  const rows = Array.from({ length: 2500 }, (_, i) => ({
    question: `Question ${i}?`,
    answer: BigInt(i),
    score: i / 2,
    extra: { list: [i, i + 1], name: `n${i}` },
  }));
  const written = (codec: "UNCOMPRESSED" | "SNAPPY" | "GZIP" | "BROTLI" = "SNAPPY"): Uint8Array =>
    new Uint8Array(
      parquetWriteBuffer({
        codec,
        compressors: { GZIP: (bytes) => gzipSync(bytes), BROTLI: (bytes) => brotliCompressSync(bytes) },
        columnData: [
          { name: "question", data: rows.map((row) => row.question), type: "STRING" },
          { name: "answer", data: rows.map((row) => row.answer), type: "INT64" },
          { name: "score", data: rows.map((row) => row.score), type: "DOUBLE" },
          { name: "extra", data: rows.map((row) => row.extra), type: "JSON" },
        ],
        rowGroupSize: 1000,
      }),
    );

  test("all columns, or those asked for; 64-bit numbers as numbers; rows in order over groups", async () => {
    const all = await read("a.parquet", written());
    assert.equal(all.length, 2500);
    assert.deepEqual(all[1999], {
      question: "Question 1999?",
      answer: 1999,
      score: 999.5,
      extra: { list: [1999, 2000], name: "n1999" },
    });
    for (const codec of ["UNCOMPRESSED", "GZIP", "BROTLI"] as const) {
      assert.deepEqual(await read(`${codec}.parquet`, written(codec)), all);
    }
    assert.deepEqual((await read("a.parquet", written(), ["answer", "gold"]))[2499], { answer: 2499 });
    for await (const row of parquetRows(await localFile(join(folder, "a.parquet")), ["answer"])) {
      assert.deepEqual(row.columns, ["question", "answer", "score", "extra"]);
      break;
    }
  });

  test("damaged ones are refused by name", async () => {
    const good = written();
    await refused("cut.parquet", good.subarray(0, good.length - 100), "DATASET_FILE", /cannot be read as Parquet/);
    await refused("text.parquet", "not parquet at all", "DATASET_FILE", /cannot be read as Parquet/);
    const holed = good.slice();
    holed.fill(0xff, 4, 2000);
    await refused("holed.parquet", holed, "DATASET_FILE", /cannot be read as Parquet/);
    await refused("a.parquet.gz", gzipSync(good), "DATASET_FILE", /compressed Parquet/);
  });
});
