import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../test/imports.ts";
import { refuses } from "../../test/tiny-model.ts";
import { type PlannedFile, textFile } from "../export/planned-file.ts";
import { writeExport } from "./write-export.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-write-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const files: PlannedFile[] = [textFile("a/one", "first"), textFile("two", "second")];

test("files, their hashes and their progress", async () => {
  const seen: [number, number, string][] = [];
  const onProgress = (...one: [number, number, string]): void => void seen.push(one);
  const written = await writeExport(join(folder, "new/place"), files, { force: false, signal, onProgress });
  assert.deepEqual(seen, [
    [5, 11, "a/one"],
    [11, 11, "two"],
  ]);
  // sha256sum
  assert.deepEqual(written[1], {
    name: "two",
    bytes: 6,
    sha256: "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4",
  });
  assert.equal(readFileSync(join(folder, "new/place/a/one"), "utf8"), "first");
});

test("too little room is said before anything is written", async () => {
  const options = { force: false, signal, freeBytes: async () => 10 };
  const full = join(folder, "full");
  await assert.rejects(writeExport(full, files, options), refuses("FILE_NO_SPACE", "needs 11 bytes", "10 are free"));
  assert.deepEqual(readdirSync(folder), ["new"]);
});

test("a stop, a failure and a file of another size leave nothing", async () => {
  const stop = new AbortController();
  const broken: readonly [string, () => Generator<Uint8Array>][] = [
    [
      "stopped",
      function* () {
        yield Uint8Array.of(1);
        stop.abort();
        yield Uint8Array.of(2);
      },
    ],
    [
      "damaged",
      function* () {
        yield Uint8Array.of(1);
        throw new Error("damaged");
      },
    ],
    [
      "1 bytes were made of 2",
      function* () {
        yield Uint8Array.of(1);
      },
    ],
  ];
  for (const [message, chunks] of broken) {
    const given = [...files, { name: "three", size: 2, chunks }];
    const options = { force: false, signal: message === "stopped" ? stop.signal : signal };
    await assert.rejects(
      writeExport(join(folder, "out"), given, options),
      new RegExp(message === "stopped" ? "asked to stop" : message),
    );
    await assert.rejects(writeExport(join(folder, "file"), given.slice(2), { ...options, single: true }));
  }
  assert.deepEqual(readdirSync(folder), ["new"]);
});

test("a process killed in the middle leaves nothing under the name, and the next export clears away the rest", async () => {
  const out = join(folder, "killed");
  const script = `
    const { writeExport } = await import(${JSON.stringify(join(root, "dist/src/run/write-export.js"))});
    async function* chunks() {
      yield Uint8Array.of(1, 2);
      console.log("half");
      await new Promise((resolve) => setTimeout(resolve, 60000));
    }
    const signal = new AbortController().signal;
    await writeExport(${JSON.stringify(out)}, [{ name: "big", size: 4, chunks }], { force: false, signal });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  assert.ok(!existsSync(out));
  assert.equal(readdirSync(folder).filter((name) => name.startsWith(".killed.tmp-")).length, 1);
  await writeExport(out, files, { force: false, signal });
  assert.deepEqual(readdirSync(folder).sort(), ["killed", "new"]);
  assert.deepEqual(readdirSync(out).sort(), ["a", "two"]);
});
