import { type Advantaged, groupAdvantages, isConstant } from "../advantage.ts";
import type { Datum, ForwardBackwardResult, SampleProgress } from "../engine/engine.ts";
import { AutodidactError } from "../errors.ts";
import { countReflectiveWords } from "../eval/reflection.ts";
import { type Objective, toLoss } from "../losses/objective.ts";
import { isTrained, overlongShaping, tokenWeights } from "../losses/token-weights.ts";
import type { Policy } from "../model/policy.ts";
import { learningRateAt, type Schedule } from "../optimizer/schedule.ts";
import { random } from "../random.ts";
import type { Scored } from "../rewards/score.ts";
import type { Verification } from "../rewards/verification.ts";
import { verifierTrouble } from "../rewards/verifier-trouble.ts";
import { gradedRollouts } from "../rollout/graded.ts";
import type { Group } from "../rollout/rollout.ts";
import { type Problem, type RewardName, type Task, takeProblems } from "../tasks/task.ts";
import { type DiagnosticsSettings, diagnose } from "./diagnostics.ts";
import { k3Divergence, observations, ratioGap, rolloutMetrics, type TrainedAnswer, updateMetrics } from "./metrics.ts";
import type { GrpoMetrics, GrpoStep } from "./step.ts";

/**
 * Group Relative Policy Optimization (DeepSeekMath, 2402.03300; R1, 2501.12948): G answers a question, graded against
 * each other. With one minibatch and one inner epoch every update is on-policy: the ratio is 1 and the clip does nothing.
 * Left out of R1's run: nothing of the objective; its split of a rollout of 8,192 answers over machines.
 */
export interface GrpoOptions {
  readonly steps: number;
  readonly objective: Objective;
  readonly schedule: Schedule;
  readonly maxTokens: number;
  /** Positions that the model has, for the advice that a diagnostic gives. */
  readonly positions?: number;
  readonly seed: number;
  readonly diagnostics: DiagnosticsSettings;
  /** Questions a step. @default 16 */
  readonly problemsPerStep?: number;
  /** G. @default 16 */
  readonly groupSize?: number;
  /** @default 0 */
  readonly weightDecay?: number;
  /** @default 0.9, 0.99 */
  readonly betas?: readonly [number, number];
  /** @default 1 */
  readonly maxGradNorm?: number;
  /** How answers are graded, and how many of a step's verifiers may fail. */
  readonly verification?: Partial<Verification>;
  /** Metrics of the steps already made, in order; the run goes on behind them. @default none */
  readonly history?: readonly GrpoMetrics[];
  readonly onProgress?: (progress: GrpoProgress) => void;
}

export interface GrpoProgress {
  readonly step: number;
  readonly phase: "sample" | "train";
  readonly sampling?: SampleProgress;
}

/** Answers a group whose KL to the start is measured. */
const KL_SAMPLES = 2;

/**
 * Trains a policy on a task, one step at a time; the weights behind `policy` change.
 *
 * @throws AutodidactError TASK_PROBLEMS, VERIFIER_FAILS (behind the step that shows it), and those of the engine
 */
