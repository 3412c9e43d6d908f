import type { JsonValue } from "./json.ts";

/**
 * Right or wrong, decided outside the sandbox on bytes that came out of it. Nothing the program defines (`__eq__`,
 * `toString`, a patched checker) is run here, and no expected output is ever sent in.
 */

/**
 * Standard output: lines are compared one by one. Line ends may be LF or CRLF, white space at the end of a line and
 * empty lines at the end of the text don't count; all else does, capitals and spaces within a line too.
 *
 * @param tolerance null: text against text. A number t: lines are split at white space, and where both sides have a
 *   decimal number there they may differ by t x max(1, |expected|)
 */
export function outputMatches(expected: string, given: string, tolerance: number | null = null): boolean {
  const wanted = normalLines(expected);
  const had = normalLines(given);
  if (wanted.length !== had.length) return false;
  return wanted.every((line, index) => {
    const other = had[index]!;
    if (line === other) return true;
    if (tolerance === null) return false;
    const [words, others] = [line.trim().split(/\s+/), other.trim().split(/\s+/)];
    return words.length === others.length && words.every((word, at) => wordMatches(word, others[at]!, tolerance));
  });
}

function normalLines(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trimEnd());
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function wordMatches(expected: string, given: string, tolerance: number): boolean {
  if (expected === given) return true;
  if (expected.length > 400 || given.length > 400 || !decimal.test(expected) || !decimal.test(given)) return false;
  return near(Number(expected), Number(given), tolerance);
}

const near = (expected: number, given: number, tolerance: number): boolean =>
  expected === given || Math.abs(expected - given) <= tolerance * Math.max(1, Math.abs(expected));

/**
 * Value of a call: same type, same content, same order in lists; the order of an object's keys doesn't count. 2 and 2.0
 * are the same number, true and 1 are not. Whole numbers beyond 2^53 are compared as doubles, as JSON.parse reads them.
 *
 * @param tolerance numbers may differ by tolerance x max(1, |expected|)
 */
export function valueMatches(expected: JsonValue, given: JsonValue, tolerance = 0): boolean {
  if (typeof expected === "number") return typeof given === "number" && near(expected, given, tolerance);
  if (expected === null || typeof expected !== "object") return expected === given;
  if (given === null || typeof given !== "object") return false;
  if (isList(expected)) {
    if (!isList(given) || given.length !== expected.length) return false;
    return expected.every((item, index) => valueMatches(item, given[index]!, tolerance));
  }
  if (isList(given)) return false;
  const keys = Object.keys(expected);
  if (Object.keys(given).length !== keys.length) return false;
  return keys.every((key) => Object.hasOwn(given, key) && valueMatches(expected[key]!, given[key]!, tolerance));
}

const isList = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);
