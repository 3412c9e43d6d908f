import { elementBytes, type FloatDtype, safetensorsDtype } from "./encode-floats.ts";

/** A tensor of a file that is still to be written. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
}

/** transformers wants to be told which framework's layout the weights have. */
export const torchLayout = { format: "pt" } as const;

/**
 * What stands before the tensors in a safetensors file: 8 bytes with the header's length, and the header, filled up with
 * spaces. The tensors' bytes follow in the order given, which is by name in files of Hugging Face's own writer.
 */
export function safetensorsHeader(
  entries: readonly TensorEntry[],
  dtype: FloatDtype,
  metadata: Readonly<Record<string, string>> = torchLayout,
): Uint8Array {
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0)
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  let offset = 0;
  for (const { name, shape } of entries) {
    const end = offset + tensorBytes(shape, dtype);
    header[name] = { dtype: safetensorsDtype[dtype], shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}

export function tensorBytes(shape: readonly number[], dtype: FloatDtype): number {
  return shape.reduce((product, size) => product * size, elementBytes[dtype]);
}
