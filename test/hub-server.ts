import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A server with the paths and answers of the Hugging Face hub, as far as models need them: revisions, file trees in pages, downloads with
 * ranges and redirects to another host, creation of repositories and branches, pre-upload, LFS (in one piece or several) and commits.
 */
export interface StoredFile {
  readonly bytes: Uint8Array;
  /** As the hub stores large files: hash in the tree, content on another host. */
  readonly lfs: boolean;
}

interface StoredRepo {
  /** Files of each commit. */
  readonly commits: Map<string, Map<string, StoredFile>>;
  /** Commit of each branch or tag. */
  readonly refs: Map<string, string>;
  gated: boolean;
  private: boolean;
  /** Titles of the commits that were made. */
  readonly titles: string[];
}

/** Answers a request itself and gives true, or lets the server answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse, file: StoredFile | null) => boolean;

export interface HubServer {
  readonly endpoint: string;
  readonly repos: Map<string, StoredRepo>;
  /** What lies on the storage host, by hash. */
  readonly objects: Map<string, Uint8Array>;
  /** Each request in order: method, path, range; and the token that came with it. */
  readonly requests: string[];
  readonly tokens: (string | undefined)[];
  /** What is done to the next requests for which `test` is true, once each. */
  readonly faults: { readonly test: RegExp; readonly fault: Fault }[];
  /** Bytes of one part of a large upload; 0 takes uploads in one piece. */
  partSize: number;
  /** Makes a commit on a branch and gives its name. */
  put(id: string, files: Record<string, StoredFile | string>, branch?: string): string;
  close(): Promise<void>;
}

export const writeToken = "hf_write";
const hashes = new WeakMap<Uint8Array, string>();
export function sha256(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? createHash("sha256").update(bytes).digest("hex");
  hashes.set(bytes, hash);
  return hash;
}
export const gitOid = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
export const lfs = (bytes: Uint8Array): StoredFile => ({ bytes, lfs: true });

