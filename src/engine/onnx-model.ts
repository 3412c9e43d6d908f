import { create, toBinary } from "@bufbuild/protobuf";
import { type DType, type Graph, type Node, type Op, type Shape, topologicalOrder } from "../autodiff/graph.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.ts";

export interface OnnxModelOptions {
  /** Backward passes take RMSNorm's scale from the forward operator's second output. @default true */
  readonly sharedNormScale?: boolean;
}

/**
 * Lowers a graph to an ONNX model: opset 17 plus FusedMatMul and RotaryEmbedding of com.microsoft; opset 26, the first
 * with BitCast, where weights are fed as bfloat16. JavaScript has no such tensor, so these come as uint16.
 */
export function onnxModel(graph: Graph, { sharedNormScale = true }: OnnxModelOptions = {}): Uint8Array {
  const order = topologicalOrder(graph.outputs.values());
  const opset = order.some(({ dtype }) => dtype === "bfloat16") ? 26 : 17;
  const lowering = new Lowering(sharedNormScale, opset);
  const inputs: ValueInfoProto[] = [];
  for (const node of order) {
    if (node.op === "input") inputs.push(valueInfo((node as Node<"input">).attributes.name, node.dtype, node.shape));
    lowering.lower(node);
  }
  const outputs = [...graph.outputs].map(([name, node]) => {
    lowering.emit("Identity", [lowering.name(node)], {}, name);
    return valueInfo(name, node.dtype, node.shape);
  });
  const model = create(ModelProtoSchema, {
    irVersion: opset === 26 ? 10n : 8n,
    producerName: "autodidact",
    opsetImport: [
      { domain: "", version: BigInt(opset) },
      { domain: "com.microsoft", version: 1n },
    ],
    graph: { name: "graph", node: lowering.nodes, initializer: lowering.initializers, input: inputs, output: outputs },
  });
  return toBinary(ModelProtoSchema, model);
}

type AttributeValue = number | string | { readonly float: number } | readonly number[];

class Lowering {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #names = new Map<Node, string>();
  /** Second output of each SimplifiedLayerNormalization, by input node and epsilon: saves computing it again. */
  readonly #scales = new Map<Node, Map<number, string>>();
  readonly #shared = new Map<string, string>();
  readonly #sharedNormScale: boolean;
  readonly #opset: number;

  constructor(sharedNormScale: boolean, opset: number) {
    this.#sharedNormScale = sharedNormScale;
    this.#opset = opset;
  }

  name(node: Node): string {
    return this.#names.get(node)!;
  }

  lower<O extends Op>(node: Node<O>): void {
    this.#names.set(
      node,
      lowerings[node.op](
        node,
        this,
        node.inputs.map((parent) => this.name(parent)),
      ),
    );
  }

  /** Adds one ONNX node with one output and returns its name. */
  emit(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output = `t${this.nodes.length}`,
    extraOutputs: readonly string[] = [],
  ): string {
    const microsoft = opType === "FusedMatMul" || opType === "RotaryEmbedding";
    this.nodes.push(
      create(NodeProtoSchema, {
        opType,
        domain: microsoft ? "com.microsoft" : "",
        input: [...inputs],
        output: [output, ...extraOutputs],
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    );
    return output;
  }

  ints(values: readonly number[], scalar = false): string {
    return this.#constant(`i${scalar ? "s" : ""}${values.join("_")}`, {
      dataType: DataType.INT64,
      dims: scalar ? [] : [BigInt(values.length)],
      int64Data: values.map(BigInt),
    });
  }

  floats(data: Float32Array, shape: readonly number[]): string {
    const key = data.length <= 4 ? `f${shape.join("x")}_${[...data].join("_")}` : `f#${this.initializers.length}`;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    return this.#constant(key, { dataType: DataType.FLOAT, dims: shape.map(BigInt), rawData: bytes });
  }

  rmsNorm(node: Node<"rmsNorm">, inputs: readonly string[]): string {
    const output = `t${this.nodes.length}`;
    const attributes = { axis: -1, epsilon: { float: node.attributes.epsilon } };
    if (!this.#sharedNormScale) return this.emit("SimplifiedLayerNormalization", inputs, attributes, output);
    const scale = `${output}_scale`;
    const x = node.inputs[0]!;
    const byEpsilon = this.#scales.get(x) ?? new Map<number, string>();
    this.#scales.set(x, byEpsilon.set(node.attributes.epsilon, scale));
    return this.emit("SimplifiedLayerNormalization", inputs, attributes, output, [scale]);
  }

  rmsScale(node: Node<"rmsScale">, [x]: readonly string[]): string {
    const known = this.#scales.get(node.inputs[0]!)?.get(node.attributes.epsilon);
    if (known !== undefined) return known;
    const square = this.emit("Mul", [x!, x!]);
    const meanSquare =
      this.#opset < 18 // from there on the axes are an input
        ? this.emit("ReduceMean", [square], { axes: [-1], keepdims: 1 })
        : this.emit("ReduceMean", [square, this.ints([-1])], { keepdims: 1 });
    const shifted = this.emit("Add", [meanSquare, this.floats(Float32Array.of(node.attributes.epsilon), [])]);
    return this.emit("Reciprocal", [this.emit("Sqrt", [shifted])]);
  }

  #constant(key: string, tensor: Omit<Partial<TensorProto>, "$typeName">): string {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const name = `c${this.initializers.length}`;
    this.initializers.push(create(TensorProtoSchema, { ...tensor, name }));
    this.#shared.set(key, name);
    return name;
  }
}

