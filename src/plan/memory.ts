import type { Graph } from "../autodiff/graph.ts";
import type { HeldDtype } from "../engine/engine.ts";
import { cacheBytes } from "../engine/row-cache.ts";
import { PREFILL_BATCH, prefillCount } from "../engine/sampler.ts";
import { trainedShapes } from "../engine/weight-set.ts";
import { parameterShapes } from "../model/parameters.ts";
import { decoding } from "./decoding.ts";
import { type GraphCost, graphCost } from "./graph-cost.ts";
import * as parts from "./parts.ts";
import type { Workload } from "./workload.ts";

export const partNames = [
  "weights",
  "gradients",
  "optimizer",
  "snapshots",
  "layerInputs",
  "activations",
  "head",
  "keyValueCache",
  "decoding",
  "process",
  "leftover",
] as const;
export type PartName = (typeof partNames)[number];

/** Bytes in use at the busiest moment of a phase, by what they are for. */
export interface PhaseMemory {
  readonly phase: "sampling" | "training";
  readonly parts: Readonly<Record<PartName, number>>;
  readonly total: number;
}

/**
 * Bytes that ONNX Runtime's arena takes for each byte of inner results alive at one time. Every compiled graph has an arena
 * of its own, which never gives back and has its gaps; more of them where the graph is run with one shape after another
 * than with one alone. Measured: 1.1 to 1.6, and 1.8 to 2.3 (docs/plan.md).
 */
const ARENA = { oneShape: 1.5, manyShapes: 2 };
const arenaBytes = ({ peakBytes, outputBytes }: GraphCost, arena: number): number => arena * peakBytes + outputBytes;
/** Node, ONNX Runtime, compiled graphs, the engine's thread; and a tokenizer, for each of its tokens. */
const PROCESS = 130 * 2 ** 20;
const PROCESS_OF_TOKEN = 1250;
/** Memory that is free and not yet given back, by the collector and by malloc, as a share of the rest. Measured: 0 to 0.15;
 * this one leaves plans as often a little low as a little high (docs/plan.md). */
const LEFTOVER = 0.07;

/** The phases of a run at their busiest. A checkpoint is read out of the engine tensor by tensor and takes no more. */
export function memory(load: Workload): PhaseMemory[] {
  const { config, lora, hold, sampling } = load;
  const trained = 4 * elements(trainedShapes(config, lora));
  const standing = {
    weights: trained + (lora === undefined ? 0 : frozenBytes(load)),
    optimizer: 2 * trained,
    snapshots: load.snapshots * trained,
    process: PROCESS + PROCESS_OF_TOKEN * load.tokens,
  };
  const training = trainingMemory(load);
  const sampled = sampling === null ? null : samplingMemory(load);
  // A large model's graphs are dropped between the phases. Those of a small one stay, with arenas as large as they ever were.
  const kept = parts.isLayered(load)
    ? {}
    : { activations: training.activations, decoding: sampled?.decoding ?? 0, gradients: trained };
  return [
    ...(sampled === null ? [] : [phase("sampling", { ...standing, ...kept, ...sampled })]),
    phase("training", { ...standing, ...kept, gradients: trained, ...training }),
  ];

  function phase(name: PhaseMemory["phase"], some: Partial<Record<PartName, number>>): PhaseMemory {
    const used = Object.values(some).reduce((sum, bytes) => sum + bytes, 0);
    const all = Object.fromEntries(
      partNames.map((part) => [part, Math.round(part === "leftover" ? LEFTOVER * used : (some[part] ?? 0))]),
    );
    const total = Object.values(all).reduce((sum, bytes) => sum + bytes, 0);
    return { phase: name, parts: all as Record<PartName, number>, total };
  }

  function frozenBytes({ hold: dtype }: { readonly hold: HeldDtype }): number {
    let bytes = 0;
    for (const shape of parameterShapes(config).values()) {
      const size = shape.reduce((product, n) => product * n, 1);
      const matrix = shape.length === 2;
      bytes += matrix && dtype === "int8" ? size + 4 * shape[0]! : size * (matrix && hold === "bfloat16" ? 2 : 4);
    }
    return bytes;
  }
}

/** The phase that needs most. */
export function peak(phases: readonly PhaseMemory[]): PhaseMemory {
  return phases.reduce((most, one) => (one.total > most.total ? one : most));
}

/** The largest that each graph's arena gets over the micro-batches, and what JavaScript holds beside it. */
function trainingMemory(load: Workload): { activations: number; head: number; layerInputs: number } {
  const { config } = load;
  const batches = parts.slotsOf(load, load.largest);
  const most = (of: (batch: parts.Slots) => number): number => Math.max(0, ...batches.map(of));
  const layered = parts.isLayered(load);
  const shapes = new Set(batches.map(({ rows, width }) => `${rows} ${width}`));
  const arena = shapes.size > 1 ? ARENA.manyShapes : ARENA.oneShape;
  const run = (graph: Graph, sizes: (batch: parts.Slots) => Record<string, number>): number =>
    most((batch) => {
      return arenaBytes(graphCost(graph, sizes(batch)), arena);
    });
  if (!layered) {
    const scoring = load.scored.start + load.scored.reference > 0 ? run(parts.wholeScoring(load), parts.batchSizes) : 0;
    return { activations: run(parts.wholeTraining(load), parts.batchSizes) + scoring, head: 0, layerInputs: 0 };
  }
  const C = config.hidden_size;
  const slice = ({ learned: N }: parts.Slots) => ({ N, W: parts.headSlices(config, N).rows });
  const tokens = 7 * 4 * C; // rows of hidden states that the head keeps of each learned token
  return {
    activations: run(parts.blockOf(load), parts.batchSizes) + run(parts.blockBackward(load), parts.batchSizes),
    head:
      run(parts.headOf(load), slice) + run(parts.headBackward(load), slice) + most(({ learned }) => tokens * learned),
    layerInputs: most(({ rows, width }) => 4 * C * rows * width * (config.num_hidden_layers + 3)),
  };
}

function samplingMemory(load: Workload): { keyValueCache: number; decoding: number } {
  const { config, sampling, largest } = load;
  const { maxRows, heldOut } = sampling!;
  const stretches = [largest, heldOut].flatMap((lengths) => decoding(lengths, maxRows));
  const { rows, slots } = stretches.reduce(
    (most, one) => (one.rows * one.slots > most.rows * most.slots ? one : most),
    {
      rows: 1,
      slots: 1,
    },
  );
  const longest = Math.max(...largest.map(({ prompt }) => prompt));
  const decode = graphCost(parts.decodeOf(load), { B: rows, T: 1, S: slots, P: 1 });
  const B = prefillCount(config, new Array<number>(PREFILL_BATCH).fill(longest));
  const prefill = graphCost(parts.prefillOf(load), { B, T: longest, N: B, P: longest });
  return {
    keyValueCache: rows * cacheBytes(config, slots),
    decoding: arenaBytes(decode, ARENA.manyShapes) + arenaBytes(prefill, ARENA.manyShapes),
  };
}

export function elements(shapes: ReadonlyMap<string, readonly number[]>): number {
  let sum = 0;
  for (const shape of shapes.values()) sum += shape.reduce((product, n) => product * n, 1);
  return sum;
}
