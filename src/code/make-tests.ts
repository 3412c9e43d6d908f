import { AutodidactError } from "../errors.ts";
import { type Random, random } from "../random.ts";
import { jobOf } from "./grade.ts";
import { type JsonValue, jsonFault, parseJson } from "./json.ts";
import { outputMatches, valueMatches } from "./judge.ts";
import { type SandboxPool, sharedPool } from "./pool.ts";
import type { Outcome } from "./protocol.ts";
import { type CodeTest, type Language, type Limits, resolveLimits } from "./tests.ts";

/**
 * Test cases as the paper makes them (B.3.2): generators propose inputs, solutions known to be right throw out those
 * that are no valid input, and solutions known to be wrong show which of the rest are worth keeping.
 */

/** Text for standard input, or the list of a call's arguments. Draws from `random` alone. */
export type InputGenerator = (random: Random, index: number) => string | readonly JsonValue[];

export interface MakeTestsOptions {
  readonly seed: number;
  /** Inputs by the name of their kind: "random", "equal", "boundary", "adversarial", ... */
  readonly generators: Readonly<Record<string, InputGenerator>>;
  /** Inputs of each kind. Default 20. */
  readonly count?: number;
  /** Function that the tests call; without it they are tests of standard input and output. */
  readonly call?: string;
  /** Programs that solve the problem, at least one; their agreement says that an input is valid. */
  readonly right: readonly string[];
  /** Programs that fail it. Without any, all valid inputs are useful. */
  readonly wrong?: readonly string[];
  readonly language?: Language;
  /** Most tests to keep. Default 20. */
  readonly keep?: number;
  readonly tolerance?: number;
  readonly limits?: Partial<Limits>;
  readonly pool?: SandboxPool;
}

export interface ThrownOut {
  /** Name of the generator. */
  readonly generator: string;
  readonly input: string | readonly JsonValue[];
  readonly why: "duplicate" | "right-solution-failed" | "right-solutions-disagree" | "catches-nothing" | "not-needed";
  readonly detail: string;
}

export interface MadeTests {
  /** In the order in which they were chosen: each catches as many wrong solutions not caught before as any could. */
  readonly tests: readonly CodeTest[];
  readonly report: {
    readonly proposed: number;
    readonly kept: number;
    readonly thrownOut: readonly ThrownOut[];
    /** For each wrong solution the number of kept tests that it fails. */
    readonly caught: readonly number[];
  };
}

interface Candidate {
  readonly generator: string;
  readonly input: string | readonly JsonValue[];
  test: CodeTest;
  /** Which wrong solutions fail it. */
  readonly fails: Set<number>;
}

/**
 * Makes tests. The same options give the same tests, as long as no run comes near its time limit.
 *
 * @throws CODE_MAKE_TESTS where a field is out of range, a generator gives no input, or no input is valid
 */
export async function makeTests(options: MakeTestsOptions): Promise<MadeTests> {
  const { count = 20, keep = 20, call, right, wrong = [], language = "python", tolerance } = options;
  check(options, count, keep);
  const limits = resolveLimits(options.limits);
  const pool = options.pool ?? sharedPool();
  const run = (code: string, test: CodeTest): Promise<Outcome> => pool.run(jobOf(code, language, test, limits));
  const thrownOut: ThrownOut[] = [];
  const proposed = propose(options, count, thrownOut);
  const throwOut = ({ generator, input }: Candidate, why: ThrownOut["why"], detail: string): void => {
    thrownOut.push({ generator, input, why, detail });
  };

  const judged = await Promise.all(
    proposed.map(async (candidate) => ({
      candidate,
      outcomes: await Promise.all(right.map((code) => run(code, candidate.test))),
    })),
  );
  const valid: Candidate[] = [];
  for (const { candidate, outcomes } of judged) {
    const bad = outcomes.findIndex((outcome) => expectedOf(outcome, call) === undefined);
    if (bad >= 0) {
      const { ending, detail } = outcomes[bad]!;
      throwOut(
        candidate,
        "right-solution-failed",
        `right[${bad}]: ${ending === "done" ? "" : `${ending} `}${detail}`.trim(),
      );
      continue;
    }
    candidate.test = complete(candidate.test, expectedOf(outcomes[0]!, call)!);
    const other = outcomes.findIndex((outcome) => !passes(candidate.test, outcome, tolerance));
    if (other >= 0) throwOut(candidate, "right-solutions-disagree", `right[0] and right[${other}]`);
    else valid.push(candidate);
  }
  if (valid.length === 0) {
    const first = thrownOut.find(({ why }) => why !== "duplicate");
    throw new AutodidactError(
      "CODE_MAKE_TESTS",
      `none of ${proposed.length} inputs is valid (${first ? `${first.why}, ${first.detail}` : "nothing was proposed"}); correct the generators or the right solutions`,
    );
  }
  await Promise.all(
    valid.flatMap((candidate) =>
      wrong.map(async (code, index) => {
        if (!passes(candidate.test, await run(code, candidate.test), tolerance)) candidate.fails.add(index);
      }),
    ),
  );
  const useful = wrong.length === 0 ? valid : valid.filter((candidate) => candidate.fails.size > 0);
  for (const candidate of valid)
    if (!useful.includes(candidate)) throwOut(candidate, "catches-nothing", "every wrong solution passes it");
  const chosen = choose(useful, keep);
  for (const candidate of useful)
    if (!chosen.includes(candidate)) throwOut(candidate, "not-needed", `${keep} tests are kept`);
  return {
    tests: chosen.map(({ test }) => test),
    report: {
      proposed: proposed.length + thrownOut.filter(({ why }) => why === "duplicate").length,
      kept: chosen.length,
      thrownOut,
      caught: wrong.map((_, index) => chosen.filter(({ fails }) => fails.has(index)).length),
    },
  };
}

