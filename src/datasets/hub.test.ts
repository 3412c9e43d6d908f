import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { parquetWriteBuffer } from "hyparquet-writer";
import { AutodidactError } from "../errors.ts";
import type { HubFile } from "../hub/listing.ts";
import type { HubOptions } from "../hub/settings.ts";
import { dataset } from "./dataset.ts";
import { filesOfSplit, type HubDataset } from "./hub.ts";
import { hubFiles } from "./hub-cache.ts";

/** A server with the paths and answers of the hub: api/datasets, tree in pages, resolve with ranges and redirects. */
const commit = "0123456789abcdef0123456789abcdef01234567";
interface Stored {
  readonly bytes: Uint8Array;
  /** As the hub stores large files: hash in the tree, content on another host. */
  readonly lfs: boolean;
}
const sets = new Map<
  string,
  { readonly card?: unknown; readonly files: Record<string, Stored>; readonly gated?: boolean }
>();
/** What a test wants done to the next downloads. */
let faults: ((request: IncomingMessage, response: ServerResponse, bytes: Uint8Array) => boolean)[] = [];
let requests: string[] = [];
let tokens: (string | undefined)[] = [];
let server: Server;
let storage: Server;
let endpoint: string;
let cache: string;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitOid = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}

function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  tokens.push(request.headers.authorization);
  if (faults.shift()?.(request, response, bytes)) return;
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0) {
    response.writeHead(206, { "Content-Range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
  }
  response.end(bytes.subarray(start));
}

function serve(request: IncomingMessage, response: ServerResponse): unknown {
  const url = new URL(request.url!, endpoint);
  requests.push(`${request.method} ${url.pathname}${request.headers.range ? ` ${request.headers.range}` : ""}`);
  const info = /^\/api\/datasets\/(.+?)\/(?:revision\/([^/]+)|tree\/([^/]+))$/.exec(url.pathname);
  const file = /^\/datasets\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
  const set = sets.get(decodeURIComponent((info ?? file)?.[1] ?? ""));
  if (!set) return answer(response, 401, { error: "Invalid username or password." });
  if (set.gated && request.headers.authorization !== "Bearer secret") {
    return answer(response, 403, { error: "Access to dataset is restricted." }, { "X-Error-Code": "GatedRepo" });
  }
  if (info?.[2] !== undefined) {
    if (!["main", "HEAD", commit, "refs/convert/parquet"].includes(decodeURIComponent(info[2]))) {
      return answer(response, 404, { error: "Invalid rev id" }, { "X-Error-Code": "RevisionNotFound" });
    }
    return answer(response, 200, {
      _id: "1",
      id: info[1],
      sha: commit,
      cardData: set.card,
      private: false,
      gated: false,
      downloads: 1,
      likes: 1,
      lastModified: "2025-01-01",
    });
  }
  if (info) {
    assert.equal(info[3], commit);
    const entries = Object.entries(set.files).map(([path, { bytes, lfs }]) => ({
      type: "file",
      path,
      size: bytes.length,
      oid: lfs ? "f".repeat(40) : gitOid(bytes),
      ...(lfs && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }),
    }));
    // Two pages, as the hub cuts long listings.
    const half = Math.ceil(entries.length / 2);
    const second = url.searchParams.get("cursor") === "2";
    const next = `<${endpoint}${url.pathname}?recursive=true&cursor=2>; rel="next"`;
    return answer(response, 200, second ? entries.slice(half) : entries.slice(0, half), second ? {} : { Link: next });
  }
  const stored = set.files[decodeURIComponent(file![3]!)];
  if (!stored) return answer(response, 404, { error: "Entry not found" }, { "X-Error-Code": "EntryNotFound" });
  if (!stored.lfs) return sendBytes(request, response, stored.bytes);
  const { port } = storage.address() as AddressInfo;
  response.writeHead(302, { Location: `http://127.0.0.1:${port}/${file![1]}/${file![3]}` }).end();
}

