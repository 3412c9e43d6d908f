import type { Graph } from "../autodiff/graph.ts";
import { microBatches } from "../engine/batching.ts";
import { trainingPass } from "../engine/embedded.ts";
import type { HeldDtype } from "../engine/engine.ts";
import { decodeGraph, prefillGraph, scoringGraph, temperatureOf, trainingGraph } from "../engine/graphs.ts";
import { sliceRows } from "../engine/head.ts";
import { blockGradientGraph, blockGraph, headGradientGraph, headGraph } from "../engine/layer-graphs.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ParameterOptions } from "../model/parameter-inputs.ts";
import { headDim, parameterShapes } from "../model/parameters.ts";
import { data, type Length, type Workload } from "./workload.ts";

/** The graphs that a run compiles, and the sizes they are run with. */

export type Load = Pick<Workload, "config" | "lora" | "hold" | "loss" | "layout" | "slotBudget">;

/** A training micro-batch: B rows of T slots, N of which predict a completion token. */
export interface Slots {
  readonly rows: number;
  readonly width: number;
  readonly learned: number;
}

export function slotsOf(load: Load, lengths: readonly Length[]): Slots[] {
  const { slots } = trainingPass(load);
  return microBatches(data(lengths), load.layout, slots).map(({ rows, width, placements }) => ({
    rows,
    width,
    learned: placements.reduce((sum, { datum }) => sum + lengths[datum]!.completion, 0),
  }));
}

export const isLayered = (load: Load): boolean => trainingPass(load).layered;

/** Frozen matrices are held as the recipe says, vectors as float32. */
export function parameterOptions({ config, lora, hold }: Load): ParameterOptions {
  if (lora === undefined) return {};
  const shapes = parameterShapes(config);
  return {
    lora,
    dropout: lora.dropout > 0,
    dtypeOf: (name): HeldDtype => (shapes.get(name)?.length === 2 ? hold : "float32"),
  };
}

/** Sizes of a micro-batch; P covers the rotary tables. */
export const batchSizes = ({ rows, width }: Slots) => ({ B: rows, T: width, P: width });

export const blockOf = (load: Load) => blockGraph(load.config, load.layout.kind, parameterOptions(load));
export const blockBackward = (load: Load) => blockGradientGraph(load.config, load.layout.kind, parameterOptions(load));
export const wholeTraining = (load: Load) =>
  trainingGraph(load.config, load.loss, load.layout.kind, parameterOptions(load));
export const wholeScoring = (load: Load) =>
  scoringGraph(load.config, temperatureOf(load.loss), { ...parameterOptions(load), dropout: false });
const headDtype = ({ lora, hold }: Load): HeldDtype => (lora === undefined ? "float32" : hold);
export const headOf = (load: Load) => headGraph(load.config, temperatureOf(load.loss), headDtype(load));
export const headBackward = (load: Load) =>
  headGradientGraph(load.config, temperatureOf(load.loss), headDtype(load), load.lora === undefined);

/** Rows of the output matrix that the head takes at a time for N tokens, and how many such slices there are. */
export function headSlices(config: ModelConfig, N: number): { readonly count: number; readonly rows: number } {
  const rows = sliceRows(config, N);
  return { count: Math.ceil(config.vocab_size / rows), rows };
}

export const prefillOf = (load: Load) => prefillGraph(load.config, { ...parameterOptions(load), dropout: false });
export const decodeOf = (load: Load) =>
  decodeGraph(load.config, headDim(load.config), { ...parameterOptions(load), dropout: false });

/** What a step of a model that is trained layer by layer compiles: graphs are dropped between sampling and training. */
export function stepGraphs(load: Workload): Graph[] {
  if (load.sampling === null) return [];
  return [prefillOf(load), decodeOf(load), blockOf(load), blockBackward(load), headOf(load), headBackward(load)];
}
