import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../test/imports.ts";
import { random } from "../random.ts";
import { compare, type PairedProblem, signFlipTest } from "./compare.ts";

interface Case {
  readonly name: string;
  readonly k: number;
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly p: number;
  /** SciPy went through all choices of signs, rather than drawing some. */
  readonly exact: boolean;
  readonly signTest: number | null;
  readonly low: number;
  readonly high: number;
}
const { cases } = JSON.parse(readFileSync(join(root, "test/fixtures/compare/scipy.json"), "utf8")) as { cases: Case[] };

const paired = ({ a, b, k }: Pick<Case, "a" | "b" | "k">): PairedProblem[] =>
  a.map((right, i) => ({ id: `${i}`, level: (i % 2) + 1, a: { right, of: k }, b: { right: b[i]!, of: k } }));
const close = (found: number, expected: number, by: number, what: string): void =>
  assert.ok(Math.abs(found - expected) <= by, `${what}: ${found} and ${expected}`);

describe("golden values of SciPy", () => {
  for (const one of cases)
    test(one.name, () => {
      const { difference, p, better, worse, same, problems, pass1 } = compare(paired(one));
      // Drawn signs: four standard errors of 400,000 draws.
      close(p, one.p, one.exact ? 1e-9 : 4 * Math.sqrt((one.p * (1 - one.p)) / 400_000), "p");
      if (one.signTest !== null) close(p, one.signTest, 1e-9, "sign test");
      const mean = one.b.reduce((sum, right, i) => sum + right - one.a[i]!, 0) / one.k / one.a.length;
      close(difference.value, mean, 1e-12, "difference");
      close(pass1.b - pass1.a, mean, 1e-12, "difference of the means");
      // Two bootstraps with their own draws: a tenth of the interval's width.
      const tolerance = (one.high - one.low) * 0.1;
      close(difference.low, one.low, tolerance, "low");
      close(difference.high, one.high, tolerance, "high");
      assert.equal(better + worse + same, problems);
      assert.equal(better, one.b.filter((right, i) => right > one.a[i]!).length);
    });
});

test("the exact test by hand", () => {
  assert.equal(signFlipTest([]), 1);
  assert.equal(signFlipTest([0, 0]), 1);
  assert.equal(signFlipTest([3]), 1);
  assert.equal(signFlipTest([1, 1]), 0.5);
  // Sums of +-1 +-2 +-4: only 7 and -7 of eight are as far out.
  assert.equal(signFlipTest([1, 2, 4]), 0.25);
  assert.equal(signFlipTest([-10, -20, -40]), 0.25);
  // 5: also 5 = -1+2+4, -5 and the two ends.
  assert.equal(signFlipTest([-1, 2, 4]), 0.5);
  assert.equal(signFlipTest(Array.from({ length: 20 }, () => 16)), 2 / 2 ** 20);
});

test("models that are alike differ significantly at most one time in twenty", () => {
  let found = 0;
  const trials = 400;
  for (let trial = 0; trial < trials; trial++) {
    const stream = random("alike", trial);
    const differences = Array.from({ length: 60 }, () => stream.int(0, 4) - stream.int(0, 4));
    if (signFlipTest(differences) < 0.05) found++;
  }
  assert.ok(found <= 32 && found >= 8, `${found} of ${trials}`);
});

test("the number of problems needed finds the difference four times in five", () => {
  const stream = random("power");
  // The true difference is 0.1, between -1, 0 and 1.
  const draw = (count: number): number[] =>
    Array.from({ length: count }, () => (stream.chance(0.25) ? 1 : stream.chance(0.2) ? -1 : 0));
  const pilot = Array.from({ length: 4000 }, (_, i) => (i % 20 < 5 ? 1 : i % 20 < 8 ? -1 : 0));
  const needed = compare(
    paired({ k: 1, a: pilot.map((one) => (one < 0 ? 1 : 0)), b: pilot.map((one) => (one > 0 ? 1 : 0)) }),
  ).problemsNeeded!;
  // 7.849 x 0.39 / 0.1^2
  close(needed, 306, 1, "by hand");
  let found = 0;
  for (let trial = 0; trial < 200; trial++) if (signFlipTest(draw(needed)) < 0.05) found++;
  assert.ok(found >= 135 && found <= 185, `${found} of 200 with ${needed}`);
});

test("levels and families are compared each by itself", () => {
  const problems = paired(cases[2]!).map((one, i) => ({ ...one, family: i < 5 ? "sums" : "clocks" }));
  const { byLevel, byFamily } = compare(problems);
  assert.deepEqual(
    byLevel.map(({ level, problems: count }) => [level, count]),
    [
      [1, 8],
      [2, 8],
    ],
  );
  assert.deepEqual(
    byFamily!.map(({ family, problems: count }) => [family, count]),
    [
      ["clocks", 11],
      ["sums", 5],
    ],
  );
  const odd = compare(problems.filter(({ level }) => level === 1));
  assert.equal(byLevel[0]!.p, odd.p);
});

test("hundreds of problems with many answers are counted in good time", () => {
  const stream = random("large");
  const differences = Array.from({ length: 1000 }, () => stream.int(-64, 64));
  const began = performance.now();
  const p = signFlipTest(differences);
  assert.ok(p > 0 && p <= 1);
  assert.ok(performance.now() - began < 5000);
});
