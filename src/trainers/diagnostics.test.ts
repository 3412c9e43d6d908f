import assert from "node:assert/strict";
import { test } from "node:test";
import { presets } from "../losses/objective-presets.ts";
import { type DiagnosedRun, type DiagnosticCode, diagnose, diagnosticsSchema } from "./diagnostics.ts";
import type { GrpoMetrics } from "./step.ts";

const healthy: GrpoMetrics = {
  reward: 0.3,
  rewardParts: { "reward/accuracy": 0.25, "reward/format": 0.5 },
  pass1: 0.25,
  groupsAllRight: 0.1,
  groupsAllWrong: 0.3,
  groupsMixed: 0.6,
  samplingRounds: 1,
  lengthMean: 80,
  lengthP95: 150,
  truncatedShare: 0.1,
  endedShare: 0.9,
  verifierErrorShare: 0,
  parseFailureShare: 0.1,
  entropy: 0.8,
  klReference: null,
  klStart: null,
  clipShareLow: 0,
  clipShareHigh: 0,
  ratioGapMean: 1e-6,
  ratioGapMax: 1e-4,
  gradNorm: 0.4,
  learningRate: 1e-4,
  loss: 0,
  reflectiveWordsPerResponse: 0.2,
  repetitionShare: 0,
  loopShare: 0,
  languageMixing: 0,
  tokens: 1000,
  tokensTotal: 1000,
  paddingShare: 0.05,
};

const run: DiagnosedRun = { groupSize: 16, maxTokens: 300, learningRate: 2e-4, objective: presets["r1-zero"] };
const settings = diagnosticsSchema.parse({});

function history(length: number, sick: Partial<GrpoMetrics> = {}): GrpoMetrics[] {
  return Array.from({ length }, () => ({ ...healthy, ...sick }));
}

const illnesses: { [Code in DiagnosticCode]: [sick: Partial<GrpoMetrics>, sentence: RegExp, remedy: RegExp] } = {
  gradientNotFinite: [{ gradNorm: NaN }, /not a finite number/, /^schedule\.learningRate=0\.00002$/],
  samplerGap: [{ ratioGapMean: 0.1 }, /0\.1 nats a token/, /^provider=cpu$/],
  noEndToken: [{ endedShare: 0, truncatedShare: 0.8 }, /Not one answer of 10 steps/, /^model=<.*eos_token/],
  truncated: [{ truncatedShare: 0.97 }, /now 97 %\) were cut off at 300 tokens/, /^maxTokens=600$/],
  parseFailures: [{ parseFailureShare: 0.99 }, /now 99 %\) had nothing in them/, /^model=<.*form of answer/],
  formatOnly: [
    { pass1: 0, rewardParts: { "reward/accuracy": 0, "reward/format": 0.9 } },
    /all reward came from format/,
    /rewards\.format\.weight=0$/,
  ],
  equalRewards: [
    { groupsMixed: 0, groupsAllRight: 0, groupsAllWrong: 1, gradNorm: 0 },
    /without success/,
    /^groupSize=32$/,
  ],
  zeroGradient: [{ gradNorm: 0 }, /gradient was exactly zero/, /^objective\.preset=dr-grpo$/],
};

for (const [name, [sick, sentence, remedy]] of Object.entries(illnesses)) {
  const code = name as DiagnosticCode;
  test(`${code} fires once it has held, and only it`, () => {
    const { steps } = settings[code];
    const findings = diagnose([...history(5), ...history(steps, sick)], settings, run);
    assert.deepEqual(
      findings.map((finding) => finding.code),
      [code],
    );
    assert.match(findings[0]!.sentence, sentence);
    assert.match(findings[0]!.remedy, remedy);
    assert.equal(findings[0]!.fatal, true);
    // One healthy step among them, or one step too few, and it doesn't.
    assert.deepEqual(diagnose([...history(steps, sick), ...history(1)], settings, run), []);
    if (steps > 1) assert.deepEqual(diagnose(history(steps - 1, sick), settings, run), []);
  });
}

test("a healthy history has no findings, nor has an empty one", () => {
  assert.deepEqual(diagnose([], settings, run), []);
  assert.deepEqual(diagnose(history(100), settings, run), []);
  // Answers ended by a stop text, a few of them cut off; steps without anything to train on.
  assert.deepEqual(diagnose(history(100, { endedShare: 0, truncatedShare: 0.2 }), settings, run), []);
  const nothing = { ratioGapMean: NaN, ratioGapMax: 0, entropy: NaN, gradNorm: 0, groupsMixed: 0 };
  assert.deepEqual(diagnose([...history(10), ...history(9, nothing)], settings, run), []);
});

test("bounds, spans and actions are the settings'", () => {
  const warned = diagnosticsSchema.parse({
    truncated: { action: "warn", steps: 2, above: 0.05 },
    equalRewards: { action: "off" },
  });
  const findings = diagnose(history(10, { groupsMixed: 0 }), warned, run);
  assert.deepEqual(
    findings.map(({ code, fatal }) => [code, fatal]),
    [["truncated", false]],
  );
  assert.equal(diagnosticsSchema.safeParse({ truncated: { abov: 1 } }).success, false);
});

test("remedies look at the run", () => {
  const of = (sick: Partial<GrpoMetrics>, changed: Partial<DiagnosedRun>): string[] =>
    diagnose(history(30, sick), settings, { ...run, ...changed }).map((finding) => finding.remedy);
  const { objective } = run;
  const sampling = { ...objective.sampling, topP: 0.9 };
  assert.deepEqual(of({ ratioGapMean: 1 }, { objective: { ...objective, sampling } }), ["objective.sampling.topP=1"]);
  // What is only reported paid nothing, however large it is.
  const rewardParts = { "reward/accuracy": 0, "reward/format": 0.2, "reward/lenient": 0.9 };
  const weights = { accuracy: 1, format: 0.1, lenient: 0 };
  assert.deepEqual(of({ pass1: 0, rewardParts }, { weights }), ["the task's rewards.format.weight=0"]);
  const overlong = { ...objective.overlong, policy: "mask" } as const;
  assert.deepEqual(of({ gradNorm: 0 }, { objective: { ...objective, overlong } }), ["objective.overlong.policy=keep"]);
  assert.deepEqual(of({ gradNorm: 0 }, { objective: presets.dapo }), ["objective.preset=r1-zero"]);
  const solved = { groupsMixed: 0, groupsAllRight: 0.9 };
  assert.deepEqual(of(solved, { levels: [1, 3, 4] }), ["levels=[4]"]);
  assert.match(of(solved, { levels: [5] })[0]!, /^task=<one with harder problems/);
  const cut = { parseFailureShare: 1, truncatedShare: 0.8 };
  assert.deepEqual(of(cut, {}), ["maxTokens=600"]);
  assert.deepEqual(of(cut, { mostTokens: 400 }), ["maxTokens=400"]);
  assert.match(of(cut, { mostTokens: 300 })[0]!, /^model=<one with more positions/);
});
