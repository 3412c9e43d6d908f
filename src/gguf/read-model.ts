import type { RangedReader } from "../checkpoint/files.ts";
import type { HeldModel, ReadModel, ReadModelOptions } from "../checkpoint/model-directory.ts";
import { formatShape } from "../checkpoint/safetensors.ts";
import type { HeldDtype, HeldTensor } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { emptyHeld, holdAt } from "../model/held.ts";
import { parameterShapes } from "../model/parameters.ts";
import { dequantise } from "./dequantise.ts";
import { type GgufHeader, type GgufTensor, quote, readGgufHeader, readTensorBytes } from "./header.ts";
import { modelConfigOf } from "./model-config.ts";
import { ggufTensorName, reorderedHeads, rowOfFileRow } from "./tensor-names.ts";
import { endTokensOf, tokenizerOf } from "./tokenizer.ts";

/** Elements that are dequantised at once. */
const PIECE = 1 << 18;

/**
 * A GGUF file as the model it was converted from: config and parameters under Hugging Face's names, tokenizer, chat
 * template. Nothing of a tensor's size is allocated before the whole header has been checked, and with `hold` no matrix is
 * ever float32 as a whole.
 *
 * @throws AutodidactError GGUF_DAMAGED, GGUF_TYPE, GGUF_MODEL, GGUF_TOKENIZER, MODEL_CONFIG, MODEL_TOKENIZER
 */
export async function readGgufModel(
  reader: RangedReader,
  { hold, check }: ReadModelOptions = {},
): Promise<ReadModel | HeldModel> {
  const { entries, ...model } = await openGgufModel(reader);
  check?.(model);
  const held = new Map<string, HeldTensor>();
  const room = makeRoom();
  for (const [name, tensor] of entries)
    held.set(name, await readParameter(reader, name, tensor, model.config, hold ?? "float32", room));
  if (hold !== undefined) return { ...model, held };
  const weights = new Map([...held].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]));
  return { ...model, weights };
}

/** As readGgufModel, but no tensor is read: only where each lies. */
export async function openGgufModel(
  reader: RangedReader,
): Promise<Omit<ReadModel, "weights"> & { readonly entries: ReadonlyMap<string, GgufTensor> }> {
  const header = await readGgufHeader(reader);
  const { file } = header;
  const config = modelConfigOf(header, await ropeFactors(reader, header));
  const entries = parameterTensors(header, config);
  const tokenizer = tokenizerOf(header);
  if (tokenizer.vocabSize > config.vocab_size)
    throw new AutodidactError(
      "MODEL_TOKENIZER",
      `${file}: tokenizer.ggml.tokens: ${tokenizer.vocabSize} tokens, but token_embd.weight has ${config.vocab_size} rows; the file is damaged`,
    );
  const endTokens = endTokensOf(header);
  const generationConfig = {
    ...(config.bos_token_id === null ? {} : { bos_token_id: config.bos_token_id }),
    ...(endTokens.length === 0 ? {} : { eos_token_id: endTokens.length === 1 ? endTokens[0]! : endTokens }),
  };
  return { config, tokenizer, generationConfig, endTokens, entries };
}

