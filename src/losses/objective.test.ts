import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AutodidactError } from "../errors.ts";
import {
  describeObjective,
  type ObjectiveContext,
  type ObjectiveOverrides,
  objectiveSchema,
  type PresetName,
  presetNames,
  presets,
  resolveObjective,
  toLoss,
} from "./objective.ts";

const run: ObjectiveContext = { groupSize: 16, problemsPerStep: 16, maxTokens: 300 };

function assertRefused(
  code: string,
  message: RegExp,
  preset: PresetName,
  overrides: ObjectiveOverrides,
  context: Partial<ObjectiveContext> = {},
): void {
  assert.throws(
    () => resolveObjective(preset, overrides, { ...run, ...context }),
    (error) => {
      assert.ok(error instanceof AutodidactError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    },
  );
}

test("every preset is whole, valid, frozen, and described by test/fixtures/objective/presets.txt", () => {
  const texts = presetNames.map((name) => {
    assert.deepEqual(objectiveSchema.parse(presets[name]), presets[name]);
    const objective = resolveObjective(name, {}, run);
    assert.deepEqual(objective, presets[name]);
    assert.equal(objective.preset, name);
    assert.ok(Object.isFrozen(objective) && Object.isFrozen(objective.advantage));
    return `${describeObjective(objective, run)}\n`;
  });
  assert.equal(texts.join("\n"), readFileSync("test/fixtures/objective/presets.txt", "utf8"));
});

test("overrides change single fields, nested ones too, and are named in the description", () => {
  const objective = resolveObjective(
    "dapo",
    { minibatches: 2, innerEpochs: 2, overlong: { policy: "mask" }, sampling: { temperature: 0.7 } },
    run,
  );
  assert.deepEqual(objective, {
    ...presets.dapo,
    minibatches: 2,
    innerEpochs: 2,
    overlong: { ...presets.dapo.overlong, policy: "mask" },
    sampling: { ...presets.dapo.sampling, temperature: 0.7 },
  });
  const text = describeObjective(objective, run);
  assert.match(text, /changed: overlong\.policy=mask, minibatches=2, innerEpochs=2, sampling\.temperature=0\.7/);
  assert.match(
    text,
    /16 problems × 16 answers, then 4 updates: 2 passes over 2 minibatches, off-policy after the first/,
  );
  assert.match(text, /temperature 0\.7, no top-p, no top-k\. π is softmax\(logits\/0\.7\)/);
  assert.match(text, /Truncated answers: \(cut at 300 tokens\) left out of the loss and its normaliser/);
});

test("descriptions of what no preset has", () => {
  const described = (preset: PresetName, overrides: ObjectiveOverrides): string =>
    describeObjective(resolveObjective(preset, overrides, { ...run, correctedLogprobs: true }), run);
  assert.match(
    described("gspo", { klCoef: 0.1, reference: true, klEstimator: "unbiased" }),
    /J = 1\/N Σᵢ \[ min\( ρᵢ Aᵢ, clip\(ρᵢ, 0\.9997, 1\.0004\) Aᵢ \) − 0\.1 1\/Lᵢ Σₜ KLᵢₜ \]/,
  );
  assert.match(described("r1", { klEstimator: "k1" }), /k1; its gradient is zero in expectation/);
  assert.match(described("r1", { sampling: { topP: 0.9, topK: 5 } }), /top-p 0\.9, top-k 5, and π under the same cut/);
  assert.match(described("dapo", { overlong: { penalty: 0.5 } }), /less 0\.5 \(Lᵢ − 240\)\/60 if Lᵢ > 240/);
});

test("contradictions are refused with field, value and remedy", () => {
  const code = "OBJECTIVE_CONTRADICTION";
  const refused: [RegExp, PresetName, ObjectiveOverrides, Partial<ObjectiveContext>?][] = [
    [/objective\.normaliser=tokens: .*set objective\.normaliser=sequence/, "gspo", { normaliser: "tokens" }],
    [/objective\.normaliser=constant: /, "dr-grpo", { ratio: "sequence" }],
    [/objective\.clipHigh=0\.2: .*1 or more/, "cispo", { clipHigh: 0.2 }],
    [/objective\.clipHigh=0\.28: /, "dapo", { surrogate: "cispo" }],
    [/objective\.klCoef=0\.001: .*set objective\.reference=true/, "dapo", { klCoef: 0.001 }],
    [/objective\.klCoef=0\.001: /, "r1", { reference: false }],
    [/objective\.referenceRefresh=400: /, "r1", { reference: false, klCoef: 0 }],
    [/objective\.sampling\.topP=0\.9: .*set objective\.sampling\.topP=1/, "r1", { sampling: { topP: 0.9 } }],
    [/objective\.sampling\.topK=20: .*set objective\.sampling\.topK=0/, "r1", { sampling: { topK: 20 } }],
    [/groupSize=1: .*leave-one-out.*set groupSize to 2/, "rloo", {}, { groupSize: 1 }],
    [/groupSize=1: /, "deepseekmath", {}, { groupSize: 1 }],
    [
      /objective\.minibatches=16: a step has 8 groups.*problemsPerStep to at least 16/,
      "r1",
      {},
      { problemsPerStep: 8 },
    ],
    [/objective\.minibatches=2: .*surrogate=none/, "rloo", { minibatches: 2 }],
    [/objective\.innerEpochs=2: .*surrogate=none/, "rloo", { innerEpochs: 2 }],
    [/objective\.dynamicSampling\.maxRounds=1: /, "r1", { dynamicSampling: { enabled: true } }],
    [/objective\.overlong\.bufferShare=0: .*0\.2/, "r1", { overlong: { policy: "shape" } }],
    [/objective\.overlong\.penalty=0: /, "r1", { overlong: { policy: "shape", bufferShare: 0.2 } }],
  ];
  for (const [message, preset, overrides, context] of refused) assertRefused(code, message, preset, overrides, context);
  resolveObjective("r1", { sampling: { topP: 0.9, topK: 20 } }, { ...run, correctedLogprobs: true });
  resolveObjective("dapo", { klCoef: 0.001, reference: true }, run);
});

test("unknown presets, unknown keys and wrong values are refused", () => {
  assertRefused("OBJECTIVE_UNKNOWN_PRESET", /objective\.preset=grpo: .*r1-zero, r1, /, "grpo" as PresetName, {});
  const code = "OBJECTIVE_INVALID";
  const wrong = (overrides: object): ObjectiveOverrides => overrides as ObjectiveOverrides;
  assertRefused(code, /objective\.beta: there is no such field; objective has advantage, /, "r1", wrong({ beta: 1 }));
  assertRefused(code, /objective\.overlong\.buffer: .*bufferShare/, "r1", wrong({ overlong: { buffer: 4 } }));
  assertRefused(code, /objective\.clipLow=-1: /, "r1", { clipLow: -1 });
  assertRefused(code, /objective\.sampling\.topP=2: /, "r1", { sampling: { topP: 2 } });
  assertRefused(code, /objective\.surrogate="ppo": /, "r1", wrong({ surrogate: "ppo" }));
  assertRefused(code, /objective\.preset: there is no such field/, "r1", wrong({ preset: "dapo" }));
});

test("the engine's loss takes its numbers from the objective", () => {
  const objective = resolveObjective("gspo", { sampling: { temperature: 0.8 } }, run);
  assert.deepEqual(toLoss(objective), {
    name: "policy-gradient",
    surrogate: "clip",
    ratio: "sequence",
    clipLow: 3e-4,
    clipHigh: 4e-4,
    klCoef: 0,
    klEstimator: "k3",
    temperature: 0.8,
  });
});
