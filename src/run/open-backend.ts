import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Backend } from "../backends/backend.ts";
import type { BackendName } from "../backends/training.ts";
import { isAdapterDirectory } from "../checkpoint/adapter-directory.ts";
import { AutodidactError } from "../errors.ts";
import { hashWeights } from "./base-identity.ts";
import { type LocatedModel, type LocateOptions, locateModel } from "./locate-model.ts";
import { locateBase } from "./open-adapter.ts";
import { openModel } from "./open-model.ts";
import { type Compute, openPolicy } from "./open-policy.ts";

/** How a model is reached that is only asked, not trained. */
export interface BackendSettings extends Compute {
  readonly backend: BackendName;
  /** Where the model is on this machine or on the hub; for an endpoint the name it has there. */
  readonly model: string;
  /** The model below an adapter, in place of the one that the adapter names. */
  readonly base?: string | undefined;
  readonly endpoint: string | null;
  readonly apiKey?: string | undefined;
  /** Requests under way at once, or sequences decoded side by side. */
  readonly concurrency?: number | undefined;
  /** Samples that one request to an endpoint asks for. */
  readonly samplesPerRequest?: number | undefined;
  /** Seconds that one request to an endpoint may take. */
  readonly timeout?: number | undefined;
}

/** A model found, but not loaded. */
export interface FoundBackend {
  /** SHA-256 of each file that weights are read from; null behind an endpoint. */
  readonly weights: Readonly<Record<string, string>> | null;
  open(): Promise<Backend>;
}

/**
 * Finds a model for a backend, so that what is wrong is said before anything is loaded.
 *
 * @throws AutodidactError those of locateModel and locateBase; ENDPOINT_OPTIONS; LLAMA_CPP_MODEL where the model is no GGUF file
 */
export async function findBackend(settings: BackendSettings, locating: LocateOptions): Promise<FoundBackend> {
  const { backend, model, base, endpoint, apiKey, concurrency, samplesPerRequest, timeout, threads } = settings;
  if (backend === "openai") {
    const { openaiBackend } = await import("../backends/openai.ts");
    const open = openaiBackend({
      endpoint: endpoint ?? "",
      model,
      apiKey,
      concurrency,
      samplesPerRequest,
      ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
    });
    return { weights: null, open: async () => open };
  }
  const located = await locateModel(model, locating);
  const weights = await hashesOf(located, locating, base);
  if (backend === "embedded")
    return {
      weights,
      async open() {
        const { embeddedBackend } = await import("../backends/embedded.ts");
        return embeddedBackend(await openPolicy(await openModel(model, { ...locating, base }), settings));
      },
    };
  if ((await stat(located.path)).isDirectory())
    throw new AutodidactError(
      "LLAMA_CPP_MODEL",
      `${model}: is a directory, and llama.cpp reads GGUF files; name one, write one with autodidact export --to gguf, or leave out --backend`,
    );
  return {
    weights,
    async open() {
      const { llamaCppBackend } = await import("../backends/llama-cpp.ts");
      return llamaCppBackend({ path: located.path, sequences: concurrency, threads });
    },
  };
}

/** Of an adapter also its base's, without which it is no model. */
async function hashesOf(
  { path }: LocatedModel,
  locating: LocateOptions,
  named?: string,
): Promise<Record<string, string>> {
  if (!(await isAdapterDirectory(path))) return hashWeights(path);
  const { header, ...base } = await locateBase(path, (spec) => locateModel(spec, locating), named);
  const own = await hashWeights(join(header.path, "adapter_model.safetensors"));
  return { ...(base.weights ?? (await hashWeights(base.path))), ...own };
}
