/**
 * The border between the interpreter and JavaScript. WebAssembly can call out only through its imports, so that is where
 * access is cut: once sealed, what is not listed here as harmless is refused, whatever Python got hold of (`js`, a
 * JsProxy found by the garbage collector, ctypes, a forged pointer).
 */

type Import = (...args: never[]) => unknown;

/** Clocks, randomness, the program's own files and stack: they reach nothing outside of the interpreter's memory. */
const harmless: ReadonlySet<string> = new Set([
  // Calls of C functions through pointers of another type; stays within the WebAssembly table.
  "_PyEM_TrampolineCall_JS",
  "_Py_emscripten_runtime",
  "clock_res_get",
  "clock_time_get",
  "emscripten_date_now",
  "emscripten_get_now",
  "emscripten_get_heap_max",
  "_gmtime_js",
  "_localtime_js",
  "_mktime_js",
  "_timegm_js",
  "_tzset_js",
  "random_get",
  "environ_get",
  "environ_sizes_get",
  // Reading: the file system is one in memory, holds the standard library and is never mounted from the host.
  "__syscall_faccessat",
  "__syscall_dup",
  "__syscall_dup3",
  "__syscall_fcntl64",
  "__syscall_fstat64",
  "__syscall_getcwd",
  "__syscall_getdents64",
  "__syscall_getuid32_js",
  "__syscall_ioctl",
  "__syscall_lstat64",
  "__syscall_newfstatat",
  "__syscall_readlinkat",
  "__syscall_stat64",
  "fd_fdstat_get",
  "fd_pread",
  "fd_read",
  "fd_seek",
  "fd_sync",
]);

/** Errors of the file system layer, as negative WASI numbers. */
const notPermitted = -63;
const readOnly = -69;
/** musl's open flags: write only, read and write, create, truncate. */
const writing = 0o1 | 0o2 | 0o100 | 0o1000;

/** Why a run was broken off from this side. Thrown through the interpreter, which cannot catch it. */
export class Break extends Error {
  readonly kind: "exit" | "output" | "refused";
  readonly status: number;

  constructor(kind: Break["kind"], message: string, status = 0) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

export class Gate {
  #sealed = false;
  /** Most bytes the interpreter's memory may have; growing beyond fails as it does without memory. */
  memoryBytes = Number.POSITIVE_INFINITY;
  /** Growing beyond was asked for. */
  memoryRefused = false;
  /** The program has written more than it may. */
  overflowed = false;

  /** From here on only the harmless imports work. */
  seal(): void {
    this.#sealed = true;
  }

  /** The imports that the interpreter is instantiated with. */
  wrap(imports: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const wrapped: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(imports)) {
      if (typeof value !== "function" || harmless.has(name)) wrapped[name] = value;
      else {
        const open = value as Import;
        const guarded = this.#guarded(name, open);
        wrapped[name] = (...args: never[]) => (this.#sealed ? guarded(...args) : open(...args));
      }
    }
    return wrapped;
  }

  #guarded(name: string, open: Import): Import {
    switch (name) {
      case "fd_write":
        return (...args) => {
          const result = open(...args);
          if (this.overflowed) throw new Break("output", "too much output");
          return result;
        };
      case "fd_close":
        // `open(0)` closes standard input when it is collected; the three streams outlive the program.
        return (...args) => (args[0] <= 2 ? 0 : open(...args));
      case "__syscall_openat":
        return (...args) => ((args[2] as number) & writing ? readOnly : open(...args));
      case "emscripten_resize_heap":
        return (...args) => {
          if ((args[0] as number) >>> 0 <= this.memoryBytes) return open(...args);
          this.memoryRefused = true;
          return 0;
        };
      case "proc_exit":
      case "exit":
        return (...args) => {
          throw new Break("exit", `exit status ${args[0]}`, Number(args[0]));
        };
      case "can_run_sync_js":
        return () => 0;
      default:
        if (name.startsWith("__syscall_") || name.startsWith("fd_")) return () => notPermitted;
        return () => {
          throw new Break("refused", `the program reached for ${name}, which lies outside of the sandbox`);
        };
    }
  }
}