type Lower<O extends Op> = (node: Node<O>, to: Lowering, inputs: readonly string[]) => string;

const plain =
  (opType: string, attributes: Readonly<Record<string, AttributeValue>> = {}): Lower<Op> =>
  (_, to, inputs) =>
    to.emit(opType, inputs, attributes);

const lowerings: { readonly [O in Op]: Lower<O> } = {
  input: ({ attributes: { name } }) => name,
  constant: ({ attributes: { data }, shape }, to) => to.floats(data, shape as number[]),
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  min: plain("Min"),
  max: plain("Max"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  sigmoid: plain("Sigmoid"),
  stopGradient: plain("Identity"),
  less: (_, to, inputs) => to.emit("Cast", [to.emit("Less", inputs)], { to: DataType.FLOAT }),
  matmul: ({ attributes: { transA, transB, alpha } }, to, inputs) =>
    !transA && !transB && alpha === 1
      ? to.emit("MatMul", inputs)
      : to.emit("FusedMatMul", inputs, { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } }),
  sum: ({ attributes: { axes, keep } }, to, [x]) =>
    to.emit("ReduceSum", [x!, to.ints(axes)], { keepdims: Number(keep) }),
  expandLike: (_, to, [x, like]) => to.emit("Expand", [x!, to.emit("Shape", [like!])]),
  reshape: ({ inputs: [x], attributes: { shape } }, to, [name]) =>
    to.emit("Reshape", [name!, to.ints(reshapeTarget(x!.shape, shape))]),
  transpose: ({ attributes: { perm } }, to, inputs) => to.emit("Transpose", inputs, { perm }),
  concat: ({ attributes: { axis } }, to, inputs) => to.emit("Concat", inputs, { axis }),
  slice: ({ attributes: { axis, start, end } }, to, [x]) =>
    to.emit("Slice", [x!, to.ints([start]), to.ints([end ?? 2 ** 31 - 1]), to.ints([axis])]),
  pad({ inputs: [x], attributes: { axis, before, after } }, to, [name]) {
    if (typeof before !== "number" || typeof after !== "number") throw new Error("pad: amounts must be numbers");
    const zeros = x!.shape.map(() => 0);
    return to.emit("Pad", [name!, to.ints([...zeros.with(axis, before), ...zeros.with(axis, after)])]);
  },
  softmax: plain("Softmax", { axis: -1 }),
  logSoftmax: plain("LogSoftmax", { axis: -1 }),
  rmsNorm: (node, to, inputs) => to.rmsNorm(node, inputs),
  rmsScale: (node, to, inputs) => to.rmsScale(node, inputs),
  rotary: ({ attributes: { inverse } }, to, [x, positions, cos, sin]) =>
    to.emit("RotaryEmbedding", [x!, positions!, cos!, inverse ? to.emit("Neg", [sin!]) : sin!]),
  cast: ({ inputs: [x] }, to, [name]) => {
    const held = x!.dtype === "bfloat16" ? to.emit("BitCast", [name!], { to: DataType.BFLOAT16 }) : name!;
    return to.emit("Cast", [held], { to: DataType.FLOAT });
  },
  dequantize: plain("DequantizeLinear", { axis: 0 }),
  gather: plain("Gather", { axis: 0 }),
  scatterAdd({ inputs: [, updates], attributes: { rows } }, to, [indices, values]) {
    const width = updates!.shape[updates!.shape.length - 1]!;
    if (typeof rows !== "number" || typeof width !== "number") throw new Error("scatterAdd: sizes must be numbers");
    const zeros = to.emit("ConstantOfShape", [to.ints([rows, width])]);
    // Not ScatterND: ONNX Runtime (1.30) shares its rows among threads, and loses sums where two meet at one row.
    const at = to.emit("Expand", [to.emit("Reshape", [indices!, to.ints([-1, 1])]), to.ints([1, width])]);
    const added = to.emit("Reshape", [values!, to.ints([-1, width])]);
    return to.emit("ScatterElements", [zeros, at, added], { axis: 0, reduction: "add" });
  },
  pick(_, to, [x, indices]) {
    const axis = to.ints([-1]);
    const at = to.emit("Unsqueeze", [indices!, axis]);
    return to.emit("Squeeze", [to.emit("GatherElements", [x!, at], { axis: -1 }), axis]);
  },
  oneHot: ({ attributes: { depth } }, to, [indices]) =>
    to.emit("OneHot", [indices!, to.ints([depth], true), to.floats(Float32Array.of(0, 1), [2])], { axis: -1 }),
};

/** Reshape's target: numbers as they are, 0 where a symbol stays in place, one -1 for what is left. */
function reshapeTarget(from: Shape, to: Shape): number[] {
  let inferred = 0;
  const target = to.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    if (from[axis] === dim) return 0;
    inferred++;
    return -1;
  });
  if (inferred > 1) throw new Error(`reshape (${from}) to (${to}): more than one size to infer`);
  return target;
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

/** How each kind of number is fed and fetched. */
const elementTypes: Readonly<Record<DType, DataType>> = {
  float: DataType.FLOAT,
  int: DataType.INT64,
  bool: DataType.BOOL,
  bfloat16: DataType.UINT16,
  int8: DataType.INT8,
};

function valueInfo(name: string, dtype: DType, shape: Shape): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: elementTypes[dtype],
          shape: {
            dim: shape.map((dim) => ({
              value:
                typeof dim === "number"
                  ? { case: "dimValue" as const, value: BigInt(dim) }
                  : { case: "dimParam" as const, value: dim },
            })),
          },
        },
      },
    },
  });
}
