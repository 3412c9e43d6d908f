import { join } from "node:path";
import type { Backend, Generated } from "../backends/backend.ts";
import { promptOf } from "../backends/prompt.ts";
import { AutodidactError } from "../errors.ts";
import { countReflectiveWords } from "../eval/reflection.ts";
import { evalReport } from "../eval/statistics.ts";
import { recipeAsking } from "../recipe/model-fields.ts";
import { Grader } from "../rewards/score.ts";
import type { Verification } from "../rewards/verification.ts";
import { verifierTrouble } from "../rewards/verifier-trouble.ts";
import type { Problem, Task } from "../tasks/task.ts";
import { type AnswersDirectory, checkRecipe, openAnswers, readRecipe } from "./answers-directory.ts";
import { version } from "./environment.ts";
import { type EvalLine, evalLine, evalLineSchema, measuredGroups } from "./eval-answers.ts";
import { type EvalRecipe, type EvalRequest, usualMaxTokens } from "./eval-recipe.ts";
import { type EvalRecord, readEval } from "./eval-record.ts";
import { heldOutProblems, openEvalTask, problemListHash } from "./eval-task.ts";
import { evalMarkdown } from "./eval-text.ts";
import { generateInto } from "./generate.ts";
import type { LocateOptions } from "./locate-model.ts";
import { type RunObserver, unlessStopped } from "./observer.ts";
import { type FoundBackend, findBackend } from "./open-backend.ts";
import type { Compute } from "./open-policy.ts";
import { writeWhole } from "./run-directory.ts";

/** How an evaluation computes; nothing of it bears on what a model can do, and the weights below an adapter are recorded. */
export interface EvalMeans extends Compute {
  readonly base?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly concurrency?: number | undefined;
  readonly samplesPerRequest?: number | undefined;
  readonly timeout?: number | undefined;
  readonly verification?: Partial<Verification>;
}

export interface EvalControl extends EvalMeans {
  /** The directory of answers and figures. */
  readonly path: string;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly observer: RunObserver;
  readonly hub?: LocateOptions["hub"];
}

/**
 * Measures a model on the held-out problems of a task. Every answer is appended to the directory as soon as it is there; the
 * same request goes on behind what is there, and one that is done is only read.
 *
 * @throws Stopped where the signal was given; AutodidactError RUN_RECIPE_DIFFERS, TASK_PROBLEMS, VERIFIER_FAILS, and those of
 *   opening the task and the model and of writing
 */
export async function runEval(request: EvalRequest, control: EvalControl): Promise<EvalRecord> {
  const { path, cwd, signal, observer, hub } = control;
  const stored = await readRecipe(path);
  const task = await openEvalTask({ ...request, cwd, ...(hub && { hub: { ...hub, signal } }) });
  const problems = heldOutProblems(task, request.problems);
  if (problems.length < request.problems)
    observer.note(`the task has ${problems.length} held-out problems, and all are taken`);
  const found = await findBackend({ ...control, ...request }, { signal, observer, cwd, ...(hub && { hub }) });
  const asked = {
    ...request,
    problems: problems.length,
    problemList: problemListHash(problems),
    weights: found.weights,
  };
  // The limit may follow from the model; a directory that has one already knows it without loading.
  const known = request.maxTokens ?? (stored as { maxTokens?: number } | undefined)?.maxTokens;
  if (stored !== undefined) {
    checkRecipe(path, stored, recipeOf(asked, known ?? 0));
    const done = await readEval(path);
    if (done !== undefined) {
      observer.note(`${path} holds the whole evaluation already; it is read, not made again`);
      return done;
    }
  }
  const backend = await openBackend(found, request.model, observer);
  try {
    const recipe = recipeOf(asked, known ?? usualLimit(backend, problems, asked));
    const answers = await openAnswers(path, { recipe, engine: backend.name, line: evalLineSchema });
    try {
      return await measure({ control, recipe, task, problems, backend, answers });
    } finally {
      await answers.close();
    }
  } finally {
    await backend.close();
  }
}

type Asked = EvalRequest & Pick<EvalRecipe, "problemList" | "weights">;

function recipeOf(asked: Asked, maxTokens: number): EvalRecipe {
  return { kind: "eval", ...asked, maxTokens };
}

async function openBackend(found: FoundBackend, model: string, observer: RunObserver): Promise<Backend> {
  observer.phase("Loading the model", model);
  return found.open();
}

