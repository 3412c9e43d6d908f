import { AutodidactError } from "../errors.ts";
import { roundToBfloat16 } from "../model/held.ts";

/** Element types that weights are written in; torch's names, as config.json has them. */
export const floatDtypes = ["float32", "bfloat16", "float16"] as const;
export type FloatDtype = (typeof floatDtypes)[number];

/** What safetensors calls them, and bytes of an element. */
export const safetensorsDtype = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;
export const elementBytes = { float32: 4, bfloat16: 2, float16: 2 } as const;

/**
 * The bytes of `values` in `dtype`, rounded to the nearest, ties to even; of float32 a view, not a copy.
 *
 * @param name of the tensor, for the error message
 * @throws AutodidactError EXPORT_RANGE where a finite value lies beyond float16's largest, 65504
 */
export function encodeFloats(values: Float32Array, dtype: FloatDtype, name: string): Uint8Array {
  if (dtype === "float32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const halves = new Uint16Array(values.length);
  if (dtype === "bfloat16") roundToBfloat16(values, halves);
  else roundToFloat16(values, halves, name);
  return new Uint8Array(halves.buffer);
}

/** 1 sign bit, 5 of exponent (bias 15), 10 of fraction (IEEE 754 binary16). */
function roundToFloat16(source: Float32Array, into: Uint16Array, name: string): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude >= 0x7f800000) {
      into[i] = sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
    } else if (magnitude >= 0x477ff000) {
      // 65520 and beyond would round to infinity, which no later layer recovers from.
      throw new AutodidactError(
        "EXPORT_RANGE",
        `tensor ${name}: holds ${source[i]}, beyond the 65504 of float16; export as bfloat16 or float32`,
      );
    } else if (magnitude >= 0x38800000) {
      // The exponent's bias goes from 127 to 15; a fraction that rounds up may carry into the exponent, as it should.
      into[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else {
      // Subnormal: a whole number of 2^-24. Adding 1.5 x 2^23 lets the machine round it, ties to even.
      const units = Math.fround(Math.abs(source[i]!) * 2 ** 24 + 12582912) - 12582912;
      into[i] = sign | units;
    }
  }
}
