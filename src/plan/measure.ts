import { bindDim, type Graph, type Node, topologicalOrder } from "../autodiff/graph.ts";
import { chooseToken } from "../engine/choose-token.ts";
import { decodeGraph } from "../engine/graphs.ts";
import { accumulate } from "../engine/model-pass.ts";
import { type Program, type Runtime, size, type Value } from "../engine/runtime.ts";
import { trainedShapes } from "../engine/weight-set.ts";
import { headDim } from "../model/parameters.ts";
import { adamwStep } from "../optimizer/adamw.ts";
import { globalNorm } from "../optimizer/clip.ts";
import { decoding } from "./decoding.ts";
import { graphCost } from "./graph-cost.ts";
import { elements } from "./memory.ts";
import * as parts from "./parts.ts";
import type { Speed } from "./seconds.ts";
import type { Workload } from "./workload.ts";

/** Arithmetic of one measured run of a training graph: enough that turning held weights into float takes the share it has in a run. */
const FLOPS = 1e11;
/** Bytes of layers that a decode step is measured over: more than caches hold, as in a real one. */
const DECODE_BYTES = 2 ** 27;
/** How often each piece has its turn, and about how many seconds one takes. */
const ROUNDS = 5;
const PIECE = 0.15;
/** Rows of the output matrix that are enough to measure. */
const VOCABULARY = 2 ** 14;

/**
 * How fast this machine is at a model: one layer's graphs, a slice of the vocabulary and a decode step of a few layers run
 * in turns for some seconds with numbers that mean nothing. No weight is read.
 */
export async function measureSpeed(runtime: Runtime, load: Workload): Promise<Speed> {
  const watch = new Stopwatch(runtime);
  try {
    // The micro-batches of a step, one after the other: small ones are slower.
    const batches = parts.slotsOf(load, load.steps[0]!);
    const rate = (graph: Graph) => watch.rate(graph, batches.map(parts.batchSizes), "B");
    const slices = batches.map(({ learned: N }) => ({ N, W: parts.headSlices(load.config, N).rows }));
    const headRate = (graph: Graph) => watch.rate(graph, slices, "N");
    const layered = parts.isLayered(load);
    const forward = await rate(layered ? parts.blockOf(load) : parts.wholeScoring(load));
    const training = await rate(layered ? parts.blockBackward(load) : parts.wholeTraining(load));
    const head = layered ? await headRate(parts.headOf(load)) : forward;
    const headTraining = layered ? await headRate(parts.headBackward(load)) : training;
    const decode = load.sampling === null ? [] : await decodeSteps(watch, load);
    const loops = loopsOf(watch, load);
    const compile = layered ? watch.compiling(parts.stepGraphs(load)) : () => 0;
    const spread = await watch.run();
    return {
      forward: forward(),
      training: training(),
      head: head(),
      headTraining: headTraining(),
      decode: decode.map(({ rows, seconds }) => ({ rows, seconds: seconds() })),
      choose: loops.choose(),
      add: loops.add(),
      update: loops.update(),
      compile: compile(),
      spread,
    };
  } finally {
    await watch.release();
  }
}

type Sizes = Readonly<Record<string, number>>;

/** Pieces of work that are timed in turns, so that each meets the machine's fast and slow moments. */
class Stopwatch {
  readonly #runtime: Runtime;
  readonly #programs = new Map<Graph, Program>();
  /** Values by name, shape and type, which several graphs share. */
  readonly #values = new Map<string, Value>();
  readonly #pieces: { readonly work: () => unknown; readonly times: number[] }[] = [];

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** What gives the seconds of a piece of work after `run`: the median, what a run meets and not the best it could. */
  time(work: () => unknown): () => number {
    const times: number[] = [];
    this.#pieces.push({ work, times });
    return () => median(times);
  }

