import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAdapterDirectory, readAdapterHeader } from "../checkpoint/adapter-directory.ts";
import { writeDirectoryAtomic } from "../checkpoint/files.ts";
import { modelFiles } from "../checkpoint/model-directory.ts";
import { AutodidactError } from "../errors.ts";
import { loraScale } from "../model/lora.ts";
import { parameterCount } from "../model/parameters.ts";
import { version } from "./environment.ts";
import { type OpenOptions, openModel } from "./open-model.ts";

export interface Merged {
  /** Directory of the full model. */
  readonly model: string;
  readonly base: string;
  readonly parameters: number;
}

/**
 * Writes an adapter and the model below it as one model directory, W + s B A, with a model card; under its final name only
 * once it is whole.
 *
 * @throws AutodidactError MERGE_TARGET where `out` holds something, ADAPTER_CONFIG where `adapter` holds none, and those of openModel
 */
export async function merge(
  adapter: string,
  out: string,
  options: Pick<OpenOptions, "base" | "observer" | "signal"> & { readonly command: string },
): Promise<Merged> {
  const present = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new AutodidactError("MERGE_TARGET", `${out}: is no directory; name an empty place`, { cause: error });
  });
  if (present.length > 0)
    throw new AutodidactError("MERGE_TARGET", `${out}: holds ${present.slice(0, 3).join(", ")}; name an empty place`);
  if (!(await isAdapterDirectory(adapter)))
    throw new AutodidactError(
      "ADAPTER_CONFIG",
      `${adapter}: there is no adapter_config.json in it; name the directory of an adapter, runs/grpo/adapter for instance`,
    );
  const { lora, base } = await readAdapterHeader(adapter);
  const name = options.base ?? (base.revision === null ? base.name : `${base.name}@${base.revision}`);
  options.observer?.phase("Reading base and adapter", `${name} + ${adapter}`);
  const model = await openModel(adapter, options);
  options.observer?.phase("Writing the model", out);
  const files = modelFiles(model, out);
  const parameters = parameterCount(model.config);
  const card = `---
library_name: transformers
base_model: ${JSON.stringify(base.name)}
tags:
- autodidact
---
# ${base.name} with an adapter merged in

A LoRA adapter (rank ${lora.rank}, alpha ${lora.alpha}${lora.rslora ? ", rsLoRA" : ""}, on ${lora.targetModules.join(", ")}), trained on ${name}, has been
added to its weights: W + ${loraScale(lora).toPrecision(4)} B A. ${parameters.toLocaleString("en")} parameters in float32. Licence and limits are those of the base.

Made by autodidact ${version}:

\`\`\`sh
${options.command}
\`\`\`
`;
  files.set("README.md", new TextEncoder().encode(card));
  await writeDirectoryAtomic(out, files);
  return { model: out, base: name, parameters };
}

/** The directory of the adapter that a run has trained, where its run directory is named. */
export async function adapterOf(path: string): Promise<string> {
  return !(await isAdapterDirectory(path)) && (await isAdapterDirectory(join(path, "adapter")))
    ? join(path, "adapter")
    : path;
}
