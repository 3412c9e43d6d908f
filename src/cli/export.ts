import { z } from "zod";
import { floatDtypes } from "../checkpoint/encode-floats.ts";
import { onnxDtypes } from "../export/onnx-graph.ts";
import type { ExportFormat } from "../run/export.ts";
import { defineCommand, UsageError } from "./command.ts";
import { modelSpec, outPath, viewFor } from "./run-options.ts";

export const exportCommand = defineCommand({
  name: "export",
  summary: "write a model for other tools: transformers, vLLM, llama.cpp, transformers.js",
  description:
    "Writes a model, or what a run has trained, as a directory that other tools load: in Hugging Face's layout, as GGUF for llama.cpp, or as ONNX with a key-value cache for transformers.js. A model card tells the recipe and the scores. An export that is stopped or fails leaves nothing under the name given.",
  examples: [
    {
      command: "autodidact export --model runs/zero --to hf --out exports/countdown",
      what: "what a run has trained, for transformers and vLLM",
    },
    {
      command: "autodidact export --model runs/zero --to hf --dtype bfloat16 --shard-size 2GB --out exports/half",
      what: "in half the bytes, in files of at most 2 GB",
    },
    {
      command: "autodidact export --model runs/zero --to gguf --out exports/countdown.gguf",
      what: "one file for llama.cpp, Ollama and LM Studio",
    },
    {
      command: "autodidact export --model runs/zero --to onnx --dtype int8 --out exports/browser",
      what: "for a web page, with 8-bit weights",
    },
  ],
  options: z.object({
    model: z
      .string()
      .min(1)
      .describe("a run directory, a directory of a model or an adapter, a GGUF file, or an id of the hub")
      .meta({ value: "MODEL" }),
    to: z.enum(["hf", "gguf", "onnx"]).describe("layout: Hugging Face's, GGUF, or ONNX for transformers.js"),
    out: z
      .string()
      .min(1)
      .describe("directory to write, or with gguf a file whose name ends with .gguf")
      .meta({ value: "PATH" }),
    dtype: z
      .enum([...floatDtypes, "int8"])
      .optional()
      .describe("type of the weights: float32 unless given, float16 for gguf; int8 for gguf (Q8_0) and onnx"),
    shardSize: z
      .string()
      .default("5GB")
      .describe("hf: bytes of weights that one file holds at most, 500MB or 2GiB for instance")
      .meta({ value: "SIZE" }),
    base: z
      .string()
      .min(1)
      .optional()
      .describe("the model below an adapter; the one that the adapter names where left out")
      .meta({ value: "MODEL" }),
    adapterOnly: z
      .boolean()
      .default(false)
      .describe("hf: write an adapter as it is, in PEFT's layout, without its base"),
    force: z.boolean().default(false).describe("replace an export that is there"),
  }),
  async run(options, context) {
    const { exportModel } = await import("../run/export.ts");
    const view = viewFor(context, 1);
    const path = outPath(context, options.out);
    try {
      const exported = await exportModel({
        model: options.model,
        ...(options.base !== undefined && { base: modelSpec(context, options.base) }),
        format: formatOf(options),
        path,
        force: options.force,
        cwd: context.cwd,
        signal: context.signal,
        observer: view,
      });
      view.close();
      const lines = exported.files.map(({ name, bytes, sha256 }) => `${sha256.slice(0, 12)}  ${bytes}  ${name}`);
      context.result(exported, [`${exported.path}: ${exported.bytes} bytes`, ...lines].join("\n"));
    } finally {
      view.close();
    }
  },
});

/** What GGUF calls these types. */
const ggufTypes = { float32: "F32", float16: "F16", int8: "Q8_0" } as const;

interface FormatOptions {
  readonly to: "hf" | "gguf" | "onnx";
  readonly dtype?: string | undefined;
  readonly shardSize: string;
  readonly adapterOnly: boolean;
}

function formatOf({
  to,
  dtype = to === "gguf" ? "float16" : "float32",
  shardSize,
  adapterOnly,
}: FormatOptions): ExportFormat {
  if (adapterOnly && to !== "hf")
    throw new UsageError("OPTION_INVALID", `--adapter-only: is for --to hf, and --to is ${to}; leave one of them out`);
  if (adapterOnly) return { to: "adapter" };
  const oneOf = <T extends string>(known: readonly T[]): T => {
    const found = known.find((one) => one === dtype);
    if (found === undefined)
      throw new UsageError(
        "OPTION_INVALID",
        `--dtype ${dtype}: is not a type for --to ${to}; give ${known.join(", ")}`,
      );
    return found;
  };
  switch (to) {
    case "hf":
      return { to, dtype: oneOf(floatDtypes), shardSize: bytesOf(shardSize) };
    case "gguf":
      return { to, type: ggufTypes[oneOf(Object.keys(ggufTypes) as (keyof typeof ggufTypes)[])] };
    case "onnx":
      return { to, dtype: oneOf(onnxDtypes) };
    default:
      return to satisfies never;
  }
}

const units = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 } as const;

/** "5GB" as transformers reads it: powers of 1000, or of 1024 with an i. */
function bytesOf(size: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMG]i?B)?$/i.exec(size) ?? [];
  const bytes = Math.floor(Number(number) * units[unit.toUpperCase() as keyof typeof units]);
  if (!(bytes > 0))
    throw new UsageError("OPTION_INVALID", `--shard-size ${size}: is no size; write 500MB or 2GiB for instance`);
  return bytes;
}