/** Name of each parameter -> its tensor in the file; throws where one is missing, too many or of another shape. */
function parameterTensors(header: GgufHeader, config: ModelConfig): Map<string, GgufTensor> {
  const fail = (message: string): never => {
    throw new AutodidactError(
      "GGUF_MODEL",
      `${header.file}: ${message}; the file is damaged or its architecture is not what it says`,
    );
  };
  // Before a list of what is expected is made: a hostile file could ask for more layers than memory holds.
  if (config.num_hidden_layers > header.tensors.size)
    fail(`expected ${config.num_hidden_layers} layers as block_count says, found ${header.tensors.size} tensors`);
  const entries = new Map<string, GgufTensor>();
  const left = new Set(header.tensors.keys());
  left.delete("rope_freqs.weight");
  for (const [name, shape] of parameterShapes(config)) {
    const fileName = ggufTensorName(name);
    const tensor = header.tensors.get(fileName);
    if (tensor === undefined) return fail(`tensor ${fileName}: expected shape ${formatShape(shape)}, found none`);
    if (tensor.shape.length !== shape.length || shape.some((size, axis) => size !== tensor.shape[axis]))
      fail(`tensor ${fileName}: expected shape ${formatShape(shape)}, found ${formatShape(tensor.shape)}`);
    entries.set(name, tensor);
    left.delete(fileName);
  }
  for (const name of left)
    fail(
      `tensor ${quote(name)}: no parameter of a ${config.model_type} model, shape ${formatShape(header.tensors.get(name)!.shape)}`,
    );
  return entries;
}

/** Buffers that every piece of every tensor passes through: fresh ones would pile up until they are collected. */
interface Room {
  bytes(length: number): Uint8Array;
  values(length: number): Float32Array;
}

function makeRoom(): Room {
  let bytes = new Uint8Array();
  let values = new Float32Array();
  return {
    bytes(length) {
      if (bytes.length < length) bytes = new Uint8Array(length);
      return bytes.subarray(0, length);
    },
    values(length) {
      if (values.length < length) values = new Float32Array(length);
      return values.subarray(0, length);
    },
  };
}

/** One parameter as float32, under its Hugging Face name. */
export async function readGgufWeight(
  reader: RangedReader,
  name: string,
  tensor: GgufTensor,
  config: ModelConfig,
): Promise<Float32Array> {
  const { data } = await readParameter(reader, name, tensor, config, "float32", makeRoom());
  return data as Float32Array;
}

async function readParameter(
  reader: RangedReader,
  name: string,
  tensor: GgufTensor,
  config: ModelConfig,
  dtype: HeldDtype,
  room: Room,
): Promise<HeldTensor> {
  const { shape, type } = tensor;
  const held = emptyHeld(shape, dtype);
  // Of a vector an element is a row: biases of q_proj and k_proj are reordered too.
  const width = shape.length === 1 ? 1 : shape[1]!;
  const rows = shape[0]!;
  const reordered = reorderedHeads(name, config) > 0;
  const rowBytes = shape.length === 1 ? type.bytes / type.elements : (width / type.elements) * type.bytes;
  // A vector is read whole: it may be of blocks, and is small.
  const rowsAtOnce = shape.length === 1 ? rows : Math.max(1, Math.floor(PIECE / width));
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - row);
    const size = count * rowBytes;
    const bytes = await readTensorBytes(reader, tensor, row * rowBytes, size, room.bytes(size));
    const direct = held.dtype === "float32" && !reordered;
    const values = direct ? held.data.subarray(row * width, (row + count) * width) : room.values(count * width);
    dequantise(type.name, bytes, values);
    if (reordered)
      for (let i = 0; i < count; i++)
        holdAt(held, rowOfFileRow(row + i, config) * width, values.subarray(i * width, (i + 1) * width));
    else if (!direct) holdAt(held, row * width, values);
  }
  return held;
}

async function ropeFactors(reader: RangedReader, header: GgufHeader): Promise<Float32Array | undefined> {
  const tensor = header.tensors.get("rope_freqs.weight");
  if (tensor === undefined) return undefined;
  if (tensor.type.name !== "F32" || tensor.shape.length !== 1 || tensor.bytes > 1 << 16)
    throw new AutodidactError(
      "GGUF_MODEL",
      `${header.file}: tensor rope_freqs.weight: expected a short list of type F32, found ${tensor.type.name} ${formatShape(tensor.shape)}; convert the model again`,
    );
  const factors = new Float32Array(tensor.shape[0]!);
  dequantise("F32", await readTensorBytes(reader, tensor, 0, tensor.bytes), factors);
  return factors;
}
