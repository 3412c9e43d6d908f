import type { Graph } from "../autodiff/graph.ts";
import { prefillCount } from "../engine/sampler.ts";
import { trainedShapes } from "../engine/weight-set.ts";
import { headDim } from "../model/parameters.ts";
import { decoding } from "./decoding.ts";
import { graphCost } from "./graph-cost.ts";
import { elements } from "./memory.ts";
import * as parts from "./parts.ts";
import type { Length, Workload } from "./workload.ts";

/** What this machine makes of a model's own graphs; measure.ts. */
export interface Speed {
  /** Floating-point operations a second in a pass without gradients, in one with them, and the same at the vocabulary. */
  readonly forward: number;
  readonly training: number;
  readonly head: number;
  readonly headTraining: number;
  /** Seconds of a decode step by its rows, few to many. */
  readonly decode: readonly { readonly rows: number; readonly seconds: number }[];
  /** Seconds to draw a token from one row of logits. */
  readonly choose: number;
  /** Seconds to add one number to another in an array, and to update one weight. */
  readonly add: number;
  readonly update: number;
  /** Seconds to compile the graphs of a step. */
  readonly compile: number;
  /** The least and the most that a round of all measurements took, as multiples of the middle one. */
  readonly spread: { readonly least: number; readonly most: number };
}

/** Seconds of one step by phase. */
export interface StepSeconds {
  readonly prefill: number;
  readonly decode: number;
  readonly scoring: number;
  readonly training: number;
  readonly update: number;
  readonly compile: number;
  readonly total: number;
  /** Of a step with no group to learn from, their answers all right or all wrong; null where there is none. */
  readonly idle: number | null;
}

/** Arithmetic of one step by phase, in floating-point operations of matrix products. */
export interface StepFlops {
  readonly prefill: number;
  readonly scoring: number;
  readonly training: number;
}

export function stepSeconds(load: Workload, speed: Speed): StepSeconds {
  const { config, sampling } = load;
  const trained = elements(trainedShapes(config, load.lora));
  const prompts = load.expected.filter((_, i) => sampling !== null && i % sampling.groupSize === 0);
  const prefill = sampling === null ? 0 : prefillFlops(load, prompts) / speed.forward;
  let decode = 0;
  if (sampling !== null) {
    // Writing the new keys and values into the cache is a loop too.
    const write = 2 * config.num_hidden_layers * config.num_key_value_heads * headDim(config) * speed.add;
    for (const { rows, steps } of decoding(load.expected, sampling.maxRows))
      decode += steps * (at(speed.decode, rows) + rows * (speed.choose + write));
  }
  const { start, reference } = load.scored;
  const score = (count: number): number => passSeconds(load, load.expected.slice(0, count), speed, false);
  const scoring = score(start) + score(reference);
  const training = load.passes * meanStep(load, (step) => passSeconds(load, step, speed, true));
  const update = load.updates * trained * speed.update;
  const { compile } = speed;
  const total = prefill + decode + scoring + training + update + compile;
  const left = training + update + score(reference);
  const idle = load.sampling === null || load.dynamicSampling ? null : total - left;
  return { prefill, decode, scoring, training, update, compile, total, idle };
}

/** One pass over sequences, for their log-probabilities alone or with gradients. */
function passSeconds(load: Workload, lengths: readonly Length[], speed: Speed, withGradients: boolean): number {
  const trained = elements(trainedShapes(load.config, load.lora));
  let seconds = 0;
  for (const batch of parts.slotsOf(load, lengths)) {
    const { forward, training, head, headTraining } = batchFlops(load, batch, withGradients);
    seconds +=
      forward / speed.forward + head / speed.head + training / speed.training + headTraining / speed.headTraining;
    if (withGradients) seconds += trained * speed.add;
  }
  return seconds;
}

/** Floating-point operations of a micro-batch. A model that is trained whole has its forward pass under `training`. */
export function batchFlops(load: parts.Load, batch: parts.Slots, withGradients: boolean) {
  const { num_hidden_layers: L } = load.config;
  const of = (graph: Graph, sizes: Record<string, number>): number => graphCost(graph, sizes).flops;
  const sizes = parts.batchSizes(batch);
  const nothing = { forward: 0, training: 0, head: 0, headTraining: 0 };
  if (!parts.isLayered(load))
    return withGradients
      ? { ...nothing, training: of(parts.wholeTraining(load), sizes) }
      : { ...nothing, forward: of(parts.wholeScoring(load), sizes) };
  const { rows: W, count } = parts.headSlices(load.config, batch.learned);
  const slice = { N: batch.learned, W };
  return {
    forward: L * of(parts.blockOf(load), sizes),
    training: withGradients ? L * of(parts.blockBackward(load), sizes) : 0,
    head: count * of(parts.headOf(load), slice),
    headTraining: withGradients ? count * of(parts.headBackward(load), slice) : 0,
  };
}

export function stepFlops(load: Workload): StepFlops {
  const sum = (lengths: readonly Length[], withGradients: boolean): number =>
    parts.slotsOf(load, lengths).reduce((total, batch) => {
      const { forward, training, head, headTraining } = batchFlops(load, batch, withGradients);
      return total + forward + head + training + headTraining;
    }, 0);
  const { sampling } = load;
  return {
    prefill:
      sampling === null
        ? 0
        : prefillFlops(
            load,
            load.expected.filter((_, i) => i % sampling.groupSize === 0),
          ),
    scoring:
      sum(load.expected.slice(0, load.scored.start), false) + sum(load.expected.slice(0, load.scored.reference), false),
    training: load.passes * meanStep(load, (step) => sum(step, true)),
  };
}

const meanStep = ({ steps }: Workload, of: (step: readonly Length[]) => number): number =>
  steps.reduce((sum, step) => sum + of(step), 0) / steps.length;

function prefillFlops(load: Workload, prompts: readonly Length[]): number {
  const graph = parts.prefillOf(load);
  let flops = 0;
  for (let at = 0, B = 0; at < prompts.length; at += B) {
    const lengths = prompts.slice(at).map(({ prompt }) => prompt);
    B = prefillCount(load.config, lengths);
    const T = Math.max(...lengths.slice(0, B));
    flops += graphCost(graph, { B, T, N: Math.max(2, B), P: T }).flops;
  }
  return flops;
}

/** Between measured numbers of rows in a straight line. */
function at(points: Speed["decode"], rows: number): number {
  const above = points.findIndex((point) => point.rows >= rows);
  const last = points[points.length - 1]!;
  if (above < 0) return (last.seconds * rows) / last.rows;
  if (above === 0) return points[0]!.seconds;
  const [low, high] = [points[above - 1]!, points[above]!];
  return low.seconds + ((high.seconds - low.seconds) * (rows - low.rows)) / (high.rows - low.rows);
}
