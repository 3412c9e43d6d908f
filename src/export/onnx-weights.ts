import { encodeFloats } from "../checkpoint/encode-floats.ts";
import { TensorProto_DataType as DataType } from "../engine/onnx_pb.ts";
import type { OnnxWeight } from "./onnx-graph.ts";
import { CHUNK, type ExportModel } from "./planned-file.ts";

/** The bytes of a graph's weights, made of the model's parameters a piece at a time. */

export function weightBytes({ shape, dataType }: OnnxWeight): number {
  const each = { [DataType.FLOAT]: 4, [DataType.FLOAT16]: 2, [DataType.UINT8]: 1 }[dataType];
  return shape.reduce((product, size) => product * size, each);
}

export async function* weightChunks(weight: OnnxWeight, model: ExportModel): AsyncGenerator<Uint8Array> {
  const values = await model.weight(weight.parameter);
  if (weight.form === "plain" || weight.form === "transposed") {
    const dtype = weight.dataType === DataType.FLOAT16 ? "float16" : "float32";
    const pieces = weight.form === "plain" ? inPieces(values) : transposed(values, weight.shape, Float32Array);
    for (const piece of pieces) yield encodeFloats(piece, dtype, weight.parameter);
    return;
  }
  const rows = weight.form === "columns" ? weight.shape[1]! : weight.shape[0]!;
  const scales = rowScales(values, rows);
  if (weight.form === "scales") yield encodeFloats(scales, "float32", weight.parameter);
  else {
    const bytes = quantise(values, scales);
    if (weight.form === "rows") yield bytes;
    else yield* transposed(bytes, weight.shape, Uint8Array);
  }
}

/** s of each row, its largest magnitude being 127 s. */
function rowScales(values: Float32Array, rows: number): Float32Array {
  const width = values.length / rows;
  return Float32Array.from({ length: rows }, (_, row) => {
    let largest = 0;
    for (let i = row * width; i < (row + 1) * width; i++) largest = Math.max(largest, Math.abs(values[i]!));
    return largest / 127;
  });
}

/** round(w / s) + 128 */
function quantise(values: Float32Array, scales: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length);
  const width = values.length / scales.length;
  for (let row = 0; row < scales.length; row++) {
    const inverse = scales[row] === 0 ? 0 : 1 / scales[row]!;
    for (let i = row * width; i < (row + 1) * width; i++)
      bytes[i] = 128 + Math.max(-127, Math.min(127, Math.round(values[i]! * inverse)));
  }
  return bytes;
}

function* inPieces(values: Float32Array): Generator<Float32Array> {
  for (let at = 0; at < values.length; at += CHUNK) yield values.subarray(at, at + CHUNK);
}

/** Some rows at a time of the transpose, (columns, rows), of a row-major (rows, columns). */
function* transposed<A extends Float32Array | Uint8Array>(
  values: A,
  [columns, rows]: readonly number[],
  make: new (length: number) => A,
): Generator<A> {
  const step = Math.max(1, Math.floor(CHUNK / rows!));
  for (let start = 0; start < columns!; start += step) {
    const count = Math.min(step, columns! - start);
    const piece = new make(count * rows!);
    for (let row = 0; row < rows!; row++)
      for (let i = 0; i < count; i++) piece[i * rows! + row] = values[row * columns! + start + i]!;
    yield piece;
  }
}