const lines = (rows: readonly unknown[]): Uint8Array => Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n"));
const gsm = Array.from({ length: 300 }, (_, i) => ({
  question: `How many eggs are ${i} and ${i}?`,
  answer: `sum\n#### ${2 * i}`,
}));
const written = (rows: typeof gsm): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "question", data: rows.map((row) => row.question), type: "STRING" },
        { name: "answer", data: rows.map((row) => row.answer), type: "STRING" },
      ],
    }),
  );
const parquet = written(gsm);
const options = (more: HubOptions = {}): HubOptions => ({ endpoint, cache, env: {}, retryMs: 1, ...more });
const gsmFiles = (more: HubOptions = {}) =>
  hubFiles({ id: "openai/gsm8k", config: "main", split: "train" }, options(more));

before(async () => {
  const listen = (one: Server): Promise<void> => new Promise((done) => one.listen(0, "127.0.0.1", done));
  server = createServer(serve);
  storage = createServer((request, response) => {
    const [, owner, name, ...path] = request.url!.split("/");
    sendBytes(request, response, sets.get(`${owner}/${name}`)!.files[path.join("/")]!.bytes);
  });
  await Promise.all([listen(server), listen(storage)]);
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  for (const one of [server, storage]) {
    one.closeAllConnections();
    one.close();
  }
});
beforeEach((t) => {
  faults = [];
  requests = [];
  tokens = [];
  sets.clear();
  const card = (config: string, files: unknown, more = {}) => ({ config_name: config, data_files: files, ...more });
  sets.set("openai/gsm8k", {
    card: {
      configs: [
        card("main", [
          { split: "train", path: "main/train-*" },
          { split: "test", path: "main/test-*" },
        ]),
        card("socratic", [{ split: "train", path: "socratic/train-*" }]),
      ],
    },
    files: {
      "README.md": { bytes: Buffer.from("# GSM8K"), lfs: false },
      "main/train-00000-of-00001.parquet": { bytes: parquet, lfs: true },
      "main/test-00000-of-00001.parquet": { bytes: parquet, lfs: true },
      "socratic/train-00000-of-00001.parquet": { bytes: written(gsm.slice(0, 10)), lfs: true },
    },
  });
  sets.set("HuggingFaceH4/MATH-500", {
    files: {
      "README.md": { bytes: Buffer.from("# MATH-500"), lfs: false },
      "test.jsonl": { bytes: lines([{ problem: "P", solution: "\\boxed{1}", answer: "1", level: 2 }]), lfs: false },
    },
  });
  cache = mkdtempSync(join(tmpdir(), "hub-"));
  (t as { after?(f: () => void): void }).after?.(() => rmSync(cache, { recursive: true, force: true }));
});

const code = (wanted: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AutodidactError, String(error));
  assert.equal(error.code, wanted, error.message);
  assert.match(error.message, words);
  return true;
};

