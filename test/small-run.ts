/**
 * A run of `zero` that takes a second: every kind of state is in it. The reference is refreshed on the way, a step makes
 * two updates, and there are measurements and checkpoints between the steps. Its base lies in the folder "base".
 */
export const steps = 8;
/** What the base of the run has to know; see writeGuessingBase. */
export const questions = { seed: 1, steps, problemsPerStep: 2, heldOut: 4 };
const settings = {
  "--model": "base",
  "--steps": steps,
  "--problems-per-step": questions.problemsPerStep,
  "--group-size": 4,
  "--max-tokens": 24,
  "--threads": 1,
  "--preset": "r1",
};
const assignments = {
  levels: "[1]",
  checkpointEvery: 2,
  "objective.minibatches": 2,
  "objective.referenceRefresh": 3,
  "evaluation.problems": questions.heldOut,
  "evaluation.samplesPerProblem": 4,
  "evaluation.every": 3,
  "evaluation.problemsOnTheWay": 2,
};
export const flags: readonly string[] = [
  ...Object.entries(settings).flat(),
  ...Object.entries(assignments).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
].map(String);

const records = ["metrics.jsonl", "rollouts.jsonl", "evaluations.jsonl", "answers.jsonl"];
/** What must be the same, byte for byte, whatever happened on the way. */
export const files: readonly string[] = [
  ...records,
  "recipe.json",
  "model/model.safetensors",
  "model/config.json",
  "model/tokenizer.json",
];
