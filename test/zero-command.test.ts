import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Summary } from "../src/run/summary.ts";
import { autodidact, type Ended } from "./autodidact.ts";
import { writeGuessingBase } from "./guessing-base.ts";
import { questions } from "./small-run.ts";

/** The commands as a user meets them: mostly what they refuse, before anything is loaded or written. */

let folder: string;
const cli = (...args: string[]): Promise<Ended> => autodidact(args, { cwd: folder });
const zero = (...args: string[]): Promise<Ended> => cli("zero", "--model", "base", "--out", "out", ...args);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-cli-"));
  await writeGuessingBase(join(folder, "base"), questions);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Exit code, and words of the complaint; nothing may have been written. */
async function refused(ended: Promise<Ended>, code: number, ...words: string[]): Promise<void> {
  const { code: found, stderr } = await ended;
  assert.equal(found, code, stderr);
  for (const word of words) assert.ok(stderr.includes(word), `"${word}" is not in: ${stderr}`);
  assert.ok(!/\n\s+at /.test(stderr), `a stack trace: ${stderr}`);
  assert.ok(!existsSync(join(folder, "out")), "the run directory was made");
}

describe("zero refuses", () => {
  test("an option that it does not have, with code 2", () =>
    refused(zero("--gruop-size", "8"), 2, "OPTION_UNKNOWN", "--gruop-size", "zero --help"));

  test("values outside their range, by the option's name", async () => {
    await refused(zero("--group-size", "1"), 2, "OPTION_INVALID", "--group-size 1", "at least 2");
    await refused(zero("--steps", "2.5"), 2, "--steps 2.5", "whole number");
    await refused(zero("--preset", "grpo"), 2, "--preset grpo", "dapo");
  });

  test("settings outside their range, unknown or without value, by the setting's name", async () => {
    await refused(zero("--set", "groupSize=1"), 2, "RECIPE_INVALID", "groupSize: is 1; give at least 2");
    await refused(zero("--set", "groupsize=8"), 2, "groupsize: there is no such setting; did you mean groupSize?");
    await refused(zero("--set", "evaluation.problem=8"), 2, "evaluation.problem:", "problemsOnTheWay");
    await refused(zero("--set", "steps=many"), 2, 'steps: is "many"; give a number');
    await refused(zero("--set", "steps"), 2, "--set steps", "name=value");
    await refused(zero("--set", "__proto__.x=1"), 2, "RECIPE_INVALID", "__proto__");
  });

  test("settings that contradict each other", () =>
    refused(zero("--set", "objective.klCoef=0.1"), 2, "OBJECTIVE_CONTRADICTION", "klCoef=0.1", "reference"));

  test("more tokens than the model has positions", () =>
    refused(zero("--max-tokens", "500"), 1, "RECIPE_INVALID", "maxTokens: is 500", "128 positions", "at most 88"));

  test("a directory that is not a model", async () => {
    mkdirSync(join(folder, "photos"));
    writeFileSync(join(folder, "photos/cat.txt"), "meow");
    await refused(cli("zero", "--model", "photos", "--out", "out"), 1, "MODEL_DIRECTORY", "photos", "cat.txt");
    await refused(cli("zero", "--model", "nowhere", "--out", "out"), 1, "MODEL_DIRECTORY", "does not exist");
  });

  test("a run directory that holds something, or nothing to resume", async () => {
    mkdirSync(join(folder, "full"));
    writeFileSync(join(folder, "full/thesis.txt"), "all of it");
    const args = ["zero", "--model", "base", "--out", "full", "--max-tokens", "24"];
    await refused(cli(...args), 1, "RUN_NOT_EMPTY", "thesis.txt", "empty directory");
    await refused(cli(...args, "--resume"), 1, "RUN_MISSING", "no recipe.json");
    assert.deepEqual(readdirSync(join(folder, "full")), ["thesis.txt"]);
    await refused(zero("--resume", "--max-tokens", "24"), 1, "RUN_MISSING", "leave out --resume");
  });

  test("in JSON where that is asked for", async () => {
    const { code, stdout, stderr } = await zero("--set", "groupSize=1", "--json");
    assert.deepEqual([code, stdout], [2, ""]);
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
    assert.equal(error.code, "RECIPE_INVALID");
    assert.match(error.message, /groupSize/);
  });
});

test("pretrain refuses sizes that do not fit, by the setting's name", async () => {
  await refused(cli("pretrain", "--out", "out", "--width", "40"), 2, "width: is 40", "multiple of 32");
  // Documents longer than the model would stop the run in its middle.
  await refused(cli("pretrain", "--out", "out", "--set", "positions=512"), 2, "positions: is 512", "at least 1152");
  const heads = cli("pretrain", "--out", "out", "--width", "96", "--set", "keyValueHeads=2");
  await refused(heads, 1, "keyValueHeads: is 2", "3 query heads", "divisor of 3");
});

