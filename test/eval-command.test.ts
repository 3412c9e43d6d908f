import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readModelDirectory } from "../src/checkpoint/model-directory.ts";
import { evaluate } from "../src/eval/evaluate.ts";
import { environment } from "../src/run/environment.ts";
import type { EvalRecord } from "../src/run/eval-record.ts";
import { openPolicy } from "../src/run/open-policy.ts";
import { openRun } from "../src/run/run-directory.ts";
import { countdown } from "../src/tasks/countdown.ts";
import { autodidact } from "./autodidact.ts";
import { root } from "./imports.ts";
import { inProcess } from "./in-process.ts";
import { chat, openaiServer, send } from "./openai-server.ts";

/** `autodidact eval` and `compare` as a user runs them. */

const base = join(root, "models/countdown-base");
let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
const bytes = (out: string, file = "eval.json"): string => readFileSync(at(out, file), "utf8");
const run = (args: readonly string[], env: Record<string, string> = {}) => inProcess(args, { cwd: folder, env });
const small = ["--task", "countdown", "--problems", "10", "-k", "3", "--max-tokens", "120", "--threads", "1"];
const evalBase = (out: string, more: readonly string[] = []) =>
  run(["eval", "--model", base, ...small, "--out", out, ...more]);
const record = (out: string): EvalRecord => JSON.parse(bytes(out)) as EvalRecord;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-eval-"));
  const { code, stderr } = await evalBase("whole");
  assert.equal(code, 0, stderr);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("figures, every answer, a page and the recipe lie in the directory", () => {
  const { report, recipe, engine } = record("whole");
  assert.equal(engine, "onnxruntime/cpu");
  assert.deepEqual([recipe.temperature, recipe.topP, recipe.samplesPerProblem], [0.6, 0.95, 3]);
  assert.match(Object.values(recipe.weights!)[0]!, /^[0-9a-f]{64}$/);
  assert.equal(report.problems, 10);
  assert.deepEqual(Object.keys(report.passAtK), ["1", "2", "3"]);
  const lines = bytes("whole", "answers.jsonl")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ sample }) => sample),
    Array.from({ length: 30 }, (_, i) => i % 3),
  );
  const right = lines.filter(({ reason }) => reason === "correct").length;
  assert.ok(Math.abs(report.pass1.value - right / 30) < 1e-12);
  assert.match(bytes("whole", "eval.md"), /^# .*countdown-base \(onnxruntime\/cpu\) on countdown$/m);
  assert.equal(
    bytes("whole", "eval.md")
      .split("\n")
      .filter((line) => line.startsWith("| pass@")).length,
    3,
  );
});

