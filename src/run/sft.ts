import type { Json } from "../checkpoint/trainer-state.ts";
import type { Example, ExampleOptions } from "../datasets/conversations.ts";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { recipeAsking } from "../recipe/model-fields.ts";
import type { SftRecipe } from "../recipe/schema.ts";
import { type Document, learnedCount, meanLoss, sft } from "../trainers/sft.ts";
import { environment, peakMemoryMiB } from "./environment.ts";
import { type RunControl, Stopped, unlessStopped } from "./observer.ts";
import { plannedSftMiB } from "./planned-memory.ts";
import { readRun } from "./reader.ts";
import { writeReport } from "./report.ts";
import { checkRun, type FileLengths, openRun, type RunDirectory } from "./run-directory.ts";
import { type SftDocuments, sftDocuments } from "./sft-documents.ts";
import type { SftSummary } from "./sft-summary.ts";
import { openTrained, type TrainedModel } from "./trained-model.ts";

/**
 * Supervised fine-tuning: a model learns to say what stands in a data set. Killed at any moment, it resumes from the last
 * checkpoint to the same bytes.
 */
export interface SftParts {
  /** The rows, read and checked before any model is. */
  readonly examples: readonly Example[];
  /** What summary and report call the model. */
  readonly named: string;
}

interface Carried extends RunControl, TrainedModel {
  readonly recipe: SftRecipe;
  readonly documents: SftDocuments;
  readonly run: RunDirectory;
  readonly steps: number;
  readonly named: string;
}

/** What a checkpoint keeps beside the engine's state. */
interface Progress {
  /** Documents that the steps so far have read. */
  readonly read: number;
  readonly heldOutBefore: number | null;
  readonly seconds: Readonly<Record<string, number>>;
}

/**
 * @throws Stopped where it was asked to stop before its end; AutodidactError of reading, checking and writing
 */
export async function runSft(
  recipe: SftRecipe,
  control: RunControl,
  { examples, named }: SftParts,
): Promise<SftSummary> {
  await checkRun(control.path, { recipe, resume: control.resume });
  let documents: SftDocuments | undefined;
  const trained = await openTrained(recipe, control, (model) => {
    checkLength(recipe, model.config.max_position_embeddings);
    control.observer.phase("Reading the rows", "what the assistant says is learned, all else is only read");
    documents = sftDocuments(model, examples, { ...recipe, asking: recipeAsking(recipe) });
  });
  const { engine } = trained.policy;
  try {
    const run = await openRun(control.path, {
      recipe,
      environment: environment(engine.name),
      resume: control.resume,
      command: control.command,
    });
    try {
      for (const change of run.environmentChanges)
        control.observer.note(`not the machine that began the run: ${change}`);
      const steps = recipe.steps ?? countSteps(documents!.train, recipe);
      return await carryOut({ ...control, ...trained, recipe, documents: documents!, run, steps, named });
    } finally {
      await run.close();
    }
  } finally {
    await engine.close();
  }
}

async function carryOut(carried: Carried): Promise<SftSummary> {
  const { recipe, documents, observer, run, steps, policy } = carried;
  const { counts } = documents;
  observer.note(
    `${counts.rows} rows: ${counts.train} documents to train on, ${counts.heldOut} kept out${counts.dropped > 0 ? `, ${counts.dropped} left out as longer than ${recipe.maxLength} tokens` : ""}${counts.cut > 0 ? `, ${counts.cut} cut at ${recipe.maxLength} tokens` : ""}; ${steps} updates`,
  );
  let done = await restore(carried);
  if (done === null) {
    const began = performance.now();
    const heldOutBefore = await measureBefore(carried);
    const seconds = { before: (performance.now() - began) / 1000 };
    done = { step: 0, read: 0, heldOutBefore, seconds };
    await save(carried, 0, done);
  }
  observer.phase("Learning", `${steps} updates of about ${recipe.tokensPerStep} learned tokens`, steps);
  await learn(carried, done);
  observer.phase("Writing the trained model and the report");
  const result = (await carried.write(run.path)).endsWith("adapter") ? "adapter" : "model";
  const { metrics, timings } = await readRun(run.path);
  const lines = metrics.filter((line) => line.kind === "sft");
  const seconds: Record<string, number> = { ...done.seconds };
  seconds.learn = timings.reduce((sum, { total }) => sum + total, 0);
  seconds.total = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  const machine = environment(policy.engine.name);
  const last = lines.slice(-10);
  const summary: SftSummary = {
    kind: "sft",
    version: machine.autodidact,
    command: run.command,
    seed: recipe.seed,
    model: carried.named,
    data: [...recipe.data],
    result,
    steps,
    epochs: Math.round((100 * lines.at(-1)!.tokensTotal) / tokensOf(documents.train)) / 100,
    tokens: lines.at(-1)!.tokensTotal,
    rows: counts,
    loss: {
      first: lines[0]!.loss,
      last: last.reduce((sum, { loss }) => sum + loss, 0) / last.length,
      heldOutBefore: done.heldOutBefore,
      heldOutAfter: lines.findLast((line) => line.heldOutLoss !== undefined)?.heldOutLoss ?? null,
    },
    seconds,
    peakMemoryMiB: peakMemoryMiB(),
    plannedMemoryMiB: plannedSftMiB(recipe, carried.model, documents.train),
    machine,
  };
  await run.writeSummary(summary);
  await writeReport(run.path);
  return summary;
}

