import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { modelFiles, writeModelDirectory } from "../src/checkpoint/model-directory.ts";
import { writeGguf } from "../src/gguf/files.ts";
import { hubModel } from "../src/hub/model.ts";
import { initialWeights, parameterCount } from "../src/model/parameters.ts";
import { grpoDefaults } from "../src/recipe/defaults.ts";
import { grpoSchema, parseRecipe } from "../src/recipe/schema.ts";
import { openTasks } from "../src/run/load-task.ts";
import { type Plan, planGrpo } from "../src/run/plan.ts";
import type { Summary } from "../src/run/summary.ts";
import { autodidact } from "./autodidact.ts";
import { hubServer, lfs } from "./hub-server.ts";
import { inProcess } from "./in-process.ts";
import { lettersConfig, lettersTokenizer } from "./letters-model.ts";

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const plan = (...args: string[]) => inProcess(["plan", ...args], { cwd: folder });
const planned = async (...args: string[]): Promise<Plan> => {
  const { code, stdout, stderr } = await plan(...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Plan;
};

const task = `
import { defineTask } from "autodidact";
export default defineTask({
  name: "coin",
  *problems(split, random) {
    for (;;) yield { id: split + random.int(0, 1e9), prompt: "abc", level: 1 };
  },
  rewards: { accuracy: { weight: 1, verify: ({ text }) => ({ reward: text.length % 2, reason: "coin", answer: text }) } },
  gold: () => "a",
});
`;
const grpoOptions = "--model base --task ./coin.ts --problems-per-step 2 --group-size 4 --max-tokens 16".split(" ");

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-plan-"));
  writeFileSync(at("coin.ts"), task);
  writeFileSync(
    at("rows.jsonl"),
    Array.from(
      { length: 20 },
      (_, i) => `${JSON.stringify({ prompt: "abc", completion: "abcdefgh".slice(i % 7) })}\n`,
    ).join(""),
  );
  const model = { config: lettersConfig, tokenizer: lettersTokenizer, weights: initialWeights(lettersConfig, 3) };
  await writeModelDirectory(at("base"), model);
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe("plan grpo", () => {
  test("memory and time of each phase, as text and as JSON", async () => {
    const { code, stdout } = await plan("grpo", ...grpoOptions);
    assert.equal(code, 0);
    for (const line of [
      /^ {2}weights +[\d.]+ kB/m,
      /peak .* (?:it fits|other programs)/,
      /^ {2}training +\d/m,
      /answers of 8 tokens on average/,
      /^ {2}total +[\d.]+ {2}[\d.]+ to [\d.]+ as the machine's speed changed while measured$/m,
      /^ {2}with no group to learn from +[\d.]+ /m,
    ])
      assert.match(stdout, line);
    const { phases, parameters, trained, seconds, fits, expectedBytes, peak, machine } = await planned(
      "grpo",
      ...grpoOptions,
    );
    assert.deepEqual([parameters, trained], [parameterCount(lettersConfig), parameters]);
    assert.notEqual(fits, "no");
    assert.ok(expectedBytes > 0 && expectedBytes <= peak.total && machine.freeBytes <= machine.memoryBytes);
    assert.deepEqual(
      phases.map(({ phase }) => phase),
      ["sampling", "training"],
    );
    assert.ok(seconds!.total > 0 && seconds!.decode > 0 && seconds!.scoring > 0);
  });

  test("without measuring there is no time; adapters train less", async () => {
    const { seconds, trained, parameters, phases } = await planned("grpo", ...grpoOptions, "--lora", "--no-measure");
    assert.equal(seconds, null);
    assert.ok(trained !== parameters && phases[0]!.parts.weights > 4 * parameters);
  });

  test("a run takes about the memory that was planned", async () => {
    const sizes = [...grpoOptions, "--steps", "1"];
    const sets = ["problems=2", "samplesPerProblem=4", "every=0"].flatMap((one) => ["--set", `evaluation.${one}`]);
    const { peak } = await planned("grpo", ...sizes, ...sets, "--no-measure");
    const run = await autodidact(["grpo", ...sizes, ...sets, "--out", "run", "--json"], { cwd: folder });
    assert.equal(run.code, 0, run.stderr);
    const measured = (JSON.parse(run.stdout) as Summary).peakMemoryMiB! * 2 ** 20;
    assert.ok(measured > peak.total / 2 && measured < 2 * peak.total, `${measured} measured, ${peak.total} planned`);
  });

  test("refuses what grpo would refuse, before anything is measured", async () => {
    for (const [args, message, expected] of [
      [["--mean-length", "17"], /meanLength: is 17, more than the 16 tokens/, 1],
      [["--hold", "int8"], /hold: is "int8"/, 2],
      [["--model", "./nowhere"], /there is no such directory or file/, 1],
    ] as const) {
      const { code, stderr } = await plan("grpo", ...grpoOptions, ...args);
      assert.equal(code, expected);
      assert.match(stderr, message);
    }
    mkdirSync(at("adapter"), { recursive: true });
    writeFileSync(at("adapter", "adapter_config.json"), "{}");
    const { stderr } = await plan("grpo", ...grpoOptions, "--model", "adapter");
    assert.match(stderr, /is an adapter, and adapters do not stack/);
  });

  test("of a model on the hub fetches the small files alone", async () => {
    const server = await hubServer();
    try {
      const weights = initialWeights(lettersConfig, 3);
      const files = [...modelFiles({ config: lettersConfig, tokenizer: lettersTokenizer, weights }, "hub")].map(
        ([name, contents]) =>
          [name, contents instanceof Uint8Array ? { bytes: contents, lfs: false } : lfs(new Uint8Array(8))] as const,
      );
      server.put("owner/letters", Object.fromEntries(files));
      const recipe = parseRecipe(grpoSchema, { ...grpoDefaults, model: "owner/letters", task: "coin" });
      const hub = { env: { HF_ENDPOINT: server.endpoint, HF_HOME: at("home") }, retryMs: 1 };
      const coin = await openTasks("./coin.ts", null, folder);
      const { parameters, seconds } = await planGrpo(recipe, coin, undefined, { hub, measure: false });
      assert.deepEqual([parameters, seconds], [parameterCount(lettersConfig), null]);
      assert.ok(server.requests.some((one) => one.endsWith("tokenizer.json")));
      assert.deepEqual(
        server.requests.filter((one) => one.includes("safetensors")),
        [],
      );
      // A GGUF file says itself what it is: once it is there, it is planned with.
      await writeGguf(
        at("letters.gguf"),
        { config: lettersConfig, tokenizer: lettersTokenizer, weights },
        { type: "F32" },
      );
      server.put("owner/gguf", { "letters.gguf": lfs(readFileSync(at("letters.gguf"))) });
      const ofFile = () => planGrpo({ ...recipe, model: "owner/gguf" }, coin, undefined, { hub, measure: false });
      await assert.rejects(ofFile, {
        code: "RECIPE_INVALID",
        message: /not in the cache.*autodidact sample --model owner\/gguf/,
      });
      await hubModel("owner/gguf", hub);
      assert.equal((await ofFile()).parameters, parameterCount(lettersConfig));
    } finally {
      await server.close();
    }
  });
});

describe("plan sft", () => {
  test("takes the lengths of the rows", async () => {
    const options = "--model base --data rows.jsonl --tokens-per-step 40 --max-length 32 --template {prompt}".split(
      " ",
    );
    const { assumptions, phases, seconds } = await planned("sft", ...options);
    assert.match(assumptions[0]!, /^\d+ documents of \d+ tokens on average, 1[12] at most$/);
    assert.deepEqual(
      phases.map(({ phase }) => phase),
      ["training"],
    );
    assert.ok(seconds!.training > 0 && seconds!.decode === 0);
  });
});