  async graph(graph: Graph, ...sizes: readonly Sizes[]): Promise<() => number> {
    const program = this.#programs.get(graph) ?? (await this.#runtime.compile(graph));
    this.#programs.set(graph, program);
    const feeds = sizes.map((one) => anyFeeds(graph, one, this.#values));
    return this.time(async () => {
      for (const one of feeds) await program.run(one);
    });
  }

  compiling(graphs: readonly Graph[]): () => number {
    return this.time(async () => {
      for (const graph of graphs) await (await this.#runtime.compile(graph)).release();
    });
  }

  /** Floating-point operations a second over runs of these sizes; not all of them, or the first with a smaller `rows`, where that is enough. */
  async rate(graph: Graph, sizes: readonly Sizes[], rows: string): Promise<() => number> {
    const flopsOf = (one: Sizes): number => graphCost(graph, one).flops;
    const some: Sizes[] = [];
    let flops = 0;
    for (const one of sizes) {
      const left = Math.floor((FLOPS - flops) / flopsOf({ ...one, [rows]: 1 }));
      const fits = Math.min(one[rows]!, some.length === 0 ? Math.max(1, left) : left);
      if (fits < 1) break;
      some.push({ ...one, [rows]: fits });
      flops += flopsOf(some.at(-1)!);
    }
    const seconds = await this.graph(graph, ...some);
    return () => flops / seconds();
  }

  /**
   * Some rounds. A piece's first run in a round does not count: its threads and its data have to come back first, as in a
   * run they have not. Returns how fast and how slow a round was, the pieces on average, against the middle one.
   */
  async run(): Promise<Speed["spread"]> {
    const medians: number[][] = this.#pieces.map(() => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [piece, { work, times }] of this.#pieces.entries()) {
        await work();
        const some: number[] = [];
        for (let spent = 0; some.length < 1 || (some.length < 20 && spent < PIECE); spent += some.at(-1)!) {
          const start = performance.now();
          await work();
          some.push((performance.now() - start) / 1000);
        }
        times.push(...some);
        medians[piece]!.push(median(some));
      }
    const rounds = Array.from({ length: ROUNDS }, (_, round) => {
      const shares = medians.map((some) => some[round]! / median(some));
      return shares.reduce((sum, share) => sum + share, 0) / shares.length;
    });
    return { least: Math.min(...rounds), most: Math.max(...rounds) };
  }

  async release(): Promise<void> {
    for (const program of this.#programs.values()) await program.release();
  }
}

/** A step of all layers at several numbers of rows, from a few layers and from none. */
async function decodeSteps(watch: Stopwatch, load: Workload) {
  const { config, expected, sampling } = load;
  const stretches = decoding(expected, sampling!.maxRows);
  const full = Math.max(1, ...stretches.map(({ rows }) => rows));
  const tokens = stretches.reduce((sum, { rows, steps }) => sum + rows * steps, 0);
  const S = Math.max(
    1,
    Math.round(stretches.reduce((sum, one) => sum + (one.rows * one.steps * one.slots) / tokens, 0)),
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
  const points: { readonly rows: number; readonly seconds: () => number }[] = [];
  for (const rows of new Set([1, Math.ceil(full / 4), full])) {
    const sizes = { B: rows, T: 1, S, P: S };
    const [head, all] = [await watch.graph(none, sizes), await watch.graph(few, sizes)];
    const seconds = (): number =>
      (Math.max(0, all() - head()) * L) / layers + (head() * config.vocab_size) / vocabulary;
    points.push({ rows, seconds });
  }
  return points;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

/** Values for every input: small numbers of both signs, and zero where an index is wanted. */
function anyFeeds(graph: Graph, sizes: Sizes, known: Map<string, Value>): Record<string, Value> {
  const bound = new Map(Object.entries(sizes));
  const feeds: Record<string, Value> = {};
  for (const node of topologicalOrder(graph.outputs.values())) {
    if (node.op !== "input") continue;
    const { attributes, shape: dims, dtype } = node as Node<"input">;
    const shape = dims.map((dim) => bindDim(dim, bound));
    const key = `${attributes.name} ${dtype} ${shape.join()}`;
    const shared = known.get(key);
    if (shared !== undefined) {
      feeds[attributes.name] = shared;
      continue;
    }
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
    known.set(key, { shape, data });
  }
  return feeds;
}

function small(count: number): Float32Array {
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = (((i * 7919) % 2001) - 1000) * 2e-5;
  return data;
}

/** Seconds of the loops in JavaScript: adding a number, updating a weight, choosing a token. */
function loopsOf(watch: Stopwatch, { config, lora }: Workload) {
  const vocabulary = config.vocab_size;
  // As many as are trained, up to what no cache holds.
  const n = Math.min(2 ** 25, elements(trainedShapes(config, lora)));
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
  const add = watch.time(() => accumulate(weight, gradient));
  const update = watch.time(() => {
    globalNorm([gradient]);
    adamwStep(weight, gradient, m, v, settings);
  });
  const choose = watch.time(() => chooseToken(logits, 0, vocabulary, { temperature: 1 }, () => 0.5));
  return { add: () => add() / n, update: () => update() / n, choose };
}
