import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lettersConfig as config, lettersTokenizer as tokenizer } from "../../test/letters-model.ts";
import { stateOf } from "../../test/tiny-model.ts";
import { EmbeddedEngine } from "../engine/embedded.ts";
import type { Datum, Engine } from "../engine/engine.ts";
import { onnxRuntime } from "../engine/onnxruntime.ts";
import type { Runtime } from "../engine/runtime.ts";
import { AutodidactError } from "../errors.ts";
import { type ObjectiveOverrides, resolveObjective } from "../losses/objective.ts";
import type { Policy } from "../model/policy.ts";
import type { Problem, Reward, Task } from "../tasks/task.ts";
import { diagnosticsSchema } from "./diagnostics.ts";
import { type GrpoOptions, grpo } from "./grpo.ts";
import type { GrpoStep } from "./step.ts";

/** A one-layer model over ten characters, fresh and so nearly indifferent between them, on a toy task. */

let runtime: Promise<Runtime> | undefined;
async function freshPolicy(seed = 1): Promise<Policy> {
  runtime ??= onnxRuntime({ threads: 1 });
  return { engine: new EmbeddedEngine(await runtime, { config, seed, tokenTexts: tokenizer.tokenTexts }), tokenizer };
}

/** What an engine was asked to do, in order. */
interface Seen {
  readonly trained: (readonly Datum[])[];
  readonly snapshots: string[];
}

function watched({ engine }: Policy): { policy: Policy; seen: Seen } {
  const seen: Seen = { trained: [], snapshots: [] };
  const watching: Engine = {
    config,
    name: engine.name,
    sample: (...args) => engine.sample(...args),
    logprobs: (...args) => engine.logprobs(...args),
    optimStep: (...args) => engine.optimStep(...args),
    save: () => engine.save(),
    load: (state) => engine.load(state),
    close: () => engine.close(),
    forwardBackward(data, ...args) {
      seen.trained.push(data);
      return engine.forwardBackward(data, ...args);
    },
    snapshot(name) {
      seen.snapshots.push(name);
      return engine.snapshot(name);
    },
  };
  return { policy: { engine: watching, tokenizer }, seen };
}

/** Random questions of three letters; the answer's grade is `verify`'s. */
function toyTask(verify: Reward<Problem>["verify"], problems = 500): Task {
  return {
    name: "toy",
    *problems(split, random) {
      for (;;) {
        const number = random.int(0, problems - 1);
        const prompt = [number % 8, (number >> 3) % 8, (number >> 6) % 8].map((i) => "abcdefgh"[i]).join("");
        yield { id: `${split}-${number}`, prompt, level: 1 };
      }
    },
    rewards: { accuracy: { weight: 1, verify } },
    gold: () => "bbbb",
  };
}

const shareOfB: Reward<Problem>["verify"] = ({ text }) => {
  const reward = text === "" ? 0 : [...text].filter((character) => character === "b").length / text.length;
  return { reward, reason: reward === 1 ? "correct" : "wrong", answer: text };
};

const diagnosticsOff = diagnosticsSchema.parse(
  Object.fromEntries(Object.keys(diagnosticsSchema.shape).map((code) => [code, { action: "off" }])),
);

type Changes = Omit<Partial<GrpoOptions>, "objective"> & { readonly objective?: ObjectiveOverrides };

function options({ objective = {}, ...changes }: Changes = {}): GrpoOptions {
  const sizes = { problemsPerStep: 4, groupSize: 8, maxTokens: 8, ...changes };
  return {
    steps: 1,
    schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, floor: 0 },
    seed: 1,
    diagnostics: diagnosticsOff,
    ...sizes,
    objective: resolveObjective("dr-grpo", { normaliser: "tokens", ...objective }, sizes),
  };
}

async function steps(policy: Policy, task: Task, given: GrpoOptions): Promise<GrpoStep[]> {
  const made: GrpoStep[] = [];
  for await (const step of grpo(policy, task, given)) made.push(step);
  return made;
}

