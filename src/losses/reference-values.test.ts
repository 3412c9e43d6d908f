import assert from "node:assert/strict";
import { test } from "node:test";
import { clipSide, klTerm, sequenceRatio, surrogateTerm } from "./reference-values.ts";

const clip = (clipLow: number, clipHigh: number) => ({ surrogate: "clip", clipLow, clipHigh }) as const;

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 5e-7, `${actual} is not ${expected}`);
}

test("golden numbers: the clipped surrogate and where its gradient is gone", () => {
  const golden = [
    // [loss, A, [ratio, value, gradient lives]]
    [
      clip(0.2, 0.2),
      1,
      [
        [0.5, 0.5, true],
        [0.9, 0.9, true],
        [1.1, 1.1, true],
        [1.25, 1.2, false],
        [1.5, 1.2, false],
      ],
    ],
    [
      clip(0.2, 0.2),
      -1,
      [
        [0.5, -0.8, false],
        [0.9, -0.9, true],
        [1.1, -1.1, true],
        [1.25, -1.25, true],
        [1.5, -1.5, true],
      ],
    ],
    [
      clip(0.2, 0.28),
      1,
      [
        [1.25, 1.25, true],
        [1.5, 1.28, false],
      ],
    ],
  ] as const;
  for (const [loss, advantage, rows] of golden) {
    for (const [ratio, value, alive] of rows) {
      const term = surrogateTerm(ratio, advantage, -1, loss);
      assertNear(term.value, value);
      // min(rho A, clip(rho) A), written out.
      const clipped = Math.min(1 + loss.clipHigh, Math.max(1 - loss.clipLow, ratio));
      assertNear(term.value, Math.min(ratio * advantage, clipped * advantage));
      assert.equal(term.derivative !== 0, alive, `ratio ${ratio}, A ${advantage}`);
    }
  }
});

test("derivatives are those of the value with respect to log pi", () => {
  const h = 1e-6;
  for (const advantage of [1.5, -0.7]) {
    for (const logRatio of [-0.9, -0.1, 0.1, 0.9]) {
      const at = (shift: number): number =>
        surrogateTerm(Math.exp(logRatio + shift), advantage, -2 + shift, clip(0.2, 0.3)).value;
      const slope = (at(h) - at(-h)) / (2 * h);
      const { derivative } = surrogateTerm(Math.exp(logRatio), advantage, -2, clip(0.2, 0.3));
      assert.ok(Math.abs(slope - derivative) < 1e-6, `${slope} is not ${derivative}`);
    }
  }
});

test("CISPO caps the weight and keeps the gradient; plain REINFORCE ignores the ratio", () => {
  const cispo = { surrogate: "cispo", clipLow: 0, clipHigh: 5 } as const;
  assert.deepEqual(surrogateTerm(8, 2, -0.5, cispo), { value: -5, derivative: 10 });
  assert.deepEqual(surrogateTerm(0.5, 2, -0.5, cispo), { value: -0.5, derivative: 1 });
  assert.equal(clipSide(8, -1, cispo), "high");
  const none = { surrogate: "none", clipLow: 0, clipHigh: 0 } as const;
  assert.deepEqual(surrogateTerm(8, 2, -0.5, none), { value: -1, derivative: 2 });
  assert.equal(clipSide(8, 1, none), null);
});

test("golden numbers: k1, k2, k3", () => {
  const golden = [
    [1, 1, 0.5, 0.367879],
    [-1, -1, 0.5, 0.718282],
    [3, 3, 4.5, 2.049787],
    [-3, -3, 4.5, 16.085537],
  ] as const;
  for (const [d, k1, k2, k3] of golden) {
    assertNear(klTerm(d, "k1"), k1);
    assertNear(klTerm(d, "k2"), k2);
    assertNear(klTerm(d, "k3"), k3);
    assertNear(klTerm(d, "unbiased", 1.5), 1.5 * klTerm(d, "k3"));
  }
});

test("golden number: GSPO's ratio is a geometric mean", () => {
  assertNear(sequenceRatio([0.1, -0.2, 0.3], [0, 0, 0]), 1.068939);
});
