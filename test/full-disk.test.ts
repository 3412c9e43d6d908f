import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { autodidact, type Ended } from "./autodidact.ts";
import { writeGuessingBase } from "./guessing-base.ts";
import { files, flags, questions } from "./small-run.ts";

/** No room left is a clear error, and with room again the run goes on to the bytes of one that never met it. */

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);

const run = (out: string, more: readonly string[] = [], fileLimit?: number): Promise<Ended> =>
  autodidact(["zero", "--out", out, ...flags, ...more], { cwd: folder, ...(fileLimit !== undefined && { fileLimit }) });

function sameBytes(out: string): void {
  for (const file of files) assert.ok(readFileSync(at(out, file)).equals(readFileSync(at("whole", file))), file);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-full-"));
  await writeGuessingBase(at("base"), questions);
  const whole = await run("whole");
  assert.equal(whole.code, 0, whole.stderr);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a file that grows beyond what the system allows", { skip: noShell() }, async () => {
  // Models fit, the optimizer's state does not; shells count in blocks of 512 or 1024 bytes.
  const state = statSync(at("whole/checkpoints/step-000008/trainer.safetensors")).size;
  const model = statSync(at("base/model.safetensors")).size;
  assert.ok(model < 64 * 1024 && state > 128 * 1024, `${model} and ${state} bytes`);
  const ended = await run("limited", [], 128);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /^FILE_NO_SPACE: .*limited.*cannot write \d+ bytes.*ulimit/);
  const resumed = await run("limited", ["--resume"]);
  assert.equal(resumed.code, 0, resumed.stderr);
  sameBytes("limited");
});

test("a disk that fills up in the middle of a run", async (t) => {
  mkdirSync(at("disk"));
  const state = statSync(at("whole/checkpoints/step-000008/trainer.safetensors")).size;
  try {
    // Room for two checkpoints and a bit, where a third is written before the first is removed.
    const size = Math.round(3.2 * state);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "autodidact-test", at("disk")], { stdio: "pipe" });
  } catch (error) {
    return t.skip(
      `a small disk cannot be mounted here: ${String((error as Error).message)
        .split("\n")
        .at(-2)}`,
    );
  }
  try {
    const ended = await run("disk/run");
    assert.equal(ended.code, 1, ended.stdout);
    assert.match(ended.stderr, /^FILE_NO_SPACE: .*cannot write.*disk or quota is full; free some space/);
    assert.ok(readFileSync(at("disk/run/metrics.jsonl")).length > 0, "it went some way");
    execFileSync("mount", ["-o", "remount,size=8m", at("disk")], { stdio: "pipe" });
    const resumed = await run("disk/run", ["--resume"]);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stdout, /going on behind step/);
    sameBytes("disk/run");
  } finally {
    execFileSync("umount", [at("disk")], { stdio: "pipe" });
  }
});

function noShell(): string | false {
  return process.platform === "win32" ? "Windows has no ulimit" : false;
}