export async function* grpo<T extends Task>(
  policy: Policy,
  task: T,
  options: GrpoOptions,
): AsyncGenerator<GrpoStep<RewardName<T>>> {
  const { steps, objective } = options;
  const history = [...(options.history ?? [])];
  if (history.length === 0) {
    await policy.engine.snapshot("start");
    if (objective.reference) await policy.engine.snapshot("reference");
  }
  for (let index = history.length + 1; index <= steps; index++) {
    const clock = new Clock();
    const sampled = await sampleGroups(policy, task, index, options, clock); // G outputs o_i of each question, and r_i
    const shaping = overlongShaping(objective.overlong, options.maxTokens);
    const trouble = verifierTrouble(sampled.all, task.name, options.verification?.maxErrorShare);
    const learnt = trouble === null ? groupAdvantages(sampled.kept, objective.advantage, shaping) : []; // A_i
    const learntFrom = new Map(learnt.map((group, i) => [sampled.kept[i]!, group]));
    options.onProgress?.({ step: index, phase: "train" });
    const trained = await clock.time("train", () => update(policy, learnt, index, options));
    const rolled = rolloutMetrics<RewardName<T>>(
      sampled.all,
      policy.endTokens ?? policy.tokenizer.endTokens,
      countReflectiveWords,
    );
    const metrics: GrpoMetrics<RewardName<T>> = {
      ...rolled,
      ...trained,
      samplingRounds: sampled.rounds,
      tokensTotal: (history.at(-1)?.tokensTotal ?? 0) + rolled.tokens,
    };
    history.push(metrics);
    if (trouble === null) task.observe?.(observations(sampled.all));
    const findings = diagnose(history, options.diagnostics, {
      groupSize: options.groupSize ?? 16,
      maxTokens: options.maxTokens,
      learningRate: options.schedule.learningRate,
      objective,
      mostTokens: options.positions === undefined ? null : options.positions - longestPrompt(sampled.all),
      levels: [...new Set(sampled.all.map(({ problem }) => problem.level))].sort((a, b) => a - b),
      weights: Object.fromEntries(Object.entries(task.rewards).map(([name, { weight }]) => [name, weight])),
    });
    const stop = trouble === null ? findings.find(({ fatal }) => fatal)?.code : "verifierErrors";
    yield {
      kind: "grpo",
      index,
      metrics,
      timing: clock.timing(metrics.tokens),
      groups: sampled.all.map((group) => learntFrom.get(group) ?? unlearnt(group)),
      warnings: findings.map(({ sentence, remedy }) => `${sentence} Change: ${remedy}`),
      ...(stop !== undefined && { stop }),
    };
    if (trouble !== null) throw trouble;
    if (stop !== undefined) return;
  }
}

/** A group that no update was made from. */
const unlearnt = (group: Group<Scored>): Group<Advantaged> => ({
  ...group,
  rollouts: group.rollouts.map((one) => ({ ...one, advantage: null })),
});

const longestPrompt = (groups: readonly Group<Scored>[]): number =>
  Math.max(0, ...groups.map(({ promptTokens }) => promptTokens.length));

interface SampledGroups {
  /** Every group that was sampled. */
  readonly all: readonly Group<Scored>[];
  /** Those that are trained on: with dynamic sampling, constant ones replaced as far as the rounds allow. */
  readonly kept: readonly Group<Scored>[];
  readonly rounds: number;
}

async function sampleGroups<P extends Problem>(
  policy: Policy,
  task: Task<P>,
  index: number,
  options: GrpoOptions,
  clock: Clock,
): Promise<SampledGroups> {
  const { objective, problemsPerStep = 16, groupSize = 16, maxTokens, seed } = options;
  const { enabled, maxRounds } = objective.dynamicSampling;
  const fresh = freshProblems(task, seed, index);
  const all: Group<Scored>[] = [];
  const kept: Group<Scored>[] = [];
  let rounds = 0;
  for (; kept.length < problemsPerStep && rounds < (enabled ? maxRounds : 1); rounds++) {
    const problems = takeProblems(fresh, problemsPerStep - kept.length);
    if (rounds === 0) enough(problems, problemsPerStep, task);
    if (problems.length === 0) break;
    const settings = {
      groupSize,
      maxTokens,
      ...objective.sampling,
      key: [seed, "rollout", index],
      policyVersion: index - 1,
      onProgress: (sampling: SampleProgress) => options.onProgress?.({ step: index, phase: "sample", sampling }),
    };
    const graded = await gradedRollouts(policy, task, problems, settings, options.verification);
    clock.add({ sample: graded.sampleSeconds, reward: graded.rewardSeconds });
    const scored = graded.groups;
    all.push(...scored);
    kept.push(
      ...(enabled
        ? scored.filter(({ rollouts: answers }) => !isConstant(answers.map(({ reward }) => reward)))
        : scored),
    );
  }
  return { all, kept, rounds };
}

/** The training problems of a step, each once. */
const freshProblems = <P extends Problem>(task: Task<P>, seed: number, index: number): Generator<P> =>
  distinct(task.problems("train", random(seed, "problems", index)));

