import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeModelDirectory } from "../src/checkpoint/model-directory.ts";
import { initialWeights } from "../src/model/parameters.ts";
import type { Summary } from "../src/run/summary.ts";
import { inProcess } from "./in-process.ts";
import { lettersConfig, lettersTokenizer } from "./letters-model.ts";

/** The whole command on a model of ten characters: fresh, it says every letter about equally often. */

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const grpo = (...args: string[]) => inProcess(["grpo", ...args], { cwd: folder });

/** Pays for the share of the letter "b" among what is said; the questions are one letter. */
const task = `
import { defineTask } from "autodidact";
type Letter = { id: string; prompt: string; level: number; family: string };
const letters: Letter[] = [..."acdefg"].map((prompt) => ({ id: prompt, prompt, level: 1, family: prompt < "d" ? "early" : "late" }));
const share = (text: string) => [...text].filter((one) => one === "b").length / 6;
export default defineTask<Letter>({
  name: "say-b",
  problems: (split, random) => (split === "eval" ? [{ id: "h", prompt: "h", level: 1, family: "late" }] : random.shuffle(letters)),
  rewards: {
    accuracy: { weight: 1, verify: ({ text }) => ({ reward: Math.min(1, share(text)), reason: share(text) >= 0.5 ? "correct" : "few", answer: text }) },
  },
  gold: () => "bbbbbb",
});
`;

const sizes =
  "--model base --task ./say-b.ts --threads 1 --steps 6 --problems-per-step 4 --group-size 8 --max-tokens 6".split(" ");
const sets = [
  "evaluation.problems=1",
  "evaluation.samplesPerProblem=32",
  "evaluation.every=3",
  "evaluation.problemsOnTheWay=1",
  "checkpointEvery=2",
].flatMap((one) => ["--set", one]);
const plain = [...sizes, ...sets, "--learning-rate", "0.01"];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-grpo-"));
  writeFileSync(at("say-b.ts"), task);
  await writeModelDirectory(at("base"), {
    config: lettersConfig,
    tokenizer: lettersTokenizer,
    weights: initialWeights(lettersConfig, 3),
  });
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe("grpo", () => {
  test("a model learns a task out of a file", async () => {
    const { code, stdout, stderr } = await grpo(...plain, "--out", "run", "--json");
    assert.equal(code, 0, stderr);
    const summary = JSON.parse(stdout) as Summary;
    assert.ok(summary.after.pass1 > summary.before.pass1 + 0.2, `${summary.before.pass1} -> ${summary.after.pass1}`);
    assert.deepEqual([summary.model, summary.task, summary.novelSolutions], ["base", "say-b", null]);
    assert.deepEqual(
      summary.after.byFamily?.map(({ family }) => family),
      ["late"],
    );
    for (const name of ["model", "report.html", "report.md", "summary.json"])
      assert.ok(existsSync(at("run", name)), name);
    const report = readFileSync(at("run/report.md"), "utf8");
    assert.doesNotMatch(report, /puzzle|Countdown|sequence of operations|NaN|undefined/i);
    assert.match(report, /say-b/);
  });
});
