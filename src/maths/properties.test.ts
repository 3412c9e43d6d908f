import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { random } from "../random.ts";
import { readAnswer } from "./answer.ts";
import { mathsEqual } from "./compare.ts";
import { normalForm } from "./normal-form.ts";

const form = (text: string): string | null => normalForm(readAnswer(text));
const stream = random(20_260_705, "maths-properties");
const draw = (): number => stream.next();
const between = (low: number, high: number): number => stream.int(low, high);

/** Sums and products of small numbers and x, y in LaTeX and in plain text, with the value at a point worked out alongside. */
function expression(depth: number): { latex: string; plain: string; value: (x: number, y: number) => number } {
  if (depth === 0 || draw() < 0.2) {
    const pick = between(0, 3);
    if (pick === 0) return { latex: "x", plain: "x", value: (x) => x };
    if (pick === 1) return { latex: "y", plain: "y", value: (_, y) => y };
    const n = between(1, 9);
    return { latex: `${n}`, plain: `${n}`, value: () => n };
  }
  const [a, b] = [expression(depth - 1), expression(depth - 1)];
  switch (between(0, 4)) {
    case 0:
      return {
        latex: `(${a.latex}+${b.latex})`,
        plain: `(${b.plain} + ${a.plain})`,
        value: (x, y) => a.value(x, y) + b.value(x, y),
      };
    case 1:
      return {
        latex: `(${a.latex}-${b.latex})`,
        plain: `(-(${b.plain}) + ${a.plain})`,
        value: (x, y) => a.value(x, y) - b.value(x, y),
      };
    case 2:
      return {
        latex: `${a.latex} \\cdot ${b.latex}`,
        plain: `${b.plain}*${a.plain}`,
        value: (x, y) => a.value(x, y) * b.value(x, y),
      };
    case 3:
      return {
        latex: `\\frac{${a.latex}}{${b.latex}+100}`,
        plain: `(${a.plain})/(${b.plain} + 100)`,
        value: (x, y) => a.value(x, y) / (b.value(x, y) + 100),
      };
    default:
      return { latex: `\\left(${a.latex}\\right)^{2}`, plain: `(${a.plain})**2`, value: (x, y) => a.value(x, y) ** 2 };
  }
}

describe("random expressions", () => {
  test("the same in LaTeX and in plain text, sides changed", () => {
    for (let i = 0; i < 400; i++) {
      const { latex, plain } = expression(3);
      assert.ok(mathsEqual(latex, plain), `${latex} | ${plain}`);
      assert.equal(mathsEqual(plain, latex), true);
    }
  });

  test("unequal where their values are", () => {
    let unequal = 0;
    for (let i = 0; i < 400; i++) {
      const [a, b] = [expression(2), expression(2)];
      const apart = [
        [1.3, 0.7],
        [2.1, 1.9],
      ].some(([x, y]) => Math.abs(a.value(x!, y!) - b.value(x!, y!)) > 1e-6);
      if (apart) unequal++;
      assert.equal(mathsEqual(a.latex, b.plain), !apart, `${a.latex} | ${b.plain}`);
    }
    assert.ok(unequal > 200);
  });

  test("one added is one too many", () => {
    for (let i = 0; i < 200; i++) {
      const { latex, plain } = expression(3);
      assert.ok(!mathsEqual(latex, `${plain} + 1`), latex);
    }
  });
});

describe("random numbers", () => {
  test("fractions: reduced or not, LaTeX, plain, decimal, mixed", () => {
    for (let i = 0; i < 300; i++) {
      const [p, q, k] = [between(1, 400), between(2, 60), between(2, 9)];
      const gold = `\\frac{${p}}{${q}}`;
      assert.ok(mathsEqual(gold, `${p * k}/${q * k}`), gold);
      assert.ok(mathsEqual(gold, `-\\frac{${-p * k}}{${q * k}}`.replace("--", "-")), gold);
      assert.ok(!mathsEqual(gold, `${p + 1}/${q}`));
      assert.ok(!mathsEqual(gold, `-${p}/${q}`));
      if (p > q && p % q !== 0) assert.ok(mathsEqual(gold, `${Math.floor(p / q)} ${p % q}/${q}`), gold);
      assert.ok(mathsEqual(gold, (p / q).toFixed(10)), gold);
    }
  });

  test("thousands: every separator, and no digit may change", () => {
    for (let i = 0; i < 200; i++) {
      const n = between(1000, 999_999_999);
      const grouped = (by: string): string => `${n}`.replace(/\B(?=(\d{3})+$)/g, by);
      for (const by of [",", "{,}", "\\,", " ", ",\\!"]) assert.ok(mathsEqual(`${n}`, grouped(by)), grouped(by));
      assert.ok(
        !mathsEqual(
          `${n}`,
          grouped(",").replace(/\d$/, (digit) => `${(Number(digit) + 1) % 10}`),
        ),
      );
    }
  });

  test("surds: the square pulled out of the root", () => {
    for (let i = 0; i < 200; i++) {
      const [a, b] = [between(2, 12), between(2, 50)];
      assert.ok(mathsEqual(`\\sqrt{${a * a * b}}`, `${a}\\sqrt{${b}}`));
      assert.ok(mathsEqual(`\\frac{${b}}{\\sqrt{${b}}}`, `sqrt(${b})`));
      assert.ok(!mathsEqual(`\\sqrt{${a * a * b}}`, `${a}\\sqrt{${b + 1}}`));
    }
  });
});

describe("normal form", () => {
  const groups: readonly (readonly string[])[] = [
    ["1/2", "0.5", "\\frac12", "\\dfrac{2}{4}", ".50", "$\\frac{1}{2}$", "x = 1/2", "½", "\\cos 60^\\circ"],
    ["1000", "1,000", "1{,}000", "10^3", "1e3"],
    ["2\\sqrt{2}", "\\sqrt{8}", "2*sqrt(2)", "2^{3/2}"],
    ["\\{1, 2\\}", "2, 1", "x=1 or x=2", "1 and 2"],
    ["(x+1)^2", "x^2+2x+1", "1 + 2x + x^2"],
    ["(1, 2)", "\\left( 1, \\frac{4}{2} \\right)"],
    ["[0, 1)", "[0,1)"],
    ["12 \\text{ cm}", "12", "12 cm"],
    ["Evelyn", "\\text{Evelyn}", "evelyn"],
    ["yes", "Yes.", "true"],
    ["3+4i", "4i+3"],
    ["\\pm 3", "3, -3"],
  ];
  test("equal answers vote together, others do not", () => {
    const forms = groups.map((group) => {
      const [first, ...others] = group.map(form);
      for (const [i, other] of others.entries()) assert.equal(other, first, group[i + 1]);
      return first;
    });
    assert.equal(new Set(forms).size, forms.length);
    assert.equal(form("1/2"), "1/2");
    assert.equal(form(""), null);
    assert.equal(form("\\boxed{}"), null);
  });
});
