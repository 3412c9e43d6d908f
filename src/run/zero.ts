import { join } from "node:path";
import { type ReadModel, readModelDirectory, writeModelDirectory } from "../checkpoint/model-directory.ts";
import { type Json, readCheckpoint, writeCheckpoint } from "../checkpoint/trainer-state.ts";
import type { SampleProgress } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { type Evaluation, evaluate } from "../eval/evaluate.ts";
import { describeObjective, type Objective } from "../losses/objective.ts";
import type { Policy } from "../model/policy.ts";
import { recipeObjective, type ZeroRecipe } from "../recipe/schema.ts";
import { verifierTrouble } from "../rewards/verifier-trouble.ts";
import { type CountdownProblem, countdown } from "../tasks/countdown.ts";
import type { Task } from "../tasks/task.ts";
import { grpo } from "../trainers/grpo.ts";
import { type Environment, environment } from "./environment.ts";
import { countNovelSolutions } from "./novelty.ts";
import { type RunObserver, Stopped, unlessStopped } from "./observer.ts";
import { openPolicy } from "./open-policy.ts";
import { readRun } from "./reader.ts";
import { writeReport } from "./report.ts";
import { type FileLengths, openRun, type RunDirectory } from "./run-directory.ts";
import { type Summary, summarize } from "./summary.ts";

/**
 * R1-Zero in the small world: measure the base, reinforce, measure again, report. Everything lies in the run directory;
 * killed at any moment, it resumes from the last checkpoint to the same bytes.
 */
export interface ZeroOptions {
  readonly path: string;
  readonly resume: boolean;
  /** The command line that repeats the run. */
  readonly command: string;
  readonly signal: AbortSignal;
  readonly observer: RunObserver;
}

interface Zero extends ZeroOptions {
  readonly recipe: ZeroRecipe;
  readonly objective: Objective;
  readonly task: Task<CountdownProblem>;
  readonly model: ReadModel;
  readonly policy: Policy;
  readonly run: RunDirectory;
  readonly machine: Environment;
}

/**
 * Carries out a recipe. Throws Stopped where it was asked to stop before its end; then --resume goes on.
 *
 * @throws AutodidactError RUN_CANNOT_LEARN where a diagnostic stops the run, and those of reading, checking and writing
 */
export async function runZero(recipe: ZeroRecipe, options: ZeroOptions): Promise<Summary> {
  const objective = recipeObjective(recipe);
  options.observer.phase("Reading the base model", recipe.model);
  const model = await readModelDirectory(recipe.model);
  checkLength(recipe, model.config.max_position_embeddings);
  const policy = await openPolicy(model, recipe);
  try {
    const machine = environment(policy.engine.name);
    const run = await openRun(options.path, { recipe, environment: machine, resume: options.resume });
    try {
      for (const change of run.environmentChanges)
        options.observer.note(`not the machine that began the run: ${change}`);
      const task = countdown({ levels: recipe.levels });
      return await carryOut({ ...options, recipe, objective, task, model, policy, run, machine });
    } finally {
      await run.close();
    }
  } finally {
    await policy.engine.close();
  }
}

async function carryOut(zero: Zero): Promise<Summary> {
  const { recipe, objective, observer, run, policy, machine, signal } = zero;
  const seconds: Record<string, number> = {};
  const text = describeObjective(objective, recipe);
  observer.note(text);
  let done = await restore(zero, seconds);
  if (done === null) {
    observer.phase("Measuring the base model", "what can it do before any reinforcement? No answer is graded into it");
    const before = await measure(zero, "before", 0, recipe.evaluation.problems, recipe.evaluation.samplesPerProblem);
    seconds.before = before.seconds;
    await save(zero, 0, seconds);
    done = 0;
  }
  observer.phase(
    "Reinforcement learning",
    `${recipe.groupSize} answers to each question, graded by rule against each other; what beats its group is strengthened`,
  );
  await reinforce(zero, done, seconds);
  observer.phase("Measuring the trained model", "the same held-out problems, which training never saw");
  const after = await measure(
    zero,
    "after",
    recipe.steps,
    recipe.evaluation.problems,
    recipe.evaluation.samplesPerProblem,
  );
  seconds.after = after.seconds;
  observer.phase("Looking for solutions that the corpus never shows", "can the answers have been copied?");
  const novelSolutions = await unlessStopped(
    signal,
    countNovelSolutions(recipe.model, after.answers, (share) => observer.progress(share, "reading the corpus again")),
  );
  observer.phase("Writing the trained model and the report");
  const { weights } = await policy.engine.save();
  await writeModelDirectory(join(run.path, "model"), { ...zero.model, weights });
  const { evaluations, timings } = await readRun(run.path);
  seconds.reinforce = timings.reduce((sum, timing) => sum + timing.total, 0);
  seconds.total = Object.values(seconds).reduce((sum, n) => sum + n, 0);
  const summary = summarize({
    version: machine.autodidact,
    command: zero.command,
    seed: recipe.seed,
    steps: recipe.steps,
    before: evaluations.find(({ label }) => label === "before")!,
    after: after.report,
    seconds,
    objective: { text, ...objective },
    novelSolutions,
    machine,
  });
  await run.writeSummary(summary);
  await writeReport(run.path);
  return summary;
}

