import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  cutAfter,
  type Fault,
  failWith,
  gitOid,
  type HubServer,
  hubServer,
  lfs,
  send,
  sha256,
} from "../../test/hub-server.ts";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { hubModel } from "./model.ts";
import type { HubOptions } from "./settings.ts";

let server: HubServer;
let cache: string;
let commit: string;

const noise = (length: number, seed: number): Uint8Array => {
  const draw = random(seed, "weights");
  return Uint8Array.from({ length }, () => draw.int(0, 255));
};
const weights = noise(50_000, 1);
const json = {
  "config.json": '{"model_type":"llama"}',
  "generation_config.json": "{}",
  "tokenizer.json": '{"model":{}}',
  "tokenizer_config.json": "{}",
};
const options = (more: HubOptions = {}): HubOptions => ({
  endpoint: server.endpoint,
  cache,
  env: {},
  retryMs: 1,
  ...more,
});
const folder = (): string => join(cache, "models--owner--name");
const snapshot = (): string => join(folder(), "snapshots", commit);
const downloads = (): string[] => server.requests.filter((line) => /resolve|storage/.test(line));
const code = (wanted: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AutodidactError, String(error));
  assert.equal(error.code, wanted, error.message);
  assert.match(error.message, words);
  return true;
};

before(async () => {
  server = await hubServer();
});
after(() => server.close());
beforeEach((t) => {
  server.repos.clear();
  server.faults.length = server.requests.length = server.tokens.length = 0;
  commit = server.put("owner/name", {
    ...json,
    "model.safetensors": lfs(weights),
    "pytorch_model.bin": lfs(noise(9, 2)),
    "onnx/model.onnx": lfs(noise(9, 3)),
    "README.md": "# Name",
    ".gitattributes": "",
  });
  cache = mkdtempSync(join(tmpdir(), "hub-"));
  (t as { after?(f: () => void): void }).after?.(() => rmSync(cache, { recursive: true, force: true }));
});

/** Downloads in a process of its own; `ended` gives what it printed: the path, and the most memory it had. */
function start() {
  const script = `
    let most = 0;
    setInterval(() => (gc(), most = Math.max(most, process.memoryUsage.rss())), 20).unref();
    const { hubModel } = await import(${JSON.stringify(new URL("./model.js", import.meta.url).href)});
    const { path } = await hubModel("owner/name", ${JSON.stringify({ endpoint: server.endpoint, cache, retryMs: 1 })});
    console.log(JSON.stringify({ path, most }));`;
  return spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}
async function ended(child: ReturnType<typeof start>): Promise<{ path: string; most: number } | null> {
  let text = "";
  child.stdout!.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  await new Promise((done) => child.on("close", done));
  return text === "" ? null : (JSON.parse(text) as { path: string; most: number });
}

