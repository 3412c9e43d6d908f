import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type HubServer, hubServer, lfs } from "../../test/hub-server.ts";
import { root } from "../../test/imports.ts";
import { inProcess } from "../../test/in-process.ts";
import { mergedWeights } from "../../test/merged-weights.ts";
import { adapterFiles } from "../checkpoint/adapter-directory.ts";
import { writeDirectoryAtomic } from "../checkpoint/files.ts";
import { readModelDirectory, writeModelDirectory } from "../checkpoint/model-directory.ts";
import { AutodidactError } from "../errors.ts";
import { writeGguf } from "../gguf/files.ts";
import { initialAdapter, loraModules } from "../model/lora.ts";
import { initialWeights } from "../model/parameters.ts";
import { locateModel } from "./locate-model.ts";
import { openModel } from "./open-model.ts";

const base = join(root, "models/countdown-base");
let server: HubServer;
let folder: string;
let commit: string;
const env = (more = {}): Record<string, string> => ({
  HF_ENDPOINT: server.endpoint,
  HF_HOME: join(folder, "home"),
  ...more,
});

before(async () => {
  server = await hubServer();
  folder = mkdtempSync(join(tmpdir(), "open-model-"));
  const files = readdirSync(base).map((name) => {
    const bytes = readFileSync(join(base, name));
    return [name, /safetensors$/.test(name) ? lfs(bytes) : { bytes, lfs: false }] as const;
  });
  commit = server.put("owner/countdown", Object.fromEntries(files));
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const code = (wanted: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AutodidactError, String(error));
  assert.equal(error.code, wanted, error.message);
  assert.match(error.message, words);
  return true;
};

describe("a model by what a user calls it", () => {
  test("the base that ships, from any place, unless something there has its name", async () => {
    assert.equal((await locateModel("countdown-base", { cwd: folder })).path, base);
    cpSync(base, join(folder, "countdown-base"), { recursive: true });
    assert.equal((await locateModel("countdown-base", { cwd: folder })).path, join(folder, "countdown-base"));
    rmSync(join(folder, "countdown-base"), { recursive: true });
  });

  test("an id of the hub, with its download shown, is the model that a directory is", async () => {
    const shown: string[] = [];
    const observer = {
      phase: (what: string, why = "") => shown.push(`${what}: ${why}`),
      progress: (fraction: number, what: string) => shown.push(`${fraction.toFixed(2)} ${what}`),
      note: (text: string) => shown.push(text),
    };
    const hub = { env: env(), retryMs: 1 };
    const [ours, theirs] = await Promise.all([
      openModel(base),
      openModel("owner/countdown", { hub, observer: observer as never }),
    ]);
    assert.deepEqual(theirs.config, ours.config);
    for (const [name, { data }] of ours.weights) assert.deepEqual(theirs.weights.get(name)!.data, data);
    assert.match(shown.join("\n"), /^Downloading owner\/countdown: [\d.]+ kB\n/);
    assert.match(shown.join("\n"), /Downloading owner\/countdown: 3\.97 MB\n/);
    assert.match(
      shown.at(-1)!,
      /^1\.00 3\.97 MB of 3\.97 MB( {2}[\d.]+ [kMG]?B\/s {2}0 s left)? {2}model\.safetensors$/,
    );
    assert.deepEqual((await locateModel(`owner/countdown@${commit}`, { hub })).hub, {
      id: "owner/countdown",
      commit,
      file: null,
    });
    const held = await openModel("owner/countdown", { hub, hold: "bfloat16" });
    assert.equal([...held.held.values()][0]!.dtype, "bfloat16");
  });

  test("what exists here goes first; a path that leads nowhere is no id", async () => {
    cpSync(base, join(folder, "owner", "countdown"), { recursive: true });
    const here = join(folder, "owner", "countdown");
    assert.deepEqual(await locateModel("owner/countdown", { cwd: folder }), { path: here, hub: null });
    assert.equal((await locateModel("hf:owner/countdown", { cwd: folder, hub: { env: env() } })).hub!.commit, commit);
    for (const spec of [
      "./nowhere",
      "../nowhere/x",
      "/nowhere/y",
      "~/x",
      "x",
      "runs/zero/model",
      "a\\b",
      "C:\\x",
      "model.gguf",
      "./m.gguf",
    ]) {
      await assert.rejects(
        locateModel(spec, { cwd: folder, hub: { env: env() } }),
        code("MODEL_DIRECTORY", /there is no such directory or file/),
        spec,
      );
    }
    await assert.rejects(
      locateModel("runs/zero", { cwd: folder, hub: { env: env() } }),
      code("HUB_ACCESS", /model runs\/zero: .*On this machine there is no .*runs.zero either/),
    );
    for (const more of [{ HF_ENDPOINT: "http://127.0.0.1:9" }, { HF_HUB_OFFLINE: "1" }])
      await assert.rejects(
        locateModel("models/typo", { cwd: folder, hub: { env: env(more), retryMs: 1 } }),
        code("HUB_NETWORK", /model models\/typo.*On this machine there is no .*models.typo either/),
      );
  });

  test("sample takes an id, then the cache without the hub", async () => {
    const line = [
      "sample",
      "--model",
      "owner/countdown",
      "--prompt",
      "2 7 9 make 65",
      "--max-tokens",
      "4",
      "--temperature",
      "0",
    ];
    const home = join(folder, "home2");
    const first = await inProcess(line, { cwd: folder.concat("/home"), env: env({ HF_HOME: home }) });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /Downloading owner\/countdown/);
    assert.ok(!first.stdout.includes("Downloading"));
    const gone = { HF_HOME: home, HF_ENDPOINT: "http://127.0.0.1:9" };
    const again = await inProcess(line, { cwd: folder.concat("/home"), env: gone });
    assert.match(again.stderr, /cannot be reached.*Using the copy in the cache: commit/);
    const offline = await inProcess(line, { cwd: folder.concat("/home"), env: { ...gone, HF_HUB_OFFLINE: "1" } });
    assert.equal(offline.stderr, "");
    assert.deepEqual([again.stdout, offline.stdout], [first.stdout, first.stdout]);
  });
});

