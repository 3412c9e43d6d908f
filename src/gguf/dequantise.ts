import type { GgufTypeName } from "./types.ts";

/**
 * Blocks of ggml's quantised types to float32, as ggml-quants.c does it. Every block has one or two scales as float16:
 * d, and for types with an offset m. A value is d q + m, with q a whole number of 4 to 8 bits.
 *
 * @param bytes whole blocks
 * @param into as many elements as the blocks have
 */
export function dequantise(type: GgufTypeName, bytes: Uint8Array, into: Float32Array): void {
  loops[type](bytes, into);
}

type Loop = (bytes: Uint8Array, into: Float32Array) => void;

const loops: Readonly<Record<GgufTypeName, Loop>> = {
  F32(bytes, into) {
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes);
  },

  F16(bytes, into) {
    for (let i = 0; i < into.length; i++) into[i] = half(bytes, 2 * i);
  },

  BF16(bytes, into) {
    const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
    for (let i = 0; i < bits.length; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
  },

  // d, 32 signed bytes
  Q8_0(bytes, into) {
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0, o = 0; o < into.length; at += 34, o += 32) {
      const d = half(bytes, at);
      for (let i = 0; i < 32; i++) into[o + i] = d * signed[at + 2 + i]!;
    }
  },

  // d, 16 bytes: the low halves are elements 0 to 15, the high ones 16 to 31; likewise in the three below
  Q4_0(bytes, into) {
    for (let at = 0, o = 0; o < into.length; at += 18, o += 32) {
      const d = half(bytes, at);
      for (let i = 0; i < 16; i++) {
        const byte = bytes[at + 2 + i]!;
        into[o + i] = d * ((byte & 15) - 8);
        into[o + i + 16] = d * ((byte >> 4) - 8);
      }
    }
  },

  // d, m, 16 bytes
  Q4_1(bytes, into) {
    for (let at = 0, o = 0; o < into.length; at += 20, o += 32) {
      const d = half(bytes, at);
      const m = half(bytes, at + 2);
      for (let i = 0; i < 16; i++) {
        const byte = bytes[at + 4 + i]!;
        into[o + i] = d * (byte & 15) + m;
        into[o + i + 16] = d * (byte >> 4) + m;
      }
    }
  },

  // d, 32 fifth bits, 16 bytes
  Q5_0(bytes, into) {
    for (let at = 0, o = 0; o < into.length; at += 22, o += 32) {
      const d = half(bytes, at);
      const fifth = word(bytes, at + 2);
      for (let i = 0; i < 16; i++) {
        const byte = bytes[at + 6 + i]!;
        into[o + i] = d * (((byte & 15) | (((fifth >>> i) & 1) << 4)) - 16);
        into[o + i + 16] = d * (((byte >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) - 16);
      }
    }
  },

  // d, m, 32 fifth bits, 16 bytes
  Q5_1(bytes, into) {
    for (let at = 0, o = 0; o < into.length; at += 24, o += 32) {
      const d = half(bytes, at);
      const m = half(bytes, at + 2);
      const fifth = word(bytes, at + 4);
      for (let i = 0; i < 16; i++) {
        const byte = bytes[at + 8 + i]!;
        into[o + i] = d * ((byte & 15) | (((fifth >>> i) & 1) << 4)) + m;
        into[o + i + 16] = d * ((byte >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) + m;
      }
    }
  },

  // d, dmin, 12 bytes with 8 scales and 8 offsets of 6 bits, 128 bytes: 4 times (32 low halves, 32 high halves)
  Q4_K(bytes, into) {
    for (let at = 0, o = 0; o < into.length; at += 144, o += 256) {
      const d = half(bytes, at);
      const dmin = half(bytes, at + 2);
      for (let part = 0; part < 8; part++) {
        const scale = d * scaleOf(bytes, at + 4, part);
        const offset = dmin * offsetOf(bytes, at + 4, part);
        const from = at + 16 + 32 * (part >> 1);
        const shift = 4 * (part & 1);
        const to = o + 32 * part;
        for (let i = 0; i < 32; i++) into[to + i] = scale * ((bytes[from + i]! >> shift) & 15) - offset;
      }
    }
  },

  // as Q4_K, with 32 bytes of fifth bits between: bit p of byte i belongs to element i of part p
  Q5_K(bytes, into) {
    for (let at = 0, o = 0; o < into.length; at += 176, o += 256) {
      const d = half(bytes, at);
      const dmin = half(bytes, at + 2);
      for (let part = 0; part < 8; part++) {
        const scale = d * scaleOf(bytes, at + 4, part);
        const offset = dmin * offsetOf(bytes, at + 4, part);
        const from = at + 48 + 32 * (part >> 1);
        const shift = 4 * (part & 1);
        const to = o + 32 * part;
        for (let i = 0; i < 32; i++) {
          const fifth = (bytes[at + 16 + i]! >> part) & 1;
          into[to + i] = scale * (((bytes[from + i]! >> shift) & 15) | (fifth << 4)) - offset;
        }
      }
    }
  },

  // 128 bytes of low four bits, 64 of high two bits, 16 signed scales (one for 16 elements), d
  Q6_K(bytes, into) {
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0, o = 0; o < into.length; at += 210, o += 256) {
      const d = half(bytes, at + 208);
      for (let part = 0; part < 8; part++) {
        const low = at + 64 * (part >> 2) + 32 * (part & 1);
        const lowShift = 2 * (part & 2);
        const high = at + 128 + 32 * (part >> 2);
        const highShift = 2 * (part & 3);
        const to = o + 32 * part;
        const first = d * signed[at + 192 + 2 * part]!;
        const second = d * signed[at + 193 + 2 * part]!;
        for (let i = 0; i < 32; i++) {
          const q = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4);
          into[to + i] = (i < 16 ? first : second) * (q - 32);
        }
      }
    }
  },
};

/** Eight pairs of 6 bits in 12 bytes: the first four in the low bits of bytes 0-3 and 4-7, the others spread over the rest. */
function scaleOf(bytes: Uint8Array, at: number, part: number): number {
  if (part < 4) return bytes[at + part]! & 63;
  return (bytes[at + part + 4]! & 15) | ((bytes[at + part - 4]! >> 6) << 4);
}

function offsetOf(bytes: Uint8Array, at: number, part: number): number {
  if (part < 4) return bytes[at + part + 4]! & 63;
  return (bytes[at + part + 4]! >> 4) | ((bytes[at + part]! >> 6) << 4);
}

let halves: Float32Array | undefined;

/** The float16 at a byte, looked up among all there are. */
function half(bytes: Uint8Array, at: number): number {
  halves ??= allHalves();
  return halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

function allHalves(): Float32Array {
  const values = new Float32Array(1 << 16);
  for (let bits = 0; bits < 1 << 16; bits++) {
    const sign = bits >> 15 === 0 ? 1 : -1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) values[bits] = fraction === 0 ? sign * Infinity : Number.NaN;
    else values[bits] = sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  }
  return values;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
