import { z } from "zod";
import { type BackendName, backendNames } from "../backends/training.ts";
import { mostThreads } from "../recipe/schema.ts";
import type { BackendSettings } from "../run/open-backend.ts";
import { type Context, UsageError } from "./command.ts";
import { modelSpec } from "./run-options.ts";

/** Options of commands that ask a model and do not train it. */
export const backendOptions = {
  model: z
    .string()
    .min(1)
    .describe("model or run directory, adapter, GGUF file or id on the hub; with --endpoint its name there")
    .meta({ value: "SPEC" }),
  base: z
    .string()
    .min(1)
    .optional()
    .describe("the model below an adapter; the one that the adapter names where left out")
    .meta({ value: "SPEC" }),
  backend: z.enum(backendNames).optional().describe("what computes; embedded where left out, openai with --endpoint"),
  endpoint: z
    .string()
    .min(1)
    .optional()
    .describe("base address of an OpenAI-compatible server, http://localhost:8000/v1")
    .meta({ value: "URL" }),
  apiKeyEnv: z
    .string()
    .min(1)
    .default("OPENAI_API_KEY")
    .describe("environment variable that holds the endpoint's key")
    .meta({ value: "NAME" }),
  concurrency: z
    .int()
    .min(1)
    .max(4096)
    .optional()
    .describe("requests under way at once, or sequences that llama.cpp decodes side by side; 8 where left out")
    .meta({ value: "N" }),
  samplesPerRequest: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe("answers that one request to an endpoint asks for; with 1 each has a seed of its own")
    .meta({ value: "N" }),
  timeout: z
    .number()
    .positive()
    .default(600)
    .describe("seconds that one request to an endpoint may take")
    .meta({ value: "S" }),
  provider: z.enum(["cpu", "webgpu", "cuda"]).default("cpu").describe("execution provider of ONNX Runtime"),
  threads: z.int().min(1).max(mostThreads).optional().describe("threads to compute with").meta({ value: "N" }),
};

export type BackendFlags = z.output<z.ZodObject<typeof backendOptions>>;

/** Which backend is meant, refused where the options contradict each other. */
export function backendSettings(flags: BackendFlags, context: Context): BackendSettings {
  const { endpoint, apiKeyEnv, concurrency, samplesPerRequest, timeout, provider, threads } = flags;
  const backend: BackendName = flags.backend ?? (endpoint === undefined ? "embedded" : "openai");
  if (backend === "openai" && endpoint === undefined)
    throw new UsageError("OPTION_MISSING", "--endpoint is required with --backend openai: http://HOST/v1");
  if (backend !== "openai" && endpoint !== undefined)
    throw new UsageError(
      "OPTION_INVALID",
      `--endpoint ${endpoint}: goes with --backend openai, and --backend is ${backend}; leave one of them out`,
    );
  if (backend !== "embedded" && flags.base !== undefined)
    throw new UsageError(
      "OPTION_INVALID",
      `--base ${flags.base}: goes with an adapter, which --backend embedded alone reads, and --backend is ${backend}; leave one of them out`,
    );
  const model = backend === "openai" ? flags.model : modelSpec(context, flags.model);
  const apiKey = context.env[apiKeyEnv];
  return {
    backend,
    model,
    base: flags.base && modelSpec(context, flags.base),
    endpoint: endpoint ?? null,
    ...(backend === "openai" && apiKey && { apiKey }),
    concurrency,
    samplesPerRequest,
    timeout,
    provider,
    threads,
  };
}
