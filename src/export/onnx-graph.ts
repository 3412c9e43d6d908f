import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "../engine/onnx_pb.ts";
import type { ModelConfig } from "../model/config.ts";
import { hasOutputBias, hasQkNorm, hasQkvBias, headDim, parameterShapes } from "../model/parameters.ts";
import { rotaryFrequencies } from "../model/rotary.ts";

/**
 * The model as other programs run it: one ONNX graph for prompt and single tokens, with the cache as input and output,
 * in operators of the standard only (opset 17). The engine's own graphs (model/transformer.ts) compute the same with
 * operators of ONNX Runtime, and with caches, masks and rotary tables that the engine prepares. Here the mask and the
 * angles are computed in the graph, so that a model of 131,072 positions carries no table of them.
 *
 * Inputs and outputs have the names and shapes that transformers.js feeds and reads, which are those of Optimum.
 * B batch row, T token, P token in the cache, S = P + T, C model width, H query head, K key head, R = H / K, D head width,
 * V vocabulary.
 */

/** "float32" computes in float32; "float16" in float16 except norms and angles; "int8" stores matrices in 8 bits and computes in float32. */
export const onnxDtypes = ["float32", "float16", "int8"] as const;
export type OnnxDtype = (typeof onnxDtypes)[number];

/** A tensor made of a parameter of the model. */
export interface OnnxWeight {
  /** In the graph. */
  readonly name: string;
  readonly parameter: string;
  /**
   * "transposed": a linear layer's (out, in) as (in, out), as MatMul wants it. "rows" and "columns": uint8 of the matrix
   * (as "plain", as "transposed") with zero point 128. "scales": their factors, one for each row of the parameter.
   */
  readonly form: "plain" | "transposed" | "rows" | "columns" | "scales";
  /** Of the tensor in the graph. */
  readonly shape: readonly number[];
  readonly dataType: DataType.FLOAT | DataType.FLOAT16 | DataType.UINT8;
}

export interface OnnxGraph {
  readonly nodes: readonly NodeProto[];
  /** Small tensors, with their data. */
  readonly constants: readonly TensorProto[];
  readonly weights: readonly OnnxWeight[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

export function onnxGraph(config: ModelConfig, dtype: OnnxDtype): OnnxGraph {
  const builder = new Builder(config, dtype);
  const floatType = builder.floatType;
  const D = headDim(config);
  const H = config.num_attention_heads;
  const K = config.num_key_value_heads;
  const b = builder;
  const int64 = DataType.INT64;
  const inputs = [
    valueInfo("input_ids", int64, ["batch_size", "sequence_length"]),
    valueInfo("attention_mask", int64, ["batch_size", "total_sequence_length"]),
    valueInfo("position_ids", int64, ["batch_size", "sequence_length"]),
  ];
  const outputs = [valueInfo("logits", floatType, ["batch_size", "sequence_length", config.vocab_size])];

  const mask = attentionMask(b, H / K);
  const { cos, sin } = rotaryAngles(b);
  let x = b.embed("model.embed_tokens.weight", "input_ids"); // (B, T, C)
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const name = (part: string): string => `model.layers.${layer}.${part}`;
    const past = (part: string): string => `past_key_values.${layer}.${part}`;
    const present = (part: string): string => `present.${layer}.${part}`;
    for (const part of ["key", "value"]) {
      inputs.push(valueInfo(past(part), floatType, ["batch_size", K, "past_sequence_length", D]));
      outputs.push(valueInfo(present(part), floatType, ["batch_size", K, "total_sequence_length", D]));
    }
    const normed = b.rmsNorm(x, name("input_layernorm.weight"));
    const heads = (which: "q" | "k" | "v", count: number): string => {
      const flat = b.linear(normed, name(`self_attn.${which}_proj`), hasQkvBias(config)); // (B, T, count*D)
      let split = b.node("Reshape", [flat, b.ints([0, 0, count, D])]);
      if (which !== "v" && hasQkNorm(config)) split = b.rmsNorm(split, name(`self_attn.${which}_norm.weight`));
      const turned = b.node("Transpose", [split], { perm: [0, 2, 1, 3] }); // (B, count, T, D)
      return which === "v" ? turned : rotate(b, turned, cos, sin, D);
    };
    const [query, newKey, newValue] = [heads("q", H), heads("k", K), heads("v", K)];
    const key = b.node("Concat", [past("key"), newKey], { axis: 2 }, present("key")); // (B, K, S, D)
    const value = b.node("Concat", [past("value"), newValue], { axis: 2 }, present("value"));
    // The R query heads of a key head stand below each other: (B, K, R*T, D).
    const grouped = b.node("Reshape", [query, b.ints([0, K, -1, D])]);
    const scaled = b.node("Mul", [grouped, b.float(1 / Math.sqrt(D))]);
    const scores = b.node("MatMul", [scaled, b.node("Transpose", [key], { perm: [0, 1, 3, 2] })]);
    const weights = b.node("Softmax", [b.node("Add", [scores, mask])], { axis: -1 });
    const mixed = b.node("Reshape", [b.node("MatMul", [weights, value]), b.ints([0, H, -1, D])]); // (B, H, T, D)
    const joined = b.node("Reshape", [b.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }), b.ints([0, 0, H * D])]);
    x = b.node("Add", [x, b.linear(joined, name("self_attn.o_proj"), hasOutputBias(config))]);
    const between = b.rmsNorm(x, name("post_attention_layernorm.weight"));
    const gate = b.linear(between, name("mlp.gate_proj"));
    const silu = b.node("Mul", [gate, b.node("Sigmoid", [gate])]);
    const hidden = b.node("Mul", [silu, b.linear(between, name("mlp.up_proj"))]);
    x = b.node("Add", [x, b.linear(hidden, name("mlp.down_proj"))]);
  }
  const last = b.rmsNorm(x, "model.norm.weight");
  b.node("Identity", [config.tie_word_embeddings ? b.tiedHead(last) : b.linear(last, "lm_head")], {}, "logits");
  return { nodes: b.nodes, constants: b.constants, weights: b.weights, inputs, outputs };
}

