import type { GGUFParseOutput } from "@huggingface/gguf";
import type { RangedReader } from "../checkpoint/files.ts";
import { formatShape } from "../checkpoint/safetensors.ts";
import { AutodidactError } from "../errors.ts";
import { type GgufType, ggufTypes, typeName, typeOfCode } from "./types.ts";

export interface GgufHeader {
  readonly file: string;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Row-major, as everywhere here; the file lists the sizes the other way round. */
  readonly shape: readonly number[];
  /** Where its bytes begin in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads and checks what stands before the tensors. Names, types, sizes and places of tensors are sound afterwards: they lie
 * within the file, and together take no more bytes than it has.
 *
 * @throws AutodidactError GGUF_DAMAGED, GGUF_TYPE, GGUF_MODEL where the model is split over several files
 */
export async function readGgufHeader(reader: RangedReader): Promise<GgufHeader> {
  const file = reader.name;
  const parsed = await parse(reader);
  // Its types promise more than a file can: nothing is taken for granted below.
  const metadata = new Map<string, unknown>(Object.entries(parsed.metadata));
  if (!parsed.littleEndian)
    throw new AutodidactError(
      "GGUF_MODEL",
      `${file}: byte order: big-endian; convert the model to a little-endian file`,
    );
  const parts = metadata.get("split.count");
  if (typeof parts === "number" && parts > 1)
    throw new AutodidactError(
      "GGUF_MODEL",
      `${file}: split.count: ${parts} files hold this model together; merge them with llama-gguf-split --merge`,
    );

  const dataStart = Number(parsed.tensorDataOffset);
  const alignment = Number(metadata.get("general.alignment") ?? 32);
  const dataSize = reader.size - dataStart;
  if (dataSize < 0) throw damaged(file, `header: ends at byte ${dataStart}, the file at ${reader.size}`);
  const tensors = new Map<string, GgufTensor>();
  let total = 0;
  for (const info of parsed.tensorInfos) {
    const name = info.name;
    const where = `tensor ${quote(name)}`;
    const type = typeOfCode(info.dtype);
    if (type === undefined)
      throw new AutodidactError(
        "GGUF_TYPE",
        `${file}: ${where}: type ${typeName(info.dtype)} is not read; take a file of type ${ggufTypes.map((one) => one.name).join(", ")}`,
      );
    if (tensors.has(name)) throw damaged(file, `${where}: listed twice`);
    const shape = info.shape.map(Number).reverse();
    const elements = shape.reduce((product, size) => product * size, 1);
    if (shape.length < 1 || shape.length > 4 || !Number.isSafeInteger(elements) || elements === 0)
      throw damaged(file, `${where}: expected 1 to 4 sizes from 1, found ${formatShape(shape)}`);
    const width = shape.at(-1)!;
    if (width % type.elements !== 0)
      throw damaged(
        file,
        `${where}: rows of ${width} elements are not whole blocks of ${type.elements}, as ${type.name} needs`,
      );
    const bytes = (elements / type.elements) * type.bytes;
    const offset = Number(info.offset);
    if (offset % alignment !== 0 || offset + bytes > dataSize)
      throw damaged(
        file,
        `${where}: expected ${bytes} bytes for ${type.name} ${formatShape(shape)} from byte ${offset} of the tensor data, found ${dataSize} bytes in all`,
      );
    total += bytes;
    if (total > dataSize)
      throw damaged(file, `${where}: tensors up to it need ${total} bytes, the file has ${dataSize}; they overlap`);
    tensors.set(name, { name, type, shape, offset: dataStart + offset, bytes });
  }
  return { file, metadata, tensors };
}

/** The library fetches ranges of an address; they are served from the file, so that nothing behind the header is read. */
async function parse(reader: RangedReader): Promise<GGUFParseOutput> {
  // It brings a list of all the hub's kinds of models along; who reads no GGUF file does without.
  const { gguf } = await import("@huggingface/gguf");
  let beyond = 0;
  const serve = async (_address: unknown, init?: RequestInit): Promise<Response> => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get("range")!)!;
    const begin = Number(range[1]);
    // The library looks some way ahead of what it needs; its buffer is filled up with zeros behind the file's end.
    if (begin >= reader.size && ++beyond > 1) throw damaged(reader.name, `header: goes on behind the file's last byte`);
    const length = Math.max(0, Math.min(Number(range[2]) + 1, reader.size) - begin);
    const bytes = length === 0 ? new Uint8Array() : await reader.read(begin, length);
    return new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: { "content-range": `bytes ${begin}-${begin + length - 1}/${reader.size}` },
    });
  };
  try {
    return await gguf("https://file.invalid/", { fetch: serve });
  } catch (cause) {
    if (cause instanceof AutodidactError) throw cause;
    throw damaged(reader.name, `header: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

/**
 * Bytes of a tensor, perhaps in `into`, which has their length.
 *
 * @throws AutodidactError GGUF_DAMAGED
 */
export async function readTensorBytes(
  reader: RangedReader,
  tensor: GgufTensor,
  from: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const bytes = await reader.read(tensor.offset + from, length, into);
  if (bytes.length !== length)
    throw damaged(
      reader.name,
      `tensor ${quote(tensor.name)}: expected ${length} bytes from byte ${tensor.offset + from}, found ${bytes.length}`,
    );
  return bytes;
}

export function quote(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

export function damaged(file: string, message: string, cause?: unknown): AutodidactError {
  return new AutodidactError(
    "GGUF_DAMAGED",
    `${file}: ${message}; the file is damaged, cut short or no GGUF file, copy or download it again`,
    { cause },
  );
}
