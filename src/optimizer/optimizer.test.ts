import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { adamwStep, decays } from "./adamw.ts";
import { clipScale, globalNorm, scaleInPlace } from "./clip.ts";
import { learningRateAt, type Schedule, scheduleSchema } from "./schedule.ts";

// Reference values of scripts/fixtures/optimizer.py (PyTorch).
function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(`test/fixtures/optimizer/${name}`, "utf8")) as T;
}

function assertClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    assert.ok(
      error <= tolerance * Math.max(1, Math.abs(expected[i]!)),
      `${what}[${i}]: ${actual[i]} is not ${expected[i]}`,
    );
  }
}

interface AdamWCase {
  settings: { learningRate: number; beta1: number; beta2: number; epsilon: number; weightDecay: number };
  start: number[][];
  grads: number[][][];
  params: number[][][];
  m: number[][];
  v: number[][];
}

test("AdamW follows PyTorch over ten updates, weight decay included", () => {
  const cases = fixture<AdamWCase[]>("adamw.json");
  assert.equal(cases.length, 3);
  for (const { settings, start, grads, params, m, v } of cases) {
    start.forEach((values, k) => {
      const param = Float32Array.from(values);
      const first = new Float32Array(values.length);
      const second = new Float32Array(values.length);
      for (let step = 1; step <= 10; step++) {
        // Half the updates scale the gradient on the way in; that must change nothing.
        const gradScale = step % 2 === 0 ? 0.25 : 1;
        const grad = Float32Array.from(grads[step - 1]![k]!, (g) => g / gradScale);
        adamwStep(param, grad, first, second, { ...settings, step, gradScale });
        assertClose(param, params[step - 1]![k]!, 1e-6, `decay ${settings.weightDecay}, tensor ${k}, step ${step}`);
      }
      assertClose(first, m[k]!, 1e-7, "m");
      assertClose(second, v[k]!, 1e-7, "v");
    });
  }
});

test("only matrices decay", () => {
  assert.equal(decays([8, 4]), true);
  assert.equal(decays([4]), false);
});

test("global norm and clipping follow clip_grad_norm_", () => {
  for (const { maxNorm, grads, norm, clipped } of fixture<
    { maxNorm: number; grads: number[][]; norm: number; clipped: number[][] }[]
  >("clip.json")) {
    const tensors = grads.map((values) => Float32Array.from(values));
    const found = globalNorm(tensors);
    assertClose([found / norm], [1], 1e-6, "norm");
    scaleInPlace(tensors, clipScale(found, maxNorm));
    tensors.forEach((tensor, k) => {
      assertClose(tensor, clipped[k]!, 1e-6, `max norm ${maxNorm}, tensor ${k}`);
    });
  }
});

test("clipping leaves small, zero and unlimited gradients alone, and shows broken ones", () => {
  assert.equal(clipScale(0.5, 1), 1);
  assert.equal(clipScale(0, 0), 1);
  assert.equal(clipScale(1e20, Infinity), 1);
  assert.ok(Number.isNaN(globalNorm([Float32Array.of(1, NaN)])));
  assert.ok(Number.isNaN(clipScale(NaN, 1)));
});

test("schedules follow PyTorch's", () => {
  const cases = fixture<{ schedule: Schedule; totalSteps: number; rates: number[] }[]>("schedule.json");
  assert.equal(cases.length, 9);
  for (const { schedule, totalSteps, rates } of cases) {
    const ours = rates.map((_, i) => learningRateAt(schedule, i + 1, totalSteps));
    assertClose(
      ours.map((rate) => rate / schedule.learningRate),
      rates.map((rate) => rate / schedule.learningRate),
      1e-12,
      JSON.stringify(schedule),
    );
  }
});

test("a schedule of one update moves at the full rate, and steps behind the end stay at the floor", () => {
  const schedule = scheduleSchema.parse({ kind: "cosine", learningRate: 1, floor: 0.1 });
  assert.equal(learningRateAt(schedule, 1, 1), 1);
  assert.equal(learningRateAt(schedule, 50, 10), 0.1);
});
