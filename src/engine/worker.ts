import { parentPort, workerData } from "node:worker_threads";
import { AutodidactError } from "../errors.ts";
import { EmbeddedEngine } from "./embedded.ts";
import type { Completion, Engine, EngineState, SampleProgress } from "./engine.ts";
import { onnxRuntime } from "./onnxruntime.ts";
import { buffersOf } from "./weight-set.ts";
import type { Reply, Request, WorkerOptions } from "./worker-engine.ts";

/** The other end of worker-engine.ts: an embedded engine in this thread, verbs called by message. */
const port = parentPort!;
const options = workerData as WorkerOptions;

const engine: Promise<Engine> = onnxRuntime(options.runtime).then(
  (runtime) => new EmbeddedEngine(runtime, options.engine),
);
engine.then(
  ({ name }) => post({ id: 0, value: name }),
  (error) => post({ id: 0, ...described(error) }),
);

// Requests run one after another: the engine's state is not made for interleaving.
let queue: Promise<unknown> = engine.catch(() => {});
port.on("message", (request: Request) => {
  queue = queue.then(async () => {
    try {
      const value = await call(await engine, request);
      post({ id: request.id, value }, request.verb === "save" ? buffersOf(value as EngineState) : []);
    } catch (error) {
      post({ id: request.id, ...described(error) });
    }
  });
});

function call(to: Engine, { id, verb, args }: Request): Promise<unknown> {
  if (verb !== "close") goOn();
  if (verb === "sample") {
    const onProgress = (progress: SampleProgress): void => {
      goOn();
      post({ id, progress });
    };
    const onCompletions = (request: number, completions: readonly Completion[]): void =>
      post({ id, ended: { request, completions } });
    return to.sample(args[0], { ...args[1], onProgress, onCompletions });
  }
  const method = to[verb] as (...args: readonly unknown[]) => Promise<unknown>;
  return method.apply(to, [...args]);
}

/** No message gets through while something runs; this memory is shared. */
function goOn(): void {
  if (Atomics.load(options.closing, 0) === 1) throw new Error("the engine was closed");
}

function described(error: unknown): Pick<Reply, "error"> {
  if (error instanceof AutodidactError) return { error: { code: error.code, message: error.message } };
  return { error: { code: null, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } };
}

function post(reply: Reply, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(reply, [...transfer]);
}
