import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import vm from "node:vm";
import quickjs from "@jitl/quickjs-ng-wasmfile-release-sync";
import swc from "@swc/wasm-typescript";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";
import { prelude } from "./javascript-prelude.ts";
import { type Ending, type Job, longestDetail, type Outcome, outcome } from "./protocol.ts";
import { endedByV8, type Sandbox } from "./sandbox.ts";

/**
 * JavaScript and TypeScript in QuickJS, which is WebAssembly too: every run has an instance of its own, made of the same
 * machine code. The host gives it two functions, one that takes text and one that takes an exit status.
 */

/** Bytes of the interpreter's stack, of the 5 MiB it is built with: about 26,000 plain calls. */
const stackBytes = 4 * 1024 * 1024;
/** What the interpreter gets to see its own deadline before V8 ends it. */
const graceMs = 50;
const entry = "autodidactRun";
// The package's types describe its CommonJS build; what is imported here is the variant itself.
const base = quickjs as unknown as QuickJSSyncVariant;
const script = new vm.Script(`${entry}()`);

/** How a run stands: set by the functions that the program can reach. */
interface Course {
  over: "exit" | "output" | null;
  status: number;
  /** Growing beyond its memory was asked for. */
  memoryRefused: boolean;
  readonly deadline: number;
}

/** Only the interpreter's memory is limited to it; 16 MiB are there before the program starts. */
export async function openJavaScript(): Promise<Sandbox> {
  const bytes = await readFile(new URL(import.meta.resolve("@jitl/quickjs-ng-wasmfile-release-sync/wasm")));
  const variant = newVariant(base, { wasmModule: await WebAssembly.compile(bytes) });
  let module = await newQuickJSWASMModuleFromVariant(variant);
  let compilerSound = true;
  return {
    async run(job) {
      let result: Outcome | null = null;
      const started = performance.now();
      const run = (): void => {
        let code = job.code;
        if (job.language === "typescript") {
          compilerSound = false;
          const stripped = stripTypes(code);
          compilerSound = !stripped.broken;
          if (stripped.error !== null) {
            result = outcome("compile-error", { detail: stripped.error });
            return;
          }
          code = stripped.code;
        }
        result = new Run(module, { ...job, code }).finish();
      };
      Object.defineProperty(globalThis, entry, { configurable: true, value: run });
      try {
        script.runInThisContext({ timeout: Math.ceil(job.timeMs) + graceMs });
      } catch (error) {
        const late = endedByV8(error);
        const said = error instanceof Error ? `the interpreter stopped: ${error.message}` : "the interpreter stopped";
        result = late
          ? outcome("time-limit", { detail: `longer than ${job.timeMs} ms` })
          : outcome("runtime-error", { detail: said.slice(0, longestDetail) });
      }
      Reflect.deleteProperty(globalThis, entry);
      return { ...(result ?? outcome("sandbox-error")), ms: performance.now() - started };
    },
    async reset() {
      // A compiler that failed or was stopped half-way is not to be trusted any more; a new process has a new one.
      if (!compilerSound) throw new Error("the type stripper failed");
      module = await newQuickJSWASMModuleFromVariant(variant);
    },
  };
}

interface Stripped {
  readonly code: string;
  /** What is wrong with the program; null where nothing is. */
  readonly error: string | null;
  /** The compiler itself failed, as on nesting deeper than its stack. */
  readonly broken: boolean;
}

/** TypeScript to JavaScript: types become spaces; enums and namespaces are compiled where there are any. */
function stripTypes(code: string, mode: "strip-only" | "transform" = "strip-only"): Stripped {
  try {
    const result = swc.transformSync(code, { mode, module: true, filename: "answer.ts" });
    return { code: result.code, error: null, broken: false };
  } catch (thrown) {
    // The compiler's own complaints are plain objects with a code.
    const { code: kind, message } = Object(thrown) as { code?: unknown; message?: unknown };
    if (mode === "strip-only" && kind === "UnsupportedSyntax") return stripTypes(code, "transform");
    return { code, error: String(message).slice(0, longestDetail), broken: thrown instanceof Error };
  }
}

