import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import { checkConfig, headDim, initialWeights, parameterShapes } from "../model/parameters.ts";
import { adamwStep, decays } from "../optimizer/adamw.ts";
import { clipScale, globalNorm } from "../optimizer/clip.ts";
import { batchArrays, type MicroBatch, microBatches, unplace } from "./batching.ts";
import type {
  Completion,
  Datum,
  Engine,
  EngineState,
  ForwardBackwardResult,
  Layout,
  Loss,
  OptimStep,
  OptimStepResult,
  SampleOptions,
  SampleRequest,
  SnapshotName,
  Tensors,
} from "./engine.ts";
import { decodeGraph, prefillGraph, scoringGraph, trainingGraph } from "./graphs.ts";
import { withRotaryTables } from "./rotary-tables.ts";
import { type Program, type Runtime, size, type Value } from "./runtime.ts";
import { sampleAll } from "./sampler.ts";

export interface EmbeddedOptions {
  readonly config: ModelConfig;
  /** Fresh weights are drawn from this seed; load() replaces them. @default 0 */
  readonly seed?: number;
  /** Rows of the decode batch. @default 256 */
  readonly maxRows?: number;
  /** Token slots of a training micro-batch. @default 4096 */
  readonly slotBudget?: number;
  /** Text of each token id, for stop strings. @default none */
  readonly tokenTexts?: readonly string[];
  /** Train an adapter on frozen weights instead of the weights. @default none */
  readonly lora?: LoraConfig;
}

type Weights = Map<string, Value & { readonly data: Float32Array }>;

/** The four primitives in this process, over any runtime. */
export class EmbeddedEngine implements Engine {
  readonly config: ModelConfig;
  readonly name: string;
  readonly #runtime: Runtime;
  readonly #options: Required<Omit<EmbeddedOptions, "lora">>;
  readonly #programs = new Map<string, Promise<Program>>();
  #weights: Weights;
  readonly #snapshots = new Map<SnapshotName, Weights>();
  #gradients: Map<string, Float32Array> | null = null;
  #m: Map<string, Float32Array>;
  #v: Map<string, Float32Array>;
  #step = 0;

  constructor(runtime: Runtime, options: EmbeddedOptions) {
    checkConfig(options.config);
    this.config = options.config;
    this.name = runtime.name;
    this.#runtime = withRotaryTables(runtime, options.config);
    this.#options = { seed: 0, maxRows: 256, slotBudget: 4096, tokenTexts: [], ...options };
    this.#weights = initialWeights(options.config, this.#options.seed);
    this.#m = zeros(this.#weights);
    this.#v = zeros(this.#weights);
  }

