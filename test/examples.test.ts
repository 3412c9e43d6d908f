import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { random } from "../src/random.ts";
import { type Split, type Task, takeProblems } from "../src/tasks/task.ts";
import { root } from "./imports.ts";

const base = join(root, "models", "countdown-base");
const skip = existsSync(join(base, "model.safetensors")) ? false : "models/countdown-base is not there";

/** What an example prints in one step, as lines; a failure shows its stderr. */
function run(name: string): string[] {
  const output = execFileSync(process.execPath, [join(root, "dist", "examples", `${name}.js`), "1"], {
    cwd: root,
    encoding: "utf8",
    timeout: 600_000,
  });
  return output.trimEnd().split("\n");
}

test("GRPO by hand makes a step", { skip }, () => {
  const lines = run("grpo-by-hand");
  assert.equal(lines.length, 1);
  const found = lines[0]!.match(/^step 1 {2}reward (\S+) {2}length (\S+) {2}mixed groups (\d+) {2}gradient (\S+)$/);
  assert.ok(found, lines[0]);
  const [reward, length, mixed, gradient] = found.slice(1).map(Number) as [number, number, number, number];
  assert.ok(reward > 0 && reward < 1, lines[0]);
  assert.ok(length > 1 && length <= 200, lines[0]);
  assert.ok(mixed > 0 && gradient > 0, lines[0]);
});

test("a task of one's own is measured and trained", { skip }, () => {
  const lines = run("custom-task");
  assert.match(lines[0]!, /^held-out before: [01]\.\d{3}$/);
  assert.match(lines[1]!, /^step 1 {2}reward [01]\.\d{3} {2}length \d+\.\d$/);
  assert.match(lines.at(-1)!, /^held-out after: [01]\.\d{3}$/);
});

test("the cold start of the worked example shows no held-out message", async () => {
  const task = (await import(join(root, "dist", "examples", "support-queue.js"))).default as Task;
  const text = (split: Split): Set<string> =>
    new Set(takeProblems(task.problems(split, random(1))[Symbol.iterator](), 1000).map(({ prompt }) => prompt));
  const [held, train] = [text("eval"), text("train")];
  const rows = readFileSync(join(root, "examples", "support-queue-cold-start.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  assert.equal(rows.length, 20);
  for (const row of rows) {
    const { prompt, completion } = JSON.parse(row) as { prompt: string; completion: string };
    assert.ok(train.has(prompt) && !held.has(prompt), prompt);
    assert.match(completion, /^(billing|delivery|returns|technical|account)$/);
  }
});
