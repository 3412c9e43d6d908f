import { parentPort, workerData } from "node:worker_threads";
import { AutodidactError } from "../errors.ts";
import { EmbeddedEngine } from "./embedded.ts";
import type { Completion, Engine, SampleProgress, SavedState } from "./engine.ts";
import { onnxRuntime } from "./onnxruntime.ts";
import type { Part, Reply, Request, SavedOutline, WorkerOptions } from "./worker-engine.ts";

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
      post({ id: request.id, value: await call(await engine, request) });
    } catch (error) {
      post({ id: request.id, ...described(error) });
    }
  });
});

function call(to: Engine, { id, verb, args }: Request): Promise<unknown> {
  if (verb !== "close") goOn();
  if (verb === "save") return to.save().then(outline);
  if (verb === "read") return read(...args);
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

let saved: SavedState;

/** Functions do not go through messages: the other end makes its own, which ask for one tensor after the other. */
function outline(state: SavedState): SavedOutline {
  saved = state;
  return { step: state.optimizer!.step, snapshots: Object.keys(state.snapshots!) as SavedOutline["snapshots"] };
}

async function read(part: Part, name: string, into: Float32Array): Promise<void> {
  const { weights, optimizer, snapshots } = saved;
  const tensors = { weights, m: optimizer!.m, v: optimizer!.v, ...snapshots }[part];
  into.set(await tensors!.get(name)!.read());
}

/** No message gets through while something runs; this memory is shared. */
function goOn(): void {
  if (Atomics.load(options.closing, 0) === 1) throw new Error("the engine was closed");
}

function described(error: unknown): Pick<Reply, "error"> {
  if (error instanceof AutodidactError) return { error: { code: error.code, message: error.message } };
  return { error: { code: null, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } };
}

function post(reply: Reply): void {
  port.postMessage(reply);
}
