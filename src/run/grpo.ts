import type { Json } from "../checkpoint/trainer-state.ts";
import type { SampleProgress } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { type Evaluation, evaluate } from "../eval/evaluate.ts";
import { describeObjective, type Objective } from "../losses/objective.ts";
import { type ReinforcementRecipe, recipeObjective } from "../recipe/schema.ts";
import type { Scored } from "../rewards/score.ts";
import { verifierTrouble } from "../rewards/verifier-trouble.ts";
import type { Group } from "../rollout/rollout.ts";
import type { Task } from "../tasks/task.ts";
import { checkProblems, grpo } from "../trainers/grpo.ts";
import { type Environment, environment, peakMemoryMiB } from "./environment.ts";
import { type RunControl, Stopped, unlessStopped } from "./observer.ts";
import { plannedGrpoMiB, promptLengths } from "./planned-memory.ts";
import { readRun } from "./reader.ts";
import { writeReport } from "./report.ts";
import { checkRun, type FileLengths, openRun, type RunDirectory } from "./run-directory.ts";
import { type Summary, summarize } from "./summary.ts";
import { type ModelFrame, openTrained, type TrainedModel } from "./trained-model.ts";

/**
 * A run of reinforcement learning: measure the model, reinforce, measure again, report. Everything lies in the run
 * directory; killed at any moment, it resumes from the last checkpoint to the same bytes.
 */
export interface GrpoParts {
  readonly task: Task;
  /** What the report calls model and task; left out where the command has but one of each. */
  readonly named?: { readonly model: string; readonly task: string };
  /** Refuses a model that does not fit recipe and task, before its weights are read. */
  readonly checkModel: (model: ModelFrame) => void;
  /** Looks, behind the last measurement, for answers that cannot have been copied. */
  readonly countNovel?: (
    answers: readonly Group<Scored>[],
    onProgress: (share: number) => void,
  ) => Promise<Summary["novelSolutions"]>;
}

interface Carried extends RunControl, GrpoParts, TrainedModel {
  readonly recipe: ReinforcementRecipe;
  readonly objective: Objective;
  readonly run: RunDirectory;
  readonly machine: Environment;
}

/**
 * Carries out a recipe. Throws Stopped where it was asked to stop before its end; then --resume goes on.
 *
 * @throws AutodidactError RUN_CANNOT_LEARN where a diagnostic stops the run, and those of reading, checking and writing
 */
export async function runGrpo(recipe: ReinforcementRecipe, control: RunControl, parts: GrpoParts): Promise<Summary> {
  const objective = recipeObjective(recipe);
  await checkRun(control.path, { recipe, resume: control.resume });
  checkProblems(parts.task, recipe.problemsPerStep, recipe.seed);
  const trained = await openTrained(recipe, control, parts.checkModel);
  const { engine } = trained.policy;
  try {
    const machine = environment(engine.name);
    const { path, resume, command } = control;
    const run = await openRun(path, { recipe, environment: machine, resume, command });
    try {
      for (const change of run.environmentChanges)
        control.observer.note(`not the machine that began the run: ${change}`);
      return await carryOut({ ...control, ...parts, ...trained, recipe, objective, run, machine });
    } finally {
      await run.close();
    }
  } finally {
    await engine.close();
  }
}

async function carryOut(carried: Carried): Promise<Summary> {
  const { recipe, objective, observer, run, machine } = carried;
  const seconds: Record<string, number> = {};
  const text = describeObjective(objective, recipe);
  observer.note(text);
  const dropout = recipe.lora?.dropout ?? 0;
  if (dropout > 0)
    observer.note(
      `lora.dropout ${dropout}: the trainer's log-probabilities differ from the sampler's by the noise of dropout, so every ratio carries it, and the check of their gap (diagnostics.samplerGap) is off`,
    );
  let done = await restore(carried, seconds);
  if (done === null) {
    observer.phase("Measuring the model", "what can it do before any reinforcement? No answer is graded into it");
    const before = await measure(carried, "before", 0, recipe.evaluation.problems, recipe.evaluation.samplesPerProblem);
    seconds.before = before.seconds;
    await save(carried, 0, seconds);
    done = 0;
  }
  observer.phase(
    "Reinforcement learning",
    `${recipe.groupSize} answers to each question, graded by rule against each other; what beats its group is strengthened`,
    recipe.steps,
  );
  await reinforce(carried, done, seconds);
  observer.phase("Measuring the trained model", "the same held-out problems, which training never saw");
  const after = await measure(
    carried,
    "after",
    recipe.steps,
    recipe.evaluation.problems,
    recipe.evaluation.samplesPerProblem,
  );
  seconds.after = after.seconds;
  const novelSolutions = await lookForNovel(carried, after.answers);
  observer.phase("Writing the trained model and the report");
  await carried.write(run.path);
  const { evaluations, timings } = await readRun(run.path);
  seconds.reinforce = timings.reduce((sum, timing) => sum + timing.total, 0);
  seconds.total = Object.values(seconds).reduce((sum, n) => sum + n, 0);
  const summary = summarize({
    version: machine.autodidact,
    command: run.command,
    seed: recipe.seed,
    ...carried.named,
    steps: recipe.steps,
    before: evaluations.find(({ label }) => label === "before")!,
    after: after.report,
    seconds,
    objective: { text, ...objective },
    novelSolutions,
    peakMemoryMiB: peakMemoryMiB(),
    plannedMemoryMiB: plannedGrpoMiB(
      recipe,
      objective,
      carried.model,
      promptLengths(carried.policy, carried.task, recipe.seed),
    ),
    machine,
  });
  await run.writeSummary(summary);
  await writeReport(run.path);
  return summary;
}

