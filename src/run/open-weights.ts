import { stat } from "node:fs/promises";
import { openModelDirectory, type ReadModel } from "../checkpoint/model-directory.ts";
import { readTensors } from "../checkpoint/weight-files.ts";

/** A model whose weights stay where they are. One is read when it is asked for, and is the asker's own to change. */
export interface OpenedModel extends Omit<ReadModel, "weights"> {
  /** A parameter by its Hugging Face name, row-major. */
  weight(name: string): Promise<Float32Array>;
}

/** A model directory or a GGUF file; of its weights only those that are asked for are ever in memory. */
export async function openWeights(path: string): Promise<OpenedModel> {
  if (!(await stat(path)).isDirectory()) {
    const { openGguf } = await import("../gguf/files.ts");
    return openGguf(path);
  }
  const { places, ...model } = await openModelDirectory(path);
  const weight = async (name: string): Promise<Float32Array> => {
    const tensors = await readTensors([places.get(name)!], "float32");
    return tensors.get(name)!.data as Float32Array;
  };
  return { ...model, weight };
}
