import type { Advantaged } from "../src/advantage.ts";
import type { EvalReport } from "../src/eval/report.ts";
import { random } from "../src/random.ts";
import type { Scored } from "../src/rewards/score.ts";
import type { Group } from "../src/rollout/rollout.ts";
import type { Environment } from "../src/run/environment.ts";
import type { Summary } from "../src/run/summary.ts";
import { summarize } from "../src/run/summary.ts";
import type { GrpoStep } from "../src/trainers/step.ts";

/** Made-up but plausible figures of a run, the same for the same arguments: nothing here was measured. */

export const fakeEnvironment: Environment = {
  cpu: "Imaginary CPU 3000",
  cores: 2,
  memoryGiB: 8,
  system: "linux x64 6.8.0",
  node: "20.19.0",
  autodidact: "0.1.0",
  engine: "onnxruntime/cpu",
};

/** Reached part of the way, 0 to 1, at a step. */
const progress = (step: number): number => 1 - Math.exp(-step / 25);

function answerText(numbers: readonly number[], target: number, tries: number, right: boolean, waits: number): string {
  const [a, b, c] = numbers as [number, number, number];
  const lines: string[] = [];
  for (let i = 0; i < tries - 1; i++) {
    const word = i < waits ? (i % 2 === 0 ? "wait. " : "but ") : "";
    lines.push(`${word}${a}*${b}=${a * b} ${a * b}-${c + i}=${a * b - c - i} no`);
  }
  lines.push(
    right ? `${a}*${b}=${a * b} ${a * b}+${c}=${target} yes` : `${a}+${b}=${a + b} ${a + b}+${c}=${a + b + c} yes`,
  );
  return `${lines.join("\n")}\n<answer>${right ? `${a}*${b}+${c}` : `${a}+${b}+${c}`}</answer>`;
}

function fakeScored(
  seed: number,
  step: number,
  problem: number,
  sample: number,
): { scored: Scored; level: number; prompt: string } {
  const draw = random(seed, "fake", step, problem, sample);
  const fixed = random(seed, "numbers", step === 0 || step < 0 ? "eval" : step, problem);
  const numbers = [fixed.int(2, 9), fixed.int(2, 9), fixed.int(2, 9)];
  const target = numbers[0]! * numbers[1]! + numbers[2]!;
  const level = 1 + (problem % 5);
  const reached = progress(Math.abs(step));
  const right = draw.chance(0.3 - 0.055 * level + reached * (0.62 + 0.03 * level));
  const tries = 1 + Math.floor(reached * (2 + level) * draw.next() + 0.6 * draw.next());
  const text = answerText(
    numbers,
    target,
    tries,
    right,
    draw.chance(0.05 + reached * 0.8) ? 1 + Math.floor(reached * 2) : 0,
  );
  const finish = text.length > 240 ? "length" : "stop";
  return {
    level,
    prompt: `Use ${numbers.join(", ")} once each to make ${target}.`,
    scored: {
      sample,
      text,
      tokens: new Int32Array(text.length),
      logprobs: new Float32Array(text.length),
      finish,
      policyVersion: Math.abs(step),
      rewards: { accuracy: right ? 1 : 0 },
      reward: right ? 1 : 0,
      reason: right
        ? "correct"
        : finish === "length"
          ? "truncated"
          : draw.chance(0.8)
            ? "wrong-value"
            : "wrong-numbers",
      reasons: {},
      answer: right ? String(target) : String(target + draw.int(1, 9)),
    },
  };
}

/** Answers of the base (step 0) or of a model trained so long (negative step) to the same problems. */
export function fakeAnswers(seed: number, step: number, problems = 10, samples = 2): Group<Scored>[] {
  return Array.from({ length: problems }, (_, problem) => {
    const rollouts = Array.from({ length: samples }, (_, sample) => fakeScored(seed, -step, problem, sample));
    const { level, prompt } = rollouts[0]!;
    return {
      problem: { id: `held-${problem}`, prompt, level },
      promptTokens: new Int32Array(prompt.length),
      rollouts: rollouts.map(({ scored }) => scored),
    };
  });
}

