import { AutodidactError } from "../errors.ts";
import { type JsonValue, jsonFault } from "./json.ts";

/**
 * What a problem's hidden tests are. In a file they are JSON of the same shape, and `parseTests` reads them:
 * `[{ "input": "2 3\n", "output": "5\n" }, { "call": "add", "args": [2, 3], "expected": 5 }]`, or an object
 * `{ "language": "python", "tests": [...] }`.
 */

export type Language = "python" | "javascript" | "typescript";
export const languages: readonly Language[] = ["python", "javascript", "typescript"];

/** The program reads `input` from standard input and must write `output`; `judge.ts` has the rule of comparison. */
export interface StreamTest {
  readonly input: string;
  readonly output: string;
}

/** The program defines `call` (a function, or `Class.method`); with `args` it must give `expected`. All values are JSON. */
export interface CallTest {
  readonly call: string;
  readonly args: readonly JsonValue[];
  readonly expected: JsonValue;
}

export type CodeTest = StreamTest | CallTest;

export type CodeTests =
  | readonly CodeTest[]
  | {
      /** What the program must be written in; free where left out. */
      readonly language?: Language;
      readonly tests: readonly CodeTest[];
    };

/** The same with every field. */
export interface TestSet {
  /** null: whatever the answer's code block says. */
  readonly language: Language | null;
  readonly tests: readonly CodeTest[];
}

/** Bounds on a program. Times are wall time. */
export interface Limits {
  /** Milliseconds for one test, from the first byte of the program to its last. */
  readonly testMs: number;
  /** Milliseconds for all tests of a problem together. */
  readonly totalMs: number;
  /** MiB of memory, interpreter (30 MiB for Python) included; at least 64. */
  readonly memoryMiB: number;
  /** Bytes one test may write: standard output, or the value of a call as JSON. */
  readonly outputBytes: number;
  /** Bytes all tests of a problem may write together. */
  readonly totalOutputBytes: number;
}

export const defaultLimits: Limits = {
  testMs: 3_000,
  totalMs: 15_000,
  memoryMiB: 256,
  outputBytes: 256 * 1024,
  totalOutputBytes: 2 * 1024 * 1024,
};

const leastLimits: Limits = { testMs: 1, totalMs: 1, memoryMiB: 64, outputBytes: 1, totalOutputBytes: 1 };
const mostLimits: Limits = {
  testMs: 600_000,
  totalMs: 3_600_000,
  memoryMiB: 2048,
  outputBytes: 64 * 1024 * 1024,
  totalOutputBytes: 1024 * 1024 * 1024,
};

/** @throws CODE_LIMITS */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const limits = { ...defaultLimits, ...given };
  for (const [name, value] of Object.entries(limits) as [keyof Limits, unknown][]) {
    if (!(name in defaultLimits))
      throw new AutodidactError(
        "CODE_LIMITS",
        `limits.${name} is unknown; there are ${Object.keys(defaultLimits).join(", ")}`,
      );
    const [least, most] = [leastLimits[name], mostLimits[name]];
    if (typeof value !== "number" || !(value >= least && value <= most))
      throw new AutodidactError("CODE_LIMITS", `limits.${name}, ${value}, must be a number from ${least} to ${most}`);
  }
  return limits;
}

/** `name` or `Name.method`, in letters that all three languages take. */
const callName = /^[A-Za-z_]\w{0,99}(\.[A-Za-z_]\w{0,99})?$/;

function fail(message: string): never {
  throw new AutodidactError("CODE_TESTS", message);
}

const show = (value: unknown): string => {
  if (value === undefined) return "not there";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object"
    ? "an object"
    : `${typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : value}`;
};

/**
 * Checks tests that came from a file.
 *
 * @param place how messages name them
 * @throws CODE_TESTS naming the field, the value and what it must be
 */
export function parseTests(value: unknown, place = "tests"): TestSet {
  if (Array.isArray(value)) return { language: null, tests: parseList(value, place) };
  if (typeof value !== "object" || value === null)
    fail(`${place}, ${show(value)}, must be a list of tests or { language, tests }`);
  const { language = null, tests, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) fail(`${place}.${unknown} is unknown; there are language and tests`);
  if (language !== null && !languages.includes(language as Language))
    fail(`${place}.language, ${show(language)}, must be one of ${languages.join(", ")}`);
  if (!Array.isArray(tests)) fail(`${place}.tests, ${show(tests)}, must be a list of tests`);
  return { language: language as Language | null, tests: parseList(tests, `${place}.tests`) };
}

function parseList(list: readonly unknown[], place: string): CodeTest[] {
  if (list.length === 0) fail(`${place} is empty; an answer needs at least one test to be right`);
  return list.map((one, index) => parseTest(one, `${place}[${index}]`));
}

const shapes = '{ "input", "output" } or { "call", "args", "expected" }';

function parseTest(value: unknown, place: string): CodeTest {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    fail(`${place}, ${show(value)}, must be ${shapes}`);
  const fields = value as Record<string, unknown>;
  const names = Object.keys(fields).sort().join(" ");
  if (names === "input output") {
    const { input, output } = fields;
    if (typeof input !== "string") fail(`${place}.input, ${show(input)}, must be text`);
    if (typeof output !== "string") fail(`${place}.output, ${show(output)}, must be text`);
    return { input, output };
  }
  if (names !== "args call expected") fail(`${place} has the fields ${names || "(none)"}; it must be ${shapes}`);
  const { call, args, expected } = fields;
  if (typeof call !== "string" || !callName.test(call))
    fail(`${place}.call, ${show(call)}, must be the name of a function, or Class.method`);
  if (!Array.isArray(args)) fail(`${place}.args, ${show(args)}, must be a list of arguments`);
  const fault = jsonFault(args) ?? jsonFault(expected);
  if (fault !== null) fail(`${place} holds ${fault}; args and expected must be JSON`);
  return { call, args: args as JsonValue[], expected: expected as JsonValue };
}
