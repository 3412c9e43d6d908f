import { isAdapterDirectory, readAdapterHeader } from "../checkpoint/adapter-directory.ts";
import { openModelFrame } from "../checkpoint/model-directory.ts";
import { AutodidactError } from "../errors.ts";
import { parameterCount } from "../model/parameters.ts";
import { baseSpec } from "./base-identity.ts";
import { type ExportOptions, exportModel } from "./export.ts";
import { trainedBy } from "./locate-model.ts";

export interface Merged {
  /** Directory of the full model. */
  readonly model: string;
  readonly base: string;
  readonly parameters: number;
}

/**
 * Writes an adapter and the model below it as one model directory in float32, W + s B A: an export of the adapter.
 *
 * @param place directory of the adapter, or of the run that trained it
 * @throws AutodidactError ADAPTER_CONFIG where it holds none, and those of exportModel
 */
export async function merge(
  place: string,
  out: string,
  options: Pick<ExportOptions, "base" | "cwd" | "force" | "observer" | "signal">,
): Promise<Merged> {
  const adapter = await trainedBy(place);
  if (!(await isAdapterDirectory(adapter)))
    throw new AutodidactError(
      "ADAPTER_CONFIG",
      `${adapter}: there is no adapter_config.json in it; name the directory of an adapter, runs/grpo/adapter for instance`,
    );
  const { base } = await readAdapterHeader(adapter);
  const format = { to: "hf", dtype: "float32", shardSize: 5e9 } as const;
  await exportModel({ ...options, model: adapter, path: out, format });
  const { config } = await openModelFrame(out);
  return { model: out, base: options.base ?? baseSpec(base), parameters: parameterCount(config) };
}
