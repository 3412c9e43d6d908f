import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeModelDirectory } from "../src/checkpoint/model-directory.ts";
import { initialWeights } from "../src/model/parameters.ts";
import type { SftSummary } from "../src/run/sft-summary.ts";
import { autodidact, newestCheckpoint } from "./autodidact.ts";
import { inProcess } from "./in-process.ts";
import { lettersConfig, lettersTokenizer } from "./letters-model.ts";

/** The whole command on a model of ten characters. */

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const sft = (...args: string[]) => inProcess(["sft", ...args], { cwd: folder });
const sizes = "--model base --threads 1 --max-length 24 --tokens-per-step 60 --learning-rate 0.01".split(" ");
const set = (...assignments: string[]): string[] => assignments.flatMap((one) => ["--set", one]);

/** The answer to three letters is the first of them, three times. */
const rows = [..."abcdefgh"].flatMap((letter) =>
  [..."abcdefgh"].flatMap((second) =>
    [..."abc"].map((third) => ({
      messages: [
        { role: "user", content: letter + second + third },
        { role: "assistant", content: letter.repeat(3) },
      ],
    })),
  ),
);
const lines = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-sft-"));
  writeFileSync(at("chats.jsonl"), lines(rows));
  await writeModelDirectory(at("base"), {
    config: lettersConfig,
    tokenizer: lettersTokenizer,
    weights: initialWeights(lettersConfig, 3),
  });
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe("sft", () => {
  test("lowers the loss on rows that it has never seen, and the model says what they say", async () => {
    const { code, stdout, stderr } = await sft(
      ...sizes,
      "--data",
      "chats.jsonl",
      "--epochs",
      "6",
      "--out",
      "run",
      "--json",
      ...set("heldOut.share=0.15", "heldOut.every=5"),
    );
    assert.equal(code, 0, stderr);
    const { loss, rows: counts, ...summary } = JSON.parse(stdout) as SftSummary;
    assert.ok(loss.heldOutBefore! > 1.8 && loss.heldOutAfter! < 0.3, JSON.stringify(loss));
    assert.ok(
      counts.heldOut > 0 && counts.train + counts.heldOut === rows.length && counts.dropped === 0,
      JSON.stringify(counts),
    );
    assert.equal(summary.result, "model");
    const report = readFileSync(at("run/report.md"), "utf8");
    assert.match(report, /^# Loss on kept-out documents fell from/);
    assert.doesNotMatch(report, /NaN|undefined/);
    assert.match(readFileSync(at("run/report.html"), "utf8"), /<svg/);
    const said = await inProcess(
      [
        "sample",
        "--model",
        "run/model",
        "--prompt",
        "cab",
        "--max-tokens",
        "6",
        "--temperature",
        "0",
        "--threads",
        "1",
      ],
      { cwd: folder },
    );
    assert.equal(said.stdout.trim(), "ccc");
    assert.equal((await inProcess(["report", "run"], { cwd: folder })).code, 0);
  });

  test("with --lora: an adapter, which says the same merged and unmerged", async () => {
    const { code, stderr } = await sft(
      ...sizes,
      "--data",
      "chats.jsonl",
      "--lora",
      "--learning-rate",
      "0.03",
      "--epochs",
      "6",
      "--out",
      "adapted",
      ...set("lora.rank=4"),
    );
    assert.equal(code, 0, stderr);
    assert.ok(!existsSync(at("adapted/model")));
    const merged = await inProcess(["merge", "--adapter", "adapted", "--out", "merged"], { cwd: folder });
    assert.equal(merged.code, 0, merged.stderr);
    const ask = async (model: string) => {
      const { stdout, stderr } = await inProcess(
        [
          "sample",
          "--model",
          model,
          "--prompt",
          "cab",
          "--max-tokens",
          "6",
          "--temperature",
          "0",
          "--threads",
          "1",
          "--json",
        ],
        { cwd: folder },
      );
      assert.notEqual(stdout, "", stderr);
      return stdout;
    };
    assert.equal(await ask("adapted/adapter"), await ask("merged"));
    const { loss } = JSON.parse(readFileSync(at("adapted/summary.json"), "utf8")) as SftSummary;
    assert.ok(loss.heldOutAfter! < loss.heldOutBefore! - 0.5, JSON.stringify(loss));
  });

  test("killed and resumed, it gives the same bytes, with adapters too", async () => {
    for (const extra of [[], ["--lora"]]) {
      const args = [
        ...sizes,
        "--data",
        "chats.jsonl",
        "--steps",
        "24",
        ...extra,
        ...set("checkpointEvery=4", "heldOut.every=3", "heldOut.share=0.1"),
      ];
      const name = extra.length === 0 ? "model/model.safetensors" : "adapter/adapter_model.safetensors";
      const whole = extra.length === 0 ? "whole" : "whole-lora";
      const killed = `${whole}-killed`;
      assert.equal((await sft(...args, "--out", whole)).code, 0);
      const ended = await autodidact(["sft", ...args, "--out", killed], {
        cwd: folder,
        interrupt: { signal: "SIGKILL", when: () => newestCheckpoint(at(killed), 8) !== undefined },
      });
      assert.equal(ended.signal, "SIGKILL", ended.stderr);
      const resumed = await sft("--resume", "--out", killed);
      assert.equal(resumed.code, 0, resumed.stderr);
      assert.match(resumed.stdout, /going on behind step/);
      for (const file of ["metrics.jsonl", "recipe.json", name])
        assert.ok(readFileSync(at(killed, file)).equals(readFileSync(at(whole, file))), file);
    }
  });
});

describe("sft refuses, before anything is written", () => {
  const refused = async (args: readonly string[], ...words: string[]) => {
    const { code, stderr } = await sft("--out", "refused", "--threads", "1", ...args);
    assert.notEqual(code, 0);
    for (const word of words) assert.ok(stderr.includes(word), `"${word}" is not in: ${stderr}`);
    assert.ok(!existsSync(at("refused")));
  };
  const base = ["--model", "base", "--max-length", "24"];

  test("rows of no known form, by file, row and column", async () => {
    writeFileSync(at("strange.jsonl"), lines([{ question_text: "a", label: "b" }]));
    await refused([...base, "--data", "strange.jsonl"], "DATASET_COLUMN", "row 1", "question_text, label");
    writeFileSync(at("late.jsonl"), lines([rows[0]!, { messages: [{ role: "user", content: "a" }] }]));
    await refused([...base, "--data", "late.jsonl"], "DATASET_ROW", "late.jsonl, row 2", "assistant");
    writeFileSync(at("unknown.jsonl"), lines([{ prompt: "a", completion: "xyz" }]));
    await refused([...base, "--data", "unknown.jsonl"], "DATASET_ROW", "row 1", '"x"');
    await refused([...base, "--data", "nowhere.jsonl"], "DATASET_FILE", "nowhere.jsonl");
  });

  test("settings that contradict each other or the model", async () => {
    await refused([...base, "--data", "chats.jsonl", "--hold", "int8"], "RECIPE_INVALID", 'hold: is "int8"', "--lora");
    await refused(
      ["--model", "base", "--data", "chats.jsonl", "--max-length", "400"],
      "maxLength: is 400",
      "32 positions",
    );
    await refused(
      [...base, "--data", "chats.jsonl", "--max-length", "4"],
      "maxLength: is 4",
      `${rows.length} are longer`,
    );
    await refused(
      [...base, "--data", "chats.jsonl", ...set('lora.targetModules=["lm_head"]')],
      "lora.targetModules",
      "q_proj",
    );
  });
});

test("long rows are cut where that is asked for, and counted", async () => {
  writeFileSync(at("long.csv"), `prompt,completion\n${"a,bbbbbbbbbbbbbbbbbbbbbbbb\n".repeat(3)}a,b\n`);
  const run = (out: string, ...extra: string[]) =>
    sft(
      "--model",
      "base",
      "--data",
      "long.csv",
      "--steps",
      "1",
      "--threads",
      "1",
      "--max-length",
      "10",
      "--json",
      "--out",
      out,
      ...set("heldOut.share=0", ...extra),
    );
  const cut = JSON.parse((await run("cut", "tooLong=cut")).stdout) as SftSummary;
  assert.deepEqual([cut.rows.train, cut.rows.cut, cut.rows.dropped], [4, 3, 0]);
  const dropped = JSON.parse((await run("dropped")).stdout) as SftSummary;
  assert.deepEqual([dropped.rows.train, dropped.rows.cut, dropped.rows.dropped], [1, 0, 3]);
  assert.deepEqual([dropped.loss.heldOutBefore, dropped.loss.heldOutAfter], [null, null]);
  assert.ok(readdirSync(at("cut")).includes("report.html"));
});