/** Brings back the newest checkpoint; gives the steps made, null where there is none. */
async function restore(
  { run, policy, task, resume, observer }: Zero,
  seconds: Record<string, number>,
): Promise<number | null> {
  if (!resume) return null;
  const checkpoint = await readCheckpoint(run.checkpoints);
  for (const { path, reason } of checkpoint?.skipped ?? [])
    observer.note(`${path} cannot be read and is passed over: ${reason}`);
  if (checkpoint === undefined) {
    await run.cut(null);
    return null;
  }
  const state = checkpoint.trainer as { lengths: FileLengths; seconds: Record<string, number>; task?: Json };
  await run.cut(state.lengths);
  await policy.engine.load(checkpoint.engineState);
  Object.assign(seconds, state.seconds);
  if (state.task !== undefined) task.restore?.(state.task);
  observer.note(`going on behind step ${checkpoint.step}`);
  return checkpoint.step;
}

async function reinforce(zero: Zero, done: number, seconds: Record<string, number>): Promise<void> {
  const { recipe, objective, observer, run, policy, task, signal } = zero;
  const { every, problemsOnTheWay, samplesOnTheWay } = recipe.evaluation;
  const isDue = (step: number): boolean => every > 0 && step > 0 && step % every === 0 && step < recipe.steps;
  const measureOnTheWay = async (step: number): Promise<void> => {
    const held = await measure(zero, "on the way", step, problemsOnTheWay, samplesOnTheWay);
    seconds.onTheWay = (seconds.onTheWay ?? 0) + held.seconds;
  };
  const { metrics, evaluations } = await readRun(run.path);
  const history = metrics.filter((line) => line.kind === "grpo");
  // A measurement comes behind the checkpoint of its step, so a stop in between leaves it to be made up for.
  if (isDue(done) && !evaluations.some(({ label, step }) => label === "on the way" && step === done))
    await measureOnTheWay(done);
  const steps = grpo(policy, task, {
    ...recipe,
    objective,
    history,
    onProgress: ({ step, phase, sampling }) =>
      observer.progress(
        sampling ? sampling.finished / sampling.total : 1,
        `step ${step}: ${phase === "sample" ? "answering" : "learning"}`,
      ),
  });
  for await (const step of steps) {
    const { index, stop, warnings } = step;
    // Its grades cannot be trusted and no update came of it: a resumed run makes this step again.
    if (stop === "verifierErrors") await save(zero, index - 1, seconds);
    await run.record(step);
    observer.step(step);
    if (stop === "verifierErrors") continue; // the trainer throws with the cause
    const due = isDue(index) && stop === undefined;
    const last = stop !== undefined || signal.aborted || index === recipe.steps;
    if (last || due || index % recipe.checkpointEvery === 0) await save(zero, index, seconds);
    if (stop !== undefined)
      throw new AutodidactError(
        "RUN_CANNOT_LEARN",
        `${warnings.join("; ")}. Everything up to step ${index} is in ${run.path}. To run on regardless, begin a new run with --set diagnostics.${stop}.action=warn`,
      );
    if (signal.aborted) throw new Stopped(`stopped behind step ${index}`);
    if (due) await measureOnTheWay(index);
  }
}

interface Timed extends Evaluation {
  readonly seconds: number;
}

async function measure(
  { recipe, policy, task, run, observer, signal }: Zero,
  label: string,
  step: number,
  problems: number,
  samplesPerProblem: number,
): Promise<Timed> {
  const began = performance.now();
  const work = evaluate(policy, task, {
    problems,
    samplesPerProblem,
    maxTokens: recipe.maxTokens,
    seed: recipe.seed,
    verification: recipe.verification,
    onProgress: ({ finished, total }: SampleProgress) =>
      observer.progress(finished / total, `${finished} of ${total} held-out answers`),
  });
  const evaluation = await unlessStopped(signal, work);
  const onTheWay = label === "on the way";
  await run.recordEvaluation(label, step, evaluation.report, onTheWay ? [] : evaluation.answers);
  observer.evaluation(evaluation.report, onTheWay ? `held-out, step ${step}` : `held-out, ${label}`);
  const trouble = verifierTrouble(evaluation.answers, task.name, recipe.verification.maxErrorShare);
  if (trouble !== null) throw trouble;
  return { ...evaluation, seconds: (performance.now() - began) / 1000 };
}

async function save(
  { run, policy, model, task }: Zero,
  step: number,
  seconds: Readonly<Record<string, number>>,
): Promise<void> {
  const lengths = await run.lengths();
  const engineState = await policy.engine.save();
  const trainer: Json = {
    lengths: { ...lengths },
    seconds: { ...seconds },
    ...(task.save && { task: task.save() as Json }),
  };
  await writeCheckpoint(run.checkpoints, {
    step,
    config: model.config,
    tokenizer: model.tokenizer,
    engineState,
    trainer,
  });
}

/** The longest Countdown question, in tokens, with room to spare. */
const PROMPT_ROOM = 40;

function checkLength({ maxTokens }: ZeroRecipe, positions: number): void {
  if (maxTokens + PROMPT_ROOM > positions)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `maxTokens: is ${maxTokens}; with a question of up to ${PROMPT_ROOM} tokens that exceeds the model's ${positions} positions; give at most ${positions - PROMPT_ROOM}`,
    );
}
