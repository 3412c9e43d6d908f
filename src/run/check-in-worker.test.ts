import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Check } from "../check/report.ts";
import { type CheckOptions, checkInWorker } from "./check-in-worker.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-stuck-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A task file; `verify` is the body of its verifier, `top` stands above it. */
function request(name: string, verify: string, top = "", more: Partial<CheckOptions> = {}): CheckOptions {
  writeFileSync(
    join(folder, name),
    `${top}
export default {
  name: "toy",
  *problems(split, random) {
    for (let i = 0; i < 20; i++) {
      const n = 2 * random.int(1000, 1e6) + (split === "eval" ? 1 : 0);
      yield { id: String(n), prompt: "Say a number", level: 1, n };
    }
  },
  rewards: { accuracy: { weight: 1, verify({ text, complete }, { n }) { ${verify} } } },
  gold: ({ n }) => String(n),
};
`,
  );
  return {
    spec: `./${name}`,
    cwd: folder,
    problems: 5,
    seed: 1,
    deadline: 1,
    signal: new AbortController().signal,
    ...more,
  };
}
const sound =
  'const right = complete && text === String(n); return { reward: right ? 1 : 0, reason: right ? "correct" : "wrong", answer: text };';

test("a verifier that never comes back is given up, and what it was asked is told", async () => {
  const seen: Check[] = [];
  const report = await checkInWorker(
    request("hang.mjs", `if (/\\d\\*\\*\\d/.test(text)) for (;;); ${sound}`, "", {
      patience: 3,
      onCheck: (one) => seen.push(one),
    }),
  );
  assert.equal(report.passed, false);
  const last = report.checks.at(-1)!;
  assert.deepEqual([last.name, last.passed], ["time", false]);
  assert.match(last.failure!.message, /stuck for 3 s at hostile completion "power tower, bare", problem \d+: bound/);
  assert.ok(
    report.checks.some(({ name, passed }) => name === "gold" && passed),
    "what was done before is kept",
  );
  assert.deepEqual(seen, report.checks);
});

test("waiting is not being stuck: an asynchronous verifier ends at its own deadline", async () => {
  const report = await checkInWorker(
    request("late.mjs", "return new Promise(() => {});", "", { patience: 5, problems: 1, deadline: 6 }),
  );
  const gold = report.checks.find(({ name }) => name === "gold")!;
  assert.match(gold.failure!.message, /no verdict within 6 s/);
});

test("a file that hangs, one that leaves, and one that throws", async () => {
  const hang = await checkInWorker(request("loop.mjs", sound, "for (;;);", { patience: 2 }));
  assert.match(hang.checks[0]!.failure!.message, /stuck for 2 s at loading the task/);
  await assert.rejects(checkInWorker(request("exit.mjs", sound, "process.exit(0);")), {
    code: "TASK_FILE",
    message: /process\.exit/,
  });
  await assert.rejects(checkInWorker(request("throws.mjs", sound, "throw new Error('no data');")), {
    code: "TASK_FILE",
    message: /throws\.mjs:1: .*no data/,
  });
});

test("a stop ends it", async () => {
  const stop = new AbortController();
  const checking = checkInWorker(request("stopped.mjs", "for (;;);", "", { signal: stop.signal }));
  setTimeout(() => stop.abort(new Error("stopped")), 300);
  await assert.rejects(checking, /stopped/);
});