/** (B, 1, R*T, S): 0 where a token may look, a large negative number elsewhere: behind it, and at padding. */
function attentionMask(b: Builder, R: number): string {
  const size = (of: string): string => b.node("Gather", [b.node("Shape", [of]), b.ints([1], true)], { axis: 0 }); // along axis 1, a scalar
  const [S, T] = [size("attention_mask"), size("input_ids")];
  const one = b.ints([1], true);
  const slots = b.node("Range", [b.ints([0], true), S, one]); // (S)
  const tokens = b.node("Range", [b.node("Sub", [S, T]), S, one]); // (T): the slot each token goes into
  const seen = b.node("LessOrEqual", [slots, b.node("Unsqueeze", [tokens, b.ints([1])])]); // (T, S)
  const filled = b.node("Cast", [b.node("Unsqueeze", ["attention_mask", b.ints([1, 2])])], { to: DataType.BOOL });
  const allowed = b.node("And", [filled, seen]); // (B, 1, T, S)
  const mask = b.node("Where", [allowed, b.float(0), b.float(b.lowest)]);
  return R === 1 ? mask : b.node("Tile", [mask, b.ints([1, 1, R, 1])]);
}

/** cos and sin of position x frequency, (B, 1, T, D/2), in float32 whatever the model computes in. */
function rotaryAngles(b: Builder): { cos: string; sin: string } {
  const positions = b.node("Cast", [b.node("Unsqueeze", ["position_ids", b.ints([1, 3])])], { to: DataType.FLOAT });
  const frequencies = rotaryFrequencies(b.config);
  const angles = b.node("Mul", [positions, b.floats(frequencies, [frequencies.length])]);
  return { cos: b.fromFloat32(b.node("Cos", [angles])), sin: b.fromFloat32(b.node("Sin", [angles])) };
}

/** x (B, heads, T, D): its two halves are the two coordinates that are turned together. */
function rotate(b: Builder, x: string, cos: string, sin: string, D: number): string {
  const half = (start: number, end: number): string =>
    b.node("Slice", [x, b.ints([start]), b.ints([end]), b.ints([3])]);
  const [first, second] = [half(0, D / 2), half(D / 2, D)];
  const product = (a: string, c: string): string => b.node("Mul", [a, c]);
  const left = b.node("Sub", [product(first, cos), product(second, sin)]);
  const right = b.node("Add", [product(second, cos), product(first, sin)]);
  return b.node("Concat", [left, right], { axis: 3 });
}

type AttributeValue = number | readonly number[];

class Builder {
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  readonly weights: OnnxWeight[] = [];
  readonly config: ModelConfig;
  readonly floatType: DataType.FLOAT | DataType.FLOAT16;
  /** Far enough below every score, and finite, so that a row of padding gives no NaN. */
  readonly lowest: number;
  readonly #quantised: boolean;
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #known = new Set<string>();

  constructor(config: ModelConfig, dtype: OnnxDtype) {
    this.config = config;
    this.floatType = dtype === "float16" ? DataType.FLOAT16 : DataType.FLOAT;
    this.lowest = dtype === "float16" ? -65504 : -1e9;
    this.#quantised = dtype === "int8";
    this.#shapes = parameterShapes(config);
  }

  node(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output = `t${this.nodes.length}`,
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    this.nodes.push(create(NodeProtoSchema, { name: output, opType, input: [...input], output: [output], attribute }));
    return output;
  }