  async sample(requests: readonly SampleRequest[], options: SampleOptions): Promise<Completion[][]> {
    const programs = {
      prefill: await this.#program("prefill", () => prefillGraph(this.config)),
      decode: await this.#program("decode", () => decodeGraph(this.config, headDim(this.config))),
      weights: Object.fromEntries(this.#weights),
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
    const program = await this.#program(`train ${layout.kind} ${JSON.stringify(loss)}`, () =>
      trainingGraph(this.config, loss, layout.kind),
    );
    const weights = Object.fromEntries(this.#weights);
    const logprobs = new Array<Float32Array>(data.length);
    const entropies = new Array<Float32Array>(data.length);
    this.#gradients ??= zeros(this.#weights);
    let [total, slots, used] = [0, 0, 0];
    for (const batch of microBatches(data, layout, this.#options.slotBudget)) {
      const out = await program.run({ ...weights, ...feeds(data, batch, layout) });
      total += Number(out.loss!.data[0]);
      unplace(data, batch, out.logprobs!.data as Float32Array, logprobs);
      unplace(data, batch, out.entropies!.data as Float32Array, entropies);
      for (const [name, sum] of this.#gradients) accumulate(sum, out[`gradient ${name}`]!.data as Float32Array);
      slots += batch.rows * batch.width;
      for (const { datum } of batch.placements) used += data[datum]!.tokens.length - 1;
    }
    return { loss: total, logprobs, entropies, paddingShare: slots === 0 ? 0 : 1 - used / slots };
  }

  async logprobs(data: readonly Datum[], weights: "policy" | SnapshotName, temperature = 1): Promise<Float32Array[]> {
    this.#checkTokens(data);
    const chosen = weights === "policy" ? this.#weights : this.#snapshots.get(weights);
    if (chosen === undefined)
      throw new AutodidactError("ENGINE_SNAPSHOT", `weights: no snapshot "${weights}" was taken; call snapshot first`);
    const program = await this.#program(`score ${temperature}`, () => scoringGraph(this.config, temperature));
    const layout: Layout = { kind: "rows" };
    const logprobs = new Array<Float32Array>(data.length);
    for (const batch of microBatches(data, layout, this.#options.slotBudget)) {
      const out = await program.run({ ...Object.fromEntries(chosen), ...feeds(data, batch, layout) });
      unplace(data, batch, out.logprobs!.data as Float32Array, logprobs);
    }
    return logprobs;
  }

  async optimStep(options: OptimStep): Promise<OptimStepResult> {
    if (this.#gradients === null)
      throw new AutodidactError(
        "ENGINE_NO_GRADIENT",
        "optimStep: no gradient was accumulated; call forwardBackward first",
      );
    const gradNorm = globalNorm(this.#gradients.values());
    const gradScale = clipScale(gradNorm, options.maxGradNorm);
    const step = this.#step + 1;
    if (Number.isFinite(gradNorm)) {
      for (const [name, gradient] of this.#gradients) {
        const weight = this.#weights.get(name)!;
        const weightDecay = decays(name, weight.shape) ? options.weightDecay : 0;
        adamwStep(weight.data, gradient, this.#m.get(name)!, this.#v.get(name)!, {
          ...options,
          weightDecay,
          step,
          gradScale,
        });
      }
      this.#step = step;
    }
    this.#gradients = null;
    return { gradNorm, step: this.#step };
  }

  async snapshot(name: SnapshotName): Promise<void> {
    this.#snapshots.set(name, copy(this.#weights));
  }

  async save(): Promise<EngineState> {
    return {
      weights: copy(this.#weights),
      optimizer: {
        step: this.#step,
        m: withShapes(this.#m, this.#weights),
        v: withShapes(this.#v, this.#weights),
      },
      snapshots: Object.fromEntries([...this.#snapshots].map(([name, weights]) => [name, copy(weights)])),
    };
  }

  async load(state: EngineState): Promise<void> {
    // All of it is checked before any of it is taken: a refused state leaves the engine as it was.
    const weights = this.#checked(state.weights, "weights");
    const { optimizer } = state;
    const m = optimizer ? dataOf(this.#checked(optimizer.m, "optimizer.m")) : zeros(weights);
    const v = optimizer ? dataOf(this.#checked(optimizer.v, "optimizer.v")) : zeros(weights);
    const snapshots = Object.entries(state.snapshots ?? {}).map(
      ([name, tensors]) => [name as SnapshotName, this.#checked(tensors, `snapshot ${name}`)] as const,
    );
    this.#weights = weights;
    this.#m = m;
    this.#v = v;
    this.#step = optimizer?.step ?? 0;
    this.#gradients = null;
    this.#snapshots.clear();
    for (const [name, tensors] of snapshots) this.#snapshots.set(name, tensors);
  }

  async close(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).release();
    this.#programs.clear();
  }

  #program(key: string, graph: () => Parameters<Runtime["compile"]>[0]): Promise<Program> {
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const compiled = this.#runtime.compile(graph());
    this.#programs.set(key, compiled);
    return compiled;
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

  #checked(tensors: Tensors, what: string): Weights {
    const expected = parameterShapes(this.config);
    const checked: Weights = new Map();
    for (const [name, shape] of expected) {
      const tensor = tensors.get(name);
      if (tensor === undefined)
        throw new AutodidactError("MODEL_TENSOR", `${what}: tensor ${name} is missing; expected shape (${shape})`);
      if (tensor.shape.join() !== shape.join() || tensor.data.length !== size(shape))
        throw new AutodidactError(
          "MODEL_TENSOR",
          `${what}: tensor ${name} has shape (${tensor.shape}), expected (${shape}); do config.json and weights belong together?`,
        );
      checked.set(name, { shape, data: tensor.data.slice() });
    }
    for (const name of tensors.keys())
      if (!expected.has(name))
        throw new AutodidactError("MODEL_TENSOR", `${what}: tensor ${name} is not part of this architecture`);
    return checked;
  }
}

function feeds(data: readonly Datum[], batch: MicroBatch, layout: Layout): Record<string, Value> {
  const { maskRows, mask, ...perToken } = batchArrays(data, batch, layout);
  const shape = [batch.rows, batch.width];
  const values: Record<string, Value> = {
    mask: { shape: [maskRows, 1, 1, batch.width, batch.width], data: mask },
  };
  for (const [name, array] of Object.entries(perToken)) values[name] = { shape, data: array };
  return values;
}

function accumulate(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
}

function zeros(weights: Weights): Map<string, Float32Array> {
  return new Map([...weights].map(([name, { data }]) => [name, new Float32Array(data.length)]));
}

function copy(weights: Weights): Weights {
  return new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
}

function dataOf(weights: Weights): Map<string, Float32Array> {
  return new Map([...weights].map(([name, { data }]) => [name, data]));
}

function withShapes(arrays: ReadonlyMap<string, Float32Array>, like: Weights): Weights {
  return new Map([...arrays].map(([name, data]) => [name, { shape: like.get(name)!.shape, data: data.slice() }]));
}
