import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, beforeEach, describe, test } from "node:test";
import { failWith, type HubServer, hubServer, writeToken } from "../../test/hub-server.ts";
import { root } from "../../test/imports.ts";
import { inProcess } from "../../test/in-process.ts";
import { safetensorsBytes } from "../../test/safetensors-bytes.ts";
import { runCommandLine } from "../cli/program.ts";
import { hubModel } from "../hub/model.ts";
import { type UploadProgress, upload } from "../hub/upload.ts";
import { planPush } from "./push.ts";

const base = join(root, "models/countdown-base");
let server: HubServer;
let folder: string;
const env = (more: Record<string, string> = {}): Record<string, string> => ({
  HF_ENDPOINT: server.endpoint,
  HF_HOME: join(folder, "home"),
  HF_TOKEN: writeToken,
  ...more,
});
const run = (args: readonly string[], more = {}) => inProcess(["push", ...args], { cwd: folder, env: env(more) });
const stored = (id = "owner/name", branch = "main") => {
  const repo = server.repos.get(id)!;
  return repo.commits.get(repo.refs.get(branch)!)!;
};

before(async () => {
  server = await hubServer();
});
after(() => server.close());
beforeEach((t) => {
  server.repos.clear();
  server.objects.clear();
  server.partSize = 0;
  server.faults.length = server.requests.length = server.tokens.length = 0;
  folder = mkdtempSync(join(tmpdir(), "push-"));
  cpSync(base, join(folder, "model"), { recursive: true });
  (t as { after?(f: () => void): void }).after?.(() => rmSync(folder, { recursive: true, force: true }));
});

