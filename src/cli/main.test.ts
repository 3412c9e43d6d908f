import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadedWith } from "../../test/imports.ts";

const main = fileURLToPath(new URL("./main.js", import.meta.url));

function autodidact(argv: readonly string[], node: readonly string[] = [], file = main) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [...node, file, ...argv], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test("--help and --version answer", async () => {
  const help = await autodidact(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: autodidact <command>/);
  assert.match((await autodidact(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test("--help loads no engine", () => {
  const loaded = [...loadedWith("src/cli/main.ts")];
  assert.ok(loaded.includes("src/cli/command.ts"));
  assert.deepEqual(
    loaded.filter((file) => !/^src\/(cli|run)\/|^src\/(errors|issues)\.ts$/.test(file)),
    [],
  );
});

test("a wrong command line is exit code 2", async () => {
  const { code, stderr } = await autodidact(["report", "--loud", "x"]);
  assert.equal(code, 2);
  assert.match(stderr, /^OPTION_UNKNOWN: unknown option '--loud'; see: autodidact report --help\n$/);
});

test("a failure is exit code 1, without a stack", async () => {
  const { code, stdout, stderr } = await autodidact(["report", join(tmpdir(), "no-such-run")]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^RUN_MISSING: .*no-such-run: there is no recipe\.json in it; name the directory of a run\n$/);
});

test("started through a link, as npm's bin is", {
  skip: process.platform === "win32" && "links need rights there",
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "autodidact-bin-"));
  await symlink(main, join(folder, "autodidact"));
  const { stdout } = await autodidact(["--version"], [], join(folder, "autodidact"));
  assert.match(stdout, /^\d/);
  await rm(folder, { recursive: true });
});
