import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import { AutodidactError } from "../errors.ts";
import { recoverLeftovers, removeDirectory, writeDirectoryAtomic, writeError, writeFileAtomic } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "autodidact-files-"));
after(() => rmSync(root, { recursive: true, force: true }));
let rooms = 0;
const room = (): string => {
  const path = join(root, `room-${rooms++}`);
  mkdirSync(path);
  return path;
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const contents = (text: string): Map<string, Uint8Array> =>
  new Map([
    ["config.json", bytes(text)],
    ["model/deep/weights", bytes(`${text} weights`)],
  ]);
const holds = (path: string, text: string): void => {
  assert.equal(readFileSync(join(path, "config.json"), "utf8"), text);
  assert.equal(readFileSync(join(path, "model", "deep", "weights"), "utf8"), `${text} weights`);
};

describe("writeFileAtomic", () => {
  it("creates and replaces, leaving nothing else", async () => {
    const directory = room();
    const path = join(directory, "a.json");
    await writeFileAtomic(path, bytes("one"));
    await writeFileAtomic(path, [bytes("tw"), new Uint8Array(0), bytes("o")]);
    assert.equal(readFileSync(path, "utf8"), "two");
    assert.deepEqual(readdirSync(directory), ["a.json"]);
  });

  it("names a missing directory", async () => {
    const path = join(room(), "none", "a");
    await assert.rejects(writeFileAtomic(path, bytes("123")), (error: unknown) => {
      assert.ok(error instanceof AutodidactError);
      assert.equal(error.code, "FILE_NO_DIRECTORY");
      assert.ok(error.message.includes(path) && error.message.includes("3 bytes"));
      return true;
    });
  });

  const asRoot = process.getuid?.() === 0 || process.platform === "win32";
  it("names a directory that is not writable", {
    skip: asRoot ? "root and Windows ignore the mode" : false,
  }, async () => {
    const directory = room();
    chmodSync(directory, 0o555);
    await assert.rejects(writeFileAtomic(join(directory, "a"), bytes("x")), { code: "FILE_NOT_WRITABLE" });
    chmodSync(directory, 0o755);
  });

  it("a write that the system stops half-way loses nothing and leaves nothing", {
    skip: process.platform === "win32" ? "needs ulimit" : false,
  }, async () => {
    const directory = room();
    writeFileSync(join(directory, "file"), "before");
    mkdirSync(join(directory, "folder"));
    writeFileSync(join(directory, "folder", "f"), "before");
    const program = `
      const { writeFileAtomic, writeDirectoryAtomic } = await import(${JSON.stringify(new URL("./files.js", import.meta.url).href)});
      process.on("SIGXFSZ", () => {});
      const large = new Uint8Array(3_000_000);
      for (const write of [
        () => writeFileAtomic("file", large),
        () => writeDirectoryAtomic("folder", new Map([["small", large.subarray(0, 9)], ["large", large]])),
      ]) await write().then(() => console.log("written"), (error) => console.log(error.code + " " + error.message));`;
    const { stdout } = await promisify(execFile)(
      "sh",
      ["-c", 'ulimit -f 2000; exec "$0" --input-type=module -e "$1"', process.execPath, program],
      { cwd: directory },
    );
    const [file, folder] = stdout.split("\n");
    assert.match(file!, /^FILE_NO_SPACE file: cannot write 3000000 bytes/);
    assert.match(folder!, /^FILE_NO_SPACE folder[/]large: cannot write 3000000 bytes/);
    assert.deepEqual(readdirSync(directory).sort(), ["file", "folder"]);
    assert.equal(readFileSync(join(directory, "file"), "utf8"), "before");
    assert.deepEqual(readdirSync(join(directory, "folder")), ["f"]);
  });

  it("says what the system's codes mean", () => {
    const codes = {
      ENOSPC: "FILE_NO_SPACE",
      EDQUOT: "FILE_NO_SPACE",
      EACCES: "FILE_NOT_WRITABLE",
      EROFS: "FILE_NOT_WRITABLE",
      EIO: "FILE_WRITE",
    };
    for (const [code, expected] of Object.entries(codes)) {
      const error = writeError(Object.assign(new Error("system"), { code }), "/x/y", 7);
      assert.ok(error instanceof AutodidactError);
      assert.equal(error.code, expected);
      assert.ok(error.message.startsWith("/x/y: cannot write 7 bytes"));
    }
    const ours = new TypeError("a bug");
    assert.equal(writeError(ours, "/x", 1), ours);
  });
});

describe("writeDirectoryAtomic", () => {
  it("creates and replaces whole directories", async () => {
    const directory = room();
    const path = join(directory, "step");
    await writeDirectoryAtomic(path, contents("one"));
    holds(path, "one");
    await writeDirectoryAtomic(path, new Map([...contents("two"), ["more", bytes("")]]));
    holds(path, "two");
    await writeDirectoryAtomic(path, contents("three"));
    holds(path, "three");
    assert.deepEqual(readdirSync(path).sort(), ["config.json", "model"]);
    assert.deepEqual(readdirSync(directory), ["step"]);
  });

  it("refuses names that leave the directory", async () => {
    const path = join(room(), "step");
    for (const name of ["../x", "/x", "a/../../x", "", ".", "a//b", "a\\b", "c:x"])
      await assert.rejects(writeDirectoryAtomic(path, new Map([[name, bytes("")]])), { code: "FILE_NAME" }, name);
    assert.ok(!existsSync(path));
  });

  // The states of the disk at each place where a crash can stop a replacement, built by hand.
  const windows: [string, (directory: string) => void, string][] = [
    [
      "while writing the temporary directory",
      (d) => mkdirSync(join(d, ".step.tmp-1-0", "model"), { recursive: true }),
      "old",
    ],
    [
      "between the two renames",
      (d) => {
        mkdirSync(join(d, ".step.tmp-1-0"));
        renameSync(join(d, "step"), join(d, ".step.old"));
      },
      "old",
    ],
    ["after the second rename", (d) => mkdirSync(join(d, ".step.old")), "old"],
    ["while deleting the old one", (d) => mkdirSync(join(d, ".step.tmp-1-1", "model"), { recursive: true }), "old"],
  ];
  for (const [name, crash, survivor] of windows)
    it(`survives a crash ${name}`, async () => {
      for (const then of ["recover", "write again"]) {
        const directory = room();
        const path = join(directory, "step");
        await writeDirectoryAtomic(path, contents("old"));
        crash(directory);
        if (then === "recover") {
          assert.equal((await recoverLeftovers(directory)).length > 0, true);
          holds(path, survivor);
        } else {
          await writeDirectoryAtomic(path, contents("new"));
          holds(path, "new");
          await recoverLeftovers(directory);
          holds(path, "new");
        }
        assert.deepEqual(readdirSync(directory), ["step"]);
        assert.deepEqual(await recoverLeftovers(directory), []);
      }
    });

  it("leaves other hidden files alone", async () => {
    const directory = room();
    for (const name of [".keep", ".tmp-1-0", "x.tmp-1-0", "step.old"]) writeFileSync(join(directory, name), "");
    assert.deepEqual(await recoverLeftovers(directory), []);
    assert.equal(readdirSync(directory).length, 4);
    assert.deepEqual(await recoverLeftovers(join(directory, "none")), []);
  });

  it("removeDirectory removes", async () => {
    const directory = room();
    await writeDirectoryAtomic(join(directory, "step"), contents("x"));
    await removeDirectory(join(directory, "step"));
    await removeDirectory(join(directory, "step"));
    assert.deepEqual(readdirSync(directory), []);
  });
});
