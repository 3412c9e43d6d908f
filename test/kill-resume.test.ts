import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { random } from "../src/random.ts";
import { autodidact, type Ended, newestCheckpoint } from "./autodidact.ts";
import { writeGuessingBase } from "./guessing-base.ts";
import { files, flags, questions, steps } from "./small-run.ts";

/** The whole program, killed without warning and resumed: the same bytes as a run that was left alone. */

let folder: string;
let whole: Ended;
const at = (...parts: string[]): string => join(folder, ...parts);

const run = (out: string, more: readonly string[] = [], interrupt?: Parameters<typeof autodidact>[1]["interrupt"]) =>
  autodidact(["zero", "--out", out, ...flags, ...more], { cwd: folder, ...(interrupt && { interrupt }) });

function sameBytes(out: string): void {
  for (const file of files) assert.ok(readFileSync(at(out, file)).equals(readFileSync(at("whole", file))), file);
}

/** A directory that a run has begun to make is resumed; before that there is nothing to resume. */
const resumeFlag = (out: string): string[] =>
  existsSync(at(out)) && readdirSync(at(out)).length > 0 ? ["--resume"] : [];

/** True while a checkpoint is being written. */
const beingSaved = (out: string): boolean =>
  existsSync(at(out, "checkpoints")) && readdirSync(at(out, "checkpoints")).some((name) => name.includes(".tmp-"));

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-kill-"));
  await writeGuessingBase(at("base"), questions);
  whole = await run("whole");
  assert.equal(whole.code, 0, whole.stderr);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("the run that the others are compared with has learnt something", () => {
  const lines = readFileSync(at("whole/metrics.jsonl"), "utf8").trimEnd().split("\n");
  const metrics = lines.map((line) => JSON.parse(line) as { gradNorm: number; klReference: number | null });
  assert.equal(metrics.length, steps);
  assert.ok(metrics.filter(({ gradNorm }) => gradNorm > 0).length >= steps - 2, "most steps have a gradient");
  assert.ok(metrics.some(({ klReference }) => (klReference ?? 0) > 0));
  assert.ok(!readFileSync(at("base/model.safetensors")).equals(readFileSync(at("whole/model/model.safetensors"))));
  const names = readdirSync(at("whole")).sort();
  for (const name of ["summary.json", "report.html", "report.md", "checkpoints"]) assert.ok(names.includes(name), name);
});

test("the same seed gives the same bytes, another seed others", async () => {
  assert.equal((await run("again")).code, 0);
  sameBytes("again");
  assert.equal((await run("other", ["--seed", "2", "--steps", "1"])).code, 0);
  const firstLine = (out: string): string => readFileSync(at(out, "rollouts.jsonl"), "utf8").split("\n")[0]!;
  assert.notEqual(firstLine("other"), firstLine("whole"));
});