describe("models of the hub", () => {
  test("only what is read is downloaded, into the hub's own layout, once", async () => {
    const progress: number[] = [];
    const found = await hubModel("owner/name", options({ onProgress: ({ allBytes }) => progress.push(allBytes) }));
    assert.deepEqual(found, { id: "owner/name", revision: "main", file: null, commit, path: snapshot() });
    assert.deepEqual(readdirSync(snapshot()).sort(), [...Object.keys(json), "README.md", "model.safetensors"].sort());
    assert.deepEqual(new Uint8Array(readFileSync(join(snapshot(), "model.safetensors"))), weights);
    assert.ok(lstatSync(join(snapshot(), "config.json")).isSymbolicLink());
    const blobs = [sha256(weights), ...[...Object.values(json), "# Name"].map((text) => gitOid(Buffer.from(text)))];
    assert.deepEqual(readdirSync(join(folder(), "blobs")).sort(), [...new Set(blobs)].sort());
    assert.equal(readFileSync(join(folder(), "refs", "main"), "utf8"), commit);
    assert.equal(progress.at(-1), weights.length);
    server.requests.length = 0;
    await hubModel("owner/name", options());
    assert.deepEqual(downloads(), [], "nothing twice");
    server.requests.length = 0;
    await hubModel(`owner/name@${commit}`, options());
    assert.deepEqual(server.requests, [], "a commit never changes");
  });

  test("revisions: branch, tag, commit, and one that isn't there", async () => {
    const second = server.put("owner/name", { "config.json": '{"model_type":"qwen2"}' }, "refs/pr/1");
    // The branch has a configuration and nothing else.
    await assert.rejects(hubModel("owner/name@refs/pr/1", options()), code("HUB_MODEL", /refs\/pr\/1: has no weights/));
    const third = server.put("owner/name", { ...json, "model.safetensors": lfs(noise(8, 4)) }, "v2.0");
    assert.equal((await hubModel("owner/name@v2.0", options())).commit, third);
    assert.equal((await hubModel("hf:owner/name", options())).commit, commit);
    assert.equal(readFileSync(join(folder(), "refs", "refs", "pr", "1"), "utf8"), second);
    await assert.rejects(hubModel("owner/name@v3", options()), code("HUB_NOT_FOUND", /revision v3 is not at .*404/));
  });

  test("shards by the index; a shard that is missing is found before weights are downloaded", async () => {
    const map = (files: readonly string[]): string =>
      JSON.stringify({ weight_map: Object.fromEntries(files.map((file, i) => [`t${i}`, file])) });
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const put = (index: string, files: readonly string[]): string =>
      server.put("owner/shards", {
        ...json,
        "model.safetensors.index.json": index,
        "consolidated.safetensors": lfs(noise(9, 5)),
        ...Object.fromEntries(files.map((file, i) => [file, lfs(noise(1000, 6 + i))])),
      });
    put(map(shards), [shards[0]!]);
    await assert.rejects(hubModel("owner/shards", options()), code("HUB_MODEL", /names model-00002-of-00002/));
    assert.ok(server.requests.every((line) => !line.includes("storage")));
    put(map(shards), shards);
    const { path } = await hubModel("owner/shards", options());
    assert.deepEqual(
      readdirSync(path)
        .filter((name) => name.endsWith(".safetensors"))
        .sort(),
      shards,
    );
    for (const index of ["[]", "{", '{"weight_map":{}}', map(["../../x.safetensors"]), map(["x.bin"])]) {
      put(index, shards);
      await assert.rejects(hubModel("owner/shards", options()), code("HUB_MODEL", /no index of safetensors/));
    }
  });

  test("one GGUF file of a repository, by name, by quantisation, or because there is one", async () => {
    const small = noise(100, 10);
    server.put("owner/gguf", { "m-Q8_0.gguf": lfs(small), "README.md": "" });
    assert.deepEqual(new Uint8Array(readFileSync((await hubModel("owner/gguf", options())).path)), small);
    server.put("owner/gguf", { "m-Q4_K_M.gguf": lfs(noise(90, 11)), "sub/m-f16.gguf": lfs(noise(80, 12)) });
    for (const [spec, name] of [
      ["owner/gguf:m-Q8_0.gguf", "m-Q8_0.gguf"],
      ["owner/gguf/m-Q8_0.gguf", "m-Q8_0.gguf"],
      ["owner/gguf:q4_k_m", "m-Q4_K_M.gguf"],
      ["owner/gguf@main:F16", "sub/m-f16.gguf"],
      ["owner/gguf/sub/m-f16.gguf@main", "sub/m-f16.gguf"],
    ] as const) {
      assert.ok((await hubModel(spec, options())).path.endsWith(join(...name.split("/"))), spec);
    }
    await assert.rejects(hubModel("owner/gguf", options()), code("HUB_MODEL", /name one, owner\/gguf:m-Q8_0\.gguf/));
    await assert.rejects(
      hubModel("owner/gguf:Q4_K", options()),
      code("HUB_MODEL", /no GGUF file Q4_K; there are m-Q8/),
    );
    await assert.rejects(
      hubModel("owner/name:Q8_0", options()),
      code("HUB_MODEL", /has no GGUF file; write owner\/name/),
    );
  });

  test("adapters; repositories without what is needed", async () => {
    server.put("owner/lora", { "adapter_config.json": "{}", "adapter_model.safetensors": lfs(noise(70, 13)) });
    const { path } = await hubModel("owner/lora", options());
    assert.deepEqual(readdirSync(path).sort(), ["adapter_config.json", "adapter_model.safetensors"]);
    server.put("owner/beside", {
      "config.json": "{}",
      "adapter_config.json": "{}",
      "adapter_model.safetensors": lfs(noise(70, 13)),
    });
    assert.ok(readdirSync((await hubModel("owner/beside", options())).path).includes("adapter_model.safetensors"));
    server.put("owner/bin", { ...json, "pytorch_model.bin": lfs(noise(9, 14)) });
    await assert.rejects(hubModel("owner/bin", options()), code("HUB_MODEL", /safetensors, only pytorch_model\.bin/));
    server.put("owner/half", { "config.json": "{}", "model.safetensors": lfs(noise(9, 15)), "tokenizer.model": "" });
    await assert.rejects(
      hubModel("owner/half", options()),
      code("HUB_MODEL", /has no tokenizer\.json and no tokenizer_config\.json/),
    );
  });

  test("card and licence come along where they can be had", async () => {
    server.put("owner/name", { ...json, "model.safetensors": lfs(weights), LICENSE: "do" });
    const fault: Fault = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    for (let i = 0; i < 4; i++) server.faults.push({ test: /LICENSE/, fault });
    assert.ok(!readdirSync((await hubModel("owner/name", options())).path).includes("LICENSE"));
    server.requests.length = 0;
    await hubModel("owner/name", options());
    assert.deepEqual(downloads(), [], "what is there is not asked for again");
    rmSync(cache, { recursive: true });
    const { path } = await hubModel("owner/name", options());
    assert.equal(readFileSync(join(path, "LICENSE"), "utf8"), "do");
  });

  test("a cache that cannot be written to serves what it has, and is named where it lacks something", async () => {
    await hubModel("owner/name", options());
    for (const name of ["autodidact", "refs"]) {
      rmSync(join(folder(), name), { recursive: true });
      writeFileSync(join(folder(), name), "no directory");
    }
    assert.equal((await hubModel("owner/name", options())).path, snapshot());
    const file = join(cache, "file");
    writeFileSync(file, "");
    await assert.rejects(
      hubModel("owner/name", options({ cache: file })),
      code("FILE_NO_DIRECTORY", /file.* is not a directory.*HF_HOME or HF_HUB_CACHE says where the cache lies/),
    );
  });

  test("breaks at any byte: the download goes on where it broke off, in this run or the next", async () => {
    const draw = random(7, "cuts");
    for (let round = 0; round < 8; round++) {
      rmSync(cache, { recursive: true });
      server.requests.length = 0;
      const cuts = [draw.int(1, weights.length - 1), draw.int(1, 2000)];
      for (const cut of cuts) server.faults.push({ test: /^GET \/[0-9a-f]{64}/, fault: cutAfter(cut) });
      const { path } = await hubModel("owner/name", options());
      assert.deepEqual(new Uint8Array(readFileSync(join(path, "model.safetensors"))), weights);
      assert.equal(server.faults.length, 0);
    }
    rmSync(cache, { recursive: true });
    for (let i = 0; i < 4; i++) server.faults.push({ test: /^GET \/[0-9a-f]{64}/, fault: cutAfter(3000) });
    await assert.rejects(hubModel("owner/name", options()), code("HUB_NETWORK", /model\.safetensors.*broke off/));
    assert.ok(!readdirSync(snapshot()).includes("model.safetensors"), "no half file under the final name");
    server.requests.length = 0;
    await hubModel("owner/name", options());
    assert.deepEqual(
      downloads().map((line) => line.split(" ")[2]),
      ["bytes=12000-", "bytes=12000-"],
    );
  });

  test("wrong content in a large or a small file: removed, and named", async () => {
    const fault: Fault = (_, response, file) => {
      response.end(new Uint8Array(file!.bytes.length));
      return true;
    };
    server.faults.push({ test: /^GET \/[0-9a-f]{64}/, fault });
    await assert.rejects(
      hubModel("owner/name", options()),
      code("HUB_DAMAGED", /owner\/name\/model\.safetensors has hash/),
    );
    assert.ok(readdirSync(join(folder(), "blobs")).every((name) => !name.includes("incomplete")));
    await hubModel("owner/name", options());
    rmSync(cache, { recursive: true });
    server.faults.push({ test: /tokenizer\.json/, fault });
    await assert.rejects(
      hubModel("owner/name", options()),
      code("HUB_DAMAGED", /owner\/name\/tokenizer\.json has hash/),
    );
  });

  test("a disk that is too small is found before the weights are downloaded", async () => {
    await assert.rejects(
      hubModel("owner/name", options({ freeBytes: async () => 40_000 })),
      code("FILE_NO_SPACE", /needs 50\.0 kB, .* has 40\.0 kB free; .*HF_HOME/),
    );
    assert.ok(server.requests.every((line) => !line.includes("storage")));
    // What has come already needs no more room.
    for (let i = 0; i < 4; i++) server.faults.push({ test: /^GET \/[0-9a-f]{64}/, fault: cutAfter(3000) });
    await assert.rejects(hubModel("owner/name", options()), code("HUB_NETWORK", /broke off/));
    await hubModel("owner/name", options({ freeBytes: async () => 40_000 }));
  });

  test("offline, or a hub that cannot be reached: the copy in the cache, and what is missing by name", async () => {
    const gone = "http://127.0.0.1:9";
    await assert.rejects(
      hubModel("owner/name", options({ offline: true })),
      code("HUB_NETWORK", /model owner\/name is not in the cache .*HF_HUB_OFFLINE/),
    );
    await assert.rejects(
      hubModel("owner/name", options({ endpoint: gone })),
      code("HUB_NETWORK", /127\.0\.0\.1:9 cannot be reached.*the cache has no copy either .*models--owner--name/),
    );
    await hubModel("owner/name", options());
    server.requests.length = 0;
    for (const env of [{ HF_HUB_OFFLINE: "1" }, { TRANSFORMERS_OFFLINE: "true" }]) {
      assert.equal((await hubModel("owner/name", options({ env }))).path, snapshot());
    }
    assert.deepEqual(server.requests, []);
    const notes: string[] = [];
    const found = await hubModel("owner/name", options({ endpoint: gone, onNote: (text) => notes.push(text) }));
    assert.equal(found.path, snapshot());
    assert.match(notes.join(), /cannot be reached.*Using the copy in the cache: commit [0-9a-f]{40}/);
    await assert.rejects(hubModel("owner/name@v9", options({ endpoint: gone })), code("HUB_NETWORK", /no copy either/));
    rmSync(join(folder(), "blobs", sha256(weights)));
    await assert.rejects(
      hubModel("owner/name", options({ endpoint: gone })),
      code("HUB_NETWORK", /cannot be reached.*lacks model\.safetensors/),
    );
  });

  test("what another tool has downloaded is used, offline and on line", async () => {
    // As huggingface_hub leaves it: nothing but blobs, links and the ref.
    const blobs = join(folder(), "blobs");
    for (const path of [blobs, snapshot(), join(folder(), "refs")]) mkdirSync(path, { recursive: true });
    const files = { ...json, "model.safetensors": weights };
    for (const [name, content] of Object.entries(files)) {
      const bytes = Buffer.from(content);
      const blob = name === "model.safetensors" ? sha256(bytes) : gitOid(bytes);
      writeFileSync(join(blobs, blob), bytes);
      symlinkSync(join("..", "..", "blobs", blob), join(snapshot(), name));
    }
    writeFileSync(join(folder(), "refs", "main"), commit);
    assert.equal((await hubModel("owner/name", options({ offline: true }))).path, snapshot());
    await hubModel("owner/name", options());
    assert.deepEqual(downloads(), []);
    // Another commit shares the blobs.
    commit = server.put("owner/name", { ".gitattributes": "new" });
    await hubModel("owner/name", options());
    assert.deepEqual(downloads(), []);
    assert.deepEqual(readdirSync(snapshot()).sort(), Object.keys(files).sort());
  });

  test("what another tool has left out is named, and the repository not blamed for it", async () => {
    for (const path of [snapshot(), join(folder(), "refs")]) mkdirSync(path, { recursive: true });
    writeFileSync(join(folder(), "refs", "main"), commit);
    const put = (name: string, text: string): void => writeFileSync(join(snapshot(), name), text);
    const refused = (words: RegExp, spec = "owner/name"): Promise<void> =>
      assert.rejects(hubModel(spec, options({ offline: true })), code("HUB_NETWORK", words));
    put("config.json", json["config.json"]);
    await refused(
      /unset it to download what is not in the cache; the cache \(.*models--owner--name\) lacks model\.safetensors/,
    );
    await refused(/lacks Q8_0/, "owner/name:Q8_0");
    put("model.safetensors.index.json", JSON.stringify({ weight_map: { a: "m-1.safetensors", b: "m-2.safetensors" } }));
    await refused(/lacks tokenizer\.json, tokenizer_config\.json/);
    for (const name of ["tokenizer.json", "tokenizer_config.json", "m-1.safetensors"]) put(name, "{}");
    await refused(/lacks m-2\.safetensors/);
  });

  test("file systems without links: a new file in its place, a copy of one that is shared", async () => {
    const env = { HF_HUB_DISABLE_SYMLINKS: "1" };
    await hubModel("owner/name", options({ env }));
    assert.ok(!lstatSync(join(snapshot(), "model.safetensors")).isSymbolicLink());
    assert.deepEqual(readdirSync(join(folder(), "blobs")), []);
    server.requests.length = 0;
    await hubModel("owner/name", options({ env }));
    assert.deepEqual(downloads(), []);
    rmSync(cache, { recursive: true });
    await hubModel("owner/name", options());
    commit = server.put("owner/name", { "README.md": "# New" });
    await hubModel("owner/name", options({ env }));
    assert.deepEqual(new Uint8Array(readFileSync(join(snapshot(), "model.safetensors"))), weights);
    assert.ok(readdirSync(join(folder(), "blobs")).includes(sha256(weights)));
  });

  test("refusals say what to do; a busy hub is asked again as late as it wants", async () => {
    await assert.rejects(hubModel("no/such", options()), code("HUB_ACCESS", /model no\/such: .*\(401\).*HF_TOKEN/));
    server.repos.get("owner/name")!.gated = true;
    await assert.rejects(hubModel("owner/name", options()), code("HUB_ACCESS", /\(403\).*gated: accept its licence/));
    const home = mkdtempSync(join(tmpdir(), "home-"));
    writeFileSync(join(home, "token"), "hf_read\n");
    server.tokens.length = server.requests.length = 0;
    await hubModel("owner/name", { endpoint: server.endpoint, retryMs: 1, env: { HF_HOME: home } });
    assert.ok(readdirSync(join(home, "hub")).includes("models--owner--name"));
    for (const [i, line] of server.requests.entries()) {
      assert.equal(server.tokens[i], line.includes("storage") ? undefined : "Bearer hf_read", line);
    }
    await hubModel("owner/name", options({ env: { HF_TOKEN: "hf_read" } }));
    await assert.rejects(
      hubModel("owner/name", options({ env: { HF_TOKEN: "a b" } })),
      code("HUB_ACCESS", /copy it again/),
    );

    server.repos.get("owner/name")!.gated = false;
    rmSync(cache, { recursive: true });
    for (const status of [429, 500, 503]) {
      server.faults.push({ test: /revision/, fault: failWith(status) });
      server.faults.push({ test: /^GET \/[0-9a-f]{64}/, fault: failWith(status) });
    }
    server.faults.push({ test: /tree/, fault: failWith(429, { "Retry-After": "1" }) });
    const began = performance.now();
    await hubModel("owner/name", options());
    assert.ok(performance.now() - began > 950, "waits as long as it is told");
    assert.equal(server.faults.length, 0);
    server.requests.length = 0;
    for (let i = 0; i < 9; i++) server.faults.push({ test: /revision/, fault: failWith(500) });
    rmSync(cache, { recursive: true });
    await assert.rejects(hubModel("owner/name", options()), code("HUB_NETWORK", /answered 500; try again later/));
    assert.equal(server.requests.length, 4, "but not for ever");
    server.faults.length = 0;
    server.faults.push({ test: /revision/, fault: failWith(429, { "Retry-After": "86400" }) });
    await assert.rejects(hubModel("owner/name", options()), code("HUB_NETWORK", /answered 429; too many requests/));
  });

  test("a hub that lies: paths that lead out, hashes and sizes that cannot be, endless answers", async () => {
    const listing = (entry: object): void => {
      const { faults } = server;
      faults.length = 0;
      faults.push({
        test: /tree/,
        fault: (_, response) => {
          response.writeHead(200, { "Content-Type": "application/json" });
          response.end(JSON.stringify([{ type: "file", path: "config.json", size: 1, oid: "a".repeat(40), ...entry }]));
          return true;
        },
      });
    };
    for (const path of ["../x.gguf", "a/../../x.gguf", "/x.gguf", "..\\x.gguf", "C:x.gguf"]) {
      listing({ path });
      await assert.rejects(hubModel("owner/name", options()), code("HUB_DAMAGED", /path that no file can have/), path);
    }
    for (const entry of [
      { oid: "../../x" },
      { size: -1 },
      { size: 1e300 },
      { size: "9" },
      { path: 7 },
      { path: "x\u001b[2J.gguf" },
      { lfs: { oid: "x", size: 1 } },
    ]) {
      listing(entry);
      await assert.rejects(hubModel("owner/name", options()), code("HUB_DAMAGED", /lists .*take another mirror/));
    }
    server.faults.length = 0;
    rmSync(cache, { recursive: true });
    server.faults.push({
      test: /tree/,
      fault: (_, response) => {
        response.writeHead(200, { "Content-Type": "application/json" }).write("[");
        const more = (): void => {
          while (!response.destroyed && response.write(" ".repeat(1e6)));
          response.once("drain", more);
        };
        more();
        return true;
      },
    });
    await assert.rejects(hubModel("owner/name", options()), code("HUB_NETWORK", /bytes of answers/));
    mkdirSync(cache, { recursive: true });
    for (const spec of ["../x", "a/b/c", "a b/c", "..", "owner/name@../../x", "owner/..", "-/x"]) {
      await assert.rejects(hubModel(spec, options()), code("HUB_NOT_FOUND", /no id of a model/), spec);
    }
    assert.deepEqual(readdirSync(cache), []);
  });

  test("a stop ends a download at once, and the next one goes on", async () => {
    const stop = new AbortController();
    server.faults.push({
      test: /^GET \/[0-9a-f]{64}/,
      fault: (request, response, file) => {
        response.writeHead(200, { "Content-Length": String(file!.bytes.length) }).write(file!.bytes.subarray(0, 5000));
        void request;
        return true;
      },
    });
    const onProgress = ({ bytes }: { readonly bytes: number }): void => {
      if (bytes === 5000) stop.abort();
    };
    await assert.rejects(hubModel("owner/name", options({ signal: stop.signal, onProgress })), { name: "AbortError" });
    await hubModel("owner/name", options());
    assert.match(downloads().at(-1)!, /bytes=5000-/);
  });

  test("two processes at once: each file is downloaded by one, a killed one holds up nobody", async () => {
    const slow = noise(400_000, 20);
    server.put("owner/name", { "model.safetensors": lfs(slow) });
    for (let i = 0; i < 2; i++) {
      server.faults.push({
        test: /^GET \/[0-9a-f]{64}/,
        fault: (request, response, file) => {
          setTimeout(() => send(request, response, file!.bytes), 300);
          return true;
        },
      });
    }
    const paths = (await Promise.all([start(), start(), start()].map(ended))).map((one) => one!.path);
    assert.equal(new Set(paths).size, 1);
    assert.deepEqual(new Uint8Array(readFileSync(join(paths[0]!, "model.safetensors"))), slow);
    assert.equal(downloads().filter((line) => line.includes("storage")).length, 1);
    assert.deepEqual(
      readdirSync(join(folder(), "blobs")).filter((name) => /lock|incomplete/.test(name)),
      [],
    );

    rmSync(cache, { recursive: true });
    server.faults.length = 0;
    server.faults.push({
      test: /^GET \/[0-9a-f]{64}/,
      fault: (_, response, file) => {
        response
          .writeHead(200, { "Content-Length": String(file!.bytes.length) })
          .write(file!.bytes.subarray(0, 100_000));
        const part = join(folder(), "blobs", `${sha256(slow)}.incomplete`);
        const watch = setInterval(() => {
          if (!existsSync(part) || statSync(part).size < 100_000) return;
          clearInterval(watch);
          killed.kill("SIGKILL");
        }, 5);
        return true;
      },
    });
    const killed = start();
    await ended(killed);
    assert.ok(readdirSync(join(folder(), "blobs")).some((name) => name.endsWith(".lock")));
    const { path } = await hubModel("owner/name", options());
    assert.deepEqual(new Uint8Array(readFileSync(join(path, "model.safetensors"))), slow);
    assert.match(downloads().at(-1)!, /bytes=100000-/);
  });

  test("memory does not grow with the file", async () => {
    const small = (await ended(start()))!.most;
    server.put("owner/name", { "model.safetensors": lfs(new Uint8Array(200e6)) });
    const large = (await ended(start()))!.most;
    assert.ok(large - small < 100e6, `${small} bytes for 50 kB, ${large} for 200 MB`);
  });
});
