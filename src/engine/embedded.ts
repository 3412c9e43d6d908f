import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import { checkConfig, headDim, parameterCount } from "../model/parameters.ts";
import { adamwStep, decays } from "../optimizer/adamw.ts";
import { clipScale, globalNorm } from "../optimizer/clip.ts";
import { microBatches, unplace } from "./batching.ts";
import type {
  Completion,
  Datum,
  Engine,
  EngineState,
  ForwardBackwardResult,
  HeldTensors,
  Layout,
  Loss,
  OptimStep,
  OptimStepResult,
  SampleOptions,
  SampleRequest,
  SavedState,
  SavedTensor,
  SnapshotName,
  Tensor,
  Tensors,
} from "./engine.ts";
import { giveBack } from "./give-back.ts";
import { decodeGraph, prefillGraph } from "./graphs.ts";
import { LayeredModel } from "./layered-model.ts";
import { batchOf, type ModelPass, Programs } from "./model-pass.ts";
import { withRotaryTables } from "./rotary-tables.ts";
import type { Runtime } from "./runtime.ts";
import { sampleAll } from "./sampler.ts";
import {
  checkState,
  dtypeOf,
  initialFrozen,
  initialTrained,
  trainedShapes,
  type WeightSet,
  weightFeeds,
} from "./weight-set.ts";
import { WholeModel } from "./whole-model.ts";

export interface EmbeddedOptions {
  readonly config: ModelConfig;
  /** Fresh weights are drawn from this seed unless load() brings others; also names the draws of dropout. @default 0 */
  readonly seed?: number;
  /** Rows of the decode batch. @default 256 */
  readonly maxRows?: number;
  /** Token slots of a training micro-batch. @default 4096, fewer where their activations would take over 1 GiB */
  readonly slotBudget?: number;
  /** Text of each token id, for stop strings. @default none */
  readonly tokenTexts?: readonly string[];
  /** Train an adapter on frozen weights instead of the weights. @default none */
  readonly lora?: LoraConfig;
  /** Keep only the layers' inputs and compute the rest again on the way back. @default "auto": where keeping all is large */
  readonly recompute?: boolean | "auto";
}

type Weights = ReadonlyMap<string, Tensor>;

/** From here on "auto" recomputes: parameters, and bytes of a micro-batch's logits. */
const LARGE_MODEL = 30e6;
const LARGE_LOGITS = 2 ** 28;

/** Rows of the decode batch where nothing else is said. */
export const MAX_ROWS = 256;

/** Whether a model is trained layer by layer, and the token slots of a micro-batch whose rows have a width. */
export function trainingPass({
  config,
  recompute = "auto",
  slotBudget,
}: {
  readonly config: ModelConfig;
  readonly recompute?: EmbeddedOptions["recompute"] | undefined;
  readonly slotBudget?: number | undefined;
}): {
  readonly layered: boolean;
  readonly slots: (width: number) => number;
} {
  const large = parameterCount(config) > LARGE_MODEL || (slotBudget ?? 4096) * config.vocab_size * 4 > LARGE_LOGITS;
  const layered = recompute === "auto" ? large : recompute;
  const fromMemory = slotBudget === undefined && layered;
  return { layered, slots: fromMemory ? (width) => slotsWithin(config, width) : () => slotBudget ?? 4096 };
}

/** The four primitives in this process, over any runtime. */
export class EmbeddedEngine implements Engine {
  readonly config: ModelConfig;
  readonly name: string;
  readonly #options: { readonly seed: number; readonly maxRows: number; readonly tokenTexts: readonly string[] };
  readonly #lora: LoraConfig | undefined;
  readonly #model: ModelPass;
  /** Those of the sampler. */
  readonly #programs: Programs;
  readonly #slotBudget: (width: number) => number;
  readonly #layered: boolean;
  /** Below adapters; empty without. Null until it is loaded or needed. */
  #frozen: HeldTensors | null = null;
  /** Null until it is loaded or needed. */
  #trained: Weights | null = null;
  readonly #snapshots = new Map<SnapshotName, Weights>();
  /** Sums since the last update; the memory is kept. */
  #gradients: ReadonlyMap<string, Float32Array<ArrayBuffer>> | null = null;
  #m: ReadonlyMap<string, Float32Array> | null = null;
  #v: ReadonlyMap<string, Float32Array> | null = null;
  #step = 0;
  /** forwardBackward calls since the last update: how many went into the gradients. */
  #calls = 0;