describe("an adapter with its base, as one model", () => {
  const lora = { rank: 1, alpha: 1, dropout: 0, targetModules: loraModules, rslora: false };
  const at = (name: string): string => join(folder, name);
  let parameters = 0;
  before(async () => {
    const model = await readModelDirectory(base);
    const config = { ...model.config, hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 8 };
    const weights = initialWeights(config, 1);
    for (const { data } of weights.values()) parameters += data.length;
    await writeModelDirectory(at("wide"), { ...model, config, weights });
    await writeGguf(at("wide.gguf"), { ...model, config, weights }, { type: "F32" });
    const tensors = initialAdapter(config, lora, 1);
    for (const { data } of tensors.values()) data.fill(0.25);
    const named = { name: at("wide"), revision: null, weights: null };
    await writeDirectoryAtomic(at("adapter"), adapterFiles({ lora, base: named, tensors }));
    const merged = mergedWeights(weights, tensors, lora);
    for (const spec of [undefined, at("wide.gguf")]) {
      const opened = await openModel(at("adapter"), { base: spec });
      assert.deepEqual([...opened.weights.keys()], [...merged.keys()]);
      for (const [name, { data }] of merged) assert.deepEqual(opened.weights.get(name)!.data, data, name);
    }
  });

  /** Bytes for each parameter that opening takes at its peak, in a process of its own. */
  const peak = (options: object): number => {
    const script = `
      const { openModel } = await import(${JSON.stringify(new URL("./open-model.js", import.meta.url).href)});
      await openModel(${JSON.stringify(base)});
      const before = process.memoryUsage.rss();
      let most = 0;
      setInterval(() => (gc(), most = Math.max(most, process.memoryUsage.rss())), 5).unref();
      await openModel(${JSON.stringify(at("adapter"))}, ${JSON.stringify(options)});
      console.log(Math.max(most, process.memoryUsage.rss()) - before);`;
    return Number(execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", script])) / parameters;
  };
  for (const [what, options, bytes] of [
    ["a directory", {}, 6],
    ["a GGUF file", { base: "wide.gguf" }, 6],
    ["held as int8", { hold: "int8" }, 4],
  ] as const)
    test(`${what}: no second copy of the base is made`, () => {
      const taken = peak("base" in options ? { base: at(options.base) } : options);
      assert.ok(taken > 0 && taken < bytes, `${taken.toFixed(1)} bytes a parameter, ${parameters} parameters`);
    });
});
