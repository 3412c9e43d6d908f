import { constants } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { Job, Reply } from "./protocol.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * The thread that a sandbox lives in. The program cannot reach this JavaScript; if it ever did, it should find nothing
 * here that is worth having: no environment, no globals of Node's, no code from strings, and a process without
 * permissions around it.
 */

/** What the sandboxes need of the global object while a program runs; all else is taken away. */
const kept = new Set(
  `Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError FinalizationRegistry Float32Array
  Float64Array Infinity Int16Array Int32Array Int8Array JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError
  Reflect RegExp Set String Symbol SyntaxError TextDecoder TextEncoder TypeError URIError Uint16Array Uint32Array Uint8Array
  Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly globalThis isFinite isNaN parseFloat parseInt performance undefined`.split(
    /\s+/,
  ),
);

/** Takes globals away while a program runs; loading an interpreter needs some of them. */
class Globals {
  #taken = new Map<PropertyKey, PropertyDescriptor>();

  cut(): void {
    // Read all before any goes: Node loads some of them when they are looked at, and needs others for that.
    for (const key of Reflect.ownKeys(globalThis)) {
      const descriptor = Object.getOwnPropertyDescriptor(globalThis, key);
      if (descriptor?.configurable === true && !kept.has(String(key))) this.#taken.set(key, descriptor);
    }
    for (const key of this.#taken.keys()) Reflect.deleteProperty(globalThis, key);
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
const port = parentPort!;
const send = port.postMessage.bind(port) as (reply: Reply) => void;
const exit = host.exit.bind(host);
const kind = host.argv[2];
// Emscripten's host file system, never mounted here, asks for a binding that the permissions deny.
const stub = (): unknown => ({ fs: constants });
Object.defineProperty(host, "binding", { value: stub, configurable: true });
// What the interpreter may learn of where it runs: nothing.
host.argv.splice(0, host.argv.length, "node", "answer");
// Stack switching would let a program wait on promises of ours.
Reflect.deleteProperty(WebAssembly, "Suspending");
Reflect.deleteProperty(WebAssembly, "promising");

const sandbox = await openSandbox(kind);
const dangerous = ["_linkedBinding", "dlopen", "getBuiltinModule", "kill", "abort", "report", "send", "chdir"];
for (const name of dangerous) Reflect.deleteProperty(host, name);
host.env = {};

const globals = new Globals();
port.on("message", (job: Job) => void work(job));
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
