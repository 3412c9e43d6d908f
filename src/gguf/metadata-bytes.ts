/** Metadata as it is written: the type of each value is part of the format. */
export type MetadataEntry = readonly [key: string, value: MetadataValue];

export type MetadataValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly flag: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly int32s: readonly number[] }
  | { readonly float32s: readonly number[] };

/** A tensor as the header lists it. */
export interface TensorInfo {
  readonly name: string;
  /** Row-major; the file lists the sizes the other way round. */
  readonly shape: readonly number[];
  /** Code of its type. */
  readonly type: number;
  /** Of its first byte, behind the header. */
  readonly offset: number;
}

export const ALIGNMENT = 32;

/** Everything before the tensors' bytes, in version 3 of the format, filled up to the alignment. */
export function headerBytes(metadata: readonly MetadataEntry[], tensors: readonly TensorInfo[]): Uint8Array {
  const out = byteList();
  out.raw(new TextEncoder().encode("GGUF"));
  out.uint32(3);
  out.uint64(tensors.length);
  out.uint64(metadata.length);
  for (const [key, value] of metadata) {
    out.text(key);
    writeValue(out, value);
  }
  for (const { name, shape, type, offset } of tensors) {
    out.text(name);
    out.uint32(shape.length);
    for (const size of shape.toReversed()) out.uint64(size);
    out.uint32(type);
    out.uint64(offset);
  }
  out.raw(new Uint8Array(aligned(out.length()) - out.length()));
  return out.bytes();
}

export function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

const codes = { uint32: 4, int32: 5, float32: 6, flag: 7, text: 8, list: 9 } as const;

function writeValue(out: ByteList, value: MetadataValue): void {
  const list = <T>(code: number, values: readonly T[], write: (one: T) => void): void => {
    out.uint32(codes.list);
    out.uint32(code);
    out.uint64(values.length);
    for (const one of values) write(one);
  };
  if ("texts" in value) list(codes.text, value.texts, out.text);
  else if ("int32s" in value) list(codes.int32, value.int32s, out.int32);
  else if ("float32s" in value) list(codes.float32, value.float32s, out.float32);
  else if ("text" in value) {
    out.uint32(codes.text);
    out.text(value.text);
  } else if ("flag" in value) {
    out.uint32(codes.flag);
    out.raw(Uint8Array.of(value.flag ? 1 : 0));
  } else if ("uint32" in value) {
    out.uint32(codes.uint32);
    out.uint32(value.uint32);
  } else {
    out.uint32(codes.float32);
    out.float32(value.float32);
  }
}

type ByteList = ReturnType<typeof byteList>;

function byteList() {
  let buffer = new Uint8Array(1 << 16);
  let view = new DataView(buffer.buffer);
  let length = 0;
  const encoder = new TextEncoder();
  const room = (count: number): number => {
    if (length + count > buffer.length) {
      const larger = new Uint8Array(Math.max(2 * buffer.length, length + count));
      larger.set(buffer);
      buffer = larger;
      view = new DataView(buffer.buffer);
    }
    length += count;
    return length - count;
  };
  const raw = (bytes: Uint8Array): void => {
    const at = room(bytes.length);
    buffer.set(bytes, at);
  };
  const uint64 = (value: number): void => {
    const at = room(8);
    view.setBigUint64(at, BigInt(value), true);
  };
  return {
    raw,
    uint64,
    uint32(value: number): void {
      const at = room(4);
      view.setUint32(at, value, true);
    },
    int32(value: number): void {
      const at = room(4);
      view.setInt32(at, value, true);
    },
    float32(value: number): void {
      const at = room(4);
      view.setFloat32(at, value, true);
    },
    text(value: string): void {
      const bytes = encoder.encode(value);
      uint64(bytes.length);
      raw(bytes);
    },
    length: () => length,
    bytes: () => buffer.subarray(0, length),
  };
}
