import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { takeProblems } from "../tasks/task.ts";
import { dataset, splitByHash } from "./dataset.ts";
import { datasetTask } from "./task.ts";

const folder = mkdtempSync(join(tmpdir(), "dataset-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
function written(rows: readonly unknown[], ending = "jsonl"): string {
  const path = join(folder, `${files++}.${ending}`);
  writeFileSync(path, rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"));
  return path;
}
const code = (wanted: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AutodidactError, String(error));
  assert.equal(error.code, wanted, error.message);
  assert.match(error.message, words);
  return true;
};
const mapping = { prompt: "q", gold: "a" };
const eggs = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ q: `How many eggs are ${from + i} eggs?`, a: `${from + i}` }));

describe("dataset", () => {
  test("several files, duplicates once, contradictions reported, ids that stay", async () => {
    const first = written([{ q: "What is 2+2?", a: "4" }, { q: "what is  2+2", a: "5" }, ...eggs(3)]);
    const second = written(["q,a", "How many eggs are 1 eggs?,1", "New?,7"], "csv");
    const { problems, report, name } = await dataset({ source: [first, second], mapping });
    assert.equal(name, first);
    assert.deepEqual(
      problems.map((problem) => problem.gold),
      ["4", "0", "1", "2", "7"],
    );
    assert.deepEqual([report.rows, report.duplicates, report.skipped], [7, 2, {}]);
    assert.deepEqual(report.conflicts, [`${first}, rows 1 and 2: 4 and 5`]);
    const again = await dataset({ source: second, mapping });
    assert.equal(again.problems[1]!.id, problems[4]!.id);
    assert.equal((await dataset({ source: first, mapping, limit: 2 })).problems.length, 2);
  });

  test("bad rows stop, or are left out and counted", async () => {
    const source = written([
      { q: "a?", a: "1" },
      { q: "b?", a: null },
      { q: "c?", a: "3" },
    ]);
    await assert.rejects(dataset({ source, mapping }), code("DATASET_ROW", /row 2: gold \("a"\) is null/));
    const { problems, report } = await dataset({ source, mapping, onBadRow: "skip" });
    assert.deepEqual(
      problems.map((problem) => problem.row),
      [1, 3],
    );
    assert.deepEqual(report.skipped, { DATASET_ROW: 1 });
    assert.match(report.bad[0]!, /row 2: gold/);
    await assert.rejects(
      dataset({ source, mapping: { prompt: "x", gold: "a" }, onBadRow: "skip" }),
      code("DATASET_COLUMN", /map prompt to one of: q, a/),
    );
    const none = written([{ q: "b?", a: "" }]);
    await assert.rejects(
      dataset({ source: none, mapping, onBadRow: "skip" }),
      code("DATASET_FILE", /none of 1 rows is a problem \(left out: 1 DATASET_GOLD\)/),
    );
  });

  test("ids of the data set must differ", async () => {
    const source = written([
      { id: 1, q: "a?", a: "1" },
      { id: 1, q: "b?", a: "2" },
    ]);
    await assert.rejects(
      dataset({ source, mapping: { ...mapping, id: "id" } }),
      code("DATASET_ROW", /row 2: id "1" is that of row 1/),
    );
  });

  test("a mapping must be given or known", async () => {
    const source = written(eggs(1));
    await assert.rejects(dataset({ source }), code("DATASET_MAPPING", /no mapping is known/));
    await assert.rejects(
      dataset({ source, mapping: "gsm9k" as "gsm8k" }),
      code("DATASET_MAPPING", /"gsm9k" does not ship; take gsm8k, math/),
    );
    await assert.rejects(
      dataset({ source, mapping: { prompt: "q" } }),
      code("DATASET_MAPPING", /neither gold nor tests/),
    );
    await assert.rejects(dataset({ source: [], mapping }), code("DATASET_FILE", /empty list/));
    await assert.rejects(dataset({ source, mapping, split: "test" }), code("DATASET_SPLIT", /files have none/));
    await assert.rejects(dataset({ source: join(folder, "no.jsonl"), mapping }), code("DATASET_FILE", /is not there/));
  });

  test("the share kept out hangs on questions alone", async () => {
    const { problems } = await dataset({ source: written(eggs(2000)), mapping });
    const { train, eval: held } = splitByHash(problems, 0.1);
    assert.equal(train.length + held.length, 2000);
    assert.ok(held.length > 150 && held.length < 250, String(held.length));
    const more = (await dataset({ source: written([...eggs(500, 5000), ...eggs(2000)]), mapping })).problems;
    const again = new Set(splitByHash(more, 0.1).eval.map((problem) => problem.id));
    assert.ok(held.every((problem) => again.has(problem.id)));
    for (const share of [0, 1, Number.NaN])
      assert.throws(() => splitByHash(problems, share), code("DATASET_SPLIT", /share/));
  });
});

