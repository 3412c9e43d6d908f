import type { Chunked } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { hasOutputBias, headDim, parameterShapes } from "../model/parameters.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { aligned, headerBytes, type MetadataEntry, type TensorInfo } from "./metadata-bytes.ts";
import { llama3Factors } from "./model-config.ts";
import { encodeValues, type WrittenType } from "./quantise.ts";
import { ggufTensorName, reorderedHeads, rowOfFileRow } from "./tensor-names.ts";
import { typeNamed } from "./types.ts";
import { tokenizerMetadata } from "./write-tokenizer.ts";

/** What is written: weights are asked for one at a time, in the order of the file. */
export interface GgufSource {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly generationConfig?: { readonly eos_token_id?: number | readonly number[] | null | undefined };
  /** A parameter by its Hugging Face name, row-major float32. */
  weight(name: string): Promise<Float32Array> | Float32Array;
}

export interface GgufOptions {
  /** Of the matrices; norms and biases are F32. A matrix whose rows are no whole blocks of Q8_0 is F16. */
  readonly type: WrittenType;
  /** general.name, what tools show. */
  readonly name?: string;
}

/** Elements that are converted at once, in whole rows. */
const PIECE = 1 << 20;
/** ggml's number for "mostly this type". */
const fileTypes = { F32: 0, F16: 1, Q8_0: 7 } as const;

/**
 * A model as a GGUF file that llama.cpp loads, laid out as its convert_hf_to_gguf does it. The size is known at once, the
 * bytes are made while they are asked for.
 *
 * @throws AutodidactError GGUF_MODEL, GGUF_TOKENIZER; while the bytes are made EXPORT_RANGE where float16 cannot hold a value
 */
export function ggufFile(source: GgufSource, options: GgufOptions): Chunked {
  const { config } = source;
  const tensors = plannedTensors(config, options.type);
  const infos: TensorInfo[] = [];
  let offset = 0;
  for (const { fileName, shape, type } of tensors) {
    infos.push({ name: fileName, shape, type: typeNamed(type).code, offset });
    offset += aligned(tensorBytes(shape, type));
  }
  const header = headerBytes([...modelMetadata(config, options), ...tokenizerPart(source)], infos);
  return {
    size: header.length + offset,
    async *chunks() {
      yield header;
      for (const tensor of tensors) {
        let size = 0;
        for await (const bytes of tensorChunks(source, tensor)) {
          size += bytes.length;
          yield bytes;
        }
        if (aligned(size) > size) yield new Uint8Array(aligned(size) - size);
      }
    },
  };
}

interface PlannedTensor {
  readonly fileName: string;
  /** Hugging Face's name; undefined for the rotary factors, which are no parameter. */
  readonly name: string | undefined;
  readonly shape: readonly number[];
  readonly type: WrittenType;
}

function plannedTensors(config: ModelConfig, type: WrittenType): PlannedTensor[] {
  const tensors: PlannedTensor[] = [];
  if (config.rope_scaling?.rope_type === "llama3")
    tensors.push({ fileName: "rope_freqs.weight", name: undefined, shape: [headDim(config) / 2], type: "F32" });
  for (const [name, shape] of parameterShapes(config)) {
    const whole = shape.at(-1)! % typeNamed(type).elements === 0;
    tensors.push({
      fileName: ggufTensorName(name),
      name,
      shape,
      type: shape.length === 1 ? "F32" : whole ? type : "F16",
    });
  }
  return tensors;
}

function tensorBytes(shape: readonly number[], type: WrittenType): number {
  const { elements, bytes } = typeNamed(type);
  return (shape.reduce((product, size) => product * size, 1) / elements) * bytes;
}

async function* tensorChunks(source: GgufSource, tensor: PlannedTensor): AsyncIterable<Uint8Array> {
  const { name, shape, type, fileName } = tensor;
  const { config } = source;
  if (name === undefined) {
    const scaling = config.rope_scaling as Parameters<typeof llama3Factors>[0];
    yield encodeValues(llama3Factors(scaling, config.rope_theta, headDim(config)), type, fileName);
    return;
  }
  const values = await source.weight(name);
  const width = shape.length === 1 ? 1 : shape[1]!;
  const rows = shape[0]!;
  const reordered = reorderedHeads(name, config) > 0;
  const rowsAtOnce = shape.length === 1 ? rows : Math.max(1, Math.floor(PIECE / width));
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - row);
    let piece = values.subarray(row * width, (row + count) * width);
    if (reordered) {
      piece = new Float32Array(count * width);
      for (let i = 0; i < count; i++) {
        const from = rowOfFileRow(row + i, config) * width;
        piece.set(values.subarray(from, from + width), i * width);
      }
    }
    yield encodeValues(piece, type, name);
  }
}

/** Everything but the tokenizer. */
export function modelMetadata(config: ModelConfig, { type, name }: GgufOptions): MetadataEntry[] {
  // llama.cpp computes Mistral's models, which differ from Llama's in name only, as "llama".
  const architecture = config.model_type === "mistral" ? "llama" : config.model_type;
  if (architecture !== "llama" && hasOutputBias(config))
    throw new AutodidactError(
      "GGUF_MODEL",
      `attention_bias: true in a ${architecture} model has no counterpart in llama.cpp; export another format`,
    );
  const D = headDim(config);
  const scaling = config.rope_scaling;
  const own: MetadataEntry[] = [
    ["block_count", { uint32: config.num_hidden_layers }],
    ["context_length", { uint32: config.max_position_embeddings }],
    ["embedding_length", { uint32: config.hidden_size }],
    ["feed_forward_length", { uint32: config.intermediate_size }],
    ["attention.head_count", { uint32: config.num_attention_heads }],
    ["attention.head_count_kv", { uint32: config.num_key_value_heads }],
    ["attention.key_length", { uint32: D }],
    ["attention.value_length", { uint32: D }],
    ["attention.layer_norm_rms_epsilon", { float32: config.rms_norm_eps }],
    ["rope.freq_base", { float32: config.rope_theta }],
    ["rope.dimension_count", { uint32: D }],
    ["vocab_size", { uint32: config.vocab_size }],
  ];
  if (scaling?.rope_type === "linear")
    own.push(["rope.scaling.type", { text: "linear" }], ["rope.scaling.factor", { float32: scaling.factor }]);
  return [
    ["general.architecture", { text: architecture }],
    ["general.type", { text: "model" }],
    ...(name === undefined ? [] : ([["general.name", { text: name }]] as MetadataEntry[])),
    ["general.quantization_version", { uint32: 2 }],
    ["general.file_type", { uint32: fileTypes[type] }],
    ...own.map(([key, value]): MetadataEntry => [`${architecture}.${key}`, value]),
  ];
}

function tokenizerPart({ config, tokenizer, generationConfig }: GgufSource): MetadataEntry[] {
  const ids = [generationConfig?.eos_token_id ?? [], config.eos_token_id ?? [], tokenizer.endTokens].flat();
  return tokenizerMetadata(tokenizer, config, [...new Set(ids)]);
}