describe("killed", () => {
  // Each entry is one run: the share of what it still has to sample behind which to kill it, or "checkpoint". By what has
  // been done and not by the clock, since a machine is not always as fast as it was.
  const stream = random("kills", 1);
  const moments = Array.from({ length: 6 }, (_, i) => (i % 3 === 1 ? "checkpoint" : 0.7 * stream.next()));
  const sampled = (out: string): number =>
    existsSync(at(out, "rollouts.jsonl")) ? statSync(at(out, "rollouts.jsonl")).size : 0;

  test("at random moments, and while checkpoints are written, it resumes to the same bytes", async (t) => {
    let kills = 0;
    for (const moment of moments) {
      const begun = sampled("killed");
      const enough = begun + Number(moment) * (sampled("whole") - begun);
      // Not always right behind a write.
      let patience = stream.int(0, 40);
      const ended = await run("killed", resumeFlag("killed"), {
        signal: "SIGKILL",
        when: () => (moment === "checkpoint" ? beingSaved("killed") : sampled("killed") > enough && patience-- <= 0),
      });
      if (ended.signal === "SIGKILL") kills++;
      else assert.equal(ended.code, 0, ended.stderr);
    }
    assert.ok(kills >= 3, `${kills} kills`);
    const last = await run("killed", resumeFlag("killed"));
    assert.equal(last.code, 0, last.stderr);
    sameBytes("killed");
    t.diagnostic(`${kills} kills at ${moments.map((m) => (m === "checkpoint" ? m : m.toFixed(2))).join(", ")}`);
  });

  test("in every phase: before the first checkpoint, behind one, and after the last", async () => {
    const seen = (out: string, file: string, text: string): boolean =>
      existsSync(at(out, file)) && readFileSync(at(out, file), "utf8").includes(text);
    const phases: readonly ((out: string) => boolean)[] = [
      (out) => existsSync(at(out, "environment.json")),
      (out) => seen(out, "evaluations.jsonl", '"before"'),
      (out) => seen(out, "metrics.jsonl", '"step":3'),
      (out) => existsSync(at(out, "checkpoints", `step-00000${steps}`)),
      (out) => existsSync(at(out, "model")),
    ];
    for (const [i, phase] of phases.entries()) {
      const out = `phase-${i}`;
      const ended = await run(out, [], { signal: "SIGKILL", when: () => phase(out) });
      assert.ok(ended.signal === "SIGKILL" || i === phases.length - 1, `phase ${i} was reached`);
      const resumed = await run(out, ["--resume"]);
      assert.equal(resumed.code, 0, resumed.stderr);
      sameBytes(out);
    }
  });

  test("with the newest checkpoint damaged, it goes back to the one before", async () => {
    cpSync(at("whole"), at("damaged"), { recursive: true });
    rmSync(at("damaged/checkpoints", `step-00000${steps}`, "trainer.safetensors"));
    const resumed = await run("damaged", ["--resume"]);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stdout, /passed over/);
    assert.match(resumed.stdout, /behind step 6/);
    sameBytes("damaged");
  });
});

test("resuming a finished run changes nothing in it", async () => {
  const resumed = await run("again", ["--resume"]);
  assert.equal(resumed.code, 0, resumed.stderr);
  sameBytes("again");
});

test("Ctrl-C saves, stops with code 130 and says how to go on", { skip: noSignals() }, async () => {
  const moments: readonly [string, (out: string) => boolean][] = [
    ["measuring", (out) => existsSync(at(out, "answers.jsonl"))],
    ["learning", (out) => newestCheckpoint(at(out), 2) !== undefined],
  ];
  for (const [name, when] of moments) {
    const out = `stopped-${name}`;
    const stopped = await run(out, [], { signal: "SIGINT", when: () => when(out) });
    assert.deepEqual([stopped.code, stopped.signal], [130, null], stopped.stderr);
    // As it is printed, without one of the run's own options.
    const [, command] = /Go on with: autodidact (zero --resume --out .+)/.exec(stopped.stdout) ?? [];
    const resumed = await autodidact(command!.split(" "), { cwd: folder });
    assert.equal(resumed.code, 0, resumed.stderr);
    sameBytes(out);
    const began = (one: string): string => JSON.parse(readFileSync(at(one, "summary.json"), "utf8")).command;
    assert.equal(began(out), began("whole").replace("whole", out), "the command that repeats the run");
  }
});

test("pretraining, killed and resumed, gives the same model", async () => {
  const sizes = "--width 32 --layers 1 --tokens 40000 --threads 1".split(" ");
  const sets = ["mlpWidth=48", "keyValueHeads=1", "tokensPerStep=2048", "checkpointEvery=3"].flatMap((s) => [
    "--set",
    s,
  ]);
  const args = (out: string): string[] => ["pretrain", "--out", out, ...sizes, ...sets];
  const undisturbed = await autodidact(args("base-whole"), { cwd: folder });
  assert.equal(undisturbed.code, 0, undisturbed.stderr);
  for (const when of [
    () => newestCheckpoint(at("base-killed"), 3) !== undefined,
    () => newestCheckpoint(at("base-killed"), 12) !== undefined,
  ])
    await autodidact([...args("base-killed"), ...resumeFlag("base-killed")], {
      cwd: folder,
      interrupt: { signal: "SIGKILL", when },
    });
  const resumed = await autodidact([...args("base-killed"), "--resume"], { cwd: folder });
  assert.equal(resumed.code, 0, resumed.stderr);
  for (const file of ["metrics.jsonl", "model/model.safetensors", "model/pretraining.json"])
    assert.ok(readFileSync(at("base-killed", file)).equals(readFileSync(at("base-whole", file))), file);
});

function noSignals(): string | false {
  return process.platform === "win32" ? "Windows has no SIGINT between processes" : false;
}