describe("a task on a data set", () => {
  test("endless training in another order each time, a fixed evaluation, gold that passes", async () => {
    const { problems } = await dataset({ source: written(eggs(100)), mapping });
    const task = await datasetTask({ name: "eggs", train: problems, eval: { share: 0.2 } });
    const { train, eval: held } = task.counts;
    assert.equal(train + held, 100);
    const stream = task.problems("train", random(1))[Symbol.iterator]();
    const [first, second] = [takeProblems(stream, train), takeProblems(stream, train)];
    assert.equal(new Set(first.map((problem) => problem.id)).size, train);
    assert.deepEqual(new Set(second.map((problem) => problem.id)), new Set(first.map((problem) => problem.id)));
    assert.notDeepEqual(first, second);
    const held1 = [...task.problems("eval", random(1))];
    assert.deepEqual(held1, [...task.problems("eval", random(2))]);
    assert.equal(held1.length, held);
    assert.ok(
      held1.every((problem) => !first.some((other) => other.id === problem.id || other.question === problem.question)),
    );
    for (const problem of first.slice(0, 5)) {
      const verify = (text: string) => task.rewards.accuracy.verify({ text, complete: true }, problem);
      assert.equal((await verify(task.gold(problem))).reward, 1);
      assert.equal((await verify("\\boxed{-1}")).reward, 0);
    }
  });

  test("what is in the evaluation, or shares ten words with it, is not trained on", async () => {
    const words = "a b c d e f g h i j k l m n";
    const train = await dataset({
      source: written([
        { q: "Same?", a: "1" },
        { q: `x ${words}`, a: "2" },
        { q: "Else?", a: "3" },
      ]),
      mapping,
    });
    const held = await dataset({
      source: written([
        { q: "same", a: "1" },
        { q: `y ${words}`, a: "2" },
      ]),
      mapping,
    });
    const task = await datasetTask({ name: "t", train: train.problems, eval: held.problems });
    assert.deepEqual(task.counts, { train: 1, eval: 2, shared: 1, overlapping: 1, badGolds: 0 });
    const kept = await datasetTask({ name: "t", train: train.problems, eval: held.problems, decontaminate: false });
    assert.equal(kept.counts.train, 2);
    await assert.rejects(
      datasetTask({ name: "t", train: held.problems, eval: held.problems }),
      code("DATASET_SPLIT", /no train problems; all 2 are in the evaluation/),
    );
  });

  test("golds that cannot be graded are named, or left out", async () => {
    const { problems } = await dataset({
      source: written([...eggs(2), { q: "Bad?", a: `1${"(".repeat(3000)}` }, ...eggs(3, 50)]),
      mapping,
    });
    const options = { name: "t", train: problems.slice(0, 4), eval: problems.slice(4) };
    await assert.rejects(
      datasetTask(options),
      code("DATASET_GOLD", /row 3: gold "1\(.* cannot be graded as mathematics/),
    );
    assert.deepEqual((await datasetTask({ ...options, badGolds: "drop" })).counts, {
      train: 3,
      eval: 2,
      shared: 0,
      overlapping: 0,
      badGolds: 1,
    });
  });

  test("programs are judged by their tests", async () => {
    const rows = [1, 2].map((n) => ({
      q: `Double it, ${n}.`,
      t: [{ input: "2\n", output: "4\n" }],
      s: "print(2 * int(input()))",
    }));
    const { problems } = await dataset({ source: written(rows), mapping: { prompt: "q", tests: "t", solution: "s" } });
    const task = await datasetTask({ name: "t", train: problems.slice(0, 1), eval: problems.slice(1) });
    assert.equal(task.gold(problems[0]!), "```python\nprint(2 * int(input()))\n```");
    assert.equal(task.rewards.accuracy.weight, 1);
    const mixed = await dataset({ source: written(eggs(1)), mapping });
    await assert.rejects(
      datasetTask({ name: "t", train: mixed.problems, eval: problems }),
      code("DATASET_MAPPING", /2 of 3 problems have tests/),
    );
    const bare = await dataset({ source: written(rows), mapping: { prompt: "q", tests: "t" } });
    assert.throws(() => task.gold(bare.problems[0]!), code("DATASET_GOLD", /no right program/));
  });
});
