import v8 from "node:v8";
import vm from "node:vm";
import { loadPyodide, type PyodideAPI } from "pyodide";
import { type Ending, endings, type Job, longestDetail, type Outcome, outcome } from "./protocol.ts";
import { Break, Gate } from "./python-gate.ts";
import { harness } from "./python-harness.ts";
import { endedByV8, type Sandbox } from "./sandbox.ts";

/**
 * CPython in WebAssembly, frozen right after its start: before every run its memory is the same, byte for byte. A run is
 * ended by V8 itself when its time is over, inside C loops too, so nothing in Python can outlast it or catch it.
 */

/** The part of Emscripten's module that is used; Pyodide's types leave it out. */
interface Interpreter {
  readonly HEAPU8: Uint8Array;
  readonly FS: { readonly streams: (Stream | null | undefined)[] };
  stackSave(): number;
  stackRestore(pointer: number): void;
  _malloc(size: number): number;
  _PyImport_AddModule(name: number): number;
  _PyModule_GetDict(module: number): number;
  _PyUnicode_FromStringAndSize(text: number, bytes: number): number;
  _PyDict_SetItemString(dict: number, key: number, value: number): number;
  _PyRun_String(code: number, start: number, globals: number, locals: number): number;
  _PyUnicode_AsUTF8(text: number): number;
  _emscripten_stack_get_base(): number;
  _PyThreadState_Get(): number;
  _PyUnstable_ThreadState_SetStackProtection(thread: number, start: number, bytes: number): number;
}

interface Stream {
  flags: number;
  position: number;
}

/** Start symbol of an expression in CPython's grammar. */
const evalInput = 258;
/**
 * Bytes of its own stack after which CPython says RecursionError, or puts off freeing the rest of a long chain. Low enough
 * that V8's stack, which grows with it, is never full first.
 */
const stackBytes = 5 * 1024 * 1024;
/** What a program may leave grown and is wiped with the rest; beyond, a new interpreter is cheaper. */
const wipedBytes = 128 * 1024 * 1024;
/** Where `vm` finds the run; a timeout holds for a script, not for a function. */
const entry = "autodidactRun";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const script = new vm.Script(`${entry}()`);
const settings = { env: { PYTHONHASHSEED: "0" }, args: ["-B"], _sysExecutable: "python" };

let compiled: WebAssembly.Module | undefined;

/** Loads Pyodide with its imports behind the gate. The machine code is shared by all instances of this process. */
async function load(gate: Gate, options: Parameters<typeof loadPyodide>[0]): Promise<PyodideAPI> {
  const wasm = WebAssembly as unknown as {
    instantiate(source: unknown, imports?: WebAssembly.Imports): Promise<unknown>;
  };
  const instantiate = wasm.instantiate;
  wasm.instantiate = async (source, imports) => {
    if (imports?.env === undefined || imports["GOT.func"] === undefined) return instantiate(source, imports);
    compiled ??= await WebAssembly.compile(source as BufferSource);
    const env = gate.wrap(imports.env) as WebAssembly.ModuleImports;
    const instance = await instantiate(compiled, { ...imports, env, wasi_snapshot_preview1: env });
    return { module: compiled, instance };
  };
  try {
    return await loadPyodide({ ...settings, ...options });
  } finally {
    wasm.instantiate = instantiate;
  }
}

/** One interpreter, sealed, with the image it is put back to. */
class Instance {
  readonly #gate: Gate;
  readonly #wasm: Interpreter;
  readonly #image: Uint8Array;
  readonly #stack: number;
  readonly #streams: readonly (Stream | null | undefined)[];
  readonly #marks: readonly Stream[];
  #input = new Uint8Array(0);
  #inputAt = 0;
  #output: Uint8Array[] = [];
  #outputLeft = 0;
  #errors: Uint8Array[] = [];

