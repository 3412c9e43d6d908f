import { bindDim, type Graph, type Node, topologicalOrder } from "../autodiff/graph.ts";
import { chooseToken } from "../engine/choose-token.ts";
import { decodeGraph } from "../engine/graphs.ts";
import { accumulate } from "../engine/model-pass.ts";
import { type Runtime, size, type Value } from "../engine/runtime.ts";
import { headDim } from "../model/parameters.ts";
import { adamwStep } from "../optimizer/adamw.ts";
import { globalNorm } from "../optimizer/clip.ts";
import { decoding } from "./decoding.ts";
import { graphCost } from "./graph-cost.ts";
import * as parts from "./parts.ts";
import type { Speed } from "./seconds.ts";
import type { Workload } from "./workload.ts";

/** Arithmetic of one measured run of a training graph; less than a tenth of a second on two cores. */
const FLOPS = 8e9;
/** Bytes of layers that a decode step is measured over: more than caches hold, as in a real one. */
const DECODE_BYTES = 2 ** 27;
/** Rows of the output matrix that are enough to measure. */
const VOCABULARY = 2 ** 14;

/**
 * How fast this machine is at a model: one layer's graphs, a slice of the vocabulary and a decode step of a few layers run
 * a few times with numbers that mean nothing. No weight is read.
 */
export async function measureSpeed(runtime: Runtime, load: Workload): Promise<Speed> {
  const batches = parts.slotsOf(load, load.expected);
  const { width } = batches.reduce((most, one) => (one.rows * one.width > most.rows * most.width ? one : most));
  const rate = async (graph: Graph, rowFlops: number, sizesOf: (rows: number) => Record<string, number>) => {
    const most = Math.max(...batches.map(({ rows }) => rows));
    const sizes = sizesOf(Math.max(1, Math.min(most, Math.round(FLOPS / rowFlops))));
    return graphCost(graph, sizes).flops / (await typical(runtime, graph, sizes));
  };
  const rows = (B: number) => ({ B, T: width, P: width });
  const perRow = (graph: Graph): number => graphCost(graph, rows(1)).flops;
  const { add, update, choose } = loops(load.config.vocab_size);
  const decode = load.sampling === null ? [] : await decodeSpeed(runtime, load);
  if (!parts.isLayered(load)) {
    const [graph, scoring] = [parts.wholeTraining(load), parts.wholeScoring(load)];
    const training = await rate(graph, perRow(graph), rows);
    const forward = await rate(scoring, perRow(scoring), rows);
    return { forward, training, head: forward, headTraining: training, decode, choose, add, update };
  }
  const learned = Math.max(...batches.map((batch) => batch.learned));
  const { rows: W } = parts.headSlices(load.config, learned);
  const headRate = async (graph: Graph): Promise<number> => {
    const ofToken = graphCost(graph, { W, N: 1 }).flops;
    const sizes = { W, N: Math.max(1, Math.min(learned, Math.round(FLOPS / ofToken))) };
    return graphCost(graph, sizes).flops / (await typical(runtime, graph, sizes));
  };
  const [block, backward] = [parts.blockOf(load), parts.blockBackward(load)];
  return {
    forward: await rate(block, perRow(block), rows),
    training: await rate(backward, perRow(backward), rows),
    head: await headRate(parts.headOf(load)),
    headTraining: await headRate(parts.headBackward(load)),
    decode,
    choose,
    add,
    update,
  };
}

/** A step of all layers at several numbers of rows, from a few layers and from none. */
async function decodeSpeed(runtime: Runtime, load: Workload): Promise<Speed["decode"]> {
  const { config, expected, sampling } = load;
  const { stretches } = decoding(expected, sampling!.maxRows);
  const full = Math.max(1, ...stretches.map(({ rows }) => rows));
  const S = Math.round(
    expected.reduce((sum, { prompt, completion }) => sum + prompt + completion / 2, 0) / expected.length,
  );
  const L = config.num_hidden_layers;
  const C = config.hidden_size;
  const layerBytes = 4 * C * (3 * config.intermediate_size + 4 * C);
  const layers = Math.max(1, Math.min(L, Math.ceil(DECODE_BYTES / layerBytes)));
  const vocabulary = Math.min(config.vocab_size, VOCABULARY);
  const part = (num_hidden_layers: number): Graph =>
    decodeGraph({ ...config, vocab_size: vocabulary, num_hidden_layers }, headDim(config), {
      ...parts.parameterOptions(load),
      dropout: false,
    });
  const [few, none] = [part(layers), part(0)];
  const points: { rows: number; seconds: number }[] = [];
  for (const B of new Set([1, Math.ceil(full / 4), full])) {
    const sizes = { B, T: 1, S, P: S };
    const head = await typical(runtime, none, sizes);
    const all = await typical(runtime, few, sizes);
    points.push({ rows: B, seconds: (Math.max(0, all - head) * L) / layers + (head * config.vocab_size) / vocabulary });
  }
  return points;
}

/** The median of some runs, in seconds: what a run meets, not the best it could. The first, which takes its memory, is not counted. */
async function typical(runtime: Runtime, graph: Graph, sizes: Readonly<Record<string, number>>): Promise<number> {
  const program = await runtime.compile(graph);
  try {
    const feeds = anyFeeds(graph, sizes);
    await program.run(feeds);
    const times: number[] = [];
    for (let spent = 0; times.length < 3 || (times.length < 7 && spent < 0.3); ) {
      const began = performance.now();
      await program.run(feeds);
      times.push((performance.now() - began) / 1000);
      spent += times.at(-1)!;
    }
    return median(times);
  } finally {
    await program.release();
  }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

/** Values for every input: small numbers of both signs, and zero where an index is wanted. */
function anyFeeds(graph: Graph, sizes: Readonly<Record<string, number>>): Record<string, Value> {
  const bound = new Map(Object.entries(sizes));
  const feeds: Record<string, Value> = {};
  for (const node of topologicalOrder(graph.outputs.values())) {
    if (node.op !== "input") continue;
    const { attributes, shape: dims, dtype } = node as Node<"input">;
    const shape = dims.map((dim) => bindDim(dim, bound));
    const count = size(shape);
    const data =
      dtype === "int"
        ? new BigInt64Array(count)
        : dtype === "bfloat16"
          ? new Uint16Array(count).fill(0x3c00)
          : dtype === "int8"
            ? new Int8Array(count).fill(3)
            : small(count);
    feeds[attributes.name] = { shape, data };
  }
  return feeds;
}

function small(count: number): Float32Array {
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = (((i * 7919) % 2001) - 1000) * 2e-5;
  return data;
}

/** Seconds of the loops in JavaScript: adding a number, updating a weight, choosing a token. */
function loops(vocabulary: number): Pick<Speed, "add" | "update" | "choose"> {
  const n = 2 ** 20;
  const [weight, gradient, m, v] = [small(n), small(n), new Float32Array(n), new Float32Array(n)];
  const settings = {
    learningRate: 1e-5,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weightDecay: 0,
    step: 1,
    gradScale: 1,
  };
  const logits = small(vocabulary);
  const time = (work: () => void, times: number): number => {
    const taken = Array.from({ length: times }, () => {
      const began = performance.now();
      work();
      return (performance.now() - began) / 1000;
    });
    return median(taken);
  };
  return {
    add: time(() => accumulate(weight, gradient), 12) / n,
    update:
      time(() => {
        globalNorm([gradient]);
        adamwStep(weight, gradient, m, v, settings);
      }, 12) / n,
    choose: time(() => chooseToken(logits, 0, vocabulary, { temperature: 1 }, () => 0.5), 12),
  };
}
