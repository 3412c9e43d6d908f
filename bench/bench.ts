import { parseArgs } from "node:util";
import * as ops from "../src/autodiff/ops.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import type { Datum, HeldDtype, SampleRequest } from "../src/engine/engine.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { resolveObjective } from "../src/losses/objective.ts";
import { type ModelConfig, modelConfigSchema } from "../src/model/config.ts";
import { parameterCount } from "../src/model/parameters.ts";
import type { Policy } from "../src/model/policy.ts";
import { random } from "../src/random.ts";
import { environment } from "../src/run/environment.ts";
import { defineTask, type Problem } from "../src/tasks/task.ts";
import { characterTokenizer } from "../src/tokenizer/character.ts";
import { diagnosticsSchema } from "../src/trainers/diagnostics.ts";
import { grpo } from "../src/trainers/grpo.ts";
import { benchLoad } from "./load.ts";
import { benchReal } from "./real.ts";

/**
 * `npm run bench`: training, decode and a GRPO step at 1, 5 and 25 million parameters, against the machine's own peak.
 * The peak is measured in the same run, as the best rate of square matrix products of several sizes: the fastest
 * multiply-adds that the runtime makes of this machine. Run it with nothing else on the machine.
 *
 * `npm run bench -- --model smollm2-135m [--lora 16] [--hold bfloat16] [--length 512] [--sequences 64] [--parts sft,decode]`
 * takes one step of each kind on a model of a real size instead; `-- --load DIR [--hold int8]` loads a model directory and
 * prints the peak memory.
 */
const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "1M,5M,25M" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string" },
    json: { type: "boolean", default: false },
    model: { type: "string" },
    load: { type: "string" },
    lora: { type: "string", default: "0" },
    hold: { type: "string", default: "float32" },
    length: { type: "string", default: "512" },
    sequences: { type: "string", default: "64" },
    parts: { type: "string", default: "sft,decode,grpo" },
  },
});
const rounds = Number(values.rounds);
const threads = values.threads === undefined ? {} : { threads: Number(values.threads) };
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789 \n+-*/=?!.";
const tokenizer = characterTokenizer(alphabet);

const shapes: Readonly<Record<string, { width: number; layers: number; mlp: number }>> = {
  "1M": { width: 160, layers: 4, mlp: 448 },
  "5M": { width: 256, layers: 7, mlp: 704 },
  "25M": { width: 512, layers: 8, mlp: 1408 },
};

function configOf({ width, layers, mlp }: { width: number; layers: number; mlp: number }): ModelConfig {
  return modelConfigSchema.parse({
    model_type: "llama",
    vocab_size: tokenizer.vocabSize,
    hidden_size: width,
    intermediate_size: mlp,
    num_hidden_layers: layers,
    num_attention_heads: width / 32,
    num_key_value_heads: 1,
    head_dim: 32,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
  });
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
};

/** Best of several, in seconds: what the machine does when nothing disturbs it. */
async function best(work: () => Promise<unknown>): Promise<number> {
  await work();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) least = Math.min(least, await seconds(work));
  return least;
}

const giga = (x: number): string => (x / 1e9).toFixed(0);
const percent = (x: number): string => `${(x * 100).toFixed(0)} %`;

/** Small products stay in the caches, large ones amortise the start of the threads; which wins depends on the machine. */
async function peak(): Promise<number> {
  const [a, b] = [ops.input("a", ["N", "K"]), ops.input("b", ["K", "M"])];
  const program = await (await onnxRuntime(threads)).compile({ outputs: new Map([["c", ops.matmul(a, b)]]) });
  let most = 0;
  for (const n of [512, 768, 1024, 1536, 2048]) {
    const filled = { shape: [n, n], data: new Float32Array(n * n).fill(0.5) };
    for (let i = 0; i < 4; i++)
      most = Math.max(most, (2 * n ** 3) / (await best(() => program.run({ a: filled, b: filled }))));
  }
  await program.release();
  return most;
}

/** Multiply-adds count two. Backward is twice forward; attention scores and their use, half of T seen on average. */
function trainingFlops(config: ModelConfig, parameters: number, length: number): number {
  return 6 * parameters + 6 * config.num_hidden_layers * config.num_attention_heads * 32 * length;
}

function sequences(count: number, length: number, vocabulary: number): Datum[] {
  const stream = random("bench");
  return Array.from({ length: count }, () => ({
    tokens: Int32Array.from({ length: length + 1 }, () => stream.int(0, vocabulary - 1)),
    promptLength: 1,
    weights: new Float32Array(length).fill(1 / (count * length)),
  }));
}

