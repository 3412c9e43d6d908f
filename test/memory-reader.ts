import type { RangedReader } from "../src/checkpoint/files.ts";

/** Bytes as if they were a file; `seen` counts those that were read. */
export function memoryReader(
  bytes: Uint8Array,
  name = "test.gguf",
): RangedReader & { readonly seen: { bytes: number } } {
  const seen = { bytes: 0 };
  return {
    name,
    size: bytes.length,
    seen,
    async read(offset, length) {
      const found = bytes.slice(offset, offset + length);
      seen.bytes += found.length;
      return found;
    },
  };
}
