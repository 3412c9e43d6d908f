import assert from "node:assert/strict";
import { test } from "node:test";
import { expressionLimits, formatRational, parseExpression, parseNumber } from "./expression.ts";

function worth(text: string): string {
  const parsed = parseExpression(text);
  if (!parsed.ok) return parsed.fault;
  return parsed.expression.end === text.length
    ? formatRational(parsed.expression.value)
    : `stops at ${parsed.expression.end}`;
}

test("values are exact and follow the usual precedence", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["(9*7)+2", "65"],
    ["9*7+2", "65"],
    ["9*(7+2)", "81"],
    ["9-7-2", "0"],
    ["8/4/2", "1"],
    ["1/3+1/3+1/3", "1"],
    ["0.1+0.2", "3/10"],
    ["-(3-5)*2", "4"],
    ["2*-3", "-6"],
    ["9 \u00d7 7 \u2212 2", "61"],
    ["8 \u00f7 3", "8/3"],
  ];
  for (const [text, value] of cases) assert.equal(worth(text), value, text);
});

test("the numbers of an expression are reported in order", () => {
  const parsed = parseExpression("(9*7)+0.5");
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.expression.numbers.map(formatRational), ["9", "7", "1/2"]);
});

test("an expression ends where the text stops being one", () => {
  assert.equal(worth("9*7=63"), "stops at 3");
  assert.equal(worth("9*7 2+1"), "stops at 3");
});

test("hostile text gets a reason, quickly", () => {
  const started = performance.now();
  const cases: readonly (readonly [string, string])[] = [
    ["", "malformed"],
    ["9**9**9", "malformed"],
    ["9^9", "stops at 1"],
    ["9*(7+2", "malformed"],
    ["9*7+", "malformed"],
    [")", "malformed"],
    ["7/0", "division-by-zero"],
    ["7/(3-3)", "division-by-zero"],
    ["9".repeat(1_000_000), "too-long"],
    ["9".repeat(expressionLimits.digits + 1), "too-large"],
    [`0.${"1".repeat(500)}`, "too-large"],
    ["999999999*999999999*999999999*999999999", "too-large"],
    ["(".repeat(100_000), "too-long"],
    ["(".repeat(500), "too-long"],
    [`${"-".repeat(500)}1`, "too-long"],
    ["1+".repeat(100_000), "too-long"],
    [`${"1+".repeat(expressionLimits.numbers)}1`, "too-long"],
    ["\u0669+\u0661", "malformed"],
    ["\uff19*\uff17", "malformed"],
    ["1e9", "stops at 1"],
    ["0x10", "stops at 1"],
    [".5", "malformed"],
    ["NaN", "malformed"],
  ];
  for (const [text, fault] of cases) assert.equal(worth(text), fault, text.slice(0, 40));
  assert.ok(performance.now() - started < 1000);
});

test("the largest allowed values are still read", () => {
  const digits = "9".repeat(expressionLimits.digits);
  assert.equal(worth(digits), digits);
  const depth = expressionLimits.depth;
  assert.equal(worth(`${"(".repeat(depth)}7${")".repeat(depth)}`), "7");
});

test("a claimed result is a signed number and nothing more", () => {
  for (const [text, value] of [
    ["63", "63"],
    [" -6", "-6"],
    ["3.5", "7/2"],
  ] as const) {
    const parsed = parseNumber(text);
    assert.ok(parsed.ok, text);
    assert.equal(formatRational(parsed.expression.value), value);
  }
  assert.equal(parseNumber("(63)").ok, false);
  assert.equal(parseNumber("--6").ok, false);
});
