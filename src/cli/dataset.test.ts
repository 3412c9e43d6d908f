import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inProcess } from "../../test/in-process.ts";

let folder: string;
const write = (name: string, rows: readonly unknown[]): void =>
  writeFileSync(join(folder, name), rows.map((row) => JSON.stringify(row)).join("\n"));
before(() => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-dataset-"));
  const words = "one two three four five six seven eight nine ten eleven";
  write("train.jsonl", [
    { q: "What is 2+2?", a: "4" },
    { q: `Say ${words}.`, a: "\\frac{1}{2}" },
    { q: "what is 2+2", a: "5" },
    { q: "Bad?", a: null },
  ]);
  write("test.jsonl", [{ q: `Write: ${words}!`, a: "1" }]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const autodidact = (...argv: string[]) =>
  inProcess(argv, { cwd: folder, env: { HF_ENDPOINT: "http://127.0.0.1:9", HF_HOME: folder } });
const columns = ["--prompt", "q", "--gold", "a"];

describe("dataset show", () => {
  test("prints problems as they are mapped; a bad row is named", async () => {
    const { code, stdout } = await autodidact("dataset", "show", "train.jsonl", ...columns, "-n", "2");
    assert.equal(code, 0);
    assert.match(stdout, /── row 1, [0-9a-f]{16}, level 1\nWhat is 2\+2\?\n\n {2}gold: 4\n/);
    const all = await autodidact("dataset", "show", "train.jsonl", ...columns);
    assert.equal(all.code, 1);
    assert.match(all.stderr, /DATASET_ROW: train\.jsonl, row 4: gold \("a"\) is null/);
    const json = JSON.parse(
      (await autodidact("dataset", "show", "train.jsonl", ...columns, "--skip-bad", "--json")).stdout,
    );
    assert.deepEqual([json.problems.length, json.report.duplicates, json.report.skipped], [2, 1, { DATASET_ROW: 1 }]);
  });

  test("what was not understood", async () => {
    const cases: [string[], number, RegExp][] = [
      [["train.jsonl"], 1, /DATASET_MAPPING: no mapping is known/],
      [["train.jsonl", "--gold", "a"], 2, /OPTION_MISSING: --prompt is required/],
      [["train.jsonl", "--mapping", "gsm8k", "--gold-form", "text"], 2, /OPTION_INVALID: --mapping gsm8k.*--gold-form/],
      [["openai/gsm8k", "--mapping", "gsm8k"], 1, /DATASET_FILE: openai\/gsm8k is not there .*write hf:openai\/gsm8k/],
      [["hf:openai/gsm8k"], 1, /HUB_NETWORK: .*http:\/\/127\.0\.0\.1:9 cannot be reached/],
      [["train.jsonl", "--split", "test", ...columns], 1, /DATASET_SPLIT: split test: files have none/],
    ];
    for (const [argv, code, words] of cases) {
      const ended = await autodidact("dataset", "show", ...argv);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, words);
    }
  });
});

describe("dataset check", () => {
  test("counts, contradictions, overlap, and a file of what is clean", async () => {
    const argv = ["dataset", "check", "train.jsonl", ...columns, "--skip-bad", "--against", "test.jsonl"];
    const { code, stdout } = await autodidact(...argv, "--out", "clean.jsonl");
    assert.equal(code, 0);
    assert.match(stdout, /^4 rows in train\.jsonl: 2 problems\n {2}by level: 1: 2\n {2}repeated questions: 1\n/);
    assert.match(stdout, /train\.jsonl, rows 1 and 3: 4 and 5/);
    assert.match(stdout, /left out: 1 DATASET_ROW/);
    assert.match(
      stdout,
      /share 10 words in a row with one of 1 evaluation problems: 1\n {4}row 2 and test\.jsonl, row 1: "one two three/,
    );
    const [kept, ...more] = readFileSync(join(folder, "clean.jsonl"), "utf8").trimEnd().split("\n");
    assert.deepEqual([JSON.parse(kept!).prompt, JSON.parse(kept!).gold, more.length], ["What is 2+2?", "4", 0]);
    const json = JSON.parse((await autodidact(...argv, "--words", "12", "--json")).stdout);
    assert.deepEqual([json.overlaps, json.kept, json.evaluation], [[], 2, 1]);
    const all = JSON.parse((await autodidact(...argv, "--json")).stdout);
    assert.equal(all.overlaps[0].evaluation.row, 1);
  });
});
