import { join } from "node:path";
import { writeDirectoryAtomic } from "../checkpoint/files.ts";
import { jsonBytes, modelFiles, type WritableModel } from "../checkpoint/model-directory.ts";
import { type Json, readCheckpoint, writeCheckpoint } from "../checkpoint/trainer-state.ts";
import { corpus, corpusAlphabet } from "../corpus/corpus.ts";
import { AutodidactError } from "../errors.ts";
import { type ModelConfig, modelConfigSchema } from "../model/config.ts";
import { parameterCount } from "../model/parameters.ts";
import type { PretrainRecipe } from "../recipe/schema.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Document, sft } from "../trainers/sft.ts";
import type { SftStep } from "../trainers/step.ts";
import { environment } from "./environment.ts";
import { modelCard, type Pretrained } from "./model-card.ts";
import { type RunControl, Stopped } from "./observer.ts";
import { openEngine } from "./open-policy.ts";
import { readRun } from "./reader.ts";
import { checkRun, type FileLengths, openRun } from "./run-directory.ts";

/** Documents set aside from another seed; the model never reads them. */
const HELD_OUT = 500;

/** Makes the small world's base model: generates the corpus and reads it once. Resumes as runGrpo does. */
export async function pretrain(recipe: PretrainRecipe, options: RunControl): Promise<Pretrained> {
  const { observer, signal } = options;
  const tokenizer = characterTokenizer(corpusAlphabet);
  const config = configOf(recipe, tokenizer);
  await checkRun(options.path, { recipe, resume: options.resume });
  observer.phase(
    "Pretraining the base model",
    "it reads sloppy puzzle solving and arithmetic; nobody wrote for a grader",
  );
  const engine = await openEngine(config, tokenizer, recipe, { seed: recipe.seed });
  try {
    const { path, resume, command } = options;
    const run = await openRun(path, { recipe, environment: environment(engine.name), resume, command });
    try {
      const checkpoint = options.resume ? await readCheckpoint(run.checkpoints) : undefined;
      const state = checkpoint?.trainer as { lengths: FileLengths; documents: number } | undefined;
      await run.cut(state?.lengths ?? null);
      if (checkpoint) await engine.load(checkpoint.engineState);
      const documents = new Documents(recipe.seed, tokenizer, state?.documents ?? 0);
      const steps = Math.max(1, Math.floor(recipe.tokens / recipe.tokensPerStep));
      const save = async (step: number): Promise<void> => {
        const trainer: Json = { lengths: { ...(await run.lengths()) }, documents: documents.read };
        await writeCheckpoint(
          run.checkpoints,
          { step, config, tokenizer, engineState: await engine.save(), trainer },
          { keep: 1 },
        );
      };
      const past = (await readRun(run.path)).metrics;
      observer.past?.(past, null);
      let latest: SftStep | undefined;
      const trainer = sft({ engine, tokenizer }, documents, {
        steps,
        tokensPerStep: recipe.tokensPerStep,
        layout: { kind: "rows" },
        schedule: recipe.schedule,
        weightDecay: recipe.weightDecay,
        betas: recipe.betas,
        maxGradNorm: recipe.maxGradNorm,
        heldOut: heldOut(recipe.seed, tokenizer),
        heldOutEvery: recipe.checkpointEvery,
        startStep: checkpoint?.step ?? 0,
        tokensTotal: past.at(-1)?.tokensTotal ?? 0,
      });
      for await (const step of trainer) {
        await run.record(step);
        observer.step(step);
        latest = step;
        if (signal.aborted || step.index % recipe.checkpointEvery === 0 || step.index === steps) await save(step.index);
        if (signal.aborted) throw new Stopped(`stopped behind step ${step.index}`);
      }
      const { metrics, timings } = await readRun(run.path);
      const final = metrics.filter((line) => line.kind === "sft");
      const result: Pretrained = {
        model: join(run.path, "model"),
        parameters: parameterCount(config),
        loss: latest?.loss ?? final.at(-1)!.loss,
        heldOutLoss: final.findLast((line) => line.heldOutLoss !== undefined)!.heldOutLoss!,
        seconds: timings.reduce((sum, { total }) => sum + total, 0),
      };
      const model = { config, tokenizer, weights: (await engine.save()).weights };
      await writeBase(result.model, model, recipe, documents.read, result, run.command);
      return result;
    } finally {
      await run.close();
    }
  } finally {
    await engine.close();
  }
}

async function writeBase(
  path: string,
  model: WritableModel,
  recipe: PretrainRecipe,
  documents: number,
  result: Pretrained,
  command: string,
): Promise<void> {
  const files = modelFiles(model, path);
  files.set("pretraining.json", jsonBytes({ corpus: "countdown", seed: recipe.seed, documents }));
  files.set("README.md", new TextEncoder().encode(modelCard(recipe, documents, result, command)));
  await writeDirectoryAtomic(path, files);
}

function configOf(recipe: PretrainRecipe, tokenizer: Tokenizer): ModelConfig {
  const heads = recipe.width / 32;
  if (heads % recipe.keyValueHeads !== 0)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `keyValueHeads: is ${recipe.keyValueHeads}, which does not divide the ${heads} query heads of width ${recipe.width}; set keyValueHeads to a divisor of ${heads}`,
    );
  return modelConfigSchema.parse({
    model_type: "llama",
    vocab_size: tokenizer.vocabSize,
    hidden_size: recipe.width,
    intermediate_size: recipe.mlpWidth,
    num_hidden_layers: recipe.layers,
    num_attention_heads: heads,
    num_key_value_heads: recipe.keyValueHeads,
    head_dim: 32,
    max_position_embeddings: recipe.positions,
    tie_word_embeddings: true,
    eos_token_id: tokenizer.endTokens[0],
    torch_dtype: "float32",
  });
}

/** The corpus as token sequences: end token, text, end token; the first is only read. */
class Documents implements Iterator<Document> {
  /** Documents given out so far. */
  read: number;
  readonly #source: ReturnType<typeof corpus>;
  readonly #tokenizer: Tokenizer;

  constructor(seed: number, tokenizer: Tokenizer, skip: number) {
    this.#source = corpus(seed);
    this.#tokenizer = tokenizer;
    this.read = skip;
    for (let i = 0; i < skip; i++) this.#source.next();
  }

  next(): IteratorResult<Document> {
    const { value, done } = this.#source.next();
    if (done === true) return { value: undefined, done: true };
    this.read++;
    return { value: documentOf(value.text, this.#tokenizer), done: false };
  }
}

/** What the model reads of a text: the end token, which stands before every text, the text, the end token. */
export function documentOf(text: string, tokenizer: Tokenizer): Document {
  const [end] = tokenizer.endTokens;
  const body = tokenizer.encode(text);
  const tokens = new Int32Array(body.length + 2).fill(end!);
  tokens.set(body, 1);
  return { tokens, promptLength: 1 };
}

function heldOut(seed: number, tokenizer: Tokenizer): Document[] {
  const source = corpus(seed + 1_000_000);
  return Array.from({ length: HELD_OUT }, () => documentOf(source.next().value!.text, tokenizer));
}
