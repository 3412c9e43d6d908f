import type { HeldDtype, HeldTensor, SavedTensor, Tensor } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { emptyHeld, holdAt, widenBfloat16, widenFloat16 } from "../model/held.ts";
import type { Chunked, RangedReader } from "./files.ts";
import { safetensorsHeader, tensorBytes } from "./safetensors-header.ts";

/**
 * The safetensors format: 8 bytes with the header's length (little-endian), the header as JSON, then the tensors' bytes
 * without gaps. Written by hand because no npm package writes it (docs/decisions/0003-safetensors.md). Everything about
 * the layout is checked against the file's size before any tensor is allocated: a file is untrusted input.
 *
 * Assumes a little-endian machine, as typed arrays are on every platform that ONNX Runtime has a build for.
 */

export interface SafetensorsContents {
  /** Every tensor as float32, whatever the file stores. */
  readonly tensors: Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes. */
  readonly entries: readonly SafetensorsEntry[];
  /** Where the tensors' bytes begin in the file. */
  readonly dataStart: number;
}

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte range behind dataStart. */
  readonly begin: number;
  readonly end: number;
}

const bytesPerElement = { F32: 4, F16: 2, BF16: 2 } as const;
type Dtype = keyof typeof bytesPerElement;
const storedAs: Readonly<Record<Dtype, HeldDtype | undefined>> = { F32: "float32", BF16: "bfloat16", F16: undefined };

/** How many elements are read at once. No more than that is ever in memory beside the result. */
const PIECE = 1 << 18;

/** The limit of Hugging Face's own reader. */
const MAX_HEADER = 100_000_000;

/**
 * The same tensors give the same bytes: sorted by name, float32, the layout of Hugging Face's own writer. One tensor after
 * the other is read, and nothing is copied.
 */
export function safetensorsFile(tensors: WritableTensors, metadata: Readonly<Record<string, string>> = {}): Chunked {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries = sorted.map(([name, { shape }]) => ({ name, shape }));
  for (const [name, tensor] of sorted) checkTensor(name, tensor.shape, "data" in tensor ? tensor.data : undefined);
  const header = safetensorsHeader(entries, "float32", metadata);
  return {
    size: entries.reduce((sum, { shape }) => sum + tensorBytes(shape, "float32"), header.length),
    async *chunks() {
      yield header;
      for (const [name, tensor] of sorted) {
        const data = await numbersOf(tensor);
        checkTensor(name, tensor.shape, data);
        yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      }
    },
  };
}

/** Tensors to be written, in memory or still in an engine. */
export type WritableTensors = ReadonlyMap<string, Tensor | SavedTensor>;

/** Those of a tensor that may still be in an engine. */
export async function numbersOf(tensor: Tensor | SavedTensor): Promise<Float32Array> {
  return "data" in tensor ? tensor.data : tensor.read();
}

function checkTensor(name: string, shape: readonly number[], data?: Float32Array): void {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (name === "__metadata__" || (data !== undefined && elements !== data.length))
    throw new AutodidactError(
      "SAFETENSORS_TENSOR",
      `tensor ${quote(name)}: shape ${formatShape(shape)} has ${elements} elements, its data ${data?.length}`,
    );
}

/**
 * @param file names the file in error messages
 * @throws AutodidactError SAFETENSORS_DAMAGED, SAFETENSORS_DTYPE
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): SafetensorsContents {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, file);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length, file);
  const tensors: SafetensorsContents["tensors"] = new Map();
  for (const entry of header.entries) {
    const data = new Float32Array((entry.end - entry.begin) / bytesPerElement[entry.dtype]);
    widen(entry.dtype, bytes.subarray(header.dataStart + entry.begin, header.dataStart + entry.end), data);
    tensors.set(entry.name, { shape: entry.shape, data });
  }
  return { tensors, metadata: header.metadata };
}

/**
 * As decodeSafetensors, a piece of a tensor in memory at a time beside the result.
 *
 * @param check is called with the header before any tensor is read, to refuse names or shapes
 */
export async function readSafetensors(
  reader: RangedReader,
  check?: (header: SafetensorsHeader) => void,
): Promise<SafetensorsContents> {
  const header = await readSafetensorsHeader(reader);
  check?.(header);
  const tensors: SafetensorsContents["tensors"] = new Map();
  for (const entry of header.entries) {
    const { shape, data } = await readTensor(reader, header, entry, "float32");
    tensors.set(entry.name, { shape, data: data as Float32Array });
  }
  return { tensors, metadata: header.metadata };
}

/** One tensor, held as asked for. Its bytes go straight into the result where the file stores just that. */
export async function readTensor(
  reader: RangedReader,
  header: SafetensorsHeader,
  entry: SafetensorsEntry,
  dtype: HeldDtype,
): Promise<HeldTensor> {
  const held = emptyHeld(entry.shape, dtype);
  if (storedAs[entry.dtype] === held.dtype) {
    const bytes = new Uint8Array(held.data.buffer);
    for (let at = 0; at < bytes.length; at += 4 * PIECE) {
      const part = bytes.subarray(at, at + 4 * PIECE);
      const read = await readExactly(reader, header.dataStart + entry.begin + at, part.length, part);
      if (read.buffer !== part.buffer) part.set(read);
    }
  } else
    for await (const { start, values } of tensorPieces(reader, header, entry, held.dtype === "int8"))
      holdAt(held, start, values);
  return held;
}