function usualLimit(backend: Backend, problems: readonly Problem[], asked: EvalRequest): number {
  const room = backend.room(problems.map((problem) => questionOf(problem, asked)));
  if (room < 1)
    throw new AutodidactError(
      "SAMPLE_LENGTH",
      "the longest question fills all the model's positions and leaves no room for an answer; take a model with more, or other problems",
    );
  return Math.min(usualMaxTokens, room);
}

type AskingFields = Pick<EvalRecipe, "system" | "template" | "chatVariables" | "instruction" | "stop">;

const questionOf = ({ prompt }: Problem, { instruction, ...fields }: AskingFields) =>
  promptOf(instruction === null ? prompt : `${prompt}\n\n${instruction}`, recipeAsking(fields));

interface Measuring {
  readonly control: EvalControl;
  readonly recipe: EvalRecipe;
  readonly task: Task;
  readonly problems: readonly Problem[];
  readonly backend: Backend;
  readonly answers: AnswersDirectory<EvalLine>;
}

async function measure({ control, recipe, task, problems, backend, answers }: Measuring): Promise<EvalRecord> {
  const { path, observer, signal, verification } = control;
  const { samplesPerProblem, temperature, topP, topK, maxTokens, stop, seed } = recipe;
  const grader = new Grader(task, verification);
  const places = new Map(problems.map(({ id }, i) => [id, i]));
  /** Lines by problem and sample. */
  const lines = problems.map(() => new Array<EvalLine | undefined>(samplesPerProblem).fill(undefined));
  for (const line of answers.present) {
    const place = places.get(line.problem);
    if (place !== undefined && line.sample < samplesPerProblem) lines[place]![line.sample] = line;
  }
  const there = lines.flat().filter((line) => line !== undefined).length;
  const all = problems.length * samplesPerProblem;
  if (there > 0) observer.note(`going on behind ${there} of ${all} answers`);
  observer.phase(
    "Answering held-out problems",
    `${problems.length} problems, ${samplesPerProblem} answers to each, temperature ${temperature}, top-p ${topP}, at most ${maxTokens} tokens`,
  );
  // A verifier that failed may have been mended since; the answer itself stands.
  for (const [i, problem] of problems.entries())
    for (const [sample, line] of lines[i]!.entries())
      if (line?.failures) lines[i]![sample] = await regraded(grader, problem, line);
  const missing = problems.flatMap((problem, i) => {
    const samples = lines[i]!.flatMap((line, sample) => (line === undefined ? [sample] : []));
    // The key that evaluations within a run have, so that both give the same answers.
    const key = [seed, "evaluate", problem.id];
    return samples.length === 0 ? [] : [{ problem, i, request: { prompt: questionOf(problem, recipe), samples, key } }];
  });
  const work = generateInto(
    backend,
    missing.map(({ request }) => request),
    {
      maxTokens,
      temperature,
      topP,
      topK,
      stop,
      signal,
      observer,
      before: there,
      what: "answers",
      async take(request, answer: Generated) {
        const { problem, i } = missing[request]!;
        const line = evalLine(problem, await grader.gradeOne(problem, answer));
        await answers.append(line);
        lines[i]![answer.sample] = line;
      },
    },
  );
  await unlessStopped(signal, work);
  const sorted = lines.flat() as EvalLine[];
  const groups = measuredGroups(sorted);
  await answers.replace(sorted);
  const failing = verifierTrouble(
    groups.map(({ problem, rollouts }) => ({ problem, rollouts: rollouts.map((one, sample) => ({ ...one, sample })) })),
    task.name,
    verification?.maxErrorShare,
  );
  if (failing) throw failing;
  const weights = Object.fromEntries(Object.entries(task.rewards).map(([name, { weight }]) => [name, weight]));
  const record: EvalRecord = {
    kind: "eval",
    version: 1,
    autodidact: version,
    engine: backend.name,
    recipe,
    estimatedLengths: sorted.some(({ estimated }) => estimated === true),
    report: evalReport(groups, { temperature, maxTokens, countReflectiveWords, weights }),
  };
  await writeWhole(join(path, "eval.md"), evalMarkdown(record));
  // Last: with it the evaluation is whole.
  await writeWhole(join(path, "eval.json"), record);
  return record;
}

async function regraded(grader: Grader<Problem>, problem: Problem, line: EvalLine): Promise<EvalLine> {
  const { sample, text, tokens, finish, estimated } = line;
  return evalLine(
    problem,
    await grader.gradeOne(problem, { sample, text, tokens, finish, ...(estimated && { estimated }) }),
  );
}
