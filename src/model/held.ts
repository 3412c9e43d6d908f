import type { HeldDtype, HeldTensor, Tensor } from "../engine/engine.ts";

/**
 * Weights in fewer bytes. bfloat16 is the upper half of a float32, rounded to the nearest, ties to even. int8 has one
 * scale a row of the matrix, s = max|w| / 127, and w is about s q. Vectors (norms, biases) stay float32: they are small,
 * and what is multiplied by every element of a layer should not be rounded.
 */

/** A tensor of zeros to fill by `holdAt`. */
export function emptyHeld(shape: readonly number[], dtype: HeldDtype): HeldTensor {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (dtype === "float32" || shape.length < 2) return { dtype: "float32", shape, data: new Float32Array(elements) };
  if (dtype === "bfloat16") return { dtype, shape, data: new Uint16Array(elements) };
  return { dtype, shape, data: new Int8Array(elements), scales: new Float32Array(shape[0]!) };
}

/**
 * Writes `values` from element `start` on, so that a tensor can be held without ever being float32 as a whole. For int8
 * both `start` and the number of values are whole rows.
 */
export function holdAt(held: HeldTensor, start: number, values: Float32Array): void {
  if (held.dtype === "float32") held.data.set(values, start);
  else if (held.dtype === "bfloat16") roundToBfloat16(values, held.data.subarray(start, start + values.length));
  else {
    const width = rowWidth(held);
    for (let at = 0; at < values.length; at += width) {
      const row = values.subarray(at, at + width);
      const into = held.data.subarray(start + at, start + at + width);
      held.scales[(start + at) / width] = quantiseRow(row, into);
    }
  }
}

/** The tensor as `dtype`; a vector, and a tensor asked for as float32, keeps its data, which is not copied. */
export function hold(tensor: Tensor, dtype: HeldDtype): HeldTensor {
  if (dtype === "float32" || tensor.shape.length < 2) return { dtype: "float32", ...tensor };
  const held = emptyHeld(tensor.shape, dtype);
  holdAt(held, 0, tensor.data);
  return held;
}

/** The values as float32; a float32 tensor's own data, which is not copied. */
export function unhold(held: HeldTensor): Float32Array {
  if (held.dtype === "float32") return held.data;
  const values = new Float32Array(held.data.length);
  if (held.dtype === "bfloat16") widenBfloat16(held.data, values);
  else {
    const width = rowWidth(held);
    for (let row = 0; row < held.scales.length; row++) {
      const scale = held.scales[row]!;
      for (let i = row * width; i < (row + 1) * width; i++) values[i] = scale * held.data[i]!;
    }
  }
  return values;
}

/** Bytes that a held tensor takes. */
export function heldBytes(held: HeldTensor): number {
  return held.data.byteLength + (held.dtype === "int8" ? held.scales.byteLength : 0);
}

export function widenBfloat16(source: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
}

let halves: Float32Array | undefined;

/** By a table of all 65,536 values, made on first use. */
export function widenFloat16(source: Uint16Array, into: Float32Array): void {
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => float16(half));
  for (let i = 0; i < source.length; i++) into[i] = halves[source[i]!]!;
}

/** Sign, 5 bits of exponent, 10 of fraction (IEEE 754). */
function float16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

export function roundToBfloat16(source: Float32Array, into: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    // Rounding could carry a NaN over into an infinity or a zero; it gets a bit that marks it as quiet instead.
    if ((word & 0x7fffffff) > 0x7f800000) into[i] = (word >>> 16) | 0x40;
    else into[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}

/** Writes round(w / s) and returns s; a NaN or an infinity in the row makes s that, so that it isn't lost. */
function quantiseRow(row: Float32Array, into: Int8Array): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) {
    const size = Math.abs(row[i]!);
    if (size > largest) largest = size;
    else if (Number.isNaN(size)) return size;
  }
  const scale = Math.fround(largest / 127);
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < row.length; i++) {
    const steps = row[i]! * inverse;
    into[i] = steps < 0 ? steps - 0.5 : steps + 0.5; // an Int8Array cuts off what is behind the point
  }
  // A scale among the smallest floats is rounded so coarsely that a quotient may pass 127.
  if (scale < 1e-37)
    for (let i = 0; i < row.length; i++) into[i] = Math.min(127, Math.abs(row[i]! * inverse)) * Math.sign(row[i]!);
  return scale;
}

function rowWidth(held: HeldTensor): number {
  return held.shape[0] === 0 ? 0 : held.data.length / held.shape[0]!;
}