/**
 * The values of a tensor as float32, up to about PIECE of them at a time, in whole rows where asked.
 * `values` is used again for the next piece.
 */
export async function* tensorPieces(
  reader: RangedReader,
  header: SafetensorsHeader,
  entry: SafetensorsEntry,
  wholeRows = false,
): AsyncGenerator<{ readonly start: number; readonly values: Float32Array }> {
  const size = bytesPerElement[entry.dtype];
  const elements = (entry.end - entry.begin) / size;
  if (elements === 0) return;
  const width = wholeRows ? elements / entry.shape[0]! : 1;
  const count = Math.min(elements, Math.max(1, Math.floor(PIECE / width)) * width);
  const source = new Uint8Array(count * size);
  const values = new Float32Array(count);
  for (let start = 0; start < elements; start += count) {
    const length = Math.min(count, elements - start) * size;
    const offset = header.dataStart + entry.begin + start * size;
    const bytes = await readExactly(reader, offset, length, source.subarray(0, length));
    widen(entry.dtype, bytes, values);
    yield { start, values: values.subarray(0, length / size) };
  }
}

export async function readSafetensorsHeader(reader: RangedReader): Promise<SafetensorsHeader> {
  const { size, name } = reader;
  const length = headerLength(await readExactly(reader, 0, Math.min(8, size)), size, name);
  return parseHeader(await readExactly(reader, 8, length), size, name);
}

async function readExactly(
  reader: RangedReader,
  offset: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const bytes = await reader.read(offset, length, into);
  if (bytes.length !== length)
    throw damaged(reader.name, `expected ${length} bytes from byte ${offset}, found ${bytes.length}`);
  return bytes;
}

function headerLength(prefix: Uint8Array, size: number, file: string): number {
  if (size < 8) throw damaged(file, `expected at least 8 bytes, found ${size}`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length < 2n || length > MAX_HEADER)
    throw damaged(file, `header length: expected 2 to ${MAX_HEADER} bytes, found ${length}`);
  if (8 + Number(length) > size)
    throw damaged(file, `header: expected ${length} bytes, found ${size - 8} up to the end of the file`);
  return Number(length);
}

function parseHeader(bytes: Uint8Array, size: number, file: string): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(file, `header: expected JSON, found ${quote(firstText(bytes))}`, cause);
  }
  if (!isObject(parsed)) throw damaged(file, `header: expected a JSON object, found ${quote(firstText(bytes))}`);
  const metadata: Record<string, string> = Object.create(null);
  const entries: SafetensorsEntry[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") {
      if (!isObject(value)) throw damaged(file, "header: __metadata__: expected an object of strings");
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== "string") throw damaged(file, `header: __metadata__.${quote(key)}: expected a string`);
        metadata[key] = text;
      }
    } else entries.push(parseEntry(name, value, file));
  }

  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const dataStart = 8 + bytes.length;
  const dataSize = size - dataStart;
  let offset = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== offset)
      throw damaged(
        file,
        `tensor ${quote(name)}: expected its bytes to begin at ${offset}, found ${begin} (${begin < offset ? "overlaps the tensor before" : "leaves a gap"})`,
      );
    if (end > dataSize)
      throw damaged(file, `tensor ${quote(name)}: expected its bytes to end within ${dataSize}, found ${end}`);
    offset = end;
  }
  if (offset !== dataSize)
    throw damaged(file, `tensor data: expected ${offset} bytes as the header says, found ${dataSize}`);
  return { metadata, entries, dataStart };
}

function parseEntry(name: string, value: unknown, file: string): SafetensorsEntry {
  const where = `tensor ${quote(name)}`;
  if (!isObject(value)) throw damaged(file, `${where}: expected an object with dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesPerElement, dtype))
    throw new AutodidactError(
      "SAFETENSORS_DTYPE",
      `${file}: ${where}: expected dtype F32, F16 or BF16, found ${quote(String(JSON.stringify(dtype)))}; convert the model first`,
    );
  if (!isSizes(shape)) throw damaged(file, `${where}: shape: expected whole numbers from 0`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw damaged(file, `${where}: data_offsets: expected [begin, end] with begin up to end`);
  const [begin, end] = offsets as [number, number];
  // Exact: a product that leaves the whole numbers of a double is far beyond any file, unless a 0 makes it 0.
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const expected = elements * bytesPerElement[dtype as Dtype];
  if (end - begin !== expected)
    throw damaged(
      file,
      `${where}: expected ${expected} bytes for ${dtype} ${formatShape(shape)}, found ${end - begin} in data_offsets`,
    );
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

function widen(dtype: Dtype, bytes: Uint8Array, into: Float32Array): void {
  if (dtype === "F32") new Uint8Array(into.buffer, into.byteOffset).set(bytes);
  else {
    const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
    const halves = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
    if (dtype === "BF16") widenBfloat16(halves, into);
    else widenFloat16(halves, into);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** A shape as people write it; a hostile one has its length cut. */
export function formatShape(shape: readonly number[]): string {
  return shape.length > 8 ? `[${shape.slice(0, 8).join(", ")}, ... ${shape.length} sizes]` : `[${shape.join(", ")}]`;
}

function quote(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

function firstText(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 40)));
}

function damaged(file: string, message: string, cause?: unknown): AutodidactError {
  return new AutodidactError(
    "SAFETENSORS_DAMAGED",
    `${file}: ${message}; the file is damaged or cut short, copy or download it again`,
    { cause },
  );
}
