import { MAX_ROWS } from "../engine/embedded.ts";
import type { Datum, HeldDtype, Layout, Loss } from "../engine/engine.ts";
import { decodeRows } from "../engine/row-cache.ts";
import { type Objective, toLoss } from "../losses/objective.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import { random } from "../random.ts";
import { recipeLora } from "../recipe/model-fields.ts";
import type { ReinforcementRecipe, SftRecipe } from "../recipe/schema.ts";
import { type Document, learnedCount, takeTokens } from "../trainers/sft.ts";

/** What a run asks of the engine, as far as memory and time hang on it. */
export interface Workload {
  readonly config: ModelConfig;
  /** Of the tokenizer. */
  readonly tokens: number;
  readonly lora: LoraConfig | undefined;
  readonly hold: HeldDtype;
  readonly loss: Loss;
  readonly layout: Layout;
  readonly slotBudget: number | undefined;
  /** Sequences that one step trains on, of the lengths that are expected. */
  readonly expected: readonly Length[];
  /** Sequences of some steps as they come; the time of training is the mean over them. */
  readonly steps: readonly (readonly Length[])[];
  /** Sequences that memory must hold: those of a step, as long as they may get. */
  readonly largest: readonly Length[];
  /** Forward and backward passes over a step's sequences, and updates made of them. */
  readonly passes: number;
  readonly updates: number;
  /** Sequences that are only scored besides: for the KL to the start, and by a reference those that are trained on. */
  readonly scored: { readonly start: number; readonly reference: number };
  /** Whether groups without a difference are sampled again in place of being left out. */
  readonly dynamicSampling: boolean;
  /** Frozen copies of what is trained. */
  readonly snapshots: number;
  /** Null where nothing is sampled. */
  readonly sampling: Sampling | null;
}

/** Tokens of a sequence. */
export interface Length {
  readonly prompt: number;
  readonly completion: number;
}

export interface Sampling {
  /** Answers that are written at one time, as many as the cache has room for. */
  readonly maxRows: number;
  /** Answers to one prompt. */
  readonly groupSize: number;
  /** Answers to held-out problems that are asked for at one time. */
  readonly heldOut: readonly Length[];
}

/** Answers of a group whose KL to the start is measured: KL_SAMPLES of trainers/grpo.ts. */
const SCORED_OF_GROUP = 2;
/** Steps of supervised training that are looked at. */
const SOME_STEPS = 12;

/**
 * @param prompts tokens of some of the task's questions
 * @param meanLength expected tokens of an answer; undefined: half of the limit, and memory is counted with every answer at it
 */
export function grpoWorkload(
  recipe: ReinforcementRecipe,
  objective: Objective,
  { config, tokens }: Pick<Workload, "config" | "tokens">,
  prompts: readonly number[],
  meanLength?: number,
): Workload {
  const { problemsPerStep, groupSize, maxTokens, evaluation } = recipe;
  const answers = problemsPerStep * groupSize;
  const expected = spread(answers, groupSize, prompts, maxTokens, meanLength ?? maxTokens / 2);
  const most = meanLength ?? maxTokens;
  const longest = [Math.max(...prompts)] as const;
  const heldOut = Math.max(
    evaluation.problems * evaluation.samplesPerProblem,
    evaluation.every > 0 && evaluation.every < recipe.steps
      ? evaluation.problemsOnTheWay * evaluation.samplesOnTheWay
      : 0,
  );
  return {
    config,
    tokens,
    lora: recipeLora(recipe),
    hold: recipe.hold ?? "float32",
    loss: toLoss(objective),
    layout: { kind: "rows" },
    slotBudget: recipe.slotBudget,
    expected,
    steps: [expected],
    largest: spread(answers, groupSize, longest, maxTokens, most),
    passes: objective.innerEpochs,
    updates: objective.innerEpochs * objective.minibatches,
    scored: {
      start: problemsPerStep * Math.min(SCORED_OF_GROUP, groupSize),
      reference: objective.reference ? answers : 0,
    },
    dynamicSampling: objective.dynamicSampling.enabled,
    snapshots: objective.reference ? 2 : 1,
    sampling: {
      maxRows: decodeRows(config, longest[0]! + maxTokens, recipe.maxRows ?? MAX_ROWS),
      groupSize,
      heldOut: spread(heldOut, evaluation.samplesPerProblem, longest, maxTokens, most),
    },
  };
}

export function sftWorkload(
  recipe: SftRecipe,
  { config, tokens }: Pick<Workload, "config" | "tokens">,
  documents: readonly Document[],
): Workload {
  let [learned, squares] = [0, 0];
  for (const document of documents) {
    learned += learnedCount(document);
    squares += learnedCount(document) ** 2;
  }
  // Documents are taken until their tokens suffice, so that the last one reaches beyond: by E[n^2] / 2 E[n] on average.
  const taken = recipe.tokensPerStep + squares / (2 * Math.max(1, learned));
  const lengths = documents.map(lengthOf);
  const count = Math.max(1, Math.round((documents.length * taken) / Math.max(1, learned)));
  const byLength = lengths.toSorted((a, b) => b.prompt + b.completion - a.prompt - a.completion);
  // Every so-manieth by length: a step as it comes on average.
  const expected = Array.from(
    { length: count },
    (_, i) => byLength[Math.floor(((i + 0.5) * byLength.length) / count)]!,
  );
  return {
    config,
    tokens,
    lora: recipeLora(recipe),
    hold: recipe.hold,
    loss: { name: "cross-entropy" },
    layout: recipe.packing ? { kind: "packed", rowLength: recipe.maxLength } : { kind: "rows" },
    slotBudget: recipe.slotBudget,
    expected,
    steps: someSteps(documents, recipe.tokensPerStep),
    largest: [byLength[0]!, ...expected.slice(1)],
    passes: 1,
    updates: 1,
    scored: { start: 0, reference: 0 },
    dynamicSampling: false,
    snapshots: 0,
    sampling: null,
  };
}

/** Steps whose documents are drawn as a trainer draws them: what fits together in rows is a matter of luck. */
function someSteps(documents: readonly Document[], tokensPerStep: number): Length[][] {
  const order = random("plan").shuffle(documents);
  const endless = (function* (): Generator<Document> {
    for (;;) yield* order;
  })();
  return Array.from({ length: SOME_STEPS }, () => takeTokens(endless, tokensPerStep).map(lengthOf));
}

const lengthOf = ({ tokens: { length }, promptLength }: Document): Length => ({
  prompt: promptLength,
  completion: length - promptLength,
});

/**
 * Lengths of `count` answers that are evenly spread from nothing upwards and cut off at the limit, with the mean that was
 * asked for: all at the limit where the mean is the limit.
 */
function spread(count: number, groupSize: number, prompts: readonly number[], limit: number, mean: number): Length[] {
  const top =
    2 * mean <= limit ? 2 * mean : mean < limit ? limit ** 2 / (2 * (limit - mean)) : Number.POSITIVE_INFINITY;
  const stride = 0.618033988749895; // neighbours differ, as the answers of a group do
  return Array.from({ length: count }, (_, i) => {
    const share = ((i + 0.5) * stride) % 1;
    const completion = Math.max(1, Math.min(limit, Math.round(share * top)));
    return { prompt: prompts[Math.floor(i / groupSize) % prompts.length]!, completion };
  });
}

/** Sequences of these lengths as the engine's batching takes them. */
export function data(lengths: readonly Length[]): Datum[] {
  return lengths.map(({ prompt, completion }) => ({
    tokens: new Int32Array(prompt + completion),
    promptLength: prompt,
    weights: new Float32Array(completion),
  }));
}
