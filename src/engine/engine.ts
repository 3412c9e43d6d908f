import type { ModelConfig } from "../model/config.ts";

/**
 * What the recipe needs from whatever computes: sample, forwardBackward, optimStep, save/load. Weights live behind this
 * line, in a worker thread or one day on a cluster; nothing above it may assume that they are in this process.
 */
export interface Engine {
  readonly config: ModelConfig;
  /** "onnxruntime/cpu" for instance; goes into the report. */
  readonly name: string;
  /** Completions of each prompt, in request order. */
  sample(requests: readonly SampleRequest[], options: SampleOptions): Promise<Completion[][]>;
  /** Adds the gradient of `loss` over `data` to the accumulated gradients. */
  forwardBackward(data: readonly Datum[], loss: Loss, layout?: Layout): Promise<ForwardBackwardResult>;
  /** log-probability of every completion token of `data` under the named weights; no gradient. */
  logprobs(data: readonly Datum[], weights: "policy" | SnapshotName, temperature?: number): Promise<Float32Array[]>;
  /** One AdamW update from the accumulated gradients, which are then cleared. */
  optimStep(options: OptimStep): Promise<OptimStepResult>;
  /** Freezes a copy of the policy's weights under a name, replacing an earlier one. */
  snapshot(name: SnapshotName): Promise<void>;
  /** What there is to save. Its tensors are still in the engine: read them before anything changes it. */
  save(): Promise<SavedState>;
  /**
   * Replaces weights, and where given frozen weights, optimizer moments and snapshots. Refuses unknown, missing or
   * misshapen tensors. Takes the arrays: they belong to the engine from then on, and may be empty for the caller.
   */
  load(state: EngineState): Promise<void>;
  close(): Promise<void>;
}

/** "reference" is pi_ref of the KL term; "start" the model the run began from. */
export type SnapshotName = "reference" | "start";

/** Weights by Hugging Face name, row-major float32. */
export type Tensors = ReadonlyMap<string, Tensor>;
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** How frozen weights are held in memory: int8 with one scale a row of the matrix, vectors always as float32. */
export type HeldDtype = "float32" | "bfloat16" | "int8";

export type HeldTensor =
  | { readonly dtype: "float32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "bfloat16"; readonly shape: readonly number[]; readonly data: Uint16Array }
  | {
      readonly dtype: "int8";
      readonly shape: readonly number[];
      readonly data: Int8Array;
      /** (rows) */
      readonly scales: Float32Array;
    };
export type HeldTensors = ReadonlyMap<string, HeldTensor>;

/**
 * A tensor that is copied out of the engine when it is read. The array is good until the next one is read: a state is
 * several times as large as the weights, and so never in memory twice.
 */
export interface SavedTensor {
  readonly shape: readonly number[];
  read(): Promise<Float32Array>;
}

export type SavedState = EngineState<SavedTensor>;

export interface EngineState<T = Tensor> {
  /** What is trained: every parameter, or with LoRA the adapter's tensors under PEFT's names. */
  readonly weights: ReadonlyMap<string, T>;
  /** The frozen weights below an adapter, by Hugging Face name. Only loaded, never saved: they do not change. */
  readonly base?: HeldTensors;
  readonly optimizer?: {
    readonly step: number;
    readonly m: ReadonlyMap<string, T>;
    readonly v: ReadonlyMap<string, T>;
  };
  readonly snapshots?: Partial<Record<SnapshotName, ReadonlyMap<string, T>>>;
}

export interface SampleRequest {
  readonly prompt: Int32Array;
  /** How many completions of this prompt; they share one prefill. */
  readonly count: number;
  /** Names the random stream of this prompt; sample i draws from (...key, i). */
  readonly key: readonly (string | number)[];
}

export interface SampleOptions {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** @default 1 */
  readonly topP?: number;
  /** 0 keeps all. @default 0 */
  readonly topK?: number;
  /** Sampling ends behind the first of these texts. */
  readonly stop?: readonly string[];
  /** Token ids that end a completion. */
  readonly endTokens: readonly number[];
  /** Called from time to time with what is done. */
  readonly onProgress?: (progress: SampleProgress) => void;
  /**
   * Called with a request's completions as soon as its last one has ended, in whatever order that happens. An engine that
   * cannot tell may leave the calls out; what `sample` returns is the same.
   */
  readonly onCompletions?: (request: number, completions: readonly Completion[]) => void;
}

export interface SampleProgress {
  readonly finished: number;
  readonly total: number;
  readonly tokens: number;
}

export interface Completion {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly finish: "stop" | "length";
}

/**
 * One training sequence. `tokens` holds prompt and completion, N in all; the arrays are aligned with the completion,
 * tokens[promptLength..N), T = N - promptLength of them.
 */
export interface Datum {
  readonly tokens: Int32Array;
  /** At least 1: the first token has no prediction. */
  readonly promptLength: number;
  /** Weight of each token's term in the sum that is the loss; the normaliser is in here. (T) */
  readonly weights: Float32Array;
  /** A_i,t (T). Policy gradient only. */
  readonly advantages?: Float32Array;
  /** log pi_old (T). Policy gradient only. */
  readonly oldLogprobs?: Float32Array;
  /** log pi_ref (T). Only with klCoef > 0. */
  readonly referenceLogprobs?: Float32Array;
}

export type KlEstimator = "k1" | "k2" | "k3" | "unbiased";

/** Named per-token losses; sums over all tokens of (weight x term), minimised. */
export type Loss =
  | { readonly name: "cross-entropy" }
  | {
      readonly name: "policy-gradient";
      /** "clip": PPO's min(rho A, clip(rho) A); "cispo": sg(min(rho, cap)) A log pi; "none": A log pi. */
      readonly surrogate: "clip" | "cispo" | "none";
      /** "token": rho_t = pi/pi_old of the token; "sequence": exp(mean_t log rho_t) (GSPO, 2507.18071 eq. 7). */
      readonly ratio: "token" | "sequence";
      /** rho is clipped to [1 - clipLow, 1 + clipHigh]; for "cispo", clipHigh is the absolute cap. */
      readonly clipLow: number;
      readonly clipHigh: number;
      readonly klCoef: number;
      readonly klEstimator: KlEstimator;
      /** The temperature the rollouts were sampled at; log pi is that of logits / temperature. */
      readonly temperature: number;
    };

/** "rows": one sequence a row, near-equal lengths together; "packed": many short documents a row, kept apart by a mask. */
export type Layout = { readonly kind: "rows" } | { readonly kind: "packed"; readonly rowLength: number };

export interface ForwardBackwardResult {
  /** The loss, summed over the data. */
  readonly loss: number;
  /** log pi of each completion token. */
  readonly logprobs: Float32Array[];
  /** Entropy in nats of the distribution at each completion token. */
  readonly entropies: Float32Array[];
  /** Share of the computed token slots that were padding. */
  readonly paddingShare: number;
}

export interface OptimStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; Infinity leaves them. */
  readonly maxGradNorm: number;
}

export interface OptimStepResult {
  /** Global norm before clipping. */
  readonly gradNorm: number;
  /** Number of updates made so far, this one included. */
  readonly step: number;
}
