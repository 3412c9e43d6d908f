import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { wholeNumber } from "./values.ts";

/**
 * A small language that is written as Python and run here: whole numbers, `+ - * // %` with positive divisors, loops
 * with a fixed count and choices, so that every program ends. What the text means and what runs are one tree.
 */
export type Expression = number | string | readonly [operator: string, left: Expression, right: Expression];
export type Statement =
  | readonly ["set", string, Expression]
  | readonly ["for", string, number, readonly Statement[]]
  | readonly ["if", Expression, readonly Statement[], readonly Statement[]];

type Values = Record<string, number>;

/** Beyond this a program is not asked for. */
const largest = 1_000_000;

function evaluate(expression: Expression, values: Values): number {
  if (typeof expression === "number") return expression;
  if (typeof expression === "string") return values[expression]!;
  const [operator, left, right] = expression;
  const [a, b] = [evaluate(left, values), evaluate(right, values)];
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    // Python rounds down, and a remainder has the divisor's sign.
    case "//":
      return Math.floor(a / b);
    case "%":
      return ((a % b) + b) % b;
    case "==":
      return Number(a === b);
    case ">":
      return Number(a > b);
    default:
      return Number(a < b);
  }
}

/** Runs the statements; each assignment is told to `trace`. False where a value grew too large. */
export function run(statements: readonly Statement[], values: Values, trace: (line: string) => void): boolean {
  for (const statement of statements) {
    if (statement[0] === "set") {
      const [, name, expression] = statement;
      values[name] = evaluate(expression, values);
      trace(`${name} = ${values[name]}`);
      if (Math.abs(values[name]!) > largest) return false;
    } else if (statement[0] === "for") {
      const [, name, times, body] = statement;
      for (let i = 0; i < times; i++) {
        values[name] = i;
        if (!run(body, values, trace)) return false;
      }
    } else {
      const [, condition, then, otherwise] = statement;
      if (!run(evaluate(condition, values) === 1 ? then : otherwise, values, trace)) return false;
    }
  }
  return true;
}

function showExpression(expression: Expression, inside = false): string {
  if (typeof expression !== "object") return String(expression);
  const [operator, left, right] = expression;
  const text = `${showExpression(left, true)} ${operator} ${showExpression(right, true)}`;
  return inside ? `(${text})` : text;
}

export function showProgram(statements: readonly Statement[], indent = ""): string {
  return statements
    .map((statement) => {
      if (statement[0] === "set") return `${indent}${statement[1]} = ${showExpression(statement[2])}`;
      if (statement[0] === "for")
        return `${indent}for ${statement[1]} in range(${statement[2]}):\n${showProgram(statement[3], `${indent}    `)}`;
      const [, condition, then, otherwise] = statement;
      const first = `${indent}if ${showExpression(condition)}:\n${showProgram(then, `${indent}    `)}`;
      return otherwise.length === 0 ? first : `${first}\n${indent}else:\n${showProgram(otherwise, `${indent}    `)}`;
    })
    .join("\n");
}

const variables = ["a", "b", "c"];

function drawUpdate(random: Random, counters: readonly string[]): Statement {
  const name = random.pick(variables);
  const other = random.pick([...variables, ...counters]);
  const n = random.int(2, 9);
  const left: Expression = random.pick<Expression>([name, other, ["+", name, other]]);
  const update = random.pick<Expression>([
    ["+", name, other],
    ["-", other, n],
    ["+", ["*", name, 2], other],
    ["*", other, random.int(2, 3)],
    ["//", left, random.int(2, 4)],
    ["%", left, n],
    ["-", name, other],
  ]);
  return ["set", name, update];
}

function drawBlock(random: Random, count: number, depth: number, counters: readonly string[]): Statement[] {
  return Array.from({ length: count }, (): Statement => {
    if (depth === 0 || random.chance(0.4)) return drawUpdate(random, counters);
    if (random.chance(0.5)) {
      const counter = ["i", "j", "k"][counters.length]!;
      return ["for", counter, random.int(2, 4), drawBlock(random, random.int(1, 2), depth - 1, [...counters, counter])];
    }
    const test: Expression = random.pick<Expression>([
      ["==", ["%", random.pick(variables), 2], 0],
      [">", random.pick(variables), random.pick(variables)],
      ["<", random.pick(variables), random.int(3, 15)],
    ]);
    const otherwise = random.chance(0.6) ? drawBlock(random, 1, depth - 1, counters) : [];
    return ["if", test, drawBlock(random, 1, depth - 1, counters), otherwise];
  });
}

interface Content {
  readonly statements: readonly Statement[];
  readonly printed: string;
}

/** The printed value and the lines of the trace; null where a value grew too large. */
function course({ statements, printed }: Content): { readonly value: number; readonly lines: string[] } | null {
  const values: Values = {};
  const lines: string[] = [];
  return run(statements, values, (line) => lines.push(line)) ? { value: values[printed]!, lines } : null;
}

export const programOutput = defineFamily({
  name: "program-output",
  asks: "what a short Python program prints",
  grows: "how many statements, how deep they are nested, how many assignments are carried out",
  levels: [
    { statements: 3, depth: 0, assignments: [6, 6] },
    { statements: 2, depth: 1, assignments: [6, 12] },
    { statements: 3, depth: 1, assignments: [9, 20] },
    { statements: 4, depth: 2, assignments: [12, 30] },
    { statements: 6, depth: 3, assignments: [20, 60] },
  ],
  draw({ statements: count, depth, assignments }, random): Content | null {
    const starts = variables.map((name): Statement => ["set", name, random.int(1, 20)]);
    const body = drawBlock(random, count, depth, []);
    const content = { statements: [...starts, ...body], printed: random.pick(variables) };
    const result = course(content);
    if (result === null || result.lines.length < assignments[0]! || result.lines.length > assignments[1]!) return null;
    // A value that a glance gives, or that no line has changed, is no question.
    const changed = result.lines.slice(variables.length).some((line) => line.startsWith(`${content.printed} =`));
    return changed && Math.abs(result.value) > 2 ? content : null;
  },
  ask: ({ statements, printed }) =>
    `What does this Python program print?\n\n${showProgram(statements)}\nprint(${printed})\n\n// divides and rounds down, % is the remainder, range(n) counts from 0 to n - 1.`,
  kind: wholeNumber,
  solve: (content) => course(content)!.value,
  steps: (content) => [...course(content)!.lines, `Then ${content.printed} is printed.`].join("\n"),
});