  /** int64 (n), or a scalar. */
  ints(values: readonly number[], scalar = false): string {
    const name = `${scalar ? "int" : "ints"}_${values.join("_")}`;
    const dims = scalar ? [] : [BigInt(values.length)];
    return this.#constant(name, { dataType: DataType.INT64, dims, int64Data: values.map(BigInt) });
  }

  /** A scalar in the type that the model computes in. */
  float(value: number): string {
    return this.fromFloat32(this.floats(Float32Array.of(value), []));
  }

  floats(data: Float32Array, shape: readonly number[]): string {
    const name = data.length === 1 ? `float_${data[0]}` : `floats_${this.constants.length}`;
    return this.#constant(name, { dataType: DataType.FLOAT, dims: shape.map(BigInt), floatData: [...data] });
  }

  fromFloat32(x: string): string {
    return this.floatType === DataType.FLOAT ? x : this.node("Cast", [x], { to: this.floatType });
  }

  /** x / sqrt(mean(x^2) + epsilon) * weight over the last axis, in the form that ONNX Runtime recognises and fuses. */
  rmsNorm(x: string, parameter: string): string {
    const wide = this.floatType === DataType.FLOAT ? x : this.node("Cast", [x], { to: DataType.FLOAT });
    const square = this.node("Pow", [wide, this.floats(Float32Array.of(2), [])]);
    const mean = this.node("ReduceMean", [square], { axes: [-1], keepdims: 1 });
    const epsilon = this.floats(Float32Array.of(this.config.rms_norm_eps), []);
    const root = this.node("Sqrt", [this.node("Add", [mean, epsilon])]);
    const normed = this.fromFloat32(this.node("Div", [wide, root]));
    return this.node("Mul", [normed, this.#weight(parameter, "plain")]);
  }

  /** x W^T + b, for x (B, T, in). */
  linear(x: string, layer: string, bias = false): string {
    const weight = `${layer}.weight`;
    const turned = this.#quantised
      ? this.#widened(this.#weight(weight, "columns"), this.#weight(weight, "scales"))
      : this.#weight(weight, "transposed");
    const product = this.node("MatMul", [x, turned]);
    return bias ? this.node("Add", [product, this.#weight(`${layer}.bias`, "plain")]) : product;
  }

  /** Rows of the embedding, (B, T, C). */
  embed(parameter: string, tokens: string): string {
    const rows = this.node("Gather", [this.#weight(parameter, this.#quantised ? "rows" : "plain"), tokens], {
      axis: 0,
    });
    if (!this.#quantised) return rows;
    const scales = this.node("Gather", [this.#weight(parameter, "scales"), tokens], { axis: 0 }); // (B, T)
    return this.#widened(rows, this.node("Unsqueeze", [scales, this.ints([2])]));
  }

  /** Logits from the embedding, which is stored once. */
  tiedHead(x: string): string {
    const parameter = "model.embed_tokens.weight";
    const turn = (weight: string): string => this.node("Transpose", [weight], { perm: [1, 0] });
    const turned = this.#quantised
      ? this.#widened(turn(this.#weight(parameter, "rows")), this.#weight(parameter, "scales"))
      : turn(this.#weight(parameter, "plain"));
    return this.node("MatMul", [x, turned]);
  }

  /** s (q - 128), in float32. Of constants ONNX Runtime computes it once, while it loads. */
  #widened(bytes: string, scales: string): string {
    const steps = this.node("Sub", [
      this.node("Cast", [bytes], { to: DataType.FLOAT }),
      this.floats(Float32Array.of(128), []),
    ]);
    return this.node("Mul", [steps, scales]);
  }

  #weight(parameter: string, form: OnnxWeight["form"]): string {
    const name = form === "plain" ? parameter : `${parameter}.${form}`;
    if (this.#known.has(name)) return name;
    this.#known.add(name);
    const shape = this.#shapes.get(parameter)!;
    const bytes = form === "rows" || form === "columns";
    this.weights.push({
      name,
      parameter,
      form,
      shape: form === "transposed" || form === "columns" ? shape.toReversed() : form === "scales" ? [shape[0]!] : shape,
      dataType: bytes ? DataType.UINT8 : this.floatType,
    });
    return name;
  }

  #constant(name: string, tensor: Omit<Partial<TensorProto>, "$typeName">): string {
    if (!this.#known.has(name)) this.constants.push(create(TensorProtoSchema, { ...tensor, name }));
    this.#known.add(name);
    return name;
  }
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  return typeof value === "number"
    ? create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
    : create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

function valueInfo(name: string, elemType: DataType, shape: readonly (number | string)[]): ValueInfoProto {
  const dim = shape.map((size) => ({
    value:
      typeof size === "number"
        ? { case: "dimValue" as const, value: BigInt(size) }
        : { case: "dimParam" as const, value: size },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } },
  });
}
