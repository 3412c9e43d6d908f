import { safetensorsFile } from "../src/checkpoint/safetensors.ts";
import type { Tensors } from "../src/engine/engine.ts";

/** A safetensors file in memory. */
export async function safetensorsBytes(
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const { size, chunks } = safetensorsFile(tensors, metadata);
  const bytes: Uint8Array[] = [];
  for await (const piece of chunks()) bytes.push(piece.slice());
  const joined = new Uint8Array(Buffer.concat(bytes));
  if (joined.length !== size) throw new Error(`${joined.length} bytes were written, ${size} announced`);
  return joined;
}