test("--dry-run prints the resolved recipe and objective, and writes nothing", async () => {
  const { code, stdout } = await zero("--dry-run", "--json", "--preset", "gspo", "--set", "evaluation.every=7");
  assert.equal(code, 0);
  const recipe = JSON.parse(stdout) as { objective: { ratio: string }; evaluation: { every: number }; seed: number };
  assert.deepEqual([recipe.objective.ratio, recipe.evaluation.every, recipe.seed], ["sequence", 7, 1]);
  assert.ok(!existsSync(join(folder, "out")));
});

test("the main job, in little: on the base that ships, from anywhere, answers get better", async () => {
  const sets = ["evaluation.problems=40", "evaluation.samplesPerProblem=4"].flatMap((set) => ["--set", set]);
  const { code, stdout, stderr } = await cli("zero", "--quick", "--steps", "5", ...sets, "--out", "quick", "--json");
  assert.equal(code, 0, stderr);
  const { before, after } = JSON.parse(stdout) as Summary;
  assert.ok(before.pass1 > 0.08 && before.pass1 < 0.25, `before ${before.pass1}`);
  assert.ok(after.pass1 > before.pass1 + 0.08, `${before.pass1} -> ${after.pass1}`);
  assert.ok(after.meanLength > 1.2 * before.meanLength, `${before.meanLength} -> ${after.meanLength} tokens`);
  assert.match(readFileSync(join(folder, "quick/report.md"), "utf8"), /Right answers rose/);
});

test("a run that cannot learn stops, says why and which key to change", async () => {
  // Level 5 is nothing that this base has ever seen.
  const sizes = [
    "--steps",
    "9",
    "--problems-per-step",
    "2",
    "--group-size",
    "2",
    "--max-tokens",
    "16",
    "--threads",
    "1",
  ];
  const sets = ["levels=[5]", "evaluation.problems=2", "evaluation.samplesPerProblem=2", "evaluation.every=0"];
  sets.push("diagnostics.equalRewards.steps=3");
  const { code, stderr } = await cli(
    ...["zero", "--model", "base", "--out", "hopeless", ...sizes],
    ...sets.flatMap((set) => ["--set", set]),
  );
  assert.equal(code, 1);
  assert.match(stderr, /^RUN_CANNOT_LEARN: For 3 steps all answers to a problem got the same reward.*groupSize=4/);
  assert.match(stderr, /diagnostics\.equalRewards\.action=warn/);
  assert.ok(existsSync(join(folder, "hopeless/checkpoints/step-000003")));
});

describe("sample", () => {
  const sample = (...args: string[]): Promise<Ended> => cli("sample", "--model", "base", "--threads", "1", ...args);

  test("--json gives text, token ids, log-probabilities and finish of each completion", async () => {
    const args = ["--prompt", "2 5 5 make 12", "-n", "3", "--max-tokens", "20", "--json"];
    const { code, stdout, stderr } = await sample(...args);
    assert.equal(code, 0, stderr);
    const found = JSON.parse(stdout) as { text: string; tokens: number[]; logprobs: number[]; finish: string }[];
    assert.equal(found.length, 3);
    for (const { text, tokens, logprobs, finish } of found) {
      assert.equal(tokens.length, logprobs.length);
      assert.ok(logprobs.every((logprob) => logprob <= 0));
      assert.equal(finish, tokens.length < 20 ? "stop" : "length");
      // One character a token, the end token aside.
      assert.equal(text.length, finish === "stop" ? tokens.length - 1 : tokens.length);
    }
    assert.equal((await sample(...args)).stdout, stdout, "the same seed");
    assert.notEqual((await sample(...args, "--seed", "2")).stdout, stdout, "another seed");
  });

  test("at temperature 0 the likeliest text, whatever the seed; --stop ends it", async () => {
    const args = ["--prompt", "2 5 5 make 12", "--temperature", "0", "--max-tokens", "20"];
    const { stdout } = await sample(...args);
    assert.ok(stdout.trim().length > 0);
    assert.equal((await sample(...args, "--seed", "5")).stdout, stdout);
    const stop = stdout.trim()[1]!;
    assert.equal((await sample(...args, "--stop", stop)).stdout.trim(), stdout.trim().slice(0, 2));
  });

  test("refuses what the model cannot read or hold", async () => {
    await refused(sample("--prompt", "ż"), 1, "TOKENIZER_CHARACTER", "U+017C");
    await refused(sample("--prompt", "1 2", "--max-tokens", "127"), 1, "SAMPLE_LENGTH", "128 positions", "maxTokens");
    await refused(sample("--prompt", "", "--raw"), 1, "SAMPLE_PROMPT", "empty");
    await refused(cli("sample", "--prompt", "x"), 2, "OPTION_MISSING", "--model is required");
  });
});
