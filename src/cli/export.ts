import { z } from "zod";
import { floatDtypes } from "../checkpoint/encode-floats.ts";
import { onnxDtypes } from "../export/onnx-graph.ts";
import { defineCommand, UsageError } from "./command.ts";
import { outPath, viewFor } from "./run-options.ts";

export const exportCommand = defineCommand({
  name: "export",
  summary: "write a model for other tools: transformers, vLLM, transformers.js",
  description:
    "Writes a model, or what a run has trained, as a directory that other tools load: in Hugging Face's layout, or as ONNX with a key-value cache for transformers.js. A model card tells the recipe and the scores. An export that is stopped or fails leaves nothing under the name given.",
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
      command: "autodidact export --model runs/zero --to onnx --dtype int8 --out exports/browser",
      what: "for a web page, with 8-bit weights",
    },
  ],
  options: z.object({
    model: z
      .string()
      .min(1)
      .describe("a run directory, a model directory, a GGUF file, or an id of the hub")
      .meta({ value: "MODEL" }),
    to: z.enum(["hf", "onnx"]).describe("layout: Hugging Face's, or ONNX for transformers.js"),
    out: z.string().min(1).describe("directory to write").meta({ value: "PATH" }),
    dtype: z
      .enum([...floatDtypes, "int8"])
      .default("float32")
      .describe("type of the weights; int8 only for onnx, bfloat16 only for hf"),
    shardSize: z
      .string()
      .default("5GB")
      .describe("hf: bytes of weights that one file holds at most, 500MB or 2GiB for instance")
      .meta({ value: "SIZE" }),
    force: z.boolean().default(false).describe("replace an export that is there"),
  }),
  async run(options, context) {
    const { exportModel } = await import("../run/export.ts");
    const view = viewFor(context, 1);
    const path = outPath(context, options.out);
    try {
      const exported = await exportModel({
        model: options.model,
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

function formatOf({ to, dtype, shardSize }: { to: "hf" | "onnx"; dtype: string; shardSize: string }) {
  const refuse = (known: readonly string[]): never => {
    throw new UsageError("OPTION_INVALID", `--dtype ${dtype}: is not a type for --to ${to}; give ${known.join(", ")}`);
  };
  if (to === "hf") {
    const known = floatDtypes.find((one) => one === dtype) ?? refuse(floatDtypes);
    return { to, dtype: known, shardSize: bytesOf(shardSize) };
  }
  return { to, dtype: onnxDtypes.find((one) => one === dtype) ?? refuse(onnxDtypes) };
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
