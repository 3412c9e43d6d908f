import type { Verdict } from "../tasks/task.ts";
import { extractCode } from "./extract.ts";
import { parseJson } from "./json.ts";
import { outputMatches, valueMatches } from "./judge.ts";
import { type SandboxPool, sharedPool } from "./pool.ts";
import type { Job, Outcome } from "./protocol.ts";
import { type CodeTest, type CodeTests, type Language, type Limits, resolveLimits, type TestSet } from "./tests.ts";

/**
 * "Did the code run, was the answer right?" The program runs in a sandbox that knows its input only; what it wrote or gave
 * back is compared here. "sandbox-error" is the one code that is no fault of the program.
 */
export type CodeReason =
  | "correct"
  | "wrong-answer"
  | "compile-error"
  | "runtime-error"
  | "time-limit"
  | "memory-limit"
  | "output-limit"
  | "no-code"
  | "truncated"
  | "sandbox-error";

export interface TestResult {
  readonly reason: CodeReason;
  /** Milliseconds of wall time. */
  readonly ms: number;
  /** An error message, or what was written to standard error; "" where there is nothing to say. */
  readonly detail: string;
}

export interface CodeReport {
  /** "correct" when all tests passed, else the reason of the first that didn't. */
  readonly reason: CodeReason;
  readonly passed: number;
  readonly total: number;
  /** In order; shorter than the tests where the run ended early. */
  readonly results: readonly TestResult[];
}

export interface RunOptions {
  readonly limits?: Partial<Limits>;
  /**
   * How far numbers may be off: tolerance x max(1, |expected|). Default: not at all, and standard output is compared as
   * text; `judge.ts` has the rules.
   */
  readonly tolerance?: number;
  /** End at the first test that fails. Default false. */
  readonly stopEarly?: boolean;
  /** Default: the shared one. */
  readonly pool?: SandboxPool;
}

export interface GradeOptions extends Omit<RunOptions, "stopEarly"> {
  /** What the program must be in, where the tests don't say. Default: what its code block says, Python if nothing. */
  readonly language?: Language;
  /** "all": 1 when every test passes, else 0. "share": the share of tests that pass. Default "all". */
  readonly reward?: "all" | "share";
  /** False when the token limit cut the completion off, which makes it "truncated". Default true. */
  readonly complete?: boolean;
}

/**
 * Runs a program against tests, each in a fresh interpreter.
 *
 * @throws CODE_LIMITS; CODE_SANDBOX where no sandbox can be started; CODE_POOL_CLOSED
 */
export async function runTests(
  code: string,
  language: Language,
  tests: readonly CodeTest[],
  { limits: given, tolerance, stopEarly = false, pool = sharedPool() }: RunOptions = {},
): Promise<CodeReport> {
  const limits = resolveLimits(given);
  const results: TestResult[] = [];
  let [timeLeft, outputLeft] = [limits.totalMs, limits.totalOutputBytes];
  for (const test of tests) {
    if (timeLeft <= 0) results.push({ reason: "time-limit", ms: 0, detail: `all tests: ${limits.totalMs} ms` });
    else if (outputLeft <= 0)
      results.push({ reason: "output-limit", ms: 0, detail: `all tests: ${limits.totalOutputBytes} bytes` });
    else {
      const job = jobOf(code, language, test, limits, timeLeft, outputLeft);
      const outcome = await pool.run(job);
      // A timer may go off a little early; what it ended has had all its time, or the next test would get the rest.
      timeLeft -= outcome.ending === "time-limit" ? Math.max(outcome.ms, job.timeMs) : outcome.ms;
      outputLeft -= outcome.stdout.length + (outcome.value?.length ?? 0);
      results.push({ reason: judge(test, outcome, tolerance), ms: outcome.ms, detail: outcome.detail });
    }
    const { reason } = results.at(-1)!;
    // What doesn't compile fails every test.
    if (reason !== "correct" && (stopEarly || reason === "compile-error")) break;
  }
  const failed = results.find(({ reason }) => reason !== "correct");
  const passed = results.filter(({ reason }) => reason === "correct").length;
  return { reason: failed?.reason ?? "correct", passed, total: tests.length, results };
}

/** What a run of one test is given; of the test itself only the input goes in. */
export function jobOf(
  code: string,
  language: Language,
  test: CodeTest,
  limits: Limits,
  timeLeft = limits.totalMs,
  outputLeft = limits.totalOutputBytes,
): Job {
  return {
    language,
    code,
    input: "input" in test ? test.input : "",
    call: "call" in test ? { name: test.call, args: JSON.stringify(test.args) } : null,
    timeMs: Math.max(1, Math.ceil(Math.min(limits.testMs, timeLeft))),
    memoryMiB: limits.memoryMiB,
    outputBytes: Math.min(limits.outputBytes, outputLeft),
  };
}

function judge(test: CodeTest, { ending, stdout, value }: Outcome, tolerance: number | undefined): CodeReason {
  if (ending === "refused") return "runtime-error";
  if (ending !== "done") return ending;
  if ("output" in test) return outputMatches(test.output, stdout, tolerance ?? null) ? "correct" : "wrong-answer";
  const result = value === null ? undefined : parseJson(value);
  return result !== undefined && valueMatches(test.expected, result, tolerance) ? "correct" : "wrong-answer";
}

/**
 * Grades a completion by a problem's tests. Never rejects because of what the completion holds; `extractCode` says which
 * part of it is the program.
 *
 * @throws as `runTests`
 */
export async function gradeCode(
  completion: string,
  tests: CodeTests,
  { reward = "all", language, complete = true, ...options }: GradeOptions = {},
): Promise<Verdict> {
  const set = testSet(tests);
  const wanted = set.language ?? language ?? null;
  if (!complete) return { reward: 0, reason: "truncated", answer: null };
  const found = extractCode(completion, wanted);
  if (found === null) return { reward: 0, reason: "no-code", answer: null };
  // A block tagged TypeScript is read as such where JavaScript is wanted: all JavaScript is TypeScript as well.
  const spoken = found.tagged === "typescript" ? found.tagged : (wanted ?? found.tagged ?? "python");
  const report = await runTests(found.code, spoken, set.tests, { ...options, stopEarly: reward === "all" });
  const share = report.total === 0 ? 0 : report.passed / report.total;
  return { reward: reward === "share" ? share : share === 1 ? 1 : 0, reason: report.reason, answer: null };
}

function testSet(tests: CodeTests): TestSet {
  return "tests" in tests ? { language: tests.language ?? null, tests: tests.tests } : { language: null, tests };
}