test("the same figures as the evaluation within a run, at temperature 1", async () => {
  const { code, stderr } = await evalBase("hot", ["--temperature", "1", "--top-p", "1", "--seed", "5"]);
  assert.equal(code, 0, stderr);
  const policy = await openPolicy(await readModelDirectory(base), { provider: "cpu", threads: 1 });
  const within = await evaluate(policy, countdown(), { problems: 10, samplesPerProblem: 3, maxTokens: 120, seed: 5 });
  await policy.engine.close();
  assert.deepEqual(record("hot").report, JSON.parse(JSON.stringify(within.report)));
  // A run's own measurements compare too, with each other and with an evaluation made alike.
  const written = await openRun(at("run"), { recipe: { seed: 5 }, environment: environment("onnxruntime/cpu") });
  for (const label of ["before", "after"]) await written.recordEvaluation(label, 0, within.report, within.answers);
  await written.close();
  for (const sides of [["run"], ["run#before", "run#after"], ["hot", "run"]]) {
    const compared = await run(["compare", ...sides]);
    assert.match(compared.stdout, /^No difference: both answer every one of the 10 problems/m, compared.stderr);
  }
  assert.match((await run(["compare", "whole", "run"])).stderr, /^COMPARE_DIFFERS: temperature: is 0.6 /);
  assert.match((await run(["compare", "hot", "run#later"])).stderr, /^COMPARE_SOURCE: .*there is #before, #after/);
});

describe("resumed", () => {
  test("from a torn file: the same bytes", async () => {
    for (const [name, share] of [
      ["half", 0.5],
      ["torn", 0.83],
      ["none", 0],
    ] as const) {
      cpSync(at("whole"), at(name), { recursive: true });
      rmSync(at(name, "eval.json"));
      truncateSync(at(name, "answers.jsonl"), Math.floor(bytes("whole", "answers.jsonl").length * share));
      const { code, stdout, stderr } = await evalBase(name);
      assert.equal(code, 0, stderr);
      assert.equal(/going on behind \d+ of 30 answers/.test(stdout), share > 0);
      for (const file of ["eval.json", "eval.md", "answers.jsonl"])
        assert.equal(bytes(name, file), bytes("whole", file));
    }
  });

  test("from lines in any order, as they come from several requests at once", async () => {
    cpSync(at("whole"), at("mixed"), { recursive: true });
    rmSync(at("mixed", "eval.json"));
    const lines = bytes("whole", "answers.jsonl").trimEnd().split("\n");
    writeFileSync(
      at("mixed", "answers.jsonl"),
      lines
        .reverse()
        .slice(0, 17)
        .map((line) => `${line}\n`)
        .join(""),
    );
    assert.equal((await evalBase("mixed")).code, 0);
    for (const file of ["eval.json", "answers.jsonl"]) assert.equal(bytes("mixed", file), bytes("whole", file));
  });

  test("killed without warning and started again: the same bytes", async () => {
    const args = ["eval", "--model", base, ...small, "--out", "killed"];
    const answers = at("killed", "answers.jsonl");
    const when = (): boolean => existsSync(answers) && readFileSync(answers).length > 0;
    const killed = await autodidact(args, { cwd: folder, interrupt: { signal: "SIGKILL", when } });
    if (killed.signal === "SIGKILL")
      assert.ok(!existsSync(at("killed", "eval.json")) || bytes("killed") === bytes("whole"));
    assert.equal((await autodidact(args, { cwd: folder })).code, 0);
    for (const file of ["eval.json", "answers.jsonl"]) assert.equal(bytes("killed", file), bytes("whole", file));
  });

  test("stopped by Ctrl-C it says how to go on", async () => {
    const args = ["eval", "--model", base, ...small, "--problems", "200", "-k", "16", "--out", "stopped"];
    const when = (): boolean =>
      existsSync(at("stopped", "answers.jsonl")) && readFileSync(at("stopped", "answers.jsonl")).length > 0;
    const { code, stdout } = await autodidact(args, { cwd: folder, interrupt: { signal: "SIGINT", when } });
    assert.equal(code, 130);
    assert.match(stdout, /every answer until now is in stopped. Go on with the same command/);
    assert.ok(!existsSync(at("stopped", "eval.json")));
  });

  test("a finished one is only read; other settings are refused by name", async () => {
    const { stdout } = await evalBase("whole", ["--json"]);
    assert.deepEqual(JSON.parse(stdout), record("whole"));
    for (const [more, field] of [
      [["--temperature", "1"], "temperature: is 1 here and 0.6"],
      [["-k", "4"], "samplesPerProblem: is 4 here and 3"],
      [["--system", "x"], 'system: is "x" here and null'],
    ] as const) {
      const { code, stderr } = await evalBase("whole", more);
      assert.equal(code, 1);
      assert.ok(stderr.startsWith(`RUN_RECIPE_DIFFERS: ${field}`), stderr);
    }
  });

  test("a damaged line and a directory of something else are refused", async () => {
    cpSync(at("whole"), at("damaged"), { recursive: true });
    rmSync(at("damaged", "eval.json"));
    appendFileSync(at("damaged", "answers.jsonl"), '{"problem": 5}\n');
    assert.match((await evalBase("damaged")).stderr, /^RUN_DAMAGED: .*answers.jsonl:31: /);
    mkdirSync(at("mine"));
    writeFileSync(at("mine", "letter.txt"), "dear");
    assert.match((await evalBase("mine")).stderr, /^RUN_NOT_EMPTY: .*letter.txt/);
  });
});

describe("behind an endpoint", () => {
  test("a data set: columns by name, instruction, key from the environment, lengths estimated", async () => {
    const rows = [
      { question: "2 + 3?", answer: "5", hard: 1 },
      { question: "4 + 4?", answer: "8", hard: 2 },
    ];
    writeFileSync(at("sums.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const server = await openaiServer(({ body }, response) => {
      const [system, user] = body.messages as { content: string }[];
      assert.equal(system!.content, "Be brief.");
      send(
        response,
        200,
        chat(user!.content.startsWith("2 + 3?\n\nBox it.") ? "\\boxed{5}" : "\\boxed{9}", { usage: null }),
      );
    });
    const args = [
      "eval",
      "--endpoint",
      server.url,
      "--model",
      "m",
      "--task",
      "sums.jsonl",
      "--prompt",
      "question",
      "--gold",
      "answer",
    ];
    const more = [
      "--level-column",
      "hard",
      "--system",
      "Be brief.",
      "--instruction",
      "Box it.",
      "-k",
      "2",
      "--api-key-env",
      "MY_KEY",
    ];
    const { code, stdout, stderr } = await run([...args, ...more], { MY_KEY: "sk-1" });
    await server.close();
    assert.equal(code, 0, stderr);
    assert.equal(server.asked[0]!.authorization, "Bearer sk-1");
    assert.match(stdout, /pass@1 +50\.0 %/);
    assert.match(stdout, /lengths are a fourth of the characters/);
    assert.match(stdout, /answers and figures: evals\/m--sums.jsonl/);
    assert.ok(!readFileSync(at("evals/m--sums.jsonl/recipe.json"), "utf8").includes("sk-1"));
    assert.deepEqual(
      record("evals/m--sums.jsonl").report.byLevel.map(({ pass1 }) => pass1.value),
      [1, 0],
    );
  });

  test("one that fails leaves what was answered; the same command goes on", async () => {
    let works = false;
    const server = await openaiServer(({ number }, response) =>
      works || number <= 3 ? send(response, 200, chat("9*7=63 63+2=65 yes")) : send(response, 404, "gone"),
    );
    const args = [
      "eval",
      "--endpoint",
      server.url,
      "--model",
      "m",
      "--task",
      "countdown",
      "--problems",
      "4",
      "-k",
      "2",
      "--concurrency",
      "1",
      "--out",
      "failing",
    ];
    assert.match((await run(args)).stderr, /^(.*\n)*ENDPOINT_REFUSED: .*404 gone/);
    assert.equal(bytes("failing", "answers.jsonl").trimEnd().split("\n").length, 3);
    works = true;
    const asked = server.asked.length;
    const { code, stderr } = await run(args);
    await server.close();
    assert.equal(code, 0, stderr);
    assert.equal(server.asked.length - asked, 5);
  });
});

describe("sample with a file of prompts", () => {
  test("every answer with the fields of its prompt; resumed without asking twice", async () => {
    writeFileSync(
      at("prompts.jsonl"),
      '{"prompt":"one","gold":"1"}\n\n{"id":"b","messages":[{"role":"user","content":"two"}]}\n',
    );
    const server = await openaiServer(({ body }, response) =>
      send(response, 200, chat(`to ${(body.messages as { content: string }[]).at(-1)!.content}`)),
    );
    const args = [
      "sample",
      "--endpoint",
      server.url,
      "--model",
      "m",
      "--prompts",
      "prompts.jsonl",
      "-n",
      "2",
      "--out",
      "data",
    ];
    assert.equal((await run(args)).code, 0);
    const file = at("data", "answers.jsonl");
    const lines = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { sample, ...first } = lines.find(({ line }) => line === 1)!;
    assert.deepEqual(first, {
      prompt: "one",
      gold: "1",
      line: 1,
      completion: "to one",
      tokens: 6,
      finish: "stop",
      complete: true,
    });
    assert.ok(sample === 0 || sample === 1);
    assert.equal(lines.filter(({ id, completion }) => id === "b" && completion === "to two").length, 2);
    truncateSync(file, readFileSync(file).length - 5);
    assert.equal((await run(args)).code, 0);
    assert.equal(server.asked.length, 5);
    const { stderr } = await run([...args, "--temperature", "0.5"]);
    await server.close();
    assert.match(stderr, /RUN_RECIPE_DIFFERS: temperature: is 0.5 here and 1/);
  });

  test("lines that are no prompts are refused with their number", async () => {
    for (const [text, words] of [
      ["{}", "neither prompt nor messages"],
      ['{"prompt":"a","messages":[{"role":"user","content":"b"}]}', "both prompt and messages"],
      ['{"prompt":"a","sample":3}', "a field sample"],
      ["nonsense", "is not JSON"],
    ] as const) {
      writeFileSync(at("bad.jsonl"), `{"prompt":"fine"}\n${text}\n`);
      const { stderr } = await run(["sample", "--model", base, "--prompts", "bad.jsonl"]);
      assert.ok(
        stderr.startsWith("PROMPTS_FILE: ") && stderr.includes(`bad.jsonl:2: `) && stderr.includes(words),
        stderr,
      );
    }
  });
});

describe("compare", () => {
  before(async () => {
    assert.equal((await evalBase("again", ["--seed", "2"])).code, 0);
    // A model that solves everything that the other one didn't.
    cpSync(at("whole"), at("solved"), { recursive: true });
    const lines = bytes("whole", "answers.jsonl")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { rewards: object });
    const right = lines.map((line) => JSON.stringify({ ...line, rewards: { ...line.rewards, accuracy: 1 } }));
    writeFileSync(at("solved", "answers.jsonl"), `${right.join("\n")}\n`);
  });

  test("says in a sentence whether the difference can be chance, and with how many problems one would know", async () => {
    const { stdout, code } = await run(["compare", "whole", "again"]);
    assert.equal(code, 0);
    assert.match(stdout, /^No (significant )?difference: /m);
    assert.match(stdout, /^Of 10 problems B does better on \d+, worse on \d+, and as well on \d+\.$/m);
    assert.match(
      (await run(["compare", "whole", "solved"])).stdout,
      /^B is better than A by .* points .* the difference is significant, p /m,
    );
    const found = JSON.parse((await run(["compare", "whole", "solved", "--json"])).stdout) as {
      significant: boolean;
      p: number;
      better: number;
      pass1: { b: number };
      byLevel: unknown[];
    };
    assert.deepEqual([found.significant, found.pass1.b, found.byLevel.length], [true, 1, 5]);
  });

  test("measurements that were not made alike are refused with the field; --allow lets one differ", async () => {
    const args = ["--temperature", "0.9", "--out", "warm"];
    assert.equal((await run(["eval", "--model", base, ...small, ...args])).code, 0);
    assert.match(
      (await run(["compare", "whole", "warm"])).stderr,
      /^COMPARE_DIFFERS: temperature: is 0.6 in .* and 0.9 in /,
    );
    assert.match(
      (await run(["compare", "whole", "warm", "--allow", "temperature"])).stdout,
      /allowed to differ: temperature: 0.6 and 0.9/,
    );
    assert.match((await run(["compare", "whole"])).stderr, /^COMPARE_SOURCE: .*give a second one/);
    assert.match((await run(["compare", "whole", "nowhere"])).stderr, /^COMPARE_SOURCE: .*nowhere/);
    assert.equal((await evalBase("stump", ["--problems", "9"])).code, 0);
    assert.match((await run(["compare", "whole", "stump"])).stderr, /^COMPARE_DIFFERS: problems: is 10 /);
  });
});