/** Refuses a task that has not problems enough for a step, before anything is measured. Throws TASK_PROBLEMS. */
export function checkProblems(task: Task, problemsPerStep: number, seed: number): void {
  enough(takeProblems(freshProblems(task, seed, 1), problemsPerStep), problemsPerStep, task);
}

function enough(problems: readonly Problem[], problemsPerStep: number, task: Task): void {
  if (problems.length < problemsPerStep)
    throw new AutodidactError(
      "TASK_PROBLEMS",
      `problemsPerStep: is ${problemsPerStep}, and task ${task.name} has only ${problems.length} different training problems; give at most ${problems.length}`,
    );
}

/** Known problems in a row after which a stream is taken to have no others. */
const REPEATS = 10_000;

/** Each problem once, by id. */
function* distinct<P extends Problem>(problems: Iterable<P>): Generator<P> {
  const seen = new Set<string>();
  let repeats = 0;
  for (const problem of problems) {
    if (seen.has(problem.id)) {
      if (++repeats === REPEATS) return;
      continue;
    }
    repeats = 0;
    seen.add(problem.id);
    yield problem;
  }
}

type TrainedMetrics = Omit<GrpoMetrics, keyof ReturnType<typeof rolloutMetrics> | "samplingRounds" | "tokensTotal">;

/** All updates made from one step's groups: innerEpochs passes, each over a new random split into minibatches. */
async function update(
  policy: Policy,
  groups: readonly Group<Advantaged>[],
  index: number,
  options: GrpoOptions,
): Promise<TrainedMetrics> {
  const { objective, maxTokens, seed, steps } = options;
  const [beta1, beta2] = options.betas ?? [0.9, 0.99];
  const loss = toLoss(objective);
  const learningRate = learningRateAt(options.schedule, index, steps);
  const klStart = await divergenceFromStart(policy, groups, objective.sampling.temperature);
  const reference = await referenceLogprobs(policy, groups, objective);
  const answers: TrainedAnswer[] = [];
  let gap = { ratioGapMean: 0, ratioGapMax: 0 };
  let klReference: number | null = null;
  const [losses, gradNorms, paddings]: [number[], number[], number[]] = [[], [], []];
  for (let epoch = 0; epoch < objective.innerEpochs; epoch++) {
    for (const minibatch of split(groups, objective.minibatches, random(seed, "minibatches", index, epoch))) {
      const rollouts = minibatch.flatMap(({ promptTokens, rollouts: answers }) =>
        answers.map((rollout) => ({ promptTokens, rollout })),
      );
      const weights = tokenWeights(
        rollouts.map(({ rollout }) => rollout),
        objective,
        maxTokens,
      );
      const chosen = rollouts.flatMap(({ promptTokens, rollout }, i) =>
        isTrained(rollout, objective.overlong) ? [{ promptTokens, rollout, weights: weights[i]! }] : [],
      );
      if (chosen.length === 0) continue;
      const data = chosen.map((one) => datum(one.promptTokens, one.rollout, one.weights, reference.get(one.rollout)));
      const result = await policy.engine.forwardBackward(data, loss);
      if (answers.length === 0) {
        gap = ratioGap(
          result.logprobs,
          chosen.map(({ rollout }) => rollout.logprobs),
        );
        if (objective.reference)
          klReference = k3Divergence(
            result.logprobs,
            chosen.map(({ rollout }) => reference.get(rollout)!),
          );
      }
      answers.push(...trainedAnswers(chosen, result));
      const { gradNorm, step } = await policy.engine.optimStep({
        learningRate,
        beta1,
        beta2,
        epsilon: 1e-8,
        weightDecay: options.weightDecay ?? 0,
        maxGradNorm: options.maxGradNorm ?? 1,
      });
      losses.push(result.loss);
      gradNorms.push(gradNorm);
      paddings.push(result.paddingShare);
      if (objective.referenceRefresh > 0 && step % objective.referenceRefresh === 0)
        await policy.engine.snapshot("reference");
    }
  }
  return {
    ...updateMetrics(answers, objective),
    ...gap,
    klReference,
    klStart,
    gradNorm: average(gradNorms),
    learningRate,
    loss: average(losses),
    paddingShare: average(paddings),
  };
}