export async function hubServer(): Promise<HubServer> {
  const repos: HubServer["repos"] = new Map();
  const requests: string[] = [];
  const tokens: (string | undefined)[] = [];
  const faults: { readonly test: RegExp; readonly fault: Fault }[] = [];
  const objects = new Map<string, Uint8Array>();
  const parts = new Map<string, Map<number, Uint8Array>>();
  let commits = 0;

  const put: HubServer["put"] = (id, files, branch = "main") => {
    const repo = repos.get(id) ?? {
      commits: new Map(),
      refs: new Map(),
      gated: false,
      private: false,
      titles: [],
    };
    repos.set(id, repo);
    const before = repo.commits.get(repo.refs.get(branch) ?? "") ?? new Map<string, StoredFile>();
    const commit = createHash("sha1").update(`${id} ${commits++}`).digest("hex");
    const stored = Object.entries(files).map(([path, file]): [string, StoredFile] => [
      path,
      typeof file === "string" ? { bytes: Buffer.from(file), lfs: false } : file,
    ]);
    repo.commits.set(commit, new Map([...before, ...stored]));
    repo.refs.set(branch, commit);
    return commit;
  };

  const broken = (request: IncomingMessage, response: ServerResponse, file: StoredFile | null): boolean => {
    const at = faults.findIndex(({ test }) => test.test(`${request.method} ${request.url}`));
    return at >= 0 && faults.splice(at, 1)[0]!.fault(request, response, file);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const { pathname, searchParams } = new URL(request.url!, "http://hub");
    const path = decodeURIComponent(pathname);
    const { authorization } = request.headers;
    requests.push(`${request.method} ${path}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    tokens.push(authorization);
    const resolved = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const found = resolved && fileAt(resolved[1]!, resolved[2]!, resolved[3]!);
    if (broken(request, response, found)) return;
    const write = request.method === "POST";
    const mayWrite = authorization === `Bearer ${writeToken}`;

    if (path === "/api/repos/create") {
      const { name, organization, visibility } = JSON.parse(await bodyText(request)) as Record<string, string>;
      if (!mayWrite) return json(response, 401, { error: "Invalid username or password." });
      const id = `${organization}/${name}`;
      if (repos.has(id)) return json(response, 409, { error: "You already created this model repo" });
      put(id, { ".gitattributes": "*.safetensors filter=lfs diff=lfs merge=lfs -text\n" });
      repos.get(id)!.private = visibility === "private";
      return json(response, 200, { url: `${endpoint}/${id}`, name: id, id: "1" });
    }

    const batch = /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree|preupload|commit|branch)\/(.+))?$/.exec(path);
    const repo = repos.get((resolved ?? api ?? batch)?.[1] ?? "");
    // The hub doesn't tell a stranger whether a private repository is there.
    if (!repo || (repo.private && !mayWrite))
      return json(response, 401, { error: "Repository not found" }, { "X-Error-Code": "RepoNotFound" });
    if (repo.gated && !mayWrite && authorization !== "Bearer hf_read")
      return json(response, 403, { error: "Access to model is restricted." }, { "X-Error-Code": "GatedRepo" });
    if (write && !mayWrite) return json(response, 403, { error: "Forbidden: this token may only read" });

    if (resolved) {
      if (!found) return json(response, 404, { error: "Entry not found" }, { "X-Error-Code": "EntryNotFound" });
      const headers = {
        "X-Repo-Commit": repo.refs.get(resolved[2]!) ?? resolved[2]!,
        ETag: `"${found.lfs ? sha256(found.bytes) : gitOid(found.bytes)}"`,
      };
      if (!found.lfs) return send(request, response, found.bytes, headers);
      const hash = sha256(found.bytes);
      objects.set(hash, found.bytes);
      const linked = { ...headers, "X-Linked-Etag": `"${hash}"`, "X-Linked-Size": String(found.bytes.length) };
      return response.writeHead(302, { ...linked, Location: `${storageEndpoint}/${hash}` }).end();
    }
    if (batch) {
      const { objects: asked } = JSON.parse(await bodyText(request)) as { objects: { oid: string; size: number }[] };
      return json(response, 200, {
        transfer: partSizeNow() > 0 ? "multipart" : "basic",
        objects: asked.map(({ oid, size }) => ({
          oid,
          size,
          ...(!objects.has(oid) && { actions: upload(oid, size) }),
        })),
      });
    }
    const [, id, verb, rest = ""] = api!;
    if (verb === undefined) return json(response, 200, { _id: "1", id, likes: 1 });
    if (verb === "preupload") {
      const { files } = JSON.parse(await bodyText(request)) as { files: { path: string }[] };
      const mode = ({ path: name }: { path: string }) => ({
        path: name,
        uploadMode: /\.(safetensors|gguf|onnx)$/.test(name) ? "lfs" : "regular",
      });
      if (!repo.refs.has(rest)) return json(response, 404, { error: `Invalid rev id: ${rest}` });
      return json(response, 200, { files: files.map(mode) });
    }
    if (verb === "branch") {
      if (repo.refs.has(rest)) return json(response, 409, { error: "Reference already exists" });
      repo.refs.set(rest, repo.refs.get("main")!);
      return json(response, 200, {});
    }
    if (verb === "commit") {
      const lines = (await bodyText(request)).split("\n").map((line) => JSON.parse(line) as CommitLine);
      const files = lines.flatMap(({ key, value }): [string, StoredFile][] => {
        if (key === "header") repo.titles.push(value.summary!);
        if (key === "file") return [[value.path!, { bytes: Buffer.from(value.content!, "base64"), lfs: false }]];
        return key === "lfsFile" ? [[value.path!, lfs(objects.get(value.oid!)!)]] : [];
      });
      const oid = put(id!, Object.fromEntries(files), rest);
      return json(response, 200, { success: true, commitOid: oid, commitUrl: `${endpoint}/${id}/commit/${oid}` });
    }
    const commit = repo.refs.get(rest === "HEAD" ? "main" : rest) ?? (repo.commits.has(rest) ? rest : null);
    if (commit === null)
      return json(response, 404, { error: "Invalid rev id" }, { "X-Error-Code": "RevisionNotFound" });
    const entries = [...repo.commits.get(commit)!].map(([name, file]) => ({
      type: "file",
      path: name,
      size: file.bytes.length,
      oid: file.lfs ? "f".repeat(40) : gitOid(file.bytes),
      ...(file.lfs && { lfs: { oid: sha256(file.bytes), size: file.bytes.length, pointerSize: 130 } }),
    }));
    if (verb === "revision") {
      const siblings = entries.map(({ path: rfilename }) => ({ rfilename }));
      return json(response, 200, { _id: "1", id, sha: commit, private: repo.private, gated: repo.gated, siblings });
    }
    // Two pages, as the hub cuts long listings.
    const half = Math.ceil(entries.length / 2);
    const second = searchParams.get("cursor") === "2";
    const next = `<${endpoint}${pathname}?recursive=true&cursor=2>; rel="next"`;
    return json(response, 200, second ? entries.slice(half) : entries.slice(0, half), second ? {} : { Link: next });
  };

  const fileAt = (id: string, revision: string, path: string): StoredFile | null => {
    const repo = repos.get(id);
    return repo?.commits.get(repo.refs.get(revision) ?? revision)?.get(path) ?? null;
  };

  const upload = (oid: string, size: number): unknown => {
    const step = partSizeNow();
    if (step === 0) return { upload: { href: `${storageEndpoint}/${oid}` } };
    const numbers = Array.from({ length: Math.ceil(size / step) }, (_, i) => String(i + 1).padStart(5, "0"));
    const header = Object.fromEntries(numbers.map((number) => [number, `${storageEndpoint}/${oid}?part=${number}`]));
    return { upload: { href: `${storageEndpoint}/${oid}`, header: { chunk_size: String(step), ...header } } };
  };

  /** The host where large files lie: signed addresses, no tokens. */
  const store = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const url = new URL(request.url!, "http://storage");
    const hash = url.pathname.slice(1);
    requests.push(`${request.method} storage${url.search}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    tokens.push(request.headers.authorization);
    const stored = objects.get(hash);
    if (broken(request, response, stored ? lfs(stored) : null)) return;
    if (request.method === "PUT") {
      // S3 takes no upload whose length it isn't told.
      if (request.headers["content-length"] === undefined)
        return json(response, 411, { error: "MissingContentLength" });
      const bytes = await body(request);
      const part = url.searchParams.get("part");
      if (part === null && sha256(bytes) !== hash) return json(response, 400, { error: "wrong hash" });
      if (part === null) objects.set(hash, bytes);
      else parts.set(hash, (parts.get(hash) ?? new Map()).set(Number(part), bytes));
      return response.writeHead(200, { ETag: `"${part}"` }).end();
    }
    if (request.method === "POST") {
      const { parts: order } = JSON.parse(await bodyText(request)) as { parts: { partNumber: number; etag: string }[] };
      const bytes = Buffer.concat(order.map(({ partNumber }) => parts.get(hash)!.get(partNumber)!));
      if (sha256(bytes) !== hash) return json(response, 400, { error: "wrong hash" });
      objects.set(hash, bytes);
      return json(response, 200, {});
    }
    if (!stored) return json(response, 404, {});
    send(request, response, stored);
  };

  const guarded = (handler: typeof serve) => (request: IncomingMessage, response: ServerResponse) => {
    handler(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const [hub, storage] = [createServer(guarded(serve)), createServer(guarded(store))];
  const [endpoint, storageEndpoint] = await Promise.all([listen(hub), listen(storage)]);
  const partSizeNow = (): number => server.partSize;
  const server: HubServer = {
    endpoint,
    repos,
    objects,
    requests,
    tokens,
    faults,
    partSize: 0,
    put,
    async close() {
      for (const one of [hub, storage]) {
        one.closeAllConnections();
        await new Promise((done) => one.close(done));
      }
    },
  };
  return server;
}

interface CommitLine {
  readonly key: string;
  readonly value: { summary?: string; path?: string; content?: string; oid?: string };
}

const listen = (server: Server): Promise<string> =>
  new Promise((done) =>
    server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );

async function body(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

const bodyText = async (request: IncomingMessage): Promise<string> => Buffer.from(await body(request)).toString("utf8");

export function json(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(value));
}

/** The bytes that a range asks for, or all. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
  length = bytes.length,
): void {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = start > 0 ? { "Content-Range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { ...headers, ...range, "Content-Length": String(bytes.length - start) });
  if (request.method === "HEAD") response.end();
  else if (start + length >= bytes.length) response.end(bytes.subarray(start));
  // Cut off in the middle.
  else response.write(bytes.subarray(start, start + length), () => setTimeout(() => response.destroy(), 10));
}

/** Sends so many bytes of what was asked for, then breaks off. */
export const cutAfter =
  (length: number): Fault =>
  (request, response, file) => {
    send(request, response, file!.bytes, {}, length);
    return true;
  };

/** Answers with a status. */
export const failWith =
  (status: number, headers: Record<string, string> = {}): Fault =>
  (_, response) => {
    json(response, status, { error: "for the test" }, headers);
    return true;
  };