async function lookForNovel(
  { countNovel, observer, signal }: Carried,
  answers: readonly Group<Scored>[],
): Promise<Summary["novelSolutions"]> {
  if (countNovel === undefined) return null;
  observer.phase("Looking for solutions that the corpus never shows", "can the answers have been copied?");
  return unlessStopped(
    signal,
    countNovel(answers, (share) => observer.progress(share, "reading the corpus again")),
  );
}

/** Brings back the newest checkpoint; gives the steps made, null where there is none. */
async function restore(
  { run, newest, load, task, resume, observer }: Carried,
  seconds: Record<string, number>,
): Promise<number | null> {
  if (!resume) return null;
  const checkpoint = await newest(run.checkpoints);
  for (const { path, reason } of checkpoint?.skipped ?? [])
    observer.note(`${path} cannot be read and is passed over: ${reason}`);
  if (checkpoint === undefined) {
    await run.cut(null);
    return null;
  }
  const state = checkpoint.trainer as { lengths: FileLengths; seconds: Record<string, number>; task?: Json };
  await run.cut(state.lengths);
  await load(checkpoint);
  Object.assign(seconds, state.seconds);
  if (state.task !== undefined) task.restore?.(state.task);
  observer.note(`going on behind step ${checkpoint.step}`);
  return checkpoint.step;
}

async function reinforce(carried: Carried, done: number, seconds: Record<string, number>): Promise<void> {
  const { recipe, objective, observer, run, policy, task, signal } = carried;
  const { every, problemsOnTheWay, samplesOnTheWay } = recipe.evaluation;
  const isDue = (step: number): boolean => every > 0 && step > 0 && step % every === 0 && step < recipe.steps;
  const measureOnTheWay = async (step: number): Promise<void> => {
    const held = await measure(carried, "on the way", step, problemsOnTheWay, samplesOnTheWay);
    seconds.onTheWay = (seconds.onTheWay ?? 0) + held.seconds;
  };
  const { metrics, evaluations } = await readRun(run.path);
  const history = metrics.filter((line) => line.kind === "grpo");
  observer.past?.(history, evaluations.find(({ label }) => label === "before") ?? null);
  // A measurement comes behind the checkpoint of its step, so a stop in between leaves it to be made up for.
  if (isDue(done) && !evaluations.some(({ label, step }) => label === "on the way" && step === done))
    await measureOnTheWay(done);
  const { samplerGap, ...others } = recipe.diagnostics;
  const hasDropout = (recipe.lora?.dropout ?? 0) > 0;
  const steps = grpo(policy, task, {
    ...recipe,
    diagnostics: { ...others, samplerGap: hasDropout ? { ...samplerGap, action: "off" } : samplerGap },
    objective,
    positions: carried.model.config.max_position_embeddings,
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
    if (stop === "verifierErrors") await save(carried, index - 1, seconds);
    await run.record(step);
    observer.step(step);
    if (stop === "verifierErrors") continue; // the trainer throws with the cause
    const due = isDue(index) && stop === undefined;
    const last = stop !== undefined || signal.aborted || index === recipe.steps;
    if (last || due || index % recipe.checkpointEvery === 0) await save(carried, index, seconds);
    if (stop !== undefined)
      throw new AutodidactError(
        "RUN_CANNOT_LEARN",
        `${warnings.join("; ")}. Everything up to step ${index} is in ${run.path}; begin a new run with that changed (--set NAME=VALUE takes any setting), or with --set diagnostics.${stop}.action=warn to run on regardless`,
      );
    if (signal.aborted) throw new Stopped(`stopped behind step ${index}`);
    if (due) await measureOnTheWay(index);
  }
}

interface Timed extends Evaluation {
  readonly seconds: number;
}

async function measure(
  { recipe, policy, task, run, observer, signal }: Carried,
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
  { run, task, ...trained }: Carried,
  step: number,
  seconds: Readonly<Record<string, number>>,
): Promise<void> {
  const lengths = await run.lengths();
  const trainer: Json = {
    lengths: { ...lengths },
    seconds: { ...seconds },
    ...(task.save && { task: task.save() as Json }),
  };
  await trained.save(run.checkpoints, step, trainer);
}
