import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
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
  checkProvider(provider);
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads ?? availableParallelism(),
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  };
  return {
    name: `onnxruntime/${provider}`,
    async compile(graph) {
      const session = await createSession(onnxModel(graph), options, provider);
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
  if (value.data instanceof Float32Array) return new ort.Tensor("float32", value.data, value.shape);
  throw new Error(`input ${name}: ONNX Runtime computes in float32`);
}

/** Providers that this build of ONNX Runtime carries on this platform. */
export function availableProviders(): ExecutionProvider[] {
  const carried = new Set(ort.listSupportedBackends().map((backend) => backend.name));
  return executionProviders.filter((provider) => carried.has(provider));
}

function checkProvider(provider: ExecutionProvider): void {
  const available = availableProviders();
  if (!available.includes(provider))
    throw new AutodidactError(
      "ENGINE_PROVIDER",
      `provider: "${provider}" is not available on this machine; available: ${available.join(", ")}`,
    );
}

async function createSession(
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
  provider: ExecutionProvider,
): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (error) {
    if (provider === "cpu") throw error;
    const others = availableProviders().filter((name) => name !== provider);
    throw new AutodidactError(
      "ENGINE_PROVIDER",
      `provider: "${provider}" could not start (${(error as Error).message}); choose one of: ${others.join(", ")}`,
      { cause: error },
    );
  }
}