describe("data sets of the hub", () => {
  test("a split of a config, by the known mapping, then from the cache in the hub's own layout", async () => {
    const progress: number[] = [];
    const set = { source: "hf:openai/gsm8k", config: "main", split: "test" };
    const found = await dataset({ ...set, hub: options({ onProgress: ({ bytes }) => progress.push(bytes) }) });
    assert.equal(found.problems.length, 300);
    assert.deepEqual(
      [found.problems[7]!.gold, found.problems[7]!.file],
      ["14", "hf:openai/gsm8k/main/test-00000-of-00001.parquet"],
    );
    assert.equal(progress.at(-1), parquet.length);
    const folder = join(cache, "datasets--openai--gsm8k");
    assert.equal(readFileSync(join(folder, "refs", "main"), "utf8"), commit);
    assert.deepEqual(readdirSync(join(folder, "blobs")), [sha256(parquet)]);
    assert.deepEqual(
      new Uint8Array(readFileSync(join(folder, "snapshots", commit, "main/test-00000-of-00001.parquet"))),
      parquet,
    );

    requests = [];
    await dataset({ ...set, hub: options() });
    assert.ok(
      requests.every((line) => !line.includes("/resolve/")),
      "nothing is downloaded twice",
    );
    requests = [];
    await dataset({ ...set, hub: options({ env: { HF_HUB_OFFLINE: "1" } }) });
    await dataset({ ...set, revision: commit, hub: options() });
    assert.deepEqual(requests, [], "a commit and offline mode ask nobody");
    await assert.rejects(
      dataset({ ...set, config: "socratic", split: "train", hub: options({ offline: true }) }),
      code("HUB_NETWORK", /not in the cache/),
    );
    await assert.rejects(
      dataset({ source: "hf:a/b", mapping: "gsm8k", hub: options({ offline: true }) }),
      code("HUB_NETWORK", /not in the cache/),
    );
  });

  test("what another tool has left of a split is not taken for the whole", async () => {
    const folder = join(cache, "datasets--openai--gsm8k");
    const put = (name: string): void => {
      const path = join(folder, "snapshots", commit, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, parquet);
    };
    mkdirSync(join(folder, "refs"), { recursive: true });
    writeFileSync(join(folder, "refs", "main"), commit);
    const files = (config?: string) =>
      hubFiles({ id: "openai/gsm8k", config, split: "train" }, options({ offline: true }));
    put("main/train-00001-of-00003.parquet");
    await assert.rejects(
      files(),
      code("HUB_NETWORK", /lacks main\/train-00000-of-00003\.parquet, main\/train-00002-of-00003\.parquet$/),
    );
    put("main/train-00000-of-00003.parquet");
    put("main/train-00002-of-00003.parquet");
    assert.equal((await files()).length, 3);
    put("socratic/train.parquet");
    await assert.rejects(files(), code("DATASET_SPLIT", /files in main\/, socratic\/ .*name one folder as config/));
    assert.equal((await files("main")).length, 3);
    assert.equal((await files("socratic")).length, 1);
  });

  test("a set without a card: the split by the file's name; a file that lies in git", async () => {
    const found = await dataset({ source: "hf:HuggingFaceH4/MATH-500", split: "test", hub: options() });
    assert.deepEqual([found.problems[0]!.gold, found.problems[0]!.level], ["1", 2]);
    await assert.rejects(
      dataset({ source: "hf:HuggingFaceH4/MATH-500", hub: options() }),
      code("DATASET_SPLIT", /no split "train"; there are test/),
    );
  });

  test("address, token and cache come from the environment; the token stays with the hub", async () => {
    sets.set("openai/gsm8k", { ...sets.get("openai/gsm8k")!, gated: true });
    const env = { HF_ENDPOINT: `${endpoint}/`, HF_HOME: cache, HF_TOKEN: "secret" };
    const files = await hubFiles({ id: "openai/gsm8k", config: "main", split: "train" }, { env });
    assert.equal(files[0]!.byteLength, parquet.length);
    assert.deepEqual(tokens, [undefined], "another host never sees the token");
    assert.ok(readdirSync(join(cache, "hub")).includes("datasets--openai--gsm8k"));
    writeFileSync(join(cache, "token"), "secret\n");
    await hubFiles(
      { id: "openai/gsm8k", config: "socratic", split: "train" },
      { env: { HF_ENDPOINT: endpoint, HF_HOME: cache } },
    );
    await hubFiles(
      { id: "openai/gsm8k", config: "main", split: "test" },
      { env: { HF_ENDPOINT: endpoint, HF_HUB_CACHE: join(cache, "x"), HF_HOME: cache } },
    );
    assert.deepEqual(readdirSync(join(cache, "x")), ["datasets--openai--gsm8k"]);
  });

  test("not there, gated, no such config, split or revision", async () => {
    await assert.rejects(
      hubFiles({ id: "no/such", split: "train" }, options()),
      code("HUB_ACCESS", /no\/such.*\(401\).*HF_TOKEN/),
    );
    await assert.rejects(
      hubFiles({ id: "openai/gsm8k", split: "train", revision: "v9" }, options()),
      code("HUB_NOT_FOUND", /revision v9.*404/),
    );
    await assert.rejects(
      hubFiles({ id: "openai/gsm8k", split: "train" }, options()),
      code("DATASET_SPLIT", /several configs; name one of main, socratic/),
    );
    await assert.rejects(
      hubFiles({ id: "openai/gsm8k", config: "x", split: "train" }, options()),
      code("DATASET_SPLIT", /no config "x"/),
    );
    await assert.rejects(
      hubFiles({ id: "openai/gsm8k", config: "main", split: "dev" }, options()),
      code("DATASET_SPLIT", /no split "dev"; there are train, test/),
    );
    sets.set("openai/gsm8k", { ...sets.get("openai/gsm8k")!, gated: true });
    await assert.rejects(gsmFiles(), code("HUB_ACCESS", /\(403\).*gated/));
    for (const id of ["../x", "a/b/c", "a b", ".."]) {
      await assert.rejects(hubFiles({ id, split: "train" }, options()), code("HUB_NOT_FOUND", /no id of a data set/));
    }
    await assert.rejects(gsmFiles({ endpoint: "localhost" }), code("HUB_NETWORK", /no address/));
    await assert.rejects(gsmFiles({ endpoint: "http://127.0.0.1:1" }), code("HUB_NETWORK", /cannot be reached/));
  });

  test("a download that breaks off goes on where it broke off, in this run or the next", async () => {
    const cut: (typeof faults)[number] = (request, response, bytes) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, {
        "Content-Length": String(bytes.length - start),
        ...(start > 0 && { "Content-Range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
      });
      response.write(bytes.subarray(start, start + 500), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    faults = [cut, cut];
    const [file] = await gsmFiles();
    assert.equal(file!.byteLength, parquet.length);
    assert.deepEqual(
      requests.filter((line) => line.includes("resolve")).map((line) => line.split(" ")[2]),
      [undefined, "bytes=500-", "bytes=1000-"],
    );

    rmSync(cache, { recursive: true });
    requests = [];
    faults = [cut, cut, cut, cut];
    await assert.rejects(gsmFiles(), code("HUB_NETWORK", /broke off/));
    await gsmFiles();
    assert.equal(
      requests
        .filter((line) => line.includes("resolve"))
        .at(-1)!
        .split(" ")[2],
      "bytes=2000-",
    );
  });

  test("a server without ranges begins again; one that is busy or stalls is asked again", async () => {
    faults = [
      (_, response, bytes) => {
        response.writeHead(200, { "Content-Length": String(bytes.length) });
        response.write(bytes.subarray(0, 700), () => setTimeout(() => response.destroy(), 20));
        return true;
      },
      (_, response, bytes) => {
        response.end(bytes);
        return true;
      },
    ];
    assert.equal((await gsmFiles())[0]!.byteLength, parquet.length);
    rmSync(cache, { recursive: true });
    faults = [
      (_, response) => {
        answer(response, 503, {});
        return true;
      },
      (_, response) => {
        response.writeHead(200).write("PAR1");
        return true;
      },
    ];
    assert.equal((await gsmFiles({ stallMs: 200 }))[0]!.byteLength, parquet.length);
  });

  test("wrong content, wrong size, a file gone, a path that leads out", async () => {
    const wrong: (typeof faults)[number] = (_, response, bytes) => {
      response.end(new Uint8Array(bytes.length));
      return true;
    };
    faults = [wrong];
    await assert.rejects(
      gsmFiles(),
      code("HUB_DAMAGED", /train-00000-of-00001\.parquet has hash [0-9a-f]{64} where the hub says/),
    );
    assert.equal((await gsmFiles())[0]!.byteLength, parquet.length, "the wrong content was not kept");
    rmSync(cache, { recursive: true });
    faults = [
      (_, response, bytes) => {
        response.end(new Uint8Array(bytes.length + 1));
        return true;
      },
    ];
    await assert.rejects(gsmFiles(), code("HUB_DAMAGED", /longer than/));
    faults = [
      (_, response) => {
        answer(response, 404, {});
        return true;
      },
    ];
    await assert.rejects(gsmFiles(), code("HUB_NOT_FOUND", /main\/train/));
    sets.set("a/b", { files: { "../../train.jsonl": { bytes: lines([{ a: 1 }]), lfs: false } } });
    await assert.rejects(
      hubFiles({ id: "a/b", split: "train" }, options()),
      code("HUB_DAMAGED", /path that no file can have/),
    );
  });

  test("a stop by the user ends the download at once", async () => {
    const stop = new AbortController();
    faults = [
      (_, response) => {
        response.writeHead(200).write("PAR1");
        setTimeout(() => stop.abort(), 20);
        return true;
      },
    ];
    await assert.rejects(gsmFiles({ signal: stop.signal }), { name: "AbortError" });
  });
});

describe("which files a split has", () => {
  const set = (paths: readonly string[], configs: HubDataset["configs"] = []): HubDataset => ({
    id: "a/b",
    commit,
    configs,
    files: paths.map((path): HubFile => ({ path, size: 1, sha256: null, gitOid: null })),
  });
  const paths = (of: HubDataset, config: string | undefined, split: string): string[] =>
    filesOfSplit(of, config, split).map((file) => file.path);

  test("by words in paths", () => {
    const files = set([
      "README.md",
      "data/train-00000.parquet",
      "data/train-00001.parquet",
      "data/valid.csv",
      "test2.jsonl",
      "test.jsonl",
      "dataset_infos.json",
    ]);
    assert.deepEqual(paths(files, undefined, "train"), ["data/train-00000.parquet", "data/train-00001.parquet"]);
    assert.deepEqual(paths(files, undefined, "validation"), ["data/valid.csv"]);
    assert.deepEqual(paths(files, undefined, "test"), ["test.jsonl", "test2.jsonl"]);
    assert.deepEqual(paths(set(["all.jsonl"]), undefined, "train"), ["all.jsonl"]);
    assert.deepEqual(paths(set(["algebra/train.csv", "geometry/train.csv"]), "algebra", "train"), [
      "algebra/train.csv",
    ]);
    assert.throws(() => paths(set(["algebra/train.csv"]), "x", "train"), code("DATASET_SPLIT", /no folder "x"/));
    assert.throws(
      () => paths(set(["apps.py", "README.md"]), undefined, "train"),
      code("DATASET_SPLIT", /refs\/convert\/parquet/),
    );
  });

  test("by the patterns of a card", () => {
    const of = (...patterns: string[]): string[] =>
      paths(
        set(
          ["a/b/x.csv", "a/x.csv", "y-1.jsonl", "y-2.jsonl", "z.txt"],
          [{ name: "default", isDefault: true, splits: [{ split: "train", patterns }] }],
        ),
        undefined,
        "train",
      );
    assert.deepEqual(of("**/*.csv"), ["a/b/x.csv", "a/x.csv"]);
    assert.deepEqual(of("a/*"), ["a/x.csv"]);
    assert.deepEqual(of("y-?.jsonl"), ["y-1.jsonl", "y-2.jsonl"]);
    assert.deepEqual(of("y-[!1].jsonl", "a/**"), ["a/b/x.csv", "a/x.csv", "y-2.jsonl"]);
    assert.deepEqual(of("{a/x,q}.csv"), ["a/x.csv"]);
    assert.throws(() => of("[z-a].csv", `${"*".repeat(5000)}q`), code("DATASET_SPLIT", /no data file/));
  });
});
