import { create, toBinary } from "@bufbuild/protobuf";
import { modelConfigJson } from "../checkpoint/model-config.ts";
import { GraphProtoSchema, ModelProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from "../engine/onnx_pb.ts";
import { headDim } from "../model/parameters.ts";
import { tokenizerFiles } from "./huggingface.ts";
import { type OnnxDtype, type OnnxGraph, type OnnxWeight, onnxGraph } from "./onnx-graph.ts";
import { weightBytes, weightChunks } from "./onnx-weights.ts";
import { type ExportModel, jsonFile, type PlannedFile } from "./planned-file.ts";

/**
 * A model directory for transformers.js: onnx/model.onnx with the weights in it or, where they are too large for one
 * protobuf message, beside it. The message is put together by hand around the weights, whose bytes are made while they
 * are written: as one message the weights would be in memory twice more.
 */

export interface OnnxOptions {
  readonly dtype: OnnxDtype;
  /**
   * Weights of more bytes than this go into files of their own, of at most so many each (a larger tensor has one to
   * itself). Below the 2 GiB that a protobuf message and a browser's buffer may have. @default 2e9
   */
  readonly externalOver?: number;
}

/** What transformers.js calls a precision in file names. */
const suffixes = { float32: "", float16: "_fp16", int8: "_quantized" } as const;
const transformersJsDtypes = { float32: "fp32", float16: "fp16", int8: "q8" } as const;

export function onnxFiles(model: ExportModel, { dtype, externalOver = 2e9 }: OnnxOptions): PlannedFile[] {
  const graph = onnxGraph(model.config, dtype);
  const total = graph.weights.reduce((sum, weight) => sum + weightBytes(weight), 0);
  const modelName = `model${suffixes[dtype]}.onnx`;
  const outside = total > externalOver ? graph.weights.filter((weight) => weightBytes(weight) >= SMALL) : [];
  const places = place(outside, modelName, externalOver);
  const dataFiles = dataFilesOf(places, model);
  return [
    jsonFile("config.json", {
      ...modelConfigJson(model.config, "config.json"),
      head_dim: headDim(model.config), // transformers.js does not derive it for every architecture
      // In a browser transformers.js would look for 8-bit weights first.
      "transformers.js_config": {
        dtype: transformersJsDtypes[dtype],
        ...(dtype === "float16" && { kv_cache_dtype: { fp16: "float16" } }),
        ...(dataFiles.length > 0 && { use_external_data_format: { [modelName]: dataFiles.length } }),
      },
    }),
    jsonFile("generation_config.json", model.generationConfig),
    ...tokenizerFiles(model),
    modelFile(`onnx/${modelName}`, graph, model, places),
    ...dataFiles,
  ];
}

/** Below this a weight stays in the model file, where runtimes that infer shapes look for small tensors. */
const SMALL = 1024;
/** Offsets in external files are multiples of a memory page, so that they can be mapped. */
const PAGE = 4096;

interface Place {
  readonly weight: OnnxWeight;
  readonly file: string;
  readonly offset: number;
  readonly size: number;
}

function place(weights: readonly OnnxWeight[], modelName: string, limit: number): Place[] {
  let [number, end] = [0, 0];
  return weights.map((weight) => {
    const size = weightBytes(weight);
    if (end > 0 && end + size > limit) [number, end] = [number + 1, 0];
    const offset = end;
    end = Math.ceil((offset + size) / PAGE) * PAGE;
    return { weight, file: `${modelName}_data${number === 0 ? "" : `_${number}`}`, offset, size };
  });
}

function dataFilesOf(places: readonly Place[], model: ExportModel): PlannedFile[] {
  const files = [...new Set(places.map(({ file }) => file))];
  return files.map((file) => {
    const parts = places.filter((one) => one.file === file);
    const last = parts.at(-1)!;
    return {
      name: `onnx/${file}`,
      size: last.offset + last.size,
      async *chunks() {
        let at = 0;
        for (const { weight, offset, size } of parts) {
          if (offset > at) yield new Uint8Array(offset - at);
          yield* weightChunks(weight, model);
          at = offset + size;
        }
      },
    };
  });
}

/** Field numbers of onnx.proto: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data. */
const [GRAPH, INITIALIZER, RAW_DATA] = [7, 5, 9];

function modelFile(name: string, graph: OnnxGraph, model: ExportModel, places: readonly Place[]): PlannedFile {
  const around = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      producerName: "autodidact",
      opsetImport: [{ domain: "", version: 17n }],
    }),
  );
  const outside = new Map(places.map((one) => [one.weight, one]));
  const proto = create(GraphProtoSchema, {
    name: model.config.architectures[0]!,
    node: [...graph.nodes],
    initializer: [...graph.constants, ...places.map(externalTensor)],
    input: [...graph.inputs],
    output: [...graph.outputs],
  });
  const start = toBinary(GraphProtoSchema, proto);
  const inside = graph.weights
    .filter((weight) => !outside.has(weight))
    .map((weight) => ({ weight, prefix: tensorPrefix(weight) }));
  const insideBytes = inside.reduce((sum, { weight, prefix }) => sum + prefix.length + weightBytes(weight), 0);
  const head = join(around, lengthPrefix(GRAPH, start.length + insideBytes), start);
  return {
    name,
    size: head.length + insideBytes,
    async *chunks() {
      yield head;
      for (const { weight, prefix } of inside) {
        yield prefix;
        yield* weightChunks(weight, model);
      }
    },
  };
}

/** Everything of an initializer in its graph up to its data, which must follow. */
function tensorPrefix(weight: OnnxWeight): Uint8Array {
  const { name, dataType } = weight;
  const fields = toBinary(TensorProtoSchema, create(TensorProtoSchema, { name, dataType, dims: dims(weight) }));
  const size = weightBytes(weight);
  const data = lengthPrefix(RAW_DATA, size);
  return join(lengthPrefix(INITIALIZER, fields.length + data.length + size), fields, data);
}

function externalTensor({ weight, file, offset, size }: Place) {
  return create(TensorProtoSchema, {
    name: weight.name,
    dataType: weight.dataType,
    dims: dims(weight),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location: file, offset, length: size }).map(([key, value]) => ({
      key,
      value: String(value),
    })),
  });
}

const dims = ({ shape }: OnnxWeight): bigint[] => shape.map(BigInt);

/** Tag and length of a length-delimited protobuf field. */
function lengthPrefix(field: number, length: number): Uint8Array {
  const bytes = [(field << 3) | 2];
  let left = length;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Uint8Array.from(bytes);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
