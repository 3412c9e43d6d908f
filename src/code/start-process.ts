import { type ChildProcess, fork } from "node:child_process";
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

export type SandboxKind = "python" | "javascript";

/** What a worker loads; the last is a dependency of a dependency, which some package managers hide from ours. */
const needed = ["pyodide", "@swc/wasm-typescript", "@jitl/quickjs-ng-wasmfile-release-sync", "quickjs-emscripten-core"];
const hidden = "@jitl/quickjs-ffi-types";

/**
 * Starts a worker: no environment, nothing on its standard streams but errors, and Node's permission model, under which
 * it reads its own files and writes and starts nothing. The one thing allowed is the thread that the sandbox runs in.
 */
export function startProcess(kind: SandboxKind): ChildProcess {
  const worker = fileURLToPath(new URL("./worker.js", import.meta.url));
  const own = rootOf(worker);
  const packages = needed.flatMap((name) => folders(name, own));
  packages.push(...folders(hidden, packages.at(-1) ?? own));
  const readable = [`${dirname(worker)}${sep}*`, join(own, "package.json"), ...packages.map(pattern)];
  const permission = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  return fork(worker, [kind], {
    env: {},
    cwd: dirname(worker),
    execArgv: [
      permission,
      "--allow-worker",
      ...[...new Set(readable)].map((path) => `--allow-fs-read=${path}`),
      "--disallow-code-generation-from-strings",
      "--no-warnings",
    ],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "json",
  });
}

/** Where a package lies; a link leads to a second place. */
function folders(name: string, from: string): string[] {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, "node_modules", ...name.split("/"));
    if (existsSync(place)) return [...new Set([place, realpathSync(place)])];
    if (dirname(folder) === folder) return [];
  }
}

/** All files of a folder. Where a link is on the way to it, Node reads that too, and then all behind the link is allowed. */
function pattern(folder: string): string {
  let link: string | null = null;
  for (let path = folder; dirname(path) !== path; path = dirname(path))
    if (lstatSync(path).isSymbolicLink()) link = path;
  return link === null ? `${folder}${sep}*` : `${link}*`;
}

/** The folder of the package.json that says what kind of modules ours are. */
function rootOf(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder))
    if (existsSync(join(folder, "package.json")) || dirname(folder) === folder) return folder;
}