  constructor(runtime: Runtime, options: EmbeddedOptions) {
    const { config, lora, seed = 0, maxRows = MAX_ROWS, tokenTexts = [], recompute = "auto", slotBudget } = options;
    checkConfig(config);
    this.config = config;
    this.name = runtime.name;
    this.#options = { seed, maxRows, tokenTexts };
    this.#lora = lora;
    const withTables = withRotaryTables(runtime, config);
    const { layered, slots } = trainingPass({ config, recompute, slotBudget });
    this.#model = new (layered ? LayeredModel : WholeModel)(withTables, config, lora);
    this.#programs = new Programs(withTables);
    this.#slotBudget = slots;
    this.#layered = layered;
  }

  async sample(requests: readonly SampleRequest[], options: SampleOptions): Promise<Completion[][]> {
    const weights = this.#policy();
    await this.#makeRoom("sample");
    const graphOptions = { lora: this.#lora, dtypeOf: (name: string) => dtypeOf(weights, name) };
    const programs = {
      prefill: await this.#programs.get("prefill", () => prefillGraph(this.config, graphOptions)),
      decode: await this.#programs.get("decode", () => decodeGraph(this.config, headDim(this.config), graphOptions)),
      weights: weightFeeds(weights),
    };
    return sampleAll(this.config, programs, this.#options, requests, options);
  }

  async forwardBackward(
    data: readonly Datum[],
    loss: Loss,
    layout: Layout = { kind: "rows" },
  ): Promise<ForwardBackwardResult> {
    if (layout.kind === "packed" && loss.name === "policy-gradient" && loss.ratio === "sequence")
      throw new AutodidactError(
        "BATCH_LAYOUT",
        'layout: "packed" puts several sequences in a row, which ratio "sequence" cannot tell apart; use layout "rows"',
      );
    this.#checkTokens(data);
    const batches = microBatches(data, layout, this.#slotBudget);
    const weights = this.#policy();
    await this.#makeRoom("train");
    const logprobs = new Array<Float32Array>(data.length);
    const entropies = new Array<Float32Array>(data.length);
    this.#gradients ??= zeros(weights.trained);
    const call = ["dropout", this.#options.seed, this.#step, this.#calls++] as const;
    let [total, slots, used] = [0, 0, 0];
    for (const [i, batch] of batches.entries()) {
      const scored = await this.#model.train(
        weights,
        batchOf(data, batch, layout, [...call, i]),
        loss,
        this.#gradients,
      );
      total += scored.loss;
      unplace(data, batch, scored.logprobs, logprobs);
      unplace(data, batch, scored.entropies, entropies);
      slots += batch.rows * batch.width;
      for (const { datum } of batch.placements) used += data[datum]!.tokens.length - 1;
    }
    return { loss: total, logprobs, entropies, paddingShare: slots === 0 ? 0 : 1 - used / slots };
  }

  async logprobs(data: readonly Datum[], name: "policy" | SnapshotName, temperature = 1): Promise<Float32Array[]> {
    this.#checkTokens(data);
    const weights = name === "policy" ? this.#policy() : this.#snapshot(name);
    await this.#makeRoom("train");
    const layout: Layout = { kind: "rows" };
    const logprobs = new Array<Float32Array>(data.length);
    for (const batch of microBatches(data, layout, this.#slotBudget)) {
      const scored = await this.#model.score(weights, batchOf(data, batch, layout, []), temperature);
      unplace(data, batch, scored, logprobs);
    }
    return logprobs;
  }

  async optimStep(options: OptimStep): Promise<OptimStepResult> {
    if (this.#gradients === null || this.#calls === 0)
      throw new AutodidactError(
        "ENGINE_NO_GRADIENT",
        "optimStep: no gradient was accumulated; call forwardBackward first",
      );
    const gradNorm = globalNorm(this.#gradients.values());
    const gradScale = clipScale(gradNorm, options.maxGradNorm);
    const step = this.#step + 1;
    if (Number.isFinite(gradNorm)) {
      const { trained } = this.#policy();
      const { m, v } = this.#moments();
      for (const [name, gradient] of this.#gradients) {
        const weight = trained.get(name)!;
        const weightDecay = decays(weight.shape) ? options.weightDecay : 0;
        adamwStep(weight.data, gradient, m.get(name)!, v.get(name)!, { ...options, weightDecay, step, gradScale });
      }
      this.#step = step;
    }
    for (const gradient of this.#gradients.values()) gradient.fill(0);
    this.#calls = 0;
    return { gradNorm, step: this.#step };
  }

  async snapshot(name: SnapshotName): Promise<void> {
    this.#snapshots.set(name, copy(this.#policy().trained));
  }

  async save(): Promise<SavedState> {
    const { trained } = this.#policy();
    const { m, v } = this.#moments();
    const saved = (arrayOf: (name: string) => Float32Array): ReadonlyMap<string, SavedTensor> =>
      new Map([...trained].map(([name, { shape }]) => [name, { shape, read: async () => arrayOf(name) }]));
    return {
      weights: saved((name) => trained.get(name)!.data),
      optimizer: { step: this.#step, m: saved((name) => m.get(name)!), v: saved((name) => v.get(name)!) },
      // Looked up when read: a saved state shall not keep a snapshot alive that has been replaced.
      snapshots: Object.fromEntries(
        [...this.#snapshots.keys()].map((key) => [key, saved((name) => this.#snapshot(key).trained.get(name)!.data)]),
      ),
    };
  }

  async load(state: EngineState): Promise<void> {
    // All of it is checked before any of it is taken: a refused state leaves the engine as it was.
    checkState(this.config, this.#lora, state);
    const { optimizer } = state;
    if (state.base !== undefined) {
      this.#frozen = state.base;
      // Graphs depend on how weights are held.
      await this.#programs.release();
      await this.#model.release();
    }
    const order = this.#order();
    const inOrder = (tensors: Tensors): Weights => new Map(order.map((name) => [name, tensors.get(name)!]));
    this.#trained = inOrder(state.weights);
    this.#m = optimizer ? dataOf(inOrder(optimizer.m)) : null;
    this.#v = optimizer ? dataOf(inOrder(optimizer.v)) : null;
    this.#step = optimizer?.step ?? 0;
    this.#gradients = null;
    this.#calls = 0;
    this.#snapshots.clear();
    for (const [name, tensors] of Object.entries(state.snapshots ?? {}))
      this.#snapshots.set(name as SnapshotName, inOrder(tensors));
  }

  async close(): Promise<void> {
    await this.#programs.release();
    await this.#model.release();
  }

  /**
   * Sessions keep the memory of their largest run. A large model's sampling and training do without that of one another;
   * compiling again takes about a second.
   */
  async #makeRoom(next: "sample" | "train"): Promise<void> {
    if (!this.#layered) return;
    if (next === "train") return this.#programs.release();
    await this.#model.release();
    if (this.#calls > 0 || this.#gradients === null) return;
    giveBack(this.#gradients.values());
    this.#gradients = null;
  }

  #policy(): WeightSet {
    const { seed } = this.#options;
    this.#frozen ??= this.#lora === undefined ? new Map() : initialFrozen(this.config, seed);
    this.#trained ??= initialTrained(this.config, this.#lora, seed);
    return { frozen: this.#frozen, trained: this.#trained };
  }

  #snapshot(name: SnapshotName): WeightSet {
    const { frozen } = this.#policy();
    const trained = this.#snapshots.get(name);
    if (trained !== undefined) return { frozen, trained };
    throw new AutodidactError("ENGINE_SNAPSHOT", `weights: no snapshot "${name}" was taken; call snapshot first`);
  }

  #moments() {
    const { trained } = this.#policy();
    this.#m ??= zeros(trained);
    this.#v ??= zeros(trained);
    return { m: this.#m, v: this.#v };
  }

  /** Names of what is trained, in the order in which sums go over them. */
  #order(): string[] {
    return [...trainedShapes(this.config, this.#lora).keys()];
  }

  #checkTokens(data: readonly Datum[]): void {
    const { vocab_size: vocabulary, max_position_embeddings: positions } = this.config;
    for (const [i, { tokens }] of data.entries()) {
      if (tokens.length - 1 > positions)
        throw new AutodidactError(
          "BATCH_DATUM",
          `datum ${i}: ${tokens.length} tokens exceed the model's ${positions} positions; shorten it`,
        );
      const bad = tokens.find((token) => token < 0 || token >= vocabulary);
      if (bad !== undefined)
        throw new AutodidactError(
          "BATCH_DATUM",
          `datum ${i}: token ${bad} is outside the vocabulary of ${vocabulary}; was it encoded by another tokenizer?`,
        );
    }
  }
}

function zeros(weights: Weights): Map<string, Float32Array<ArrayBuffer>> {
  return new Map([...weights].map(([name, { data }]) => [name, new Float32Array(data.length)]));
}

function copy(weights: Weights): Weights {
  return new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
}

function dataOf(weights: Weights): Map<string, Float32Array> {
  return new Map([...weights].map(([name, { data }]) => [name, data]));
}

/** Bytes that a layer's backward pass and the kept layer inputs may take. */
const ACTIVATION_BYTES = 2 ** 30;

/** Token slots in rows of `width` whose activations stay within that. */
function slotsWithin(config: ModelConfig, width: number): number {
  const { hidden_size: C, intermediate_size: F, num_attention_heads: H, num_hidden_layers: L } = config;
  // Of each token: about so many copies of each width, of its attention scores, and the layers' inputs.
  const floats = 12 * C + 4 * H * headDim(config) + 8 * F + 5 * H * width + L * C;
  return Math.min(4096, Math.floor(ACTIVATION_BYTES / (4 * floats)));
}
