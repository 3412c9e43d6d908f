import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import * as ops from "../autodiff/ops.ts";
import { AutodidactError } from "../errors.ts";
import { onnxModel } from "./onnx-model.ts";
import type { Runtime, Value } from "./runtime.ts";

export const executionProviders = ["cpu", "webgpu", "cuda"] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

export interface OnnxRuntimeOptions {
  /** @default "cpu" */
  readonly provider?: ExecutionProvider;
  /** @default all cores */
  readonly threads?: number;
}

/** Runs graphs on ONNX Runtime. `session.run` blocks its thread: use it from a worker (worker.ts), or in tests. */
export async function onnxRuntime({ provider = "cpu", threads }: OnnxRuntimeOptions = {}): Promise<Runtime> {
  await checkProvider(provider);
  const options: ort.InferenceSession.SessionOptions = {
    ...quietly(provider),
    intraOpNumThreads: threads ?? availableParallelism(),
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    // A block for all results of a shape, beside the pieces of its first run: a quarter more memory, and no faster.
    enableMemPattern: false,
  };
  // Asked for SimplifiedLayerNormalization's second output, WebGPU's kernel writes something else into it (1.30).
  const sharedNormScale = provider !== "webgpu";
  return {
    name: `onnxruntime/${provider}`,
    async compile(graph) {
      const session = await ort.InferenceSession.create(onnxModel(graph, { sharedNormScale }), options);
      return {
        async run(feeds) {
          const tensors: Record<string, ort.Tensor> = {};
          for (const name of session.inputNames) tensors[name] = tensor(name, feeds[name]);
          const results = await session.run(tensors);
          return Object.fromEntries(
            Object.entries(results).map(([name, result]) => [
              name,
              { shape: result.dims, data: result.data as Float32Array },
            ]),
          );
        },
        release: () => session.release(),
      };
    },
  };
}

function tensor(name: string, value: Value | undefined): ort.Tensor {
  if (value === undefined) throw new Error(`input ${name} was not fed`);
  if (value.data instanceof BigInt64Array) return new ort.Tensor("int64", value.data, value.shape);
  if (value.data instanceof Uint16Array) return new ort.Tensor("uint16", value.data, value.shape);
  if (value.data instanceof Int8Array) return new ort.Tensor("int8", value.data, value.shape);
  if (value.data instanceof Float32Array) return new ort.Tensor("float32", value.data, value.shape);
  throw new Error(`input ${name}: ONNX Runtime computes in float32`);
}

/** Providers that compute on this machine: carried by this build of ONNX Runtime, and able to start. */
export async function availableProviders(
  candidates: readonly ExecutionProvider[] = executionProviders,
): Promise<ExecutionProvider[]> {
  const available: ExecutionProvider[] = [];
  for (const provider of candidates) if ((await failureOf(provider)) === null) available.push(provider);
  return available;
}

async function checkProvider(provider: ExecutionProvider): Promise<void> {
  const failure = await failureOf(provider);
  if (failure === null) return;
  const others = await availableProviders(executionProviders.filter((other) => other !== provider));
  throw new AutodidactError(
    "ENGINE_PROVIDER",
    `provider: "${provider}" is not available on this machine (${failure}); available: ${others.join(", ")}`,
  );
}

/** Why a provider cannot compute here, tried with the smallest of models; null where it can. */
async function failureOf(provider: ExecutionProvider): Promise<string | null> {
  if (provider === "cpu") return null;
  if (!ort.listSupportedBackends().some(({ name }) => name === provider))
    return "this build of ONNX Runtime does not carry it";
  try {
    ort.env.logLevel = "fatal"; // what fails is thrown, and need not be on the terminal too
    const x = ops.input("x", [1]);
    const session = await ort.InferenceSession.create(
      onnxModel({ outputs: new Map([["y", ops.mul(x, 2)]]) }),
      quietly(provider),
    );
    await session.release();
    return null;
  } catch (error) {
    return (error as Error).message
      .replace(/^.*&\)::<lambda\(\)> /, "")
      .replace(/\s+/g, " ")
      .trim();
  }
}

function quietly(provider: ExecutionProvider): ort.InferenceSession.SessionOptions {
  return { executionProviders: [provider], logSeverityLevel: 3 };
}