function datum(
  prompt: Int32Array,
  rollout: Advantaged,
  weights: Float32Array,
  referenceLogprobs: Float32Array | undefined,
): Datum {
  const tokens = new Int32Array(prompt.length + rollout.tokens.length);
  tokens.set(prompt);
  tokens.set(rollout.tokens, prompt.length);
  return {
    tokens,
    promptLength: prompt.length,
    weights,
    advantages: new Float32Array(rollout.tokens.length).fill(rollout.advantage ?? 0),
    oldLogprobs: rollout.logprobs,
    ...(referenceLogprobs && { referenceLogprobs }),
  };
}

function trainedAnswers(chosen: readonly { rollout: Advantaged }[], result: ForwardBackwardResult): TrainedAnswer[] {
  return chosen.map(({ rollout }, i) => ({
    advantage: rollout.advantage!,
    logprobs: result.logprobs[i]!,
    oldLogprobs: rollout.logprobs,
    entropies: result.entropies[i]!,
  }));
}

/** log pi_ref of every answer that is trained on; empty without a reference. */
async function referenceLogprobs(
  { engine }: Policy,
  groups: readonly Group<Advantaged>[],
  objective: Objective,
): Promise<Map<Advantaged, Float32Array>> {
  if (!objective.reference) return new Map();
  const chosen = groups.flatMap(({ promptTokens, rollouts }) =>
    rollouts
      .filter((rollout) => isTrained(rollout, objective.overlong))
      .map((rollout) => ({
        rollout,
        data: datum(promptTokens, rollout, new Float32Array(rollout.tokens.length), undefined),
      })),
  );
  const logprobs = await engine.logprobs(
    chosen.map(({ data }) => data),
    "reference",
    objective.sampling.temperature,
  );
  return new Map(chosen.map(({ rollout }, i) => [rollout, logprobs[i]!]));
}

/** KL(pi_old || start) over the first KL_SAMPLES answers of each group, nats per token. */
async function divergenceFromStart(
  { engine }: Policy,
  groups: readonly Group<Advantaged>[],
  temperature: number,
): Promise<number> {
  const chosen = groups.flatMap(({ promptTokens, rollouts }) =>
    rollouts.slice(0, KL_SAMPLES).map((rollout) => ({ promptTokens, rollout })),
  );
  if (chosen.length === 0) return 0;
  const other = await engine.logprobs(
    chosen.map(({ promptTokens, rollout }) =>
      datum(promptTokens, rollout, new Float32Array(rollout.tokens.length), undefined),
    ),
    "start",
    temperature,
  );
  return k3Divergence(
    chosen.map(({ rollout }) => rollout.logprobs),
    other,
  );
}

function split<T>(items: readonly T[], parts: number, stream: ReturnType<typeof random>): T[][] {
  const order = parts === 1 ? items : stream.shuffle(items);
  const size = Math.ceil(order.length / parts);
  return Array.from({ length: parts }, (_, i) => order.slice(i * size, (i + 1) * size)).filter(
    (part) => part.length > 0,
  );
}

function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

type Phases = Record<"sample" | "reward" | "train", number>;

/** Wall-clock seconds by phase. */
class Clock {
  readonly #began = performance.now();
  readonly #seconds: Phases = { sample: 0, reward: 0, train: 0 };

  async time<T>(phase: keyof Phases, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.add({ [phase]: (performance.now() - began) / 1000 });
    }
  }

  add(seconds: Partial<Phases>): void {
    for (const phase of ["sample", "reward", "train"] as const) this.#seconds[phase] += seconds[phase] ?? 0;
  }

  timing(tokens: number): GrpoStep["timing"] {
    const total = (performance.now() - this.#began) / 1000;
    return { total, ...this.#seconds, evaluate: 0, tokensPerSecond: tokens / total };
  }
}