async function measureBefore({ documents, observer, policy, signal }: Carried): Promise<number | null> {
  if (documents.heldOut.length === 0) return null;
  observer.phase("Measuring the model", `loss on ${documents.heldOut.length} documents that it will not be trained on`);
  const loss = await unlessStopped(signal, meanLoss(policy.engine, documents.heldOut));
  observer.note(`held-out loss before: ${loss.toFixed(4)}`);
  return loss;
}

async function restore({
  run,
  resume,
  newest,
  load,
  observer,
}: Carried): Promise<(Progress & { readonly step: number }) | null> {
  if (!resume) return null;
  const checkpoint = await newest(run.checkpoints);
  for (const { path, reason } of checkpoint?.skipped ?? [])
    observer.note(`${path} cannot be read and is passed over: ${reason}`);
  if (checkpoint === undefined) {
    await run.cut(null);
    return null;
  }
  const { lengths, ...progress } = checkpoint.trainer as unknown as Progress & { lengths: FileLengths };
  await run.cut(lengths);
  await load(checkpoint);
  observer.note(`going on behind step ${checkpoint.step}`);
  return { ...progress, step: checkpoint.step };
}

async function learn(carried: Carried, done: Progress & { readonly step: number }): Promise<void> {
  const { recipe, documents, observer, run, steps, policy, signal } = carried;
  const source = counted(epochsOf(documents.train, recipe.seed), done.read);
  const { metrics } = await readRun(run.path);
  observer.past?.(metrics, null);
  const tokensTotal = metrics.at(-1)?.tokensTotal ?? 0;
  const trainer = sft(policy, source, {
    steps,
    tokensPerStep: recipe.tokensPerStep,
    layout: recipe.packing ? { kind: "packed", rowLength: recipe.maxLength } : { kind: "rows" },
    schedule: recipe.schedule,
    weightDecay: recipe.weightDecay,
    betas: recipe.betas,
    maxGradNorm: recipe.maxGradNorm,
    ...(documents.heldOut.length > 0 && { heldOut: documents.heldOut, heldOutEvery: recipe.heldOut.every }),
    startStep: done.step,
    tokensTotal,
  });
  for await (const step of trainer) {
    if (!Number.isFinite(step.loss) || !Number.isFinite(step.gradNorm))
      throw new AutodidactError(
        "RUN_CANNOT_LEARN",
        `step ${step.index}: loss ${step.loss} and gradient norm ${step.gradNorm} are not finite numbers; begin a new run with a lower schedule.learningRate, ${recipe.schedule.learningRate / 10} for instance`,
      );
    await run.record(step);
    observer.step(step);
    if (signal.aborted || step.index % recipe.checkpointEvery === 0 || step.index === steps)
      await save(carried, step.index, { ...done, read: source.read });
    if (signal.aborted && step.index < steps) throw new Stopped(`stopped behind step ${step.index}`);
  }
}

async function save(
  { run, ...trained }: Carried,
  step: number,
  { read, heldOutBefore, seconds }: Progress,
): Promise<void> {
  const trainer: Json = { lengths: { ...(await run.lengths()) }, read, heldOutBefore, seconds: { ...seconds } };
  await trained.save(run.checkpoints, step, trainer);
}

/** Where a recipe's rows come from. */
export function sourceOf({ data, dataConfig, dataSplit, dataRevision, columns, limit }: SftRecipe): ExampleOptions {
  return {
    source: data.length === 1 && data[0]!.startsWith("hf:") ? data[0]! : data,
    columns,
    ...(dataConfig !== null && { config: dataConfig }),
    ...(dataSplit !== null && { split: dataSplit }),
    ...(dataRevision !== null && { revision: dataRevision }),
    ...(limit !== null && { limit }),
  };
}

/** Documents over and over, each time in another order. */
function* epochsOf(documents: readonly Document[], seed: number): Generator<Document> {
  for (let epoch = 1; ; epoch++) yield* random(seed, "epoch", epoch).shuffle(documents);
}

interface Counted extends Iterator<Document> {
  /** Documents given out so far, those skipped counted. */
  readonly read: number;
}

function counted(source: Iterator<Document>, skip: number): Counted {
  let read = 0;
  const next = (): IteratorResult<Document> => {
    read++;
    return source.next();
  };
  while (read < skip) next();
  return {
    next,
    get read() {
      return read;
    },
  };
}

/** Updates that `epochs` passes take; the last one may begin another pass to be full. */
export function countSteps(
  documents: readonly Document[],
  { epochs, tokensPerStep }: Pick<SftRecipe, "epochs" | "tokensPerStep">,
): number {
  return Math.max(1, Math.round((epochs * tokensOf(documents)) / tokensPerStep));
}

const tokensOf = (documents: readonly Document[]): number =>
  documents.reduce((sum, document) => sum + learnedCount(document), 0);

function checkLength({ maxLength }: SftRecipe, positions: number): void {
  if (maxLength > positions)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `maxLength: is ${maxLength}, more than the model's ${positions} positions; give at most ${positions}`,
    );
}
