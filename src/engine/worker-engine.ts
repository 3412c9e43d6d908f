import { Worker } from "node:worker_threads";
import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import type { EmbeddedOptions } from "./embedded.ts";
import type {
  Completion,
  Datum,
  Engine,
  EngineState,
  ForwardBackwardResult,
  Layout,
  Loss,
  OptimStep,
  OptimStepResult,
  SampleOptions,
  SampleProgress,
  SampleRequest,
  SavedState,
  SavedTensor,
  SnapshotName,
} from "./engine.ts";
import type { OnnxRuntimeOptions } from "./onnxruntime.ts";
import { size } from "./runtime.ts";
import { buffersOf, checkState, trainedShapes } from "./weight-set.ts";

/**
 * The ONNX Runtime engine in a worker thread. `session.run` blocks the thread it is called on for as long as it
 * computes; out there it leaves this thread's timers, signals and terminal alive.
 */
export interface WorkerOptions {
  readonly runtime: OnnxRuntimeOptions;
  readonly engine: EmbeddedOptions;
  /** Shared; 1 in its only place once the engine is being closed. */
  readonly closing: Int32Array;
}

type Verb = Exclude<keyof Engine, "name" | "config">;
export type Request =
  | { readonly id: number; readonly verb: "sample"; readonly args: readonly [SampleRequest[], SampleOptions] }
  | { readonly id: number; readonly verb: "read"; readonly args: readonly [Part, string, Float32Array] }
  | { readonly id: number; readonly verb: Exclude<Verb, "sample">; readonly args: readonly unknown[] };

/** The parts of a saved state, each as large as what is trained. */
export type Part = "weights" | "m" | "v" | SnapshotName;
/** What "save" answers; "read" then copies a tensor of a part into shared memory. */
export interface SavedOutline {
  readonly step: number;
  readonly snapshots: readonly SnapshotName[];
}

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly progress?: SampleProgress;
  readonly ended?: { readonly request: number; readonly completions: readonly Completion[] };
  readonly error?: { readonly code: string | null; readonly message: string };
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly listeners: Listeners;
}

type Listeners = Pick<SampleOptions, "onProgress" | "onCompletions">;

/** Starts the worker; fails with ENGINE_PROVIDER where the execution provider is not there. */
export async function openWorkerEngine(engine: EmbeddedOptions, runtime: OnnxRuntimeOptions = {}): Promise<Engine> {
  const closing = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData: { runtime, engine, closing } satisfies WorkerOptions,
  });
  const link = new Link(worker, closing);
  try {
    const name = (await link.started) as string;
    return new WorkerEngine(engine, name, link);
  } catch (error) {
    await link.terminate(); // it listens for verbs, and would keep the process alive
    throw error;
  }
}

class Link {
  readonly #worker: Worker;
  readonly #closing: Int32Array;
  readonly #pending = new Map<number, Pending>();
  readonly started: Promise<unknown>;
  #lastId = 0;
  /** Why nothing will be answered any more. */
  #ended: Error | null = null;

  constructor(worker: Worker, closing: Int32Array) {
    this.#worker = worker;
    this.#closing = closing;
    this.started = this.#expect(0);
    worker.on("message", (reply: Reply) => this.#receive(reply));
    worker.on("error", (error) => this.#failAll(error));
    worker.on("exit", (code) => this.#failAll(new Error(`the engine's worker thread ended with code ${code}`)));
  }

  /** `transfer` is memory of the arguments that is handed over instead of copied. */
  call(
    verb: Request["verb"],
    args: readonly unknown[],
    listeners: Listeners = {},
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const result = this.#expect(id, listeners);
    this.#worker.postMessage({ id, verb, args }, [...transfer]);
    return result;
  }

  /** The worker ends its work itself: terminated inside a native call, it would take the whole process down. */
  async close(): Promise<void> {
    Atomics.store(this.#closing, 0, 1);
    await this.call("close", []);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #expect(id: number, listeners: Listeners = {}): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, listeners }));
  }

  #receive({ id, value, progress, ended, error }: Reply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (progress !== undefined) {
      pending.listeners.onProgress?.(progress);
      return;
    }
    if (ended !== undefined) {
      pending.listeners.onCompletions?.(ended.request, ended.completions);
      return;
    }
    this.#pending.delete(id);
    if (error === undefined) pending.resolve(value);
    else
      pending.reject(error.code === null ? new Error(error.message) : new AutodidactError(error.code, error.message));
  }

  #failAll(error: Error): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

class WorkerEngine implements Engine {
  readonly config: ModelConfig;
  readonly name: string;
  readonly #lora: LoraConfig | undefined;
  readonly #link: Link;

  constructor({ config, lora }: EmbeddedOptions, name: string, link: Link) {
    this.config = config;
    this.#lora = lora;
    this.name = name;
    this.#link = link;
  }

  sample(
    requests: readonly SampleRequest[],
    { onProgress, onCompletions, ...options }: SampleOptions,
  ): Promise<Completion[][]> {
    const listeners = { ...(onProgress && { onProgress }), ...(onCompletions && { onCompletions }) };
    return this.#link.call("sample", [requests, options], listeners) as Promise<Completion[][]>;
  }

  forwardBackward(data: readonly Datum[], loss: Loss, layout?: Layout): Promise<ForwardBackwardResult> {
    return this.#link.call("forwardBackward", [data, loss, layout]) as Promise<ForwardBackwardResult>;
  }

  logprobs(data: readonly Datum[], weights: "policy" | SnapshotName, temperature?: number): Promise<Float32Array[]> {
    return this.#link.call("logprobs", [data, weights, temperature]) as Promise<Float32Array[]>;
  }

  optimStep(options: OptimStep): Promise<OptimStepResult> {
    return this.#link.call("optimStep", [options]) as Promise<OptimStepResult>;
  }

  snapshot(name: SnapshotName): Promise<void> {
    return this.#link.call("snapshot", [name]) as Promise<void>;
  }

  async save(): Promise<SavedState> {
    const { step, snapshots } = (await this.#link.call("save", [])) as SavedOutline;
    const shapes = trainedShapes(this.config, this.#lora);
    const memory = new SharedArrayBuffer(4 * Math.max(...[...shapes.values()].map(size)));
    const part = (part: Part): ReadonlyMap<string, SavedTensor> =>
      new Map(
        [...shapes].map(([name, shape]) => {
          const into = new Float32Array(memory, 0, size(shape));
          return [name, { shape, read: () => this.#link.call("read", [part, name, into]).then(() => into) }];
        }),
      );
    return {
      weights: part("weights"),
      optimizer: { step, m: part("m"), v: part("v") },
      snapshots: Object.fromEntries(snapshots.map((name) => [name, part(name)])),
    };
  }

  async load(state: EngineState): Promise<void> {
    checkState(this.config, this.#lora, state); // here, so that a refused state stays with the caller
    await this.#link.call("load", [state], {}, buffersOf(state));
  }

  /** Sampling under way is given up: who closes because of Ctrl-C shall not wait for the rest of a long measurement. */
  async close(): Promise<void> {
    await this.#link.close();
    await this.#link.terminate();
  }
}
