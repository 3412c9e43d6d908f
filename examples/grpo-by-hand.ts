/**
 * GRPO with nothing hidden: sample, grade, compare, one gradient, one update. `grpo` does the same and more (minibatches,
 * KL, dynamic sampling, overlong shaping, diagnostics, resume, metrics).
 *
 *   node dist/examples/grpo-by-hand.js [steps] [model directory]
 */
import { fileURLToPath } from "node:url";
import {
  countdown,
  type Datum,
  type Group,
  groupAdvantages,
  openPolicy,
  random,
  readModelDirectory,
  renderChat,
  score,
} from "autodidact";

const steps = Number(process.argv[2] ?? 20);
const directory = process.argv[3] ?? fileURLToPath(new URL("../../models/countdown-base", import.meta.url));
const [seed, problemsPerStep, groupSize, maxTokens] = [1, 8, 16, 200];

const task = countdown({ levels: [1] });
const { engine, tokenizer } = await openPolicy(await readModelDirectory(directory), { provider: "cpu" });
try {
  for (let step = 1; step <= steps; step++) {
    // q: the questions of this step, as the model reads them.
    const questions = [];
    for (const problem of task.problems("train", random(seed, "problems", step))) {
      const text = renderChat(tokenizer, [{ role: "user", content: problem.prompt }], { addGenerationPrompt: true });
      questions.push({ problem, promptTokens: tokenizer.encode(text) });
      if (questions.length === problemsPerStep) break;
    }

    // o_1 .. o_G: G answers to each, with the log-probability of every token that was drawn.
    const completions = await engine.sample(
      questions.map(({ promptTokens }, i) => ({ prompt: promptTokens, count: groupSize, key: [seed, step, i] })),
      { maxTokens, temperature: 1, endTokens: tokenizer.endTokens },
    );
    const sampled: Group[] = questions.map((question, i) => ({
      ...question,
      rollouts: completions[i]!.map((completion, sample) => ({
        ...completion,
        sample,
        text: tokenizer.decode(completion.tokens, { skipSpecial: true }),
        policyVersion: step - 1,
      })),
    }));

    // r_i by the task's rule, then A_i = (r_i - mean) / std within each group; null where all rewards are equal.
    const scored = await score(sampled, task);
    const groups = groupAdvantages(scored, { baseline: "mean", scale: "group-std", std: "sample", epsilon: 1e-6 });

    const answers = groups.flatMap(({ promptTokens, rollouts }) => rollouts.map((one) => ({ ...one, promptTokens })));
    const trained = answers.filter(({ advantage }) => advantage !== null);
    const tokenCount = trained.reduce((sum, { tokens }) => sum + tokens.length, 0);

    // The mean over all tokens of min(rho A, clip(rho) A). With one update a step rho is 1 and the clip does nothing.
    let gradNorm = 0;
    if (trained.length > 0) {
      const data: Datum[] = trained.map(({ promptTokens, tokens, logprobs, advantage }) => ({
        tokens: Int32Array.of(...promptTokens, ...tokens),
        promptLength: promptTokens.length,
        weights: new Float32Array(tokens.length).fill(1 / tokenCount),
        advantages: new Float32Array(tokens.length).fill(advantage!),
        oldLogprobs: logprobs,
      }));
      await engine.forwardBackward(data, {
        name: "policy-gradient",
        surrogate: "clip",
        ratio: "token",
        clipLow: 0.2,
        clipHigh: 0.2,
        klCoef: 0,
        klEstimator: "k3",
        temperature: 1,
      });
      ({ gradNorm } = await engine.optimStep({
        learningRate: 2e-4,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        weightDecay: 0,
        maxGradNorm: 1,
      }));
    }

    const reward = answers.reduce((sum, one) => sum + one.reward, 0) / answers.length;
    const length = answers.reduce((sum, { tokens }) => sum + tokens.length, 0) / answers.length;
    console.log(
      `step ${step}  reward ${reward.toFixed(3)}  length ${length.toFixed(1)}  mixed groups ${trained.length / groupSize}` +
        `  gradient ${gradNorm.toFixed(3)}`,
    );
  }
} finally {
  await engine.close();
}
