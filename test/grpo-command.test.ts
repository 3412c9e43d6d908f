import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeModelDirectory } from "../src/checkpoint/model-directory.ts";
import { presets } from "../src/losses/objective-presets.ts";
import type { Objective } from "../src/losses/objective-schema.ts";
import { initialWeights } from "../src/model/parameters.ts";
import type { Summary } from "../src/run/summary.ts";
import { autodidact, newestCheckpoint } from "./autodidact.ts";
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
const set = (...assignments: string[]): string[] => assignments.flatMap((one) => ["--set", one]);
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
  test("a preset is taken as it was published, with an update for each group at most", async () => {
    const objectiveOf = async (...args: string[]): Promise<Objective> =>
      JSON.parse((await grpo(...sizes, "--dry-run", "--json", ...args)).stdout).objective;
    assert.deepEqual(await objectiveOf("--preset", "dapo", ...set("problemsPerStep=16")), presets.dapo);
    assert.deepEqual(await objectiveOf("--preset", "r1"), { ...presets.r1, minibatches: 4 });
    const own = await objectiveOf(...set("objective.preset=gspo", "objective.clipHigh=0.1", "objective.minibatches=2"));
    assert.deepEqual(own, { ...presets.gspo, clipHigh: 0.1, minibatches: 2 });
    // Without one it is dapo with a single update, and every field is written out.
    assert.deepEqual(Object.keys(await objectiveOf()), Object.keys(presets.dapo));
    assert.equal((await objectiveOf()).minibatches, 1);
  });

  test("model and task may only be left out by a run that is gone on with", async () => {
    const { code, stderr } = await grpo("--task", "gcd-lcm", "--out", "nothing");
    assert.equal(code, 2);
    assert.match(stderr, /^OPTION_MISSING: --model is required/);
    assert.match((await grpo("--model", "base", "--out", "nothing", "--resume")).stderr, /--task is required/);
  });

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

  test("with --lora: an adapter; killed and resumed, the same bytes", async () => {
    const args = [
      ...plain,
      "--lora",
      ...set("lora.rank=4", "lora.dropout=0.1", "objective.klCoef=0.01", "objective.reference=true"),
    ];
    assert.equal((await grpo(...args, "--out", "whole")).code, 0);
    assert.ok(!existsSync(at("whole/model")));
    const summary = JSON.parse(readFileSync(at("whole/summary.json"), "utf8")) as Summary;
    assert.ok(summary.seconds.total! > 0);
    const ended = await autodidact(["grpo", ...args, "--out", "killed"], {
      cwd: folder,
      interrupt: { signal: "SIGKILL", when: () => newestCheckpoint(at("killed"), 2) !== undefined },
    });
    assert.equal(ended.signal, "SIGKILL", ended.stderr);
    // A checkpoint holds the adapter and its moments, not the model below.
    const saved = readFileSync(join(newestCheckpoint(at("killed"), 2)!, "trainer.safetensors"));
    const header = JSON.parse(saved.toString("utf8", 8, 8 + Number(saved.readBigUInt64LE(0)))) as object;
    const parts = new Set(
      Object.keys(header)
        .filter((name) => name !== "__metadata__")
        .map((name) => name.replace(/^(\w+)\..*\.lora_[AB]\.weight$/, "$1")),
    );
    assert.deepEqual([...parts].sort(), ["m", "reference", "start", "v"]);
    // Nothing that was said before has to be said again.
    const resumed = await grpo("--resume", "--out", "killed");
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stdout, /going on behind step/);
    for (const file of [
      "metrics.jsonl",
      "rollouts.jsonl",
      "evaluations.jsonl",
      "answers.jsonl",
      "recipe.json",
      "adapter/adapter_model.safetensors",
      "adapter/autodidact.json",
    ])
      assert.ok(readFileSync(at("killed", file)).equals(readFileSync(at("whole", file))), file);
  });

  test("frozen weights held in fewer bytes learn too", async () => {
    for (const hold of ["bfloat16", "int8"]) {
      const { code, stderr } = await grpo(...plain, "--steps", "2", "--lora", "--hold", hold, "--out", hold);
      assert.equal(code, 0, stderr);
      assert.ok(existsSync(at(hold, "adapter/adapter_config.json")));
    }
  });

  test("an adapter whose base has changed is refused by the hashes of both", async () => {
    const other = initialWeights(lettersConfig, 4);
    await writeModelDirectory(at("other"), { config: lettersConfig, tokenizer: lettersTokenizer, weights: other });
    const { code, stderr } = await inProcess(["merge", "--adapter", "whole", "--base", "other", "--out", "merged"], {
      cwd: folder,
    });
    assert.equal(code, 1);
    assert.match(stderr, /ADAPTER_BASE.*base\.weights.*model\.safetensors/s);
    assert.ok(!existsSync(at("merged")));
    const narrow = { ...lettersConfig, intermediate_size: 40 };
    await writeModelDirectory(at("narrow"), {
      config: narrow,
      tokenizer: lettersTokenizer,
      weights: initialWeights(narrow, 4),
    });
    const shaped = await inProcess(["merge", "--adapter", "whole", "--base", "narrow", "--out", "merged"], {
      cwd: folder,
    });
    assert.match(shaped.stderr, /ADAPTER_BASE.*mlp.*lora_[AB].*expected shape/s);
    const before = readFileSync(at("base/model.safetensors"));
    writeFileSync(at("base/model.safetensors"), readFileSync(at("other/model.safetensors")));
    const resumed = await grpo("--resume", "--out", "whole");
    assert.match(resumed.stderr, /ADAPTER_BASE: .*whole: base\.weights.*give the base back its weights/s);
    writeFileSync(at("base/model.safetensors"), before);
    const stacked = await grpo(...sizes, "--model", "whole/adapter", "--lora", "--out", "refused");
    assert.match(stacked.stderr, /RECIPE_INVALID: model: .*adapters do not stack.*autodidact merge/s);
  });
});

