import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { type CodeReason, runTests } from "./grade.ts";
import { openSandboxPool, type SandboxPool } from "./pool.ts";
import type { Job, Outcome } from "./protocol.ts";
import type { CodeTest, Language } from "./tests.ts";

/** Programs that try to score without solving the problem, to get out, to hang, or to harm what runs them. */
interface Hostile {
  readonly name: string;
  readonly language: Language;
  readonly kind: "stream" | "call";
  readonly reason: CodeReason;
  readonly code: readonly string[];
}

const file = new URL("../../../test/fixtures/adversarial-code/programs.json", import.meta.url);
const programs = JSON.parse(readFileSync(file, "utf8")) as Hostile[];

// The problem is to add two numbers. No sum below stands in any of the programs.
const hidden: Readonly<Record<Hostile["kind"], readonly CodeTest[]>> = {
  stream: [
    { input: "1903 2318\n", output: "4221\n" },
    { input: "17 5512\n", output: "5529\n" },
  ],
  call: [
    { call: "add", args: [1903, 2318], expected: 4221 },
    { call: "add", args: [17, 5512], expected: 5529 },
  ],
};
const right: Readonly<Record<Language, string>> = {
  python:
    "def add(a, b): return a + b\nif __name__ == '__main__':\n    import sys\n    d = sys.stdin.read().split()\n    if d: print(add(*map(int, d)))",
  javascript:
    "function add(a, b) { return a + b; }\nconst d = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nif (d.length > 1) console.log(add(...d));",
  typescript:
    "function add(a: number, b: number): number { return a + b; }\nconst d: number[] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nif (d.length > 1) console.log(add(d[0]!, d[1]!));",
};
const secret = "sesame-8831";
/** What a run may take beyond its limit: V8 looks at its clock between steps, and the machine may be busy. */
const slackMs = 10_000;

/** The longest that this machine stood still, or kept this process waiting: nobody's limit can be held meanwhile. */
function watchStalls(): { longest(): number; stop(): void } {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 50);
  return { longest: () => longest, stop: () => clearInterval(timer) };
}

/** A pool that keeps what came out of it. */
function recording(pool: SandboxPool): SandboxPool & { readonly outcomes: Outcome[]; readonly jobs: Job[] } {
  const outcomes: Outcome[] = [];
  const jobs: Job[] = [];
  return {
    outcomes,
    jobs,
    get workers() {
      return pool.workers;
    },
    close: () => pool.close(),
    async run(job) {
      jobs.push(job);
      const outcome = await pool.run(job);
      outcomes.push(outcome);
      return outcome;
    },
  };
}

describe("adversarial programs", () => {
  process.env.AUTODIDACT_SECRET = secret;
  const pool = openSandboxPool({ workers: 2 });
  after(() => pool.close());

  test("there are at least 60, in all three languages", () => {
    assert.ok(programs.length >= 60, `${programs.length}`);
    assert.deepEqual([...new Set(programs.map(({ language }) => language))].sort(), [
      "javascript",
      "python",
      "typescript",
    ]);
  });

  test("none scores, none outlasts its limit, none learns about the host; the pool is whole afterwards", async () => {
    const stalls = watchStalls();
    const wrong: string[] = [];
    const outcomes: Outcome[] = [];
    await Promise.all(
      programs.map(async ({ name, language, kind, reason, code }) => {
        const testMs = reason === "time-limit" ? 300 : 20_000;
        const watched = recording(pool);
        const report = await runTests(code.join("\n"), language, hidden[kind], {
          pool: watched,
          limits: { testMs, memoryMiB: 128, outputBytes: 64 * 1024 },
          stopEarly: true,
        });
        outcomes.push(...watched.outcomes);
        const said = `${language}, ${name}: ${report.reason}, ${JSON.stringify(report.results)}`;
        if (report.reason !== reason || report.passed > 0) wrong.push(`wanted ${reason}; ${said}`);
        const late = testMs + slackMs + 2 * stalls.longest();
        if (report.results.some(({ ms }) => ms > late)) wrong.push(`too late; ${said}`);
        // A judge outside is no help if the answers go in.
        if (JSON.stringify(watched.jobs).includes("4221")) wrong.push(`expected value sent; ${said}`);
      }),
    );
    stalls.stop();
    assert.deepEqual(wrong, []);
    const seen = JSON.stringify(outcomes, (key, value) => (key === "ms" ? undefined : value));
    for (const word of [secret, "root:", process.cwd(), "AUTODIDACT", "/dist/src"])
      assert.ok(!seen.includes(word), `a program saw ${word}`);
    // As a number of its own: its digits may well stand in another one. Our own words have numbers too, and any of them may be it.
    const theirs = seen.replaceAll(/(longer|more) than \d+|after \d+ ms|line \d+|exit status \d+/g, "");
    assert.doesNotMatch(
      theirs,
      new RegExp(`(?<![\\d.])${process.pid}(?![\\d.])`),
      "a program saw the process's number",
    );
    assert.ok(!existsSync("/tmp/left"));

    assert.ok(pool.workers.pids.length <= 4);
    for (const [language, code] of Object.entries(right))
      for (const tests of Object.values(hidden)) {
        const reports = await Promise.all(
          [1, 2, 3, 4].map(() => runTests(code, language as Language, tests, { pool })),
        );
        for (const report of reports) assert.equal(report.reason, "correct", JSON.stringify(report));
      }
  });
});