  constructor(api: PyodideAPI, gate: Gate) {
    this.#gate = gate;
    api.setStdin({ read: (buffer) => this.#read(buffer), isatty: false });
    api.setStdout({ write: (buffer) => this.#write(buffer), isatty: false });
    api.setStderr({ write: (buffer) => this.#writeError(buffer), isatty: false });
    api.runPython("_seal()");
    gate.seal();
    this.#wasm = (api as unknown as { _module: Interpreter })._module;
    const base = this.#wasm._emscripten_stack_get_base();
    const thread = this.#wasm._PyThreadState_Get();
    this.#wasm._PyUnstable_ThreadState_SetStackProtection(thread, base - stackBytes, stackBytes);
    this.#streams = [...this.#wasm.FS.streams];
    this.#marks = this.#streams.map((stream) => ({ flags: stream?.flags ?? 0, position: stream?.position ?? 0 }));
    this.#stack = this.#wasm.stackSave();
    this.#image = this.#wasm.HEAPU8.slice();
  }

  run(job: Job): { readonly outcome: Outcome; readonly spoilt: boolean } {
    this.#input = encoder.encode(job.input);
    this.#inputAt = 0;
    this.#output = [];
    this.#errors = [];
    this.#outputLeft = job.outputBytes;
    this.#gate.memoryBytes = job.memoryMiB * 1024 * 1024;
    this.#gate.memoryRefused = false;
    this.#gate.overflowed = false;
    let answer: string | null = null;
    let broken: unknown = null;
    const started = performance.now();
    Object.defineProperty(globalThis, entry, { configurable: true, value: () => this.#evaluate(job) });
    try {
      answer = script.runInThisContext({ timeout: Math.max(1, Math.ceil(job.timeMs)) }) as string | null;
    } catch (error) {
      broken = error;
    }
    const ms = performance.now() - started;
    Reflect.deleteProperty(globalThis, entry);
    const [ending, value, detail] = broken === null ? this.#readAnswer(answer) : this.#brokenOff(broken, job);
    const said = detail || decoder.decode(concat(this.#errors)).trim();
    const stdout = decoder.decode(concat(this.#output));
    return {
      outcome: outcome(ending, { stdout, value, detail: said.slice(-longestDetail), ms }),
      spoilt: broken !== null || !this.#streamsKept() || this.#wasm.HEAPU8.length > wipedBytes,
    };
  }

  /** Puts memory back to the image. Not for an instance that is spoilt. */
  reset(): void {
    const memory = this.#wasm.HEAPU8;
    memory.set(this.#image);
    if (memory.length > this.#image.length) memory.fill(0, this.#image.length);
    this.#wasm.stackRestore(this.#stack);
    this.#wasm.FS.streams.length = this.#streams.length;
    this.#streams.forEach((stream, fd) => {
      if (stream) stream.position = this.#marks[fd]!.position;
    });
  }

  #evaluate(job: Job): string | null {
    const wasm = this.#wasm;
    const globals = wasm._PyModule_GetDict(wasm._PyImport_AddModule(this.#text("__main__")[0]));
    const set = (name: string, text: string): void => {
      const value = wasm._PyUnicode_FromStringAndSize(...this.#text(text));
      wasm._PyDict_SetItemString(globals, this.#text(name)[0], value);
    };
    set("_source", job.code);
    set("_name", job.call?.name ?? "");
    set("_args", job.call?.args ?? "");
    const code = this.#text("_run(_source, _name or None, _args)")[0];
    const result = wasm._PyRun_String(code, evalInput, globals, globals);
    const start = result === 0 ? 0 : wasm._PyUnicode_AsUTF8(result);
    if (start === 0) return null;
    const memory = wasm.HEAPU8;
    return decoder.decode(memory.subarray(start, memory.indexOf(0, start)));
  }

  /** Address and bytes of a text in the interpreter's memory, closed by a zero. It is wiped with the rest. */
  #text(text: string): [address: number, bytes: number] {
    const bytes = encoder.encode(text);
    const address = this.#wasm._malloc(bytes.length + 1);
    if (address === 0) throw new RangeError("no memory for the program");
    this.#wasm.HEAPU8.set(bytes, address);
    this.#wasm.HEAPU8[address + bytes.length] = 0;
    return [address, bytes.length];
  }

  /** What the harness said, if it was the harness: the program can say anything in its place. */
  #readAnswer(answer: string | null): [Ending, string | null, string] {
    const parts: unknown = answer === null ? null : parsed(answer);
    if (!Array.isArray(parts)) return [this.#gate.memoryRefused ? "memory-limit" : "runtime-error", null, "no result"];
    const [ending, value, detail] = parts as unknown[];
    if (!endings.includes(ending as Ending) || typeof detail !== "string") return ["runtime-error", null, "no result"];
    const text = typeof value === "string" ? value : null;
    if (text !== null && text.length > this.#outputLeft) return ["output-limit", null, "the value is too long"];
    if (ending === "runtime-error" && this.#gate.memoryRefused) return ["memory-limit", null, detail];
    return [ending as Ending, text, detail];
  }

  #brokenOff(error: unknown, job: Job): [Ending, null, string] {
    if (error instanceof Break) {
      if (error.kind === "output") return ["output-limit", null, `more than ${job.outputBytes} bytes`];
      if (error.kind === "refused") return ["refused", null, error.message];
      return [error.status === 0 && job.call === null ? "done" : "runtime-error", null, error.message];
    }
    if (endedByV8(error)) return ["time-limit", null, `longer than ${job.timeMs} ms`];
    if (this.#gate.memoryRefused) return ["memory-limit", null, `more than ${job.memoryMiB} MiB`];
    // A WebAssembly trap or an overflow of V8's stack: recursion of C code, or an interpreter broken on purpose.
    return ["runtime-error", null, error instanceof Error ? `the interpreter stopped: ${error.message}` : "stopped"];
  }

  #read(buffer: Uint8Array): number {
    const part = this.#input.subarray(this.#inputAt, this.#inputAt + buffer.length);
    buffer.set(part);
    this.#inputAt += part.length;
    return part.length;
  }

  #write(buffer: Uint8Array): number {
    this.#outputLeft -= buffer.length;
    if (this.#outputLeft < 0) this.#gate.overflowed = true;
    else this.#output.push(buffer.slice());
    return buffer.length;
  }

  #writeError(buffer: Uint8Array): number {
    this.#errors.push(buffer.slice(-longestDetail));
    if (this.#errors.length > 64) this.#errors = [concat(this.#errors).slice(-longestDetail)];
    return buffer.length;
  }

  /** Files left open behind the first ones are dropped; a stream that was replaced or changed spoils the instance. */
  #streamsKept(): boolean {
    const now = this.#wasm.FS.streams;
    return this.#streams.every(
      (stream, fd) => now[fd] === stream && (!stream || stream.flags === this.#marks[fd]!.flags),
    );
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** V8's collector sees only the small objects that hold an interpreter's memory, and would let dozens of them pile up. */
function collector(): () => void {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}

/** Starts Python: about two seconds once, a fraction of one for each interpreter after the first. */
export async function openPython(): Promise<Sandbox> {
  const first = await load(new Gate(), { _makeSnapshot: true });
  first.runPython(harness);
  const snapshot = first.makeMemorySnapshot();
  const open = async (): Promise<Instance> => {
    const gate = new Gate();
    return new Instance(await load(gate, { _loadSnapshot: snapshot }), gate);
  };
  const collect = collector();
  let instance = await open();
  let spoilt = false;
  return {
    async run(job) {
      const result = instance.run(job);
      spoilt = result.spoilt;
      return result.outcome;
    },
    async reset() {
      if (spoilt) {
        instance = await open();
        collect();
      } else instance.reset();
      spoilt = false;
    },
  };
}