/** Runs on a fresh policy, watched. */
async function train(changes: Changes = {}, task: Task = toyTask(shareOfB)) {
  const { policy, seen } = watched(await freshPolicy());
  const made = await steps(policy, task, options(changes));
  return { made, seen, weights: (await stateOf(policy.engine)).weights, last: made.at(-1)! };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("the reward rises, on-policy, by nothing but comparison within groups", async () => {
  const { made } = await train({ steps: 14 });
  const rewards = made.map(({ metrics }) => metrics.reward);
  assert.ok(rewards[0]! < 0.2, `at first ${rewards[0]}`);
  assert.ok(mean(rewards.slice(-3)) > 0.8, `at last ${rewards.slice(-3)}`);
  for (const [i, { index, metrics, groups, stop }] of made.entries()) {
    assert.equal(index, i + 1);
    assert.equal(stop, undefined);
    assert.deepEqual([groups.length, groups[0]!.rollouts.length, metrics.samplingRounds], [4, 8, 1]);
    // One update a rollout: the ratio is 1 and nothing is clipped.
    assert.deepEqual([metrics.clipShareLow, metrics.clipShareHigh], [0, 0]);
    assert.ok(metrics.ratioGapMax < 1e-4, `gap ${metrics.ratioGapMax}`);
    assert.ok(metrics.gradNorm > 0 && metrics.klReference === null);
  }
  assert.ok(made[0]!.metrics.klStart! < 1e-6 && made.at(-1)!.metrics.klStart! > 0.05);
  assert.ok(made.at(-1)!.metrics.entropy < made[0]!.metrics.entropy);
  const tokens = made.map(({ metrics }) => metrics.tokens);
  assert.equal(
    made.at(-1)!.metrics.tokensTotal,
    tokens.reduce((sum, count) => sum + count, 0),
  );
});

describe("what is trained on", () => {
  test("every answer with its advantage, weights that sum to 1, and the sampler's log-probabilities", async () => {
    const { seen, last } = await train();
    const rollouts = last.groups.flatMap(({ rollouts }) => rollouts);
    assert.deepEqual(
      seen.trained.map((data) => data.length),
      [32],
    );
    const [data] = seen.trained as [readonly Datum[]];
    for (const [i, { tokens, promptLength, advantages, oldLogprobs, referenceLogprobs }] of data.entries()) {
      assert.deepEqual([...tokens.slice(promptLength)], [...rollouts[i]!.tokens]);
      assert.equal(tokenizer.decode(tokens.slice(0, promptLength), { skipSpecial: true }).length, 4); // three letters and a line break
      assert.deepEqual(oldLogprobs, rollouts[i]!.logprobs);
      assert.equal(referenceLogprobs, undefined);
      for (const advantage of advantages!) assert.equal(advantage, Math.fround(rollouts[i]!.advantage!));
    }
    assert.ok(Math.abs(mean(data.map(({ weights }) => weights.reduce((sum, x) => sum + x, 0))) * 32 - 1) < 1e-5);
  });

  test("constant groups are left out, of the normaliser too", async () => {
    // Questions that begin with a to d are answered right whatever is said.
    const task = toyTask((answer, problem) =>
      problem.prompt < "e" ? { reward: 1, reason: "correct", answer: "" } : shareOfB(answer, problem),
    );
    const { seen, last } = await train({ problemsPerStep: 8 }, task);
    const mixed = last.groups.filter(({ rollouts }) => rollouts[0]!.advantage !== null);
    assert.ok(mixed.length > 0 && mixed.length < 8, `${mixed.length} mixed groups`);
    assert.equal(last.metrics.groupsMixed, mixed.length / 8);
    const [data] = seen.trained as [readonly Datum[]];
    assert.equal(data.length, mixed.length * 8);
    const tokens = mixed.flatMap(({ rollouts }) => rollouts).reduce((sum, one) => sum + one.tokens.length, 0);
    for (const { weights } of data) for (const weight of weights) assert.equal(weight, Math.fround(1 / tokens));
  });

  test("overlong answers: masked ones are not trained on, shaped ones lose reward", async () => {
    const { seen, last } = await train({ objective: { overlong: { policy: "mask" } } });
    const whole = last.groups.flatMap(({ rollouts }) => rollouts).filter(({ finish }) => finish === "stop");
    assert.ok(whole.length > 0 && whole.length < 32, `${whole.length} of 32 ended`);
    assert.equal(seen.trained[0]!.length, whole.length);
    assert.ok(last.groups.flatMap(({ rollouts }) => rollouts).every(({ advantage }) => advantage !== null));

    const kept = await train();
    const shaped = await train({ objective: { overlong: { policy: "shape", bufferShare: 0.5, penalty: 1 } } });
    const pairs = kept.last.groups.flatMap(({ rollouts }, g) =>
      rollouts.map((one, i) => [one, shaped.last.groups[g]!.rollouts[i]!] as const),
    );
    for (const [one, other] of pairs) assert.deepEqual([one.text, one.reward], [other.text, other.reward]);
    // R - mean of R: the penalty of a full-length answer is 1, that of a short one 0.
    for (const { rollouts } of shaped.last.groups) {
      const shapedReward = rollouts.map(
        ({ reward, tokens }) => reward - Math.min(1, Math.max(0, (tokens.length - 4) / 4)),
      );
      for (const [i, { advantage }] of rollouts.entries())
        assert.ok(Math.abs(advantage! - (shapedReward[i]! - mean(shapedReward))) < 1e-9);
    }
    assert.notDeepEqual(shaped.weights, kept.weights);
  });

  test("dynamic sampling replaces constant groups by fresh problems, in bounded rounds", async () => {
    const task = toyTask((answer, problem) =>
      problem.prompt < "e" ? { reward: 1, reason: "correct", answer: "" } : shareOfB(answer, problem),
    );
    const dynamicSampling = { enabled: true, maxRounds: 10 };
    const { made, seen } = await train({ steps: 3, objective: { dynamicSampling } }, task);
    for (const { metrics, groups } of made) {
      // All that was sampled is there to be recorded; what was replaced taught nothing.
      const taught = groups.filter(({ rollouts }) => rollouts[0]!.advantage !== null);
      assert.deepEqual(
        taught,
        groups.filter(({ problem }) => problem.prompt >= "e"),
      );
      assert.equal(taught.length, 4);
      assert.ok(groups.length > 4);
      assert.equal(new Set(groups.map(({ problem }) => problem.id)).size, groups.length);
      assert.ok(metrics.samplingRounds > 1 && metrics.samplingRounds <= 10, `${metrics.samplingRounds} rounds`);
      assert.ok(metrics.groupsMixed < 1 && metrics.groupsAllRight > 0);
    }
    for (const data of seen.trained) assert.equal(data.length, 32);

    const hopeless = toyTask(() => ({ reward: 0, reason: "wrong", answer: "" }));
    const { last, seen: nothing } = await train(
      { objective: { dynamicSampling: { enabled: true, maxRounds: 3 } } },
      hopeless,
    );
    assert.deepEqual([last.metrics.samplingRounds, last.groups.length, last.metrics.gradNorm], [3, 12, 0]);
    assert.equal(nothing.trained.length, 0);
  });

  test("a task with too few problems is refused, and dynamic sampling makes do with what there is", async () => {
    await assert.rejects(
      train({}, toyTask(shareOfB, 3)),
      (error) => error instanceof AutodidactError && error.code === "TASK_PROBLEMS" && /only 3/.test(error.message),
    );
    const hopeless = toyTask(() => ({ reward: 0, reason: "wrong", answer: "" }), 6);
    const { last } = await train({ objective: { dynamicSampling: { enabled: true, maxRounds: 10 } } }, hopeless);
    assert.equal(last.metrics.samplingRounds, 2);
  });
});

describe("several updates from one rollout", () => {
  const several = { minibatches: 2, innerEpochs: 2 };

  test("minibatches split the groups, anew in each epoch, and cover them all", async () => {
    const { seen, last } = await train({ objective: several });
    assert.deepEqual(
      seen.trained.map((data) => data.length),
      [16, 16, 16, 16],
    );
    const textsOf = (data: readonly Datum[]): string[] => data.map(({ tokens }) => tokenizer.decode(tokens)).sort();
    const epochs = [seen.trained.slice(0, 2).flat(), seen.trained.slice(2).flat()];
    assert.deepEqual(textsOf(epochs[0]!), textsOf(epochs[1]!));
    assert.notDeepEqual(textsOf(seen.trained[0]!), textsOf(seen.trained[2]!));
    assert.ok(last.metrics.ratioGapMax < 1e-4, "the gap is measured before the first update");
  });

  test("the clip changes the gradient as soon as an update is off-policy, and never before", async () => {
    const clip = (bound: number) => ({ clipLow: bound, clipHigh: bound });
    const tight = await train({ objective: { ...several, ...clip(0.01) } });
    const loose = await train({ objective: { ...several, ...clip(1e6) } });
    assert.ok(tight.last.metrics.clipShareLow > 0.1 && tight.last.metrics.clipShareHigh > 0.1);
    assert.deepEqual([loose.last.metrics.clipShareLow, loose.last.metrics.clipShareHigh], [0, 0]);
    // The same rollouts in the same minibatches: only what the clip takes away differs.
    assert.deepEqual(tight.seen.trained, loose.seen.trained);
    assert.ok(tight.last.metrics.gradNorm < 0.9 * loose.last.metrics.gradNorm);
    assert.notDeepEqual(tight.weights, loose.weights);

    const once = await train({ objective: clip(0.01) });
    const onceLoose = await train({ objective: clip(1e6) });
    assert.deepEqual(once.weights, onceLoose.weights);
  });
});

describe("reference policy", () => {
  test("it is refreshed every so many updates, and the KL to it starts anew", async () => {
    const changes = { steps: 6, objective: { reference: true } };
    const kept = await train(changes);
    const refreshed = await train({ ...changes, objective: { reference: true, referenceRefresh: 2 } });
    assert.deepEqual(kept.seen.snapshots, ["start", "reference"]);
    assert.deepEqual(refreshed.seen.snapshots, ["start", "reference", "reference", "reference", "reference"]);
    const kl = ({ made }: typeof kept): number[] => made.map(({ metrics }) => metrics.klReference!);
    // With klCoef 0 the reference is only looked at: the runs are the same but for it.
    assert.deepEqual(refreshed.weights, kept.weights);
    for (const [i, value] of kl(kept).entries()) if (i > 0) assert.ok(value > 1e-4, `step ${i + 1}: ${value}`);
    for (const [i, value] of kl(refreshed).entries())
      if (i % 2 === 0) assert.ok(Math.abs(value) < 1e-6, `step ${i + 1}: ${value}`);
      else assert.ok(value > 1e-5, `step ${i + 1}: ${value}`);
  });

  test("klCoef pulls the policy back to it", async () => {
    const run = (klCoef: number) => train({ steps: 6, objective: { reference: true, klCoef } });
    const [free, tied] = [await run(0), await run(5)];
    assert.ok(tied.seen.trained[0]![0]!.referenceLogprobs !== undefined);
    const [far, near] = [free.last.metrics.klReference!, tied.last.metrics.klReference!];
    assert.ok(near < 0.5 * far, `KL ${near} with, ${far} without`);
  });
});

test("a run goes on behind its history as if it had never stopped, bit for bit", async () => {
  const given = { objective: { reference: true, klCoef: 0.01, referenceRefresh: 3, minibatches: 2 } };
  const task = toyTask(shareOfB);
  const whole = watched(await freshPolicy());
  const all = await steps(whole.policy, task, options({ ...given, steps: 4 }));
  const first = watched(await freshPolicy());
  const begun: GrpoStep[] = [];
  for await (const step of grpo(first.policy, task, options({ ...given, steps: 4 }))) {
    begun.push(step);
    if (step.index === 2) break;
  }
  const state = structuredClone(await stateOf(first.policy.engine));
  const second = watched(await freshPolicy(99));
  await second.policy.engine.load(state);
  const history = begun.map(({ metrics }) => metrics);
  const rest = await steps(second.policy, task, options({ ...given, steps: 4, history }));
  const bare = (made: readonly GrpoStep[]) => made.map(({ timing: _, ...step }) => step);
  assert.deepEqual(bare([...begun, ...rest]), bare(all));
  assert.deepEqual(await stateOf(second.policy.engine), await stateOf(whole.policy.engine));
  assert.ok(!second.seen.snapshots.includes("start"));
});

describe("no silent night", () => {
  const hopeless = toyTask(() => ({ reward: 0, reason: "wrong", answer: "" }));
  const rule = (action: "stop" | "warn") => ({ ...diagnosticsOff, equalRewards: { action, steps: 3 } });

  test("a run in which no answer is ever better than another stops and says why", async () => {
    const { made } = await train({ steps: 10, diagnostics: rule("stop") }, hopeless);
    assert.equal(made.length, 3);
    assert.deepEqual(
      made.map(({ stop }) => stop),
      [undefined, undefined, "equalRewards"],
    );
    assert.deepEqual(made[0]!.warnings, []);
    assert.match(made[2]!.warnings.join(), /same reward.*groupSize=16/);
  });

  test("or goes on with a warning where that is wanted", async () => {
    const { made, weights } = await train({ steps: 4, diagnostics: rule("warn") }, hopeless);
    assert.deepEqual(
      made.map(({ warnings, stop }) => [warnings.length, stop]),
      [0, 0, 1, 1].map((count) => [count, undefined]),
    );
    assert.deepEqual(weights, (await stateOf((await freshPolicy()).engine)).weights);
  });
});

describe("verifiers that fail", () => {
  /** Three of four answers cannot be graded. */
  const failing = (): Task => {
    let asked = 0;
    return toyTask((answer, problem) => {
      asked++;
      if (asked % 4 === 1) throw new Error("broken");
      if (asked % 4 === 2) return { reward: Number.NaN, reason: "odd" };
      if (asked % 4 === 3) return Promise.reject(new Error("broken later"));
      return shareOfB(answer, problem);
    });
  };

  test("up to the bound it costs that answer its grade, not the run", async () => {
    const { last } = await train({ verification: { maxErrorShare: 0.75 } }, failing());
    const rollouts = last.groups.flatMap(({ rollouts }) => rollouts);
    const failed = rollouts.filter(({ reason }) => reason === "verifier-error");
    assert.equal(failed.length, 24);
    for (const { reward, rewards, answer, failures } of failed)
      assert.deepEqual([reward, rewards, answer, failures?.length], [0, { accuracy: 0 }, null, 1]);
    const causes = new Set(failed.map(({ failures }) => failures![0]!.message));
    assert.deepEqual([...causes].sort(), [
      "Error: broken",
      "Error: broken later",
      "reward is NaN, not a finite number",
    ]);
    assert.deepEqual([last.metrics.parseFailureShare, last.metrics.verifierErrorShare], [0.75, 0.75]);
    assert.equal(last.stop, undefined);
    assert.ok(Number.isFinite(last.metrics.loss) && last.metrics.gradNorm > 0);
  });

  test("above it the step is shown, the weights stay, and the trainer says what fails; then the step can be made again", async () => {
    const whole = await train({ steps: 3 });
    const { policy, seen } = watched(await freshPolicy());
    let broken = false;
    const task = toyTask((answer, problem) => {
      if (broken) throw new TypeError("no such service");
      return shareOfB(answer, problem);
    });
    const made: GrpoStep[] = [];
    const run = async (): Promise<void> => {
      for await (const step of grpo(policy, task, options({ steps: 3 }))) {
        made.push(step);
        broken = step.index === 1;
      }
    };
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof AutodidactError);
      assert.equal(error.code, "VERIFIER_FAILS");
      assert.match(error.message, /task toy, rewards\.accuracy.*32 of 32.*problem train-\d+.*no such service/);
      return true;
    });
    assert.deepEqual(
      made.map(({ stop }) => stop),
      [undefined, "verifierErrors"],
    );
    const { groups, metrics } = made[1]!;
    assert.deepEqual([metrics.verifierErrorShare, metrics.gradNorm, seen.trained.length], [1, 0, 1]);
    const rollouts = groups.flatMap(({ rollouts }) => rollouts);
    assert.equal(rollouts.length, 32);
    for (const { failures, advantage } of rollouts)
      assert.deepEqual([failures?.[0]?.message, advantage], ["TypeError: no such service", null]);
    // Mended, and taken up behind the step that was whole.
    broken = false;
    await steps(policy, task, options({ steps: 3, history: [made[0]!.metrics] }));
    assert.deepEqual((await stateOf(policy.engine)).weights, whole.weights);
  });

  test("verifiers that answer in their own time give the same steps and weights", async () => {
    let asked = 0;
    const late = toyTask(async (answer, problem) => {
      asked++;
      if (asked % 3 === 0) await new Promise((resolve) => setTimeout(resolve, (asked * 7) % 5));
      return shareOfB(answer, problem);
    });
    const [now, later] = [await train({ steps: 2 }), await train({ steps: 2, verification: { concurrency: 3 } }, late)];
    const bare = ({ made }: typeof now) => made.map(({ timing: _, ...step }) => step);
    assert.deepEqual(bare(later), bare(now));
    assert.deepEqual(later.weights, now.weights);
  });
});
