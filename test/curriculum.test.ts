import assert from "node:assert/strict";
import { test } from "node:test";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { curriculum } from "../src/families/curriculum.ts";
import { mixture } from "../src/families/mixture.ts";
import { resolveObjective } from "../src/losses/objective.ts";
import type { Task } from "../src/tasks/task.ts";
import { diagnosticsSchema } from "../src/trainers/diagnostics.ts";
import { type GrpoOptions, grpo } from "../src/trainers/grpo.ts";
import type { GrpoMetrics, GrpoStep } from "../src/trainers/step.ts";
import { lettersConfig as config, lettersTokenizer as tokenizer } from "./letters-model.ts";
import { stateOf } from "./tiny-model.ts";

/** A curriculum under the trainer: it learns of each step, and a resumed run goes on to the same bytes. */

/** Right where the answer is as asked; "never" never is. */
function letters(name: string, right: (text: string) => boolean): Task {
  return {
    name,
    *problems(split, random) {
      for (;;) {
        const number = random.int(0, 63);
        const level = 1 + (number % 2);
        yield { id: `${split}-${number}`, prompt: `${"abcdefgh"[number % 8]}${"abcdefgh"[number >> 3]}`, level };
      }
    },
    rewards: {
      accuracy: { weight: 1, verify: ({ text }) => ({ reward: right(text) ? 1 : 0, reason: "graded", answer: text }) },
    },
    gold: () => "b",
  };
}

const parts = () => [
  { task: letters("always", () => true), weight: 1 },
  { task: letters("some", (text) => text.includes("b")), weight: 1 },
  { task: letters("never", () => false), weight: 1 },
];

const sizes = { problemsPerStep: 12, groupSize: 8, maxTokens: 8 };
const options = (changes: Partial<GrpoOptions>): GrpoOptions => ({
  steps: 8,
  schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, floor: 0 },
  seed: 1,
  diagnostics: diagnosticsSchema.parse(
    Object.fromEntries(Object.keys(diagnosticsSchema.shape).map((code) => [code, { action: "off" }])),
  ),
  ...sizes,
  objective: resolveObjective("dr-grpo", { normaliser: "tokens" }, sizes),
  ...changes,
});

test("training follows the curriculum, tells its families apart, and resumes to the same bytes", async () => {
  const runtime = await onnxRuntime({ threads: 1 });
  const open = () => ({
    engine: new EmbeddedEngine(runtime, { config, seed: 1, tokenTexts: tokenizer.tokenTexts }),
    tokenizer,
  });
  const run = async (policy: ReturnType<typeof open>, task: Task, changes: Partial<GrpoOptions>, until = 8) => {
    const made: GrpoStep[] = [];
    for await (const step of grpo(policy, task, options(changes))) {
      made.push(step);
      if (step.index === until) break;
    }
    return made;
  };
  const settings = { atLeast: 16, memory: 0.9 };
  const whole = { policy: open(), task: curriculum(mixture(parts()), settings) };
  const all = await run(whole.policy, whole.task, {});
  const families = (step: GrpoStep): string[] => step.groups.map(({ problem }) => problem.family!);
  assert.deepEqual(new Set(families(all[0]!)), new Set(["always", "some", "never"]));
  const later = all.slice(3).flatMap(families);
  const share = later.filter((family) => family === "some").length / later.length;
  assert.ok(share > 0.7, `what is mixed makes ${share} of later steps`);
  const { always, never, some } = all[0]!.metrics.pass1ByFamily!;
  assert.deepEqual([always, never], [1, 0]);
  assert.ok(some! > 0 && some! < 1);

  const first = { policy: open(), task: curriculum(mixture(parts()), settings) };
  const begun = await run(first.policy, first.task, {}, 4);
  const state = JSON.stringify(first.task.save());
  const second = { policy: open(), task: curriculum(mixture(parts()), settings) };
  await second.policy.engine.load(await stateOf(first.policy.engine));
  second.task.restore(JSON.parse(state));
  const history: GrpoMetrics[] = begun.map(({ metrics }) => metrics);
  const rest = await run(second.policy, second.task, { history });
  const bare = ({ timing: _, ...step }: GrpoStep) => step;
  assert.deepEqual([...begun, ...rest].map(bare), all.map(bare));
  assert.equal(JSON.stringify(second.task.save()), JSON.stringify(whole.task.save()));
  const weights = async ({ policy }: typeof whole) => (await stateOf(policy.engine)).weights;
  assert.deepEqual(await weights(second), await weights(whole));
});