describe("push", () => {
  test("a model directory: LFS and small files in one commit, and back again by its id", async () => {
    writeFileSync(join(folder, "model", "secrets.env"), "TOKEN=1");
    writeFileSync(join(folder, "model", ".netrc"), "");
    mkdirSync(join(folder, "model", "checkpoints"));
    writeFileSync(join(folder, "model", "checkpoints", "moments.safetensors"), "");
    const { code, stdout, stderr } = await run(["model", "--to", "owner/name", "--yes", "--json"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /model for owner\/name: 7 files, 3\.97 MB\n/);
    assert.match(stderr, /3\.97 MB {2}model\.safetensors\n/);
    assert.match(stderr, /stays here: .*secrets\.env/);
    const result = JSON.parse(stdout);
    assert.equal(result.commit, server.repos.get("owner/name")!.refs.get("main"));
    assert.equal(result.created, true);
    const names = readdirSync(base);
    assert.deepEqual([...stored().keys()].sort(), [".gitattributes", ...names].sort());
    for (const name of names) {
      assert.deepEqual(Buffer.from(stored().get(name)!.bytes), readFileSync(join(base, name)), name);
      assert.equal(stored().get(name)!.lfs, name === "model.safetensors");
    }
    assert.deepEqual(server.repos.get("owner/name")!.titles, ["Upload of a model with autodidact"]);
    for (const [i, line] of server.requests.entries())
      assert.equal(server.tokens[i], line.includes("storage") ? undefined : `Bearer ${writeToken}`, line);
    const { path } = await hubModel("owner/name", { env: env() });
    assert.deepEqual(readFileSync(join(path, "model.safetensors")), readFileSync(join(base, "model.safetensors")));

    server.requests.length = 0;
    const again = await run(["model", "--to", "owner/name", "--yes", "--message", "Once more"]);
    assert.match(again.stdout, /^Uploaded as commit [0-9a-f]{40}: http/m);
    assert.ok(
      server.requests.every((line) => !/PUT|create/.test(line)),
      "what the hub has is not sent again",
    );
    assert.equal(server.repos.get("owner/name")!.titles.at(-1), "Once more");
  });

  test("nothing is sent unasked", async () => {
    const dry = await run(["model", "--to", "owner/name", "--dry-run"]);
    assert.equal(dry.code, 0);
    assert.match(dry.stdout, /^model for owner\/name: 7 files, 3\.97 MB\n.* README\.md\n/);
    const unasked = await run(["model", "--to", "owner/name"]);
    assert.equal(unasked.code, 1);
    assert.match(unasked.stderr, /model\.safetensors[\s\S]*PUSH_UNCONFIRMED: nothing was uploaded.*--yes/);
    assert.deepEqual(server.requests, []);
    const home = await run(["model", "--to", "owner/name", "--yes"], { HF_TOKEN: "" });
    assert.match(home.stderr, /HUB_ACCESS: .*needs a token that may write: make one on http.*HF_TOKEN/);
    assert.deepEqual(server.requests, []);
    const reader = await run(["model", "--to", "owner/name", "--yes"], { HF_TOKEN: "hf_read" });
    assert.match(reader.stderr, /HUB_ACCESS: .*does not let this token write there \(401\)/);
    server.put("owner/name", {});
    const reader2 = await run(["model", "--to", "owner/name", "--yes"], { HF_TOKEN: "hf_read" });
    assert.match(reader2.stderr, /HUB_ACCESS: .*does not let this token write there \(403\).*may write for owner/);
    const gone = await run(["model", "--to", "owner/name", "--yes"], { HF_ENDPOINT: "http://127.0.0.1:9" });
    assert.match(
      gone.stderr,
      /HUB_NETWORK: upload to owner\/name: .*cannot be reached.*a mirror in HF_ENDPOINT; what was sent/,
    );
    const bad = await run(["model", "--to", "owner/name", "--yes"], { HF_ENDPOINT: "foo" });
    assert.match(bad.stderr, /HUB_NETWORK: HF_ENDPOINT: is foo, which is no address/);
    for (const to of ["name", "../x/y", "a/b/c", "owner/na me"])
      assert.match((await run(["model", "--to", to])).stderr, /OPTION_INVALID: --to/);
  });

  test("a terminal is asked, and only y is yes", async () => {
    for (const [answer, code] of [
      ["n", 1],
      ["", 1],
      ["y", 0],
    ] as const) {
      const terminal = () => Object.assign(new PassThrough(), { isTTY: true });
      const [stdin, stderr, stdout] = [terminal(), terminal(), new PassThrough()];
      let asked = "";
      stderr.on("data", (chunk: Buffer) => {
        asked += chunk;
        if (asked.endsWith("[y/N] ")) stdin.write(`${answer}\n`);
      });
      const around = { stdin, stdout, stderr, env: env(), cwd: folder, signal: new AbortController().signal };
      assert.equal(await runCommandLine(["push", "model", "--to", "owner/name"], around), code, asked);
      assert.equal(server.repos.has("owner/name"), code === 0);
    }
  });

  test("private where asked; a public repository is not taken for private; branches", async () => {
    assert.equal((await run(["model", "--to", "owner/secret", "--private", "--yes"])).code, 0);
    assert.equal(server.repos.get("owner/secret")!.private, true);
    assert.equal((await run(["model", "--to", "owner/secret", "--private", "--yes"])).code, 0);
    server.put("owner/open", { "a.txt": "" });
    const refused = await run(["model", "--to", "owner/open", "--private", "--yes"]);
    assert.match(refused.stderr, /HUB_VISIBILITY: owner\/open is there and public/);
    assert.deepEqual([...stored("owner/open").keys()], ["a.txt"]);
    for (let i = 0; i < 2; i++)
      assert.equal((await run(["model", "--to", "owner/open", "--revision", "try/1", "--yes"])).code, 0);
    assert.deepEqual([...stored("owner/open").keys()], ["a.txt"], "main stays as it was");
    assert.ok(stored("owner/open", "try/1").has("model.safetensors"));
  });

  test("large files in parts; progress; a busy or broken storage is asked again; a commit is all or nothing", async () => {
    server.partSize = 500_000;
    server.faults.push({ test: /part=00003/, fault: failWith(503) }, { test: /part=00004/, fault: failWith(500) });
    const plan = await planPush(join(folder, "model"));
    const seen: UploadProgress[] = [];
    const wanted = { id: "owner/name", files: plan.files, private: false, message: "Parts" };
    await upload(wanted, { env: env(), retryMs: 1, onUpload: (progress) => seen.push(progress) });
    assert.deepEqual(
      Buffer.from(stored().get("model.safetensors")!.bytes),
      readFileSync(join(base, "model.safetensors")),
    );
    assert.equal(server.faults.length, 0);
    const sent = seen.filter(({ phase }) => phase === "sending");
    assert.ok(sent.length > 7);
    assert.equal(sent.at(-1)!.bytes, plan.files.find(({ name }) => name === "model.safetensors")!.size);
    assert.equal(seen[0]!.phase, "hashing");

    server.repos.clear();
    truncateSync(join(folder, "model", "README.md"), 3);
    server.faults.push({ test: /commit\/main/, fault: failWith(500) });
    const broken = await run(["model", "--to", "owner/name", "--yes"]);
    assert.match(broken.stderr, /HUB_NETWORK: upload to owner\/name: .* answered 500/);
    assert.deepEqual([...stored().keys()], [".gitattributes"]);
  });

  test("memory does not grow with the file", async () => {
    const most = async (size: number): Promise<number> => {
      const path = join(folder, `${size}`);
      writeFileSync(path, "");
      truncateSync(path, size);
      const files = [{ name: "model.safetensors", path, size }];
      const script = `
        let most = 0;
        setInterval(() => (gc(), most = Math.max(most, process.memoryUsage.rss())), 20).unref();
        const { upload } = await import(${JSON.stringify(new URL("../hub/upload.js", import.meta.url).href)});
        await upload(${JSON.stringify({ id: "owner/big", files, private: false, message: "Big" })});
        console.log(most);`;
      const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
        env: { ...process.env, ...env() },
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk;
      });
      await new Promise((done) => child.on("close", done));
      return Number(text);
    };
    const [small, large] = [await most(15e6), await most(100e6)];
    assert.ok(small > 0 && large - small < 70e6, `${small} bytes for 15 MB, ${large} for 100 MB`);
    assert.equal(stored("owner/big").get("model.safetensors")!.bytes.length, 100e6);
  });

  test("adapters, GGUF files, and what is none of these", async () => {
    const weights = await safetensorsBytes(new Map([["x", { shape: [1], data: new Float32Array(1) }]]));
    mkdirSync(join(folder, "adapter"));
    writeFileSync(join(folder, "adapter", "adapter_config.json"), "{}");
    writeFileSync(join(folder, "adapter", "adapter_model.safetensors"), weights);
    assert.match((await run(["adapter", "--to", "o/n", "--dry-run"])).stdout, /^adapter for o\/n: 2 files/);
    mkdirSync(join(folder, "gguf"));
    const header = Buffer.alloc(32);
    header.write("GGUF");
    header.writeUInt32LE(3, 4);
    writeFileSync(join(folder, "gguf", "m.gguf"), header);
    assert.equal((await planPush(join(folder, "gguf", "m.gguf"))).kind, "GGUF");
    assert.match((await run(["gguf/m.gguf", "--to", "o/n", "--yes"])).stdout, /Uploaded/);
    assert.ok(stored("o/n").get("m.gguf")!.lfs);
    const adapter = join(folder, "adapter");
    writeFileSync(join(adapter, "adapter_model.safetensors"), weights.subarray(0, 20));
    for (const [path, words] of [
      [".", /PUSH_NOTHING: .*it holds model\/, push .*model/],
      ["nowhere", /PUSH_NOTHING: .*is not there/],
      ["adapter", /SAFETENSORS_DAMAGED/],
    ] as const)
      assert.match((await run([path, "--to", "o/n", "--dry-run"])).stderr, words);
    const config = JSON.parse(readFileSync(join(folder, "model", "config.json"), "utf8"));
    writeFileSync(join(folder, "model", "config.json"), JSON.stringify({ ...config, vocab_size: 5 }));
    assert.match(
      (await run(["model", "--to", "o/n", "--yes"])).stderr,
      /MODEL_TOKENIZER: .*vocab_size 5.*another model/,
    );
    writeFileSync(join(folder, "model", "config.json"), "{");
    assert.match((await run(["model", "--to", "o/n", "--yes"])).stderr, /FILE_JSON/);
    rmSync(join(folder, "model", "tokenizer.json"));
    assert.match((await run(["model", "--to", "o/n", "--yes"])).stderr, /PUSH_NOTHING: .*no tokenizer\.json/);
    rmSync(join(folder, "model", "config.json"));
    assert.match((await run(["model", "--to", "o/n", "--yes"])).stderr, /PUSH_NOTHING: .*no model, adapter/);
  });

  test("what a run has trained goes with a card made from the run; another model without one is told so", async () => {
    rmSync(join(folder, "model", "README.md"));
    const bare = await run(["model", "--to", "o/n", "--dry-run"]);
    assert.match(bare.stdout, /no model card: write a README\.md beside it, or let autodidact export make one/);
    mkdirSync(join(folder, "run"));
    cpSync(join(folder, "model"), join(folder, "run", "model"), { recursive: true });
    writeFileSync(join(folder, "run", "recipe.json"), JSON.stringify({ seed: 7, model: base }));
    const { code, stderr } = await run(["run", "--to", "owner/name", "--yes"]);
    assert.equal(code, 0, stderr);
    const card = Buffer.from(stored().get("README.md")!.bytes).toString();
    assert.match(card, /^---\nlicense: mit\n[\s\S]*# owner\/name\n[\s\S]*Trained from countdown-base[\s\S]*Seed: 7/);
    assert.ok(!card.includes(root), card);
    // A card beside the model goes as it is; so does the one beside a GGUF file.
    writeFileSync(join(folder, "run", "model", "README.md"), "# Mine");
    const plan = await planPush(join(folder, "run"));
    assert.deepEqual(
      plan.files.filter(({ name }) => name === "README.md").map((file) => "path" in file),
      [true],
    );
    const header = Buffer.alloc(32);
    header.write("GGUF");
    header.writeUInt32LE(3, 4);
    writeFileSync(join(folder, "m.gguf"), header);
    writeFileSync(join(folder, "m.gguf.md"), "# Card");
    assert.equal((await run(["m.gguf", "--to", "o/gguf", "--yes"])).code, 0);
    assert.equal(Buffer.from(stored("o/gguf").get("README.md")!.bytes).toString(), "# Card");
  });

  test("an adapter whose base only this machine has needs the base's id", async () => {
    const adapter = join(folder, "run", "adapter");
    cpSync(join(root, "test/fixtures/peft/ours"), adapter, { recursive: true });
    writeFileSync(join(folder, "run", "recipe.json"), "{}");
    const config = JSON.parse(readFileSync(join(adapter, "adapter_config.json"), "utf8"));
    const named = { ...config, base_model_name_or_path: "/home/ada/base", revision: "abc" };
    writeFileSync(join(adapter, "adapter_config.json"), JSON.stringify(named));
    const local = await run(["run", "--to", "o/n", "--yes"]);
    assert.match(local.stderr, /PUSH_BASE: .*base_model_name_or_path: is "\/home\/ada\/base".*--base OWNER\/NAME/);
    const { code, stderr } = await run(["run", "--to", "o/n", "--base", "Owner/base@v1", "--yes"]);
    assert.equal(code, 0, stderr);
    const sent = JSON.parse(Buffer.from(stored("o/n").get("adapter_config.json")!.bytes).toString());
    assert.deepEqual(sent, { ...config, base_model_name_or_path: "Owner/base", revision: "v1" });
    const card = Buffer.from(stored("o/n").get("README.md")!.bytes).toString();
    assert.match(card, /base_model: Owner\/base\nbase_model_relation: adapter/);
    const stray = await run(["model", "--to", "o/n", "--base", "Owner/base", "--yes"]);
    assert.match(stray.stderr, /PUSH_BASE: .*is no adapter.*leave --base out/);
  });
});