/** Answers are never right or wrong for long: the reward is a coin of the text, so that groups stay mixed. */
const coin = defineTask<Problem>({
  name: "coin",
  *problems(_, stream) {
    for (;;) {
      const id = String(stream.int(0, 1e9));
      yield { id, prompt: `what is ${id}?`, level: 1 };
    }
  },
  rewards: {
    accuracy: {
      weight: 1,
      verify: ({ text }) => ({ reward: text.length % 2, reason: "coin", answer: text.slice(0, 1) }),
    },
  },
  gold: () => "a",
});

async function benchGrpo(policy: Policy): Promise<Record<string, string>> {
  const objective = resolveObjective(
    "dapo",
    { minibatches: 1, dynamicSampling: { enabled: false }, overlong: { policy: "keep" } },
    { groupSize: 16, problemsPerStep: 16, maxTokens: 128 },
  );
  const steps = grpo(policy, coin, {
    steps: 3,
    objective,
    schedule: { kind: "constant", learningRate: 1e-5, warmupSteps: 0, floor: 0 },
    maxTokens: 128,
    seed: 1,
    diagnostics: diagnosticsSchema.parse({ truncated: { action: "off" }, noEndToken: { action: "off" } }),
  });
  let row: Record<string, string> = {};
  for await (const { timing, metrics } of steps) {
    const own = (timing.sample + timing.train) / timing.total;
    row = {
      "GRPO step s": timing.total.toFixed(2),
      "sample s": timing.sample.toFixed(2),
      "reward s": timing.reward.toFixed(2),
      "train s": timing.train.toFixed(2),
      "sampler + trainer": percent(own),
      padding: percent(metrics.paddingShare),
    };
  }
  return row;
}

if (values.load !== undefined) {
  const loaded = await benchLoad(values.load, values.hold as HeldDtype);
  if (values.json) console.log(JSON.stringify(loaded));
  else console.table(loaded);
  process.exit(0);
}
const machinePeak = await peak();
const machine = environment("onnxruntime/cpu");
console.log(`${machine.cpu}, ${machine.cores} cores; fastest matrix product ${giga(machinePeak)} GFLOP/s`);
if (values.model !== undefined) {
  const steps = await benchReal({
    model: values.model,
    lora: Number(values.lora),
    hold: values.hold as HeldDtype,
    length: Number(values.length),
    sequences: Number(values.sequences),
    parts: values.parts.split(","),
    peak: machinePeak,
    ...threads,
  });
  if (values.json) console.log(JSON.stringify({ machine, machinePeak, steps }));
  else console.table(steps);
  process.exit(0);
}
const rows: Record<string, Record<string, string>> = {};
for (const size of values.sizes.split(",")) {
  const shape = shapes[size];
  if (shape === undefined) throw new Error(`--sizes ${size}: choose from ${Object.keys(shapes).join(", ")}`);
  const config = configOf(shape);
  const parameters = parameterCount(config);
  const engine = new EmbeddedEngine(await onnxRuntime(threads), { config, seed: 1 });
  const length = 128;
  const count = 64;
  const data = sequences(count, length, config.vocab_size);
  const train = await best(() => engine.forwardBackward(data, { name: "cross-entropy" }));
  const rate = (count * length) / train;
  const row: Record<string, string> = {
    parameters: parameters.toLocaleString("en"),
    "train tokens/s": rate.toFixed(0),
    "of peak": percent((rate * trainingFlops(config, parameters, length)) / machinePeak),
  };
  for (const batch of [1, 16, 64, 256]) {
    const requests: SampleRequest[] = Array.from({ length: Math.ceil(batch / 16) }, (_, i) => ({
      prompt: tokenizer.encode("what is the answer?"),
      count: Math.min(batch, 16),
      key: ["bench", i],
    }));
    const tokens = 96;
    const time = await best(() => engine.sample(requests, { maxTokens: tokens, temperature: 1, endTokens: [] }));
    row[`decode ${batch}, tokens/s`] = ((batch * tokens) / time).toFixed(0);
    if (batch === 256) row["decode of peak"] = percent((2 * parameters * batch * tokens) / time / machinePeak);
  }
  Object.assign(row, await benchGrpo({ engine, tokenizer }));
  row["peak memory MiB"] = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  await engine.close();
  rows[size] = row;
}
if (values.json) console.log(JSON.stringify({ machine, machinePeak, rows }));
else {
  const names = Object.keys(Object.values(rows)[0]!);
  const transposed = Object.fromEntries(
    names.map((name) => [name, Object.fromEntries(Object.entries(rows).map(([size, row]) => [size, row[name]!]))]),
  );
  console.table(transposed);
}
