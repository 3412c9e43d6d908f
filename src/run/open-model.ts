import { type ReadModel, readModelDirectory } from "../checkpoint/model-directory.ts";

/** A model by what a user calls it: a directory in Hugging Face's layout, a GGUF file, or an id on the hub. */
export function openModel(spec: string): Promise<ReadModel> {
  return readModelDirectory(spec);
}
