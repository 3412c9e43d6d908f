import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { inProcess } from "../../test/in-process.ts";

/** `grade` and `task check` as a user meets them: files, standard input, exit codes. */

let folder: string;
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return name;
};
before(() => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-grade-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const autodidact = (argv: readonly string[], stdin = "") => inProcess(argv, { cwd: folder, stdin });

const linesOf = (text: string): { reward: number; reason: string; error?: string }[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const twice = `import { defineTask } from "autodidact";
export default defineTask({
  name: "twice",
  *problems(split, random) {
    const given = new Set<number>();
    while (split === "train" || given.size < 50) {
      const n = 2 * random.int(100, 10_000) + (split === "eval" ? 1 : 0);
      if (split === "eval" && given.has(n)) continue;
      given.add(n);
      yield { id: String(n), prompt: \`Twice \${n}?\`, level: 1, n };
    }
  },
  rewards: {
    accuracy: {
      weight: 1,
      verify({ text, complete }, { n }) {
        const given = text.match(/^Answer: (\\d{1,9})$/m)?.[1] ?? null;
        const right = complete && given === String(2 * n);
        return { reward: right ? 1 : 0, reason: right ? "correct" : "wrong", answer: given };
      },
    },
  },
  gold: ({ n }) => \`Twice \${n}.\\nAnswer: \${2 * n}\`,
});
`;

describe("grade", () => {
  test("lines from a file, in order; what cannot be graded is told on stderr as well", async () => {
    const file = write("a.jsonl", '{"gold":"4","answer":"2+2=4"}\n\n{"gold":"4","answer":"5"}\n');
    const { code, stdout, stderr } = await autodidact(["grade", "--verifier", "maths", file]);
    assert.equal(code, 0);
    assert.deepEqual(
      linesOf(stdout).map(({ reward, reason }) => [reward, reason]),
      [
        [1, "correct"],
        [0, "invalid-line"],
        [0, "wrong-value"],
      ],
    );
    assert.match(linesOf(stdout)[1]!.error!, /^a\.jsonl, line 2: /);
    assert.match(stderr, /^1 of 3 lines could not be graded/);
    assert.equal((await autodidact(["grade", "--verifier", "maths", file, "--json"])).stderr, "");
  });

  test("lines from standard input, for a task out of a file", async () => {
    const file = write("twice.ts", twice);
    const { code, stdout } = await autodidact(
      ["grade", "--task", file],
      '{"problem":{"id":"x","prompt":"?","level":1,"n":21},"completion":"Answer: 42"}\n{"problem":"no","completion":""}\nnull',
    );
    assert.equal(code, 0);
    const [right, unknown, none] = linesOf(stdout);
    assert.deepEqual(right, { reward: 1, parts: { accuracy: 1 }, reason: "correct" });
    assert.match(unknown!.error!, /^line 2: problem is the id "no"/);
    assert.match(none!.error!, /^line 3: is null/);
  });

  test("what task show prints is what grade takes", async () => {
    for (const task of ["sequence", write("shown.ts", twice)]) {
      const shown = JSON.parse((await autodidact(["task", "show", task, "-n", "3", "--seed", "7", "--json"])).stdout);
      const lines = (shown as { problems: { gold: string }[] }).problems.map((problem) =>
        JSON.stringify({ problem, completion: problem.gold }),
      );
      assert.equal(lines.length, 3);
      const { stdout } = await autodidact(["grade", "--task", task], lines.join("\n"));
      assert.deepEqual(
        linesOf(stdout).map(({ reward, reason }) => [reward, reason]),
        lines.map(() => [1, "correct"]),
      );
    }
  });

  test("a wrong command line is refused with the remedy", async () => {
    for (const [argv, code, message] of [
      [["grade"], 2, /OPTION_MISSING: --verifier is required: one of maths, code, task/],
      [["grade", "--verifier", "math"], 2, /OPTION_INVALID: --verifier math: .*maths.*code.*task/],
      [["grade", "--verifier", "task"], 2, /OPTION_INVALID: --task is required/],
      [["grade", "--verifier", "maths", "--task", "countdown"], 2, /leave one of them out/],
      [["grade", "--verifier", "maths", "absent.jsonl"], 1, /GRADE_FILE: absent\.jsonl: there is no such file/],
      [["grade", "--verifier", "maths", "."], 1, /GRADE_FILE: \.: is a directory/],
      [["grade", "--task", "nowhere"], 1, /TASK_UNKNOWN: nowhere/],
      [["grade", "--task", "absent.ts"], 1, /TASK_FILE_MISSING: absent\.ts/],
    ] as const) {
      const ended = await autodidact(argv);
      assert.equal(ended.code, code, argv.join(" "));
      assert.match(ended.stderr, message);
      assert.equal(ended.stdout, "");
    }
  });

  test("whoever reads the first lines only may go", {
    skip: process.platform === "win32" && "no head there",
  }, async () => {
    const main = fileURLToPath(new URL("./main.js", import.meta.url));
    const child = spawn(process.execPath, [main, "grade", "--verifier", "maths"], { stdio: ["pipe", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.stdin.on("error", () => {}); // it goes while we still write
    child.stdout.once("data", () => child.stdout.destroy());
    const line = `${JSON.stringify({ gold: "4", answer: "4" })}\n`.repeat(2_000);
    const feed = setInterval(() => child.stdin.write(line), 1);
    const code = await new Promise((resolve) => child.on("close", resolve));
    clearInterval(feed);
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

describe("task check", () => {
  test("a sound task is exit code 0, with a table", async () => {
    const { code, stdout, stderr } = await autodidact(["task", "check", write("sound.ts", twice), "--problems", "10"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^task twice\n/);
    for (const name of [
      "ids",
      "splits",
      "deterministic",
      "gold",
      "digits changed",
      "another's gold",
      "hostile",
      "time",
    ])
      assert.match(stdout, new RegExp(`^pass {2}${name} +\\d+ {2}`, "m"));
    assert.match(stdout, /^ {2}accuracy +1 +1\.000 +0\.000 +0\.000$/m);
    assert.match(stdout, /verdicts a second; the slowest took [\d.]+ ms, on/);
    assert.match(stdout, /All checks passed\.\n$/);
  });

  test("one that can be cheated is exit code 1; the example is shown, in JSON too", async () => {
    const lax = twice.replace("given === String(2 * n)", "given !== null");
    const file = write("lax.ts", lax);
    const { code, stdout, stderr } = await autodidact(["task", "check", file, "--problems", "10"]);
    assert.equal(code, 1);
    assert.match(stdout, /^FAIL {2}digits changed/m);
    assert.match(
      stdout,
      /^ {4}problem \d+: it earned full marks \(the verifier read "\d+"\)\n {4}\| Twice \d+\.\n {4}\| Answer: \d+$/m,
    );
    assert.match(stderr, /^TASK_CHECK: lax\.ts: \d checks failed \(digits changed, another's gold/);
    const json = await autodidact(["task", "check", file, "--problems", "10", "--json"]);
    const report = JSON.parse(json.stdout) as { passed: boolean; checks: { name: string; passed: boolean }[] };
    assert.equal(report.passed, false);
    assert.ok(report.checks.some(({ name, passed }) => name === "digits changed" && !passed));
    assert.match(json.stderr, /^\{"error":\{"code":"TASK_CHECK"/);
  });

  test("a task file that throws names file and line", async () => {
    const { code, stderr } = await autodidact(["task", "check", write("throws.ts", "\nthrow new Error('no data');\n")]);
    assert.equal(code, 1);
    assert.match(stderr, /^TASK_FILE: throws\.ts:2: could not be loaded: Error: no data; mend that line/);
  });
});