/** What `import` finds: the names that the prelude's `require` has. */
const exported: Readonly<Record<string, string>> = {
  fs: "readFileSync, writeFileSync, writeSync, existsSync",
  readline: "createInterface",
  process: "stdin, stdout, stderr, argv, env, exit, hrtime, nextTick",
  assert: "ok",
  util: "inspect, format",
  os: "EOL",
  events: "EventEmitter",
  perf_hooks: "performance",
};

function moduleSource(name: string): string | { error: Error } {
  const known = name.replace(/^node:/, "");
  if (!Object.hasOwn(exported, known)) return { error: new Error(`Cannot find module '${name}'`) };
  return `const all = require("${known}"); export default all; export const { ${exported[known]} } = all;`;
}

/** One program in one instance. */
class Run {
  readonly #job: Job;
  readonly #runtime: QuickJSRuntime;
  readonly #context: QuickJSContext;
  readonly #course: Course;
  #stdout = "";
  #left: number;

  constructor(module: QuickJSWASMModule, job: Job) {
    this.#job = job;
    this.#left = job.outputBytes;
    const course: Course = { over: null, status: 0, memoryRefused: false, deadline: performance.now() + job.timeMs };
    this.#course = course;
    this.#runtime = module.newRuntime();
    const mostBytes = job.memoryMiB * 1024 * 1024;
    // QuickJS's own limit holds for one allocation at a time; the sum is held by what its memory may grow to.
    this.#runtime.setMemoryLimit(mostBytes);
    const memory = module.getWasmMemory();
    const grow = memory.grow.bind(memory);
    const limited = (pages: number): number => {
      // Emscripten asks for more than it needs first, then for less: only the last word counts.
      course.memoryRefused = memory.buffer.byteLength + pages * 65_536 > mostBytes;
      if (!course.memoryRefused) return grow(pages);
      throw new RangeError("the sandbox's memory is full");
    };
    Object.defineProperty(memory, "grow", { value: limited });
    this.#runtime.setMaxStackSize(stackBytes);
    this.#runtime.setInterruptHandler(() => course.over !== null || performance.now() > course.deadline);
    this.#runtime.setModuleLoader(moduleSource);
    this.#context = this.#runtime.newContext();
  }

  finish(): Outcome {
    let [ending, value, detail]: [Ending, string | null, string] = ["sandbox-error", null, ""];
    try {
      [ending, value, detail] = this.#go();
    } catch (error) {
      if (!(error instanceof Thrown)) throw error;
      [ending, detail] = this.#fault(error);
    }
    return outcome(ending, { stdout: this.#stdout, value, detail: detail.slice(0, longestDetail) });
  }

  #go(): [Ending, string | null, string] {
    const { call, code } = this.#job;
    const context = this.#context;
    const write = context.newFunction("write", (text) =>
      this.#write(context.getString(text)) ? context.true : context.false,
    );
    const exit = context.newFunction("exit", (status) => {
      this.#course.over ??= "exit";
      this.#course.status = context.getNumber(status);
    });
    const make = this.#take(context.evalCode(prelude, "prelude.js"));
    const kit = this.#call(make, write, exit, context.newString(this.#job.input));
    const tool = (name: string): QuickJSHandle => context.getProp(kit, name);

    const kind = this.#compiles(code);
    if (typeof kind !== "string") return ["compile-error", null, kind.error];
    const head = call?.name.split(".")[0];
    // A module's names are its own: the one that is asked for is handed out at its end.
    const handOut =
      head && kind === "module"
        ? `\n;globalThis[" entry"] = typeof ${head} === "undefined" ? undefined : ${head};`
        : "";
    const evaluated = this.#take(context.evalCode(code + handOut, "answer.js", { type: kind }));
    if (kind === "module") this.#settle(evaluated, tool("step"));
    if (call === null) {
      this.#drain(tool("step"));
      const status = context.dump(this.#call(tool("exitCode"))) as unknown;
      return status === undefined || status === 0 || status === null
        ? ["done", null, ""]
        : ["runtime-error", null, `exit status ${String(status).slice(0, 100)}`];
    }
    const lookUp = handOut ? `globalThis[" entry"]` : `typeof ${head} === "undefined" ? undefined : ${head}`;
    const found = this.#take(context.evalCode(lookUp, "entry.js"));
    const target = this.#call(tool("find"), context.newString(call.name), found);
    if (context.typeof(target) !== "function")
      return ["runtime-error", null, `the program defines no function ${call.name}`];
    const result = this.#settle(this.#call(tool("invoke"), target, context.newString(call.args)), tool("step"));
    return this.#encode(tool("encode"), result);
  }

  #encode(encode: QuickJSHandle, result: QuickJSHandle): [Ending, string | null, string] {
    let text: QuickJSHandle;
    try {
      text = this.#call(encode, result);
    } catch (error) {
      if (!(error instanceof Thrown) || this.#fault(error)[0] !== "runtime-error") throw error;
      return ["done", null, `the result is no JSON: ${error.message}`];
    }
    const value = this.#context.getString(text);
    return value.length > this.#left ? ["output-limit", null, "the value is too long"] : ["done", value, ""];
  }

  /** A script where it can be one, so that its functions are global; a module where it has import, export or await. */
  #compiles(code: string): "global" | "module" | { readonly error: string } {
    let first = "";
    for (const type of ["global", "module"] as const) {
      const result = this.#context.evalCode(code, "answer.js", { type, compileOnly: true });
      if (result.error === undefined) {
        result.value.dispose();
        return type;
      }
      const { message } = this.#thrown(result.error);
      first ||= message;
      if (!/\b(import|export|await)\b/.test(code)) break;
      if (type === "module") return { error: message };
    }
    return { error: first };
  }

  /** Runs what was promised and what was planned; gives the promise's value, or the value itself. */
  #settle(value: QuickJSHandle, step: QuickJSHandle): QuickJSHandle {
    for (;;) {
      this.#jobs();
      const state = this.#context.getPromiseState(value);
      if (state.type === "fulfilled") return state.notAPromise ? value : state.value;
      if (state.type === "rejected") throw this.#thrown(state.error);
      if (!this.#step(step)) throw new Thrown("Error", "a promise that is never settled");
    }
  }

  #drain(step: QuickJSHandle): void {
    do this.#jobs();
    while (this.#step(step));
  }

  #step(step: QuickJSHandle): boolean {
    return this.#context.dump(this.#call(step)) === true;
  }