function check({ generators, right }: MakeTestsOptions, count: number, keep: number): void {
  const fail = (message: string): never => {
    throw new AutodidactError("CODE_MAKE_TESTS", message);
  };
  if (Object.keys(generators).length === 0) fail("generators is empty; name at least one");
  if (right.length === 0) fail("right is empty; give at least one solution known to be right");
  for (const [name, value] of Object.entries({ count, keep }))
    if (!Number.isInteger(value) || value < 1 || value > 10_000)
      fail(`${name}, ${value}, must be a whole number from 1 to 10000`);
}

/** Every input once. */
function propose({ seed, generators, call }: MakeTestsOptions, count: number, thrownOut: ThrownOut[]): Candidate[] {
  const seen = new Set<string>();
  const proposed: Candidate[] = [];
  for (const [generator, make] of Object.entries(generators)) {
    for (let index = 0; index < count; index++) {
      const input = make(random(seed, "tests", generator, index), index);
      if (call === undefined ? typeof input !== "string" : !Array.isArray(input) || jsonFault(input) !== null)
        throw new AutodidactError(
          "CODE_MAKE_TESTS",
          `generators.${generator} gave ${typeof input === "string" ? "text" : "a list"} that is no input; it must give ${call === undefined ? "text for standard input" : `a JSON list of arguments for ${call}`}`,
        );
      const key = JSON.stringify(input);
      if (seen.has(key)) {
        thrownOut.push({ generator, input, why: "duplicate", detail: "" });
        continue;
      }
      seen.add(key);
      const test: CodeTest =
        typeof input === "string" ? { input, output: "" } : { call: call!, args: input, expected: null };
      proposed.push({ generator, input, test, fails: new Set() });
    }
  }
  return proposed;
}

/** What a right solution said, or undefined where it failed. */
function expectedOf({ ending, stdout, value }: Outcome, call: string | undefined): { said: JsonValue } | undefined {
  if (ending !== "done") return undefined;
  if (call === undefined) return { said: stdout };
  const said = value === null ? undefined : parseJson(value);
  return said === undefined ? undefined : { said };
}

function complete(test: CodeTest, { said }: { said: JsonValue }): CodeTest {
  return "input" in test ? { input: test.input, output: String(said) } : { ...test, expected: said };
}

function passes(test: CodeTest, outcome: Outcome, tolerance: number | undefined): boolean {
  const given = expectedOf(outcome, "call" in test ? test.call : undefined);
  if (given === undefined) return false;
  return "input" in test
    ? outputMatches(test.output, String(given.said), tolerance ?? null)
    : valueMatches(test.expected, given.said, tolerance);
}

/**
 * Greedy cover: the test that fails most solutions not caught yet; once all are caught, another round over them. Among
 * equals the kind that was chosen least, then the first.
 */
function choose(useful: readonly Candidate[], keep: number): Candidate[] {
  const left = [...useful];
  const chosen: Candidate[] = [];
  let open = new Set<number>();
  while (left.length > 0 && chosen.length < keep) {
    const gain = ({ fails }: Candidate): number => [...fails].filter((index) => open.has(index)).length;
    if (!left.some((candidate) => gain(candidate) > 0)) open = new Set(left.flatMap(({ fails }) => [...fails]));
    const used = ({ generator }: Candidate): number => chosen.filter((other) => other.generator === generator).length;
    let best = 0;
    for (let at = 1; at < left.length; at++) {
      const [one, other] = [left[at]!, left[best]!];
      if (gain(one) > gain(other) || (gain(one) === gain(other) && used(one) < used(other))) best = at;
    }
    const [candidate] = left.splice(best, 1);
    chosen.push(candidate!);
    for (const index of candidate!.fails) open.delete(index);
  }
  return chosen;
}