describe("grpo refuses, before anything is written", () => {
  const refused = async (args: readonly string[], ...words: string[]) => {
    const { code, stderr } = await grpo(...args, "--out", "refused", "--threads", "1");
    assert.notEqual(code, 0);
    for (const word of words) assert.ok(stderr.includes(word), `"${word}" is not in: ${stderr}`);
    assert.ok(!existsSync(at("refused")));
  };
  const base = ["--model", "base", "--task", "./say-b.ts"];

  test("a task that is not there or whose questions the model cannot be asked", async () => {
    await refused(["--model", "base", "--task", "./nowhere.ts"], "TASK_FILE_MISSING", "nowhere.ts");
    await refused(["--model", "base", "--task", "sums"], "TASK_UNKNOWN", "sums", "arithmetic");
    await refused(["--model", "base", "--task", "arithmetic"], "TOKENIZER_CHARACTER");
    await refused([...base, "--set", "levels=[1]"], "levels", "say-b is no family");
  });

  test("more tokens than the model has positions, with the longest question", () =>
    refused([...base, "--max-tokens", "31"], "maxTokens: is 31", "question of 3 tokens", "32 positions", "at most 29"));

  test("settings that contradict each other", async () => {
    await refused([...base, "--hold", "bfloat16"], 'hold: is "bfloat16"', "--lora");
    await refused([...base, "--template", "no place for a question"], "template", "{prompt}");
    await refused([...base, "--template", "Q: {prompt}\nA:", "--system", "be brief"], "system", "template");
    await refused([...base, "--lora", "--set", "lora.rank=0"], "lora.rank: is 0");
    await refused([...base, "--set", "lora.ranks=8"], "lora.ranks: there is no such setting", "targetModules");
  });

  test("a directory that is in use, before the model is read", async () => {
    const { code, stderr } = await grpo("--model", "nowhere", "--task", "./say-b.ts", "--out", "run");
    assert.equal(code, 1);
    assert.match(stderr, /^RUN_NOT_EMPTY/);
  });
});

test("--dry-run resolves a learning rate for adapters, and shows every setting", async () => {
  const dry = async (...args: string[]) => {
    const { code, stdout, stderr } = await grpo(
      "--model",
      "base",
      "--task",
      "gcd-lcm,zebra",
      "--dry-run",
      "--json",
      ...args,
    );
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as {
      schedule: { learningRate: number };
      lora: { rank: number; alpha: number } | null;
      task: string;
    };
  };
  assert.deepEqual([(await dry()).schedule.learningRate, (await dry()).lora], [1e-5, null]);
  const adapted = await dry("--lora");
  assert.deepEqual(
    [adapted.schedule.learningRate, adapted.lora?.rank, adapted.lora?.alpha, adapted.task],
    [1e-4, 16, 32, "gcd-lcm,zebra"],
  );
  assert.equal((await dry("--set", "lora.rank=8")).lora?.rank, 8);
});