  #jobs(): void {
    const result = this.#runtime.executePendingJobs();
    if (result.error !== undefined) throw this.#thrown(result.error);
  }

  #call(target: QuickJSHandle, ...args: QuickJSHandle[]): QuickJSHandle {
    return this.#take(this.#context.callFunction(target, this.#context.undefined, ...args));
  }

  #take(result: { error?: QuickJSHandle | undefined; value?: QuickJSHandle }): QuickJSHandle {
    if (result.error !== undefined) throw this.#thrown(result.error);
    return result.value!;
  }

  #thrown(error: QuickJSHandle): Thrown {
    const dumped: unknown = this.#context.dump(error);
    if (typeof dumped !== "object" || dumped === null) return new Thrown("", `thrown: ${String(dumped)}`);
    const { name, message, stack } = dumped as Record<string, unknown>;
    if (typeof name !== "string") return new Thrown("", "thrown: an object that is no Error");
    const line = typeof stack === "string" ? /answer\.js:(\d+)/.exec(stack)?.[1] : undefined;
    return new Thrown(name, `${name}: ${message}${line ? ` (line ${line})` : ""}`);
  }

  #fault(error: Thrown): [Ending, string] {
    const { over, status, memoryRefused, deadline } = this.#course;
    if (over === "output") return ["output-limit", `more than ${this.#job.outputBytes} bytes`];
    if (over === "exit")
      return status === 0 && this.#job.call === null ? ["done", ""] : ["runtime-error", `exit status ${status}`];
    // Past its deadline it may have been interrupted anywhere, while its error was read too.
    if (performance.now() > deadline) return ["time-limit", `longer than ${this.#job.timeMs} ms`];
    if (memoryRefused || (error.kind === "InternalError" && error.message.includes("out of memory")))
      return ["memory-limit", `more than ${this.#job.memoryMiB} MiB`];
    return ["runtime-error", error.message];
  }

  /** True when the program has written more than it may. */
  #write(text: string): boolean {
    this.#left -= Buffer.byteLength(text);
    if (this.#left < 0) this.#course.over ??= "output";
    else this.#stdout += text;
    return this.#course.over !== null;
  }
}

/** What the program threw, or the interpreter in its place. */
class Thrown extends Error {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}
