import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fakeAnswers, fakeEnvironment, fakeReport, fakeStep, fakeSummary } from "../../test/fake-run.ts";
import { AppendFile } from "./append-file.ts";
import { readRun } from "./reader.ts";
import { type FileLengths, openRun } from "./run-directory.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "autodidact-run-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const recipe = { seed: 3, task: { name: "countdown", levels: [1, 2] } };
const environment = fakeEnvironment;
const repeatable = ["metrics.jsonl", "rollouts.jsonl", "evaluations.jsonl", "answers.jsonl", "recipe.json"];

async function bytes(path: string): Promise<Record<string, string>> {
  const entries = repeatable.map(async (name) => [name, await readFile(join(path, name), "utf8")] as const);
  return Object.fromEntries(await Promise.all(entries));
}

test("what is recorded is read back", async () => {
  const path = join(folder, "roundtrip");
  const run = await openRun(path, { recipe, environment });
  await run.recordEvaluation("before", 0, fakeReport(0), fakeAnswers(1, 0));
  const steps = [fakeStep(1, 1), fakeStep(1, 2)];
  for (const step of steps) await run.record(step);
  const sft = {
    kind: "sft",
    index: 3,
    loss: 1.5,
    gradNorm: 0.2,
    learningRate: 1e-3,
    tokens: 640,
    tokensTotal: 640,
    paddingShare: 0.1,
    seconds: 2,
  } as const;
  await run.record(sft);
  await run.writeSummary(fakeSummary(1, 2));
  await run.close();

  const back = await readRun(path);
  assert.deepEqual(back.recipe, recipe);
  assert.deepEqual(back.environment, environment);
  assert.deepEqual(back.summary, fakeSummary(1, 2));
  assert.equal(back.metrics.length, 3);
  const [first, , third] = back.metrics;
  assert.deepEqual(first, { kind: "grpo", step: 1, ...steps[0]!.metrics, warnings: [] });
  assert.equal(third!.kind === "sft" && third.loss, 1.5);
  assert.deepEqual(back.timings[0], { step: 1, ...steps[0]!.timing });
  assert.deepEqual(back.timings[2], { step: 3, total: 2, tokensPerSecond: 320 });
  const { label, step, ...report } = back.evaluations[0]!;
  assert.deepEqual([label, step, report], ["before", 0, fakeReport(0)]);
  assert.equal(back.answers.length, 20);

  const rollouts = [];
  for await (const line of back.rollouts()) rollouts.push(line);
  const expected = steps.flatMap(({ groups }) => groups.flatMap((group) => group.rollouts));
  assert.equal(rollouts.length, expected.length);
  const at = expected.findIndex(({ advantage }) => advantage !== null);
  const { text, reason, reward, finish, advantage, sample } = expected[at]!;
  assert.deepEqual(
    { text, reason, reward, finish, advantage, sample },
    (({ text, reason, reward, finish, advantage, sample }) => ({ text, reason, reward, finish, advantage, sample }))(
      rollouts[at]!,
    ),
  );
});

test("metrics hold nothing of the clock", async () => {
  const path = join(folder, "clock");
  const run = await openRun(path, { recipe, environment });
  const step = fakeStep(1, 1);
  await run.record(step);
  await run.record({ ...step, timing: { ...step.timing, total: 99, tokensPerSecond: 1 } });
  await run.close();
  const [a, b] = (await readFile(join(path, "metrics.jsonl"), "utf8")).trim().split("\n");
  assert.equal(a, b);
});

test("a figure that is not finite is read back as NaN", async () => {
  const path = join(folder, "nan");
  const run = await openRun(path, { recipe, environment });
  const step = fakeStep(1, 1);
  await run.record({ ...step, metrics: { ...step.metrics, gradNorm: Number.POSITIVE_INFINITY } });
  await run.close();
  assert.ok(Number.isNaN((await readRun(path)).metrics[0]!.gradNorm));
});