export function fakeStep(seed: number, index: number, problems = 6, groupSize = 16): GrpoStep {
  const groups = Array.from({ length: problems }, (_, problem): Group<Advantaged> => {
    const drawn = Array.from({ length: groupSize }, (_, sample) => fakeScored(seed, index, problem, sample));
    const rewards = drawn.map(({ scored }) => scored.reward);
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / groupSize;
    const std = Math.sqrt(rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / groupSize);
    const { level, prompt } = drawn[0]!;
    return {
      problem: { id: `s${index}p${problem}`, prompt, level },
      promptTokens: new Int32Array(prompt.length),
      rollouts: drawn.map(({ scored }) => ({ ...scored, advantage: std === 0 ? null : (scored.reward - mean) / std })),
    };
  });
  const all = groups.flatMap(({ rollouts }) => rollouts);
  const mean = (value: (one: Advantaged) => number): number =>
    all.reduce((sum, one) => sum + value(one), 0) / all.length;
  const share = (keep: (group: Group<Advantaged>) => boolean): number => groups.filter(keep).length / groups.length;
  const lengths = all.map(({ tokens }) => tokens.length).sort((a, b) => a - b);
  const pass1 = mean(({ reward }) => reward);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const wobble = random(seed, "wobble", index).normal() * 0.03;
  return {
    kind: "grpo",
    index,
    groups,
    warnings: [],
    timing: { total: 4.1, sample: 2.6, reward: 0.1, train: 1.4, evaluate: 0, tokensPerSecond: tokens / 4.1 },
    metrics: {
      reward: pass1,
      rewardParts: { "reward/accuracy": pass1 },
      pass1,
      groupsAllRight: share(({ rollouts }) => rollouts.every(({ reward }) => reward === 1)),
      groupsAllWrong: share(({ rollouts }) => rollouts.every(({ reward }) => reward === 0)),
      groupsMixed: share(({ rollouts }) => rollouts[0]!.advantage !== null),
      samplingRounds: 1,
      lengthMean: tokens / all.length,
      lengthP95: lengths[Math.floor(0.95 * lengths.length)]!,
      truncatedShare: mean(({ finish }) => Number(finish === "length")),
      endedShare: mean(({ finish }) => Number(finish === "stop")),
      parseFailureShare: 0.02,
      verifierErrorShare: 0,
      entropy: 0.85 - 0.5 * progress(index) + wobble,
      klReference: null,
      klStart: 0.3 * progress(index),
      clipShareLow: 0,
      clipShareHigh: 0,
      ratioGapMean: 1e-6,
      ratioGapMax: 1e-5,
      gradNorm: 0.4 + wobble,
      learningRate: 2e-4,
      loss: 0.01 + wobble / 10,
      reflectiveWordsPerResponse: mean(({ text }) => text.match(/\b(wait|but)\b/g)?.length ?? 0),
      repetitionShare: 0.1,
      loopShare: 0.01,
      languageMixing: 0.02,
      tokens,
      tokensTotal: tokens * index,
      paddingShare: 0.06,
    },
  };
}

export function fakeReport(step: number): EvalReport {
  const reached = progress(step);
  const levels = [1, 2, 3, 4, 5].map((level) => {
    const value = 0.3 - 0.055 * level + reached * (0.62 + 0.03 * level);
    return {
      level,
      problems: 52,
      pass1: { value, low: Math.max(0, value - 0.05), high: Math.min(1, value + 0.05) },
      majority: Math.min(1, value + 0.09),
      meanLength: 34 + 2 * level + reached * (40 + 22 * level),
      reflectiveWordsPerResponse: 0.1 + reached * 0.3 * level,
    };
  });
  const mean = (value: (one: (typeof levels)[number]) => number): number =>
    levels.reduce((sum, one) => sum + value(one), 0) / 5;
  const pass1 = mean((one) => one.pass1.value);
  const tries = [1, 2, 4, 8, 16];
  const passAt = (k: number): number => 1 - (1 - pass1) ** (1 + 0.55 * Math.log2(k));
  return {
    problems: 260,
    samplesPerProblem: 16,
    temperature: 1,
    maxTokens: 256,
    pass1: { value: pass1, low: pass1 - 0.024, high: pass1 + 0.024 },
    passAtK: Object.fromEntries(tries.map((k) => [k, passAt(k)])),
    passAtKIntervals: Object.fromEntries(tries.map((k) => [k, { low: passAt(k) - 0.03, high: passAt(k) + 0.02 }])),
    majority: { value: mean((one) => one.majority), low: pass1 + 0.04, high: pass1 + 0.13 },
    meanLength: mean((one) => one.meanLength),
    p95Length: 180,
    truncatedShare: 0.01 + 0.03 * reached,
    parseFailureShare: 0.02,
    verifierErrorShare: 0,
    rewardParts: { accuracy: { weight: 1, mean: pass1 } },
    reflectiveWordsPerResponse: mean((one) => one.reflectiveWordsPerResponse),
    repetitionShare: 0.05 + 0.1 * reached,
    loopShare: 0.01 * reached,
    languageMixing: 0.02,
    reasons: {
      correct: pass1,
      "wrong-value": (1 - pass1) * 0.7,
      "wrong-numbers": (1 - pass1) * 0.25,
      truncated: (1 - pass1) * 0.05,
    },
    byLevel: levels,
  };
}

export function fakeSummary(seed: number, steps: number): Summary {
  return summarize({
    version: "0.1.0",
    command: `autodidact zero --seed ${seed} --steps ${steps}`,
    seed,
    steps,
    before: fakeReport(0),
    after: fakeReport(steps),
    seconds: { before: 21.5, after: 21.2, reinforce: 412.8, total: 455.5 },
    objective: {
      text: "maximise  mean over tokens of  min(ρ A, clip(ρ, 0.8, 1.2) A)\nA = (r − mean of group) / std of group",
      preset: "r1-zero",
      groupSize: 16,
      clipLow: 0.2,
      clipHigh: 0.2,
      klCoef: 0,
    },
    novelSolutions: { count: 61, solved: 208, checkedSequences: 18234, novelCourses: 17 },
    machine: fakeEnvironment,
  });
}
