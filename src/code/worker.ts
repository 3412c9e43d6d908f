import { constants } from "node:fs";
import type { Job, Reply } from "./protocol.ts";
import type { Sandbox } from "./python-sandbox.ts";

/**
 * The process that a sandbox lives in: `worker.js python` or `worker.js javascript`, started by the pool with an empty
 * environment and without permission to write files, read others than its own, or start anything. The program cannot
 * reach this JavaScript; if it ever did, it should find nothing here that is worth having.
 */

/** What the sandboxes need of the global object while a program runs; all else is taken away. */
const kept = new Set([
  ...[
    "Array",
    "ArrayBuffer",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "Error",
    "EvalError",
  ],
  ...[
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "JSON",
  ],
  ...[
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
  ],
  ...["Set", "String", "Symbol", "SyntaxError", "TextDecoder", "TextEncoder", "TypeError", "URIError", "Uint16Array"],
  ...["Uint32Array", "Uint8Array", "Uint8ClampedArray", "WeakMap", "WeakRef", "WeakSet", "WebAssembly", "globalThis"],
  ...["isFinite", "isNaN", "parseFloat", "parseInt", "performance", "undefined"],
]);

/** Takes globals away while a program runs; loading an interpreter needs some of them. */
class Globals {
  #taken = new Map<PropertyKey, PropertyDescriptor>();

  cut(): void {
    for (const key of Reflect.ownKeys(globalThis)) {
      const descriptor = Object.getOwnPropertyDescriptor(globalThis, key);
      if (descriptor?.configurable !== true || kept.has(String(key))) continue;
      this.#taken.set(key, descriptor);
      Reflect.deleteProperty(globalThis, key);
    }
  }

  restore(): void {
    for (const [key, descriptor] of this.#taken) Object.defineProperty(globalThis, key, descriptor);
    this.#taken.clear();
  }
}

async function openSandbox(kind: string | undefined): Promise<Sandbox> {
  if (kind === "python") return (await import("./python-sandbox.ts")).openPython();
  return (await import("./javascript-sandbox.ts")).openJavaScript();
}

const host = process;
const send = (reply: Reply): void => void channel(reply);
const channel = host.send!.bind(host) as (reply: Reply) => boolean;
const kind = host.argv[2];
const exit = host.exit.bind(host);
// Emscripten's host file system, never mounted here, asks for a binding that the permissions deny.
const stub = (): unknown => ({ fs: constants });
Object.defineProperty(host, "binding", { value: stub, configurable: true });
// What the interpreter may learn of where it runs: nothing.
host.argv.splice(0, host.argv.length, "node", "answer");
// Stack switching would let a program wait on promises of ours.
Reflect.deleteProperty(WebAssembly, "Suspending");
Reflect.deleteProperty(WebAssembly, "promising");

const sandbox = await openSandbox(kind);
for (const name of [
  "binding",
  "_linkedBinding",
  "dlopen",
  "getBuiltinModule",
  "kill",
  "abort",
  "report",
  "send",
  "chdir",
])
  if (name !== "binding" || kind !== "python") Reflect.deleteProperty(host, name);
host.env = {};

const globals = new Globals();
host.on("disconnect", () => exit(0));
host.on("message", (job: Job) => void work(job));
globals.cut();
send({ kind: "ready" });

async function work(job: Job): Promise<void> {
  send({ kind: "outcome", outcome: await sandbox.run(job) });
  globals.restore();
  try {
    await sandbox.reset();
  } catch {
    exit(1);
  }
  globals.cut();
  send({ kind: "ready" });
}
