import { type CodeTest, parseTests } from "../code/tests.ts";
import { AutodidactError } from "../errors.ts";
import type { Row } from "./problem.ts";

/**
 * What a column of tests holds, as data or as JSON text.
 *
 * - "tests": a list of `{input, output}` or `{call, args, expected}`; what Codeforces sets have too
 * - "inputs-outputs": `{inputs: [...], outputs: [...], fn_name?}`, as APPS and TACO have it
 * - "livecodebench": a list of `{input, output, testtype}`, with more of them packed in `private_test_cases`
 * - "code-contests": `{input: [...], output: [...]}`, with more in `private_tests` and `generated_tests`
 */
export type TestsForm = "tests" | "inputs-outputs" | "livecodebench" | "code-contests";

export type ReadTests =
  | { readonly tests: readonly CodeTest[] }
  | { readonly problem: string }
  /** The tests are sound, but the problem cannot be judged by comparing outputs. */
  | { readonly skipped: string };

type Fields = Row["fields"];

/** Columns that are looked at beside the one mapped. */
export const sideColumns: readonly string[] = [
  "generated_checker",
  "input_mode",
  "starter_code",
  "metadata",
  "private_test_cases",
  "private_tests",
  "generated_tests",
];

export async function readTests(value: unknown, form: TestsForm, fields: Fields): Promise<ReadTests> {
  try {
    // Codeforces sets say so where several outputs are right, or where the program must read a file.
    if (typeof fields.generated_checker === "string" && fields.generated_checker !== "")
      return { skipped: "needs-checker" };
    if (fields.input_mode === "file") return { skipped: "file-input" };
    const found = value === null || value === "" ? [] : await rawTests(value, form, fields);
    if (found.length === 0) return { skipped: "no-tests" };
    return { tests: parseTests(found, "test").tests };
  } catch (error) {
    if (error instanceof AutodidactError || error instanceof Unreadable) return { problem: error.message };
    throw error;
  }
}

class Unreadable extends Error {}

async function rawTests(value: unknown, form: TestsForm, fields: Fields): Promise<unknown[]> {
  switch (form) {
    case "tests":
      return list(json(value, "the tests"), "the tests");
    case "inputs-outputs":
      return inputsOutputs(record(json(value, "the tests"), "the tests"), fields);
    case "livecodebench":
      return [
        ...liveCodeBench(list(json(value, "the tests"), "the tests"), fields),
        ...liveCodeBench(await packedTests(fields.private_test_cases), fields),
      ];
    case "code-contests":
      return [value, fields.private_tests, fields.generated_tests].flatMap((part) => {
        if (part === undefined || part === null) return [];
        const { input, output } = record(json(part, "the tests"), "the tests");
        return pairs(list(input, "input"), list(output, "output")).map(([i, o]) => ({
          input: lines(i),
          output: lines(o),
        }));
      });
    default:
      return form satisfies never;
  }
}

function inputsOutputs({ inputs, outputs, fn_name: name }: Record<string, unknown>, fields: Fields): unknown[] {
  const tests = pairs(list(inputs, "inputs"), list(outputs, "outputs"));
  if (typeof name !== "string") return tests.map(([input, output]) => ({ input: lines(input), output: lines(output) }));
  // Values of calls stand in a list of one in some rows and bare in others; APPS's own checker takes both.
  const wrapped = tests.every(([, output]) => Array.isArray(output) && output.length === 1);
  return tests.map(([input, output]) => ({
    call: callName(name, fields),
    args: list(input, "an input of a call"),
    expected: wrapped ? (output as unknown[])[0] : output,
  }));
}

function liveCodeBench(tests: readonly unknown[], fields: Fields): unknown[] {
  return tests.map((one) => {
    const { input, output, testtype } = record(one, "a test");
    if (testtype !== "functional") return { input, output };
    const name = record(json(fields.metadata ?? "{}", "metadata"), "metadata").func_name;
    if (typeof name !== "string") throw new Unreadable("a test is a call, and metadata has no func_name");
    // One argument a line, each of them JSON.
    const args = String(input)
      .split("\n")
      .filter((line) => line.trim() !== "");
    return {
      call: callName(name, fields),
      args: args.map((line) => json(line, "an argument")),
      expected: json(output, "output"),
    };
  });
}

/** LeetCode's problems have their function in a class. */
function callName(name: string, fields: Fields): string {
  const starter = fields.starter_code;
  return typeof starter === "string" && /^\s*class Solution\b/m.test(starter) ? `Solution.${name}` : name;
}

/** Standard input as text; some rows have it as a list of lines. */
function lines(value: unknown): unknown {
  return Array.isArray(value) && value.every((line) => typeof line === "string") ? value.join("\n") : value;
}

function pairs(inputs: readonly unknown[], outputs: readonly unknown[]): [unknown, unknown][] {
  if (inputs.length !== outputs.length) {
    throw new Unreadable(`holds ${inputs.length} inputs and ${outputs.length} outputs; there must be one for each`);
  }
  return inputs.map((input, i) => [input, outputs[i]]);
}

function json(value: unknown, what: string): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new Unreadable(`${what} is not JSON (${(error as Error).message})`);
  }
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Unreadable(`${what} must be a list; is testsForm right?`);
  return value;
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Unreadable(`${what} must be an object; is testsForm right?`);
  }
  return value as Record<string, unknown>;
}

/** Bytes that packed tests may unpack to. */
const most = 256 * 2 ** 20;

/** LiveCodeBench's hidden tests: JSON, or base64 of a zlib stream of a Python pickle of JSON text. */
async function packedTests(value: unknown): Promise<unknown[]> {
  if (typeof value !== "string" || value === "") return [];
  if (value.trimStart().startsWith("[")) return list(json(value, "private_test_cases"), "private_test_cases");
  const text = pickledText(await inflated(value));
  return list(json(text, "private_test_cases"), "private_test_cases");
}

async function inflated(base64: string): Promise<Uint8Array> {
  const unreadable = new Unreadable("private_test_cases is neither JSON nor packed JSON");
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    throw unreadable;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    for (const reader = stream.getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      chunks.push(value);
      length += value.length;
      if (length > most) {
        await reader.cancel();
        throw new Unreadable(`private_test_cases unpacks to more than ${most / 2 ** 20} MiB`);
      }
    }
  } catch (error) {
    throw error instanceof Unreadable ? error : unreadable;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The text in a pickle of one text: the few opcodes that needs, and no others, so that nothing can be run. */
function pickledText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text: string | null = null;
  let at = 0;
  const take = (length: number): string => {
    const start = at;
    at += length;
    if (at > bytes.length) throw new RangeError();
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(start, at));
  };
  try {
    for (;;) {
      const opcode = view.getUint8(at++);
      if (opcode === 0x80)
        at += 1; // PROTO
      else if (opcode === 0x95)
        at += 8; // FRAME
      else if (opcode === 0x94)
        continue; // MEMOIZE
      else if (opcode === 0x71)
        at += 1; // BINPUT
      else if (opcode === 0x72)
        at += 4; // LONG_BINPUT
      else if (opcode === 0x8c)
        text = take(view.getUint8(at++)); // SHORT_BINUNICODE
      else if (opcode === 0x58) {
        at += 4; // BINUNICODE
        text = take(view.getUint32(at - 4, true));
      } else if (opcode === 0x8d) {
        at += 8; // BINUNICODE8
        text = take(Number(view.getBigUint64(at - 8, true)));
      } else if (opcode === 0x2e && text !== null)
        return text; // STOP
      else throw new RangeError();
    }
  } catch {
    throw new Unreadable("private_test_cases holds a pickle of something other than text");
  }
}
