import { EmbeddedEngine } from "../src/engine/embedded.ts";
import type { Datum, HeldDtype, HeldTensors, Loss, OptimStep, SampleRequest, Tensor } from "../src/engine/engine.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import type { ModelConfig } from "../src/model/config.ts";
import { hold } from "../src/model/held.ts";
import { initialAdapter, type LoraConfig, loraModules } from "../src/model/lora.ts";
import { headDim, parameterCount, parameterShapes } from "../src/model/parameters.ts";
import { random } from "../src/random.ts";
import { type PublishedModel, publishedConfig, publishedModels } from "../test/published-models.ts";

/** Published sizes by their names in small letters; the weights are random, which costs and takes the same. */
const models = new Map((Object.keys(publishedModels) as PublishedModel[]).map((name) => [name.toLowerCase(), name]));

export interface RealBench {
  readonly model: string;
  /** Trains an adapter of this rank; 0 trains all weights. */
  readonly lora: number;
  readonly hold: HeldDtype;
  /** Tokens of a sequence, prompt included. */
  readonly length: number;
  readonly sequences: number;
  readonly parts: readonly string[];
  readonly threads?: number | undefined;
  /** Multiply-adds a second, times two. */
  readonly peak: number;
}

const clip: Loss = {
  name: "policy-gradient",
  surrogate: "clip",
  ratio: "token",
  clipLow: 0.2,
  clipHigh: 0.2,
  klCoef: 0.01,
  klEstimator: "k3",
  temperature: 1,
};
const adam: OptimStep = {
  learningRate: 1e-6,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

/** One step of each kind on a model of a real size: seconds, tokens a second, share of the peak, and memory so far. */
export async function benchReal(options: RealBench): Promise<Record<string, string>[]> {
  const name = models.get(options.model);
  if (name === undefined) throw new Error(`--model ${options.model}: choose from ${[...models.keys()].join(", ")}`);
  const config = publishedConfig(name);
  const lora: LoraConfig | undefined =
    options.lora === 0
      ? undefined
      : { rank: options.lora, alpha: 2 * options.lora, dropout: 0, targetModules: [...loraModules], rslora: false };
  const runtime = await onnxRuntime(options.threads === undefined ? {} : { threads: options.threads });
  const engine = new EmbeddedEngine(runtime, { config, ...(lora && { lora }), maxRows: options.sequences });
  if (lora === undefined) await engine.load({ weights: new Map(randomWeights(config)) });
  else await engine.load({ base: heldWeights(config, options.hold), weights: initialAdapter(config, lora, 1) });

  const { length, sequences, peak } = options;
  const promptLength = Math.floor(length / 4);
  const data = dataOf(config, sequences, length, promptLength);
  const tokens = sequences * length;
  const rows: Record<string, string>[] = [];
  const measure = async (part: string, count: number, flops: number, work: () => Promise<unknown>): Promise<void> => {
    const [began, before] = [performance.now(), process.cpuUsage()];
    await work();
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(before);
    const row = {
      part,
      seconds: seconds.toFixed(1),
      "CPU seconds": ((user + system) / 1e6).toFixed(1),
      "tokens/s": (count / seconds).toFixed(0),
      "of peak": `${((100 * flops) / seconds / peak).toFixed(0)} %`,
      "memory MiB": (process.memoryUsage.rss() / 2 ** 20).toFixed(0),
      "peak memory MiB": (process.resourceUsage().maxRSS / 1024).toFixed(0),
    };
    console.error(
      Object.entries(row)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
    );
    rows.push(row);
  };
  const forward = forwardFlops(config, length);
  // Backward is twice forward where weights are trained; below an adapter only activations get a gradient.
  const training = forward * (lora === undefined ? 3 : 2);
  const update = async (loss: Loss, of: readonly Datum[]): Promise<void> => {
    await engine.forwardBackward(of, loss);
    await engine.optimStep(adam);
  };
  if (options.parts.includes("sft"))
    await measure("SFT step", tokens, tokens * training, () => update({ name: "cross-entropy" }, data));
  if (options.parts.includes("decode"))
    await measure("decode", sequences * (length - promptLength), sequences * (length - promptLength) * forward, () =>
      engine.sample(requestsOf(config, sequences, promptLength), {
        maxTokens: length - promptLength,
        temperature: 1,
        endTokens: [],
      }),
    );
  if (options.parts.includes("grpo")) {
    await engine.snapshot("reference");
    const scored = (): Promise<Float32Array[]> => engine.logprobs(data, "reference");
    let reference: Float32Array[] = [];
    await measure("GRPO reference", tokens, tokens * forward, async () => {
      reference = await scored();
    });
    await measure("GRPO update", tokens, tokens * training, () =>
      update(
        clip,
        data.map((one, i) => ({ ...one, oldLogprobs: reference[i]!, referenceLogprobs: reference[i]! })),
      ),
    );
  }
  await engine.close();
  return [{ part: options.model, "tokens/s": `${parameterCount(config).toLocaleString("en")} parameters` }, ...rows];
}

/** Multiply-adds count two: every matrix once a token (not the look-up), and attention, half of the length on average. */
function forwardFlops(config: ModelConfig, length: number): number {
  let weights = 0;
  for (const [name, shape] of parameterShapes(config))
    if (shape.length === 2 && (config.tie_word_embeddings || name !== "model.embed_tokens.weight"))
      weights += shape[0]! * shape[1]!;
  return 2 * weights + 2 * config.num_hidden_layers * config.num_attention_heads * headDim(config) * length;
}

function dataOf(config: ModelConfig, count: number, length: number, promptLength: number): Datum[] {
  const stream = random("bench");
  return Array.from({ length: count }, () => ({
    tokens: Int32Array.from({ length }, () => stream.int(0, config.vocab_size - 1)),
    promptLength,
    weights: new Float32Array(length - promptLength).fill(1 / (count * length)),
    advantages: new Float32Array(length - promptLength).fill(stream.normal()),
  }));
}

/** Groups of eight. */
function requestsOf(config: ModelConfig, count: number, promptLength: number): SampleRequest[] {
  const stream = random("bench", "prompts");
  return Array.from({ length: Math.ceil(count / 8) }, (_, i) => ({
    prompt: Int32Array.from({ length: promptLength }, () => stream.int(0, config.vocab_size - 1)),
    count: Math.min(8, count),
    key: ["bench", i],
  }));
}

/** One tensor after the other, so that only one is ever float32. */
function heldWeights(config: ModelConfig, dtype: HeldDtype): HeldTensors {
  const weights = new Map();
  for (const [name, tensor] of randomWeights(config)) weights.set(name, hold(tensor, dtype));
  return weights;
}

function* randomWeights(config: ModelConfig): Generator<[string, Tensor]> {
  const std = config.initializer_range * Math.sqrt(3);
  let state = 1;
  for (const [name, shape] of parameterShapes(config)) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (name.includes("norm")) data.fill(1);
    else
      for (let i = 0; i < data.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        data[i] = (std * state) / 2 ** 31;
      }
    yield [name, { shape, data }];
  }
}
