import { encodeFloats } from "../checkpoint/encode-floats.ts";
import { typeNamed } from "./types.ts";

/** Types that are written. */
export const writtenTypes = ["F32", "F16", "Q8_0"] as const;
export type WrittenType = (typeof writtenTypes)[number];

/**
 * The bytes of whole blocks of values.
 *
 * @param name of the tensor, for the error message
 * @throws AutodidactError EXPORT_RANGE where a value lies beyond float16's largest
 */
export function encodeValues(values: Float32Array, type: WrittenType, name: string): Uint8Array {
  if (type === "Q8_0") return quantise8(values, name);
  return encodeFloats(values, type === "F16" ? "float16" : "float32", name);
}

/**
 * Blocks of 32: d = max|x| / 127 as float16, then round(x / d) as signed bytes. Rounded as ggml does it: in float32, the
 * quotient by the d before it became a float16, halves away from zero.
 */
function quantise8(values: Float32Array, name: string): Uint8Array {
  const { elements, bytes } = typeNamed("Q8_0");
  const blocks = values.length / elements;
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    let largest = 0;
    for (let i = block * elements; i < (block + 1) * elements; i++) largest = Math.max(largest, Math.abs(values[i]!));
    scales[block] = largest / 127;
  }
  const halves = encodeFloats(scales, "float16", name);
  const result = new Uint8Array(blocks * bytes);
  const signed = new Int8Array(result.buffer);
  for (let block = 0; block < blocks; block++) {
    const at = block * bytes;
    result[at] = halves[2 * block]!;
    result[at + 1] = halves[2 * block + 1]!;
    const inverse = scales[block] === 0 ? 0 : Math.fround(1 / scales[block]!);
    for (let i = 0; i < elements; i++) {
      const quotient = Math.fround(values[block * elements + i]! * inverse);
      const size = Math.abs(quotient);
      const floor = Math.floor(size);
      signed[at + 2 + i] = Math.sign(quotient) * (size - floor >= 0.5 ? floor + 1 : floor);
    }
  }
  return result;
}
