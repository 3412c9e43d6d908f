/**
 * A task of your own: problems, a verifier, a known-good answer. Here the three numbers must be added up in two written
 * steps, which the base does now and then among everything else that it does.
 *
 *   npx autodidact task check examples/custom-task.ts                tries it without a model
 *   node dist/examples/custom-task.js [steps] [model directory]     trains a model on it
 */
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import {
  defineTask,
  diagnosticsSchema,
  evaluate,
  grpo,
  openPolicy,
  readModelDirectory,
  resolveObjective,
} from "autodidact";

const triples: (readonly [number, number, number])[] = [];
for (let a = 1; a <= 13; a++)
  for (let b = a + 1; b <= 14; b++) for (let c = b + 1; c <= 15; c++) triples.push([a, b, c]);

const sum = defineTask({
  name: "sum",
  *problems(split, random) {
    const chosen = triples.filter(([a, b, c]) => ((a + b + c) % 5 === 0) === (split === "eval")); // never in both
    do {
      for (const numbers of random.shuffle(chosen)) {
        const total = numbers[0] + numbers[1] + numbers[2];
        // The base has read letters, digits and + - * / = only; its tokenizer refuses anything else.
        yield { id: numbers.join("+"), prompt: `${numbers.join(" ")} make ${total}`, level: 1, numbers, total };
      }
    } while (split === "train");
  },
  rewards: {
    accuracy: {
      weight: 1,
      // Completions are hostile input: no eval, and every repetition in a pattern has its limit.
      verify({ text, complete }, { numbers, total }) {
        if (!complete) return { reward: 0, reason: "truncated", answer: null };
        const steps = [...text.matchAll(/(\d{1,3})\+(\d{1,3})=(\d{1,3})/g)].map((match) => match.slice(1).map(Number));
        if (steps.length !== 2 || /[-*/]/.test(text)) return { reward: 0, reason: "not-two-sums", answer: null };
        const [a, b, first] = steps[0] as [number, number, number];
        const [c, d, last] = steps[1] as [number, number, number];
        const used = [a, b, c === first ? d : c].sort((x, y) => x - y);
        const right = a + b === first && c + d === last && last === total && (c === first || d === first);
        if (!right) return { reward: 0, reason: "wrong-value", answer: String(last) };
        if (used.join() !== numbers.join()) return { reward: 0, reason: "other-numbers", answer: String(last) };
        return { reward: 1, reason: "correct", answer: String(last) };
      },
    },
  },
  gold: ({ numbers: [a, b, c], total }) => `${b}+${a}=${a + b} ${a + b}+${c}=${total} yes`,
});

export default sum;

/** Measures a model on held-out problems, reinforces it, and measures it again. */
async function train(steps: number, directory: string): Promise<void> {
  const size = { problemsPerStep: 8, groupSize: 16, maxTokens: 120 };
  const held = { problems: 30, samplesPerProblem: 4, maxTokens: size.maxTokens, seed: 1 };
  const policy = await openPolicy(await readModelDirectory(directory), { provider: "cpu" });
  try {
    const before = (await evaluate(policy, sum, held)).report;
    console.log(`held-out before: ${before.pass1.value.toFixed(3)}`);

    const run = grpo(policy, sum, {
      ...size,
      steps,
      seed: 1,
      objective: resolveObjective("dr-grpo", {}, size),
      schedule: { kind: "constant", learningRate: 2e-4, warmupSteps: 0, floor: 0 },
      diagnostics: diagnosticsSchema.parse({}),
    });
    for await (const { index, metrics, warnings } of run) {
      console.log(`step ${index}  reward ${metrics.reward.toFixed(3)}  length ${metrics.lengthMean.toFixed(1)}`);
      for (const warning of warnings) console.log(`  ${warning}`);
    }

    const after = (await evaluate(policy, sum, held)).report;
    console.log(`held-out after: ${after.pass1.value.toFixed(3)}`);
  } finally {
    await policy.engine.close();
  }
}

// Imported, as task check does, it only gives the task.
if (argv[1] === fileURLToPath(import.meta.url))
  await train(Number(argv[2] ?? 20), argv[3] ?? fileURLToPath(new URL("../../models/countdown-base", import.meta.url)));