test("a directory that holds something is refused, with the remedy", async () => {
  const path = join(folder, "taken");
  await (await openRun(path, { recipe, environment })).close();
  await assert.rejects(openRun(path, { recipe, environment }), {
    code: "RUN_NOT_EMPTY",
    message: /answers\.jsonl.*--resume/,
  });
  const other = await mkdtemp(join(folder, "other-"));
  await writeFile(join(other, "notes.txt"), "mine");
  await assert.rejects(openRun(other, { recipe, environment }), (error: Error) => {
    assert.match(error.message, /notes\.txt; name an empty directory$/);
    return true;
  });
  await assert.rejects(openRun(join(other, "notes.txt"), { recipe, environment }), { code: "RUN_NOT_DIRECTORY" });
  assert.equal(await readFile(join(other, "notes.txt"), "utf8"), "mine");
});

test("a run killed while it was being opened is begun again, with or without resume", async () => {
  for (const resume of [true, false]) {
    const path = await mkdtemp(join(folder, "barely-"));
    await writeFile(join(path, "environment.json"), "{");
    await writeFile(join(path, ".recipe.json.tmp-1-0"), "{");
    await (await openRun(path, { recipe, environment, resume })).close();
    assert.deepEqual((await readRun(path)).recipe, recipe);
  }
});

test("resume wants a run, and the recipe it began with", async () => {
  await assert.rejects(openRun(join(folder, "nowhere"), { environment, resume: true }), { code: "RUN_MISSING" });
  const path = join(folder, "recipe");
  await (await openRun(path, { recipe, environment })).close();
  const changed = { ...recipe, task: { name: "countdown", levels: [1, 3] } };
  await assert.rejects(openRun(path, { recipe: changed, environment, resume: true }), {
    code: "RUN_RECIPE_DIFFERS",
    message: /^task\.levels\.1: is 3 here and 2 in /,
  });
  const run = await openRun(path, { environment: { ...environment, node: "22.1.0" }, resume: true });
  assert.deepEqual(run.recipe, recipe);
  assert.deepEqual(run.environmentChanges, ["node was 20.19.0, is 22.1.0"]);
  await run.close();
});

test("cut back to a checkpoint and gone on, the files are those of an uninterrupted run", async () => {
  const whole = join(folder, "whole");
  const broken = join(folder, "broken");
  const one = await openRun(whole, { recipe, environment });
  await one.recordEvaluation("before", 0, fakeReport(0), fakeAnswers(1, 0));
  for (let step = 1; step <= 6; step++) await one.record(fakeStep(1, step));
  await one.close();

  let two = await openRun(broken, { recipe, environment });
  await two.recordEvaluation("before", 0, fakeReport(0), fakeAnswers(1, 0));
  for (let step = 1; step <= 3; step++) await two.record(fakeStep(1, step));
  const lengths = await two.lengths();
  await two.record(fakeStep(1, 4));
  await two.close();
  // Torn: killed in the middle of a line, and of a character.
  await appendFile(join(broken, "rollouts.jsonl"), Buffer.from('{"step":5,"text":"é').subarray(0, 19));
  two = await openRun(broken, { recipe, environment, resume: true });
  await two.cut(lengths);
  for (let step = 4; step <= 6; step++) await two.record(fakeStep(1, step));
  await two.close();
  assert.deepEqual(await bytes(broken), await bytes(whole));
});

test("a file shorter than its checkpoint is damage", async () => {
  const path = join(folder, "short");
  let run = await openRun(path, { recipe, environment });
  await run.record(fakeStep(1, 1));
  const lengths = await run.lengths();
  await run.close();
  await writeFile(join(path, "metrics.jsonl"), "");
  run = await openRun(path, { environment, resume: true });
  await assert.rejects(run.cut(lengths), { code: "RUN_DAMAGED", message: /metrics\.jsonl: has 0 bytes where/ });
  await run.close();
});

test("a torn last line is left out, a broken one in the middle is named", async () => {
  const path = join(folder, "torn");
  const run = await openRun(path, { recipe, environment });
  for (let step = 1; step <= 2; step++) await run.record(fakeStep(1, step));
  await run.close();
  const file = join(path, "metrics.jsonl");
  const whole = await readFile(file, "utf8");
  await writeFile(file, whole.slice(0, -40));
  assert.deepEqual(
    (await readRun(path)).metrics.map(({ step }) => step),
    [1],
  );
  await writeFile(file, `${whole.slice(0, 40)}\n${whole}`);
  await assert.rejects(readRun(path), { code: "RUN_DAMAGED", message: /metrics\.jsonl:1: is not JSON/ });
  await writeFile(file, whole.replace('"lengthMean":', '"lengthMeen":'));
  await assert.rejects(readRun(path), { code: "RUN_DAMAGED", message: /metrics\.jsonl:1: lengthMean: / });
});

test("a full disk is a clear error and loses nothing earlier", async () => {
  const path = join(folder, "full.jsonl");
  await writeFile(path, '{"a":1}\n');
  const real = await AppendFile.open(path);
  await real.close();
  const { open } = await import("node:fs/promises");
  const handle = await open(path, "r+");
  let left = 25;
  // Takes 25 bytes more, then says what a full disk says.
  const write = (async (buffer: Buffer, offset: number, length: number, position: number) => {
    if (left === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const some = Math.min(left, length);
    left -= some;
    return handle.write(buffer, offset, some, position);
  }) as typeof handle.write;
  const file = new AppendFile(
    path,
    { write, truncate: (n) => handle.truncate(n), sync: () => handle.sync(), close: () => handle.close() },
    (await stat(path)).size,
  );
  await file.append([{ b: 2 }]);
  await assert.rejects(file.append([{ text: "far more than is left on this disk" }]), {
    code: "FILE_NO_SPACE",
    message: /full\.jsonl: cannot write 46 bytes: the disk or quota is full; free some space/,
  });
  assert.equal(await readFile(path, "utf8"), '{"a":1}\n{"b":2}\n');
  left = 100;
  await file.append([{ c: 3 }]);
  await file.close();
  assert.equal(await readFile(path, "utf8"), '{"a":1}\n{"b":2}\n{"c":3}\n');
});

/** Child: records steps and stores the lengths every other step, until it is killed or done. */
const child = `
const [runFile, fakeFile, path, resume] = process.argv.slice(1);
const { openRun } = await import(runFile);
const { fakeStep, fakeEnvironment } = await import(fakeFile);
const { readFile, rename, writeFile } = await import("node:fs/promises");
const run = await openRun(path, { recipe: { seed: 1 }, environment: fakeEnvironment, resume: resume === "resume" });
const stored = resume === "resume" ? JSON.parse(await readFile(path + ".checkpoint", "utf8").catch(() => "null")) : null;
if (resume === "resume") await run.cut(stored?.lengths ?? null);
for (let step = (stored?.step ?? 0) + 1; step <= 30; step++) {
  await run.record(fakeStep(1, step, 2));
  if (step % 2 === 0) {
    await writeFile(path + ".checkpoint.tmp", JSON.stringify({ step, lengths: await run.lengths() }));
    await rename(path + ".checkpoint.tmp", path + ".checkpoint");
  }
  if (step === 1) process.stdout.write("started");
}
await run.close();
`;

test("killed at random moments and resumed, the files are the same bytes", async () => {
  const module = new URL("./run-directory.js", import.meta.url).href;
  const fake = new URL("../../test/fake-run.js", import.meta.url).href;
  const start = (path: string, resume: string) =>
    spawn(process.execPath, ["--input-type=module", "-e", child, module, fake, path, resume], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  const whole = join(folder, "unkilled");
  const [code] = await once(start(whole, "fresh"), "exit");
  assert.equal(code, 0);
  const path = join(folder, "killed");
  let killed = 0;
  for (let attempt = 0; attempt < 40; attempt++) {
    const running = start(path, (await stat(join(path, "recipe.json")).catch(() => null)) ? "resume" : "fresh");
    const ended = once(running, "exit");
    if (attempt < 4) {
      await Promise.race([once(running.stdout, "data"), ended, new Promise((done) => setTimeout(done, 400))]);
      await new Promise((done) => setTimeout(done, 7 * attempt));
      running.kill("SIGKILL");
      killed++;
    }
    const [exit] = await ended;
    if (exit === 0 && attempt >= 4) break;
  }
  assert.equal(killed >= 4, true);
  for (const name of ["metrics.jsonl", "rollouts.jsonl"]) {
    assert.equal(await readFile(join(path, name), "utf8"), await readFile(join(whole, name), "utf8"), name);
  }
});

test("lengths name every growing file", async () => {
  const run = await openRun(join(folder, "lengths"), { recipe, environment });
  const lengths: FileLengths = await run.lengths();
  assert.deepEqual(lengths, { metrics: 0, timings: 0, rollouts: 0, evaluations: 0, answers: 0 });
  await run.close();
});
