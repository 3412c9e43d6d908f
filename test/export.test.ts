import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { env, pipeline } from "@huggingface/transformers";
import { adapterFiles } from "../src/checkpoint/adapter-directory.ts";
import { writeDirectoryAtomic } from "../src/checkpoint/files.ts";
import { readModelDirectory, writeModelDirectory } from "../src/checkpoint/model-directory.ts";
import { readGguf } from "../src/gguf/files.ts";
import { modelConfigSchema } from "../src/model/config.ts";
import { adapterShapes, type LoraConfig } from "../src/model/lora.ts";
import { initialWeights } from "../src/model/parameters.ts";
import { random } from "../src/random.ts";
import { openPolicy } from "../src/run/open-policy.ts";
import { characterTokenizer } from "../src/tokenizer/character.ts";
import { autodidact } from "./autodidact.ts";
import { fakeEnvironment, fakeSummary } from "./fake-run.ts";
import { inProcess } from "./in-process.ts";
import { mergedWeights } from "./merged-weights.ts";
import { distance } from "./tiny-model.ts";

/** The command line, from a tiny model to files that other programs load. */

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
const prompt = "fade a bee";

const tokenizer = characterTokenizer("abcdefgh \n");
const config = modelConfigSchema.parse({
  model_type: "qwen3",
  architectures: ["Qwen3ForCausalLM"],
  vocab_size: tokenizer.vocabSize,
  hidden_size: 32,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 64,
  initializer_range: 0.3,
  eos_token_id: tokenizer.endTokens[0],
});
const weights = initialWeights(config, 3);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-export-"));
  await writeModelDirectory(at("model"), { config, weights, tokenizer });
  writeFileSync(at("model", "README.md"), "---\nlicense: apache-2.0\nmodel_name: x\n---\n# Tiny\n");
  writeFileSync(at("model", "LICENSE"), "The licence.\n");
});
after(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => inProcess(["export", ...args], { cwd: folder });
const leftovers = (): string[] => readdirSync(folder).filter((name) => name.startsWith("."));

async function ourText(maxTokens: number): Promise<string> {
  const { engine } = await openPolicy(await readModelDirectory(at("model")), { provider: "cpu", threads: 1 });
  const options = { maxTokens, temperature: 0, endTokens: tokenizer.endTokens };
  const [answers] = await engine.sample([{ prompt: tokenizer.encode(prompt), count: 1, key: ["x"] }], options);
  await engine.close();
  return tokenizer.decode(answers![0]!.tokens, { skipSpecial: true });
}

describe("hf", () => {
  test("in half the bytes and several files, read back as it was rounded", async () => {
    for (const dtype of ["bfloat16", "float16"]) {
      const { code, stdout, stderr } = await run(
        ...["--model", "model", "--to", "hf", "--dtype", dtype, "--shard-size", "9KB", "--out", dtype, "--json"],
      );
      assert.equal(code, 0, stderr);
      const { files, bytes } = JSON.parse(stdout);
      for (const { name, bytes: size, sha256 } of files) {
        const contents = readFileSync(at(dtype, name));
        assert.equal(contents.length, size, name);
        assert.equal(createHash("sha256").update(contents).digest("hex"), sha256, name);
      }
      assert.equal(
        bytes,
        files.reduce((sum: number, file: { bytes: number }) => sum + file.bytes, 0),
      );
      assert.deepEqual(readdirSync(at(dtype)).sort(), files.map(({ name }: { name: string }) => name).sort());
      const index = JSON.parse(readFileSync(at(dtype, "model.safetensors.index.json"), "utf8"));
      const shards = new Set(Object.values(index.weight_map));
      assert.ok(shards.size > 1);
      for (const shard of shards) assert.ok(statSync(at(dtype, shard as string)).size < 9000 + 2000);
      const read = await readModelDirectory(at(dtype));
      assert.equal(read.config.torch_dtype, dtype);
      const precision = dtype === "float16" ? 2 ** -11 : 2 ** -8;
      for (const [name, { data }] of weights) {
        const back = read.weights.get(name)!.data;
        assert.equal(back.length, data.length);
        assert.ok(
          data.every((value, i) => Math.abs(back[i]! - value) <= precision * Math.abs(value) + 2 ** -25),
          name,
        );
      }
      assert.match(readFileSync(at(dtype, "README.md"), "utf8"), /^---\nlicense: apache-2\.0\n/);
      assert.equal(readFileSync(at(dtype, "LICENSE"), "utf8"), "The licence.\n");
    }
  });

  test("float32 in one file is the model's own bytes", async () => {
    const { code, stderr } = await run("--model", "model", "--to", "hf", "--out", "whole");
    assert.equal(code, 0, stderr);
    for (const name of ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
      assert.ok(readFileSync(at("whole", name)).equals(readFileSync(at("model", name))), name);
  });
});

describe("onnx", () => {
  test("transformers.js writes the same text", async () => {
    const { code, stderr } = await run("--model", "model", "--to", "onnx", "--out", "onnx");
    assert.equal(code, 0, stderr);
    env.allowRemoteModels = false;
    env.localModelPath = folder;
    const generate = await pipeline("text-generation", "onnx");
    const ours = await ourText(24);
    assert.ok(ours.length > 3, ours);
    const [theirs] = await generate(prompt, { max_new_tokens: 24, do_sample: false, return_full_text: false });
    assert.equal((theirs as { generated_text: string }).generated_text, ours);
    await generate.dispose();
  });

  test("a type that the layout does not have is refused", async () => {
    const { code, stderr } = await run("--model", "model", "--to", "onnx", "--dtype", "bfloat16", "--out", "x");
    assert.equal(code, 2);
    assert.match(stderr, /^OPTION_INVALID: --dtype bfloat16: .*float32, float16, int8/);
  });
});

describe("gguf", () => {
  test("one file, or a directory with a card, that reads back", async () => {
    for (const [dtype, type, out] of [
      ["float32", "F32", "tiny.gguf"],
      ["int8", "Q8_0", "gguf"],
    ] as const) {
      const args = ["--model", "model", "--to", "gguf", "--dtype", dtype, "--out", out, "--json"];
      const { code, stdout, stderr } = await run(...args);
      assert.equal(code, 0, stderr);
      const names = JSON.parse(stdout).files.map(({ name }: { name: string }) => name);
      const inDirectory = ["gguf-Q8_0.gguf", "README.md", "LICENSE"];
      assert.deepEqual(names, type === "F32" ? ["tiny.gguf", "tiny.gguf.md"] : inDirectory);
      const card = readFileSync(type === "F32" ? at("tiny.gguf.md") : at(out, "README.md"), "utf8");
      assert.match(card, new RegExp(`llama-cli -m '${names[0]}'`));
      const read = await readGguf(type === "F32" ? at(out) : at(out, names[0]));
      const most = type === "F32" ? 0 : 0.02;
      for (const [name, { data }] of weights) assert.ok(distance(read.weights.get(name)!.data, data) <= most, name);
      const again = await run(...args);
      assert.match(again.stderr, /EXPORT_TARGET/);
      if (type !== "F32") continue;
      rmSync(at(out));
      assert.match((await run(...args)).stderr, /EXPORT_TARGET.*tiny\.gguf\.md: is there already; give --force/);
      assert.equal((await run(...args, "--force")).code, 0);
    }
  });
});

describe("a run", () => {
  test("its model, with a card that tells recipe and scores", async () => {
    mkdirSync(at("run"));
    const summary = { ...fakeSummary(7, 100), model: "Owner/base", task: "countdown" };
    writeFileSync(at("run", "recipe.json"), JSON.stringify({ seed: 7, model: "Owner/base@main", task: "countdown" }));
    writeFileSync(at("run", "summary.json"), JSON.stringify(summary));
    writeFileSync(at("run", "environment.json"), JSON.stringify(fakeEnvironment));
    const early = await run("--model", "run", "--to", "hf", "--out", "of-run");
    assert.match(early.stderr, /RUN_UNFINISHED: .*run: .*--resume/);
    await writeModelDirectory(at("run", "model"), { config, weights, tokenizer });
    const { code, stderr } = await run("--model", "run", "--to", "hf", "--out", "of-run");
    assert.equal(code, 0, stderr);
    const card = readFileSync(at("of-run", "README.md"), "utf8");
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    const [low, high] = summary.after.pass1Interval;
    for (const words of [
      "base_model: Owner/base\nbase_model_relation: finetune\nlibrary_name: transformers\npipeline_tag: text-generation\n",
      `${percent(summary.after.pass1)} (${percent(low)} to ${percent(high)})`,
      `On ${summary.after.problems} held-out problems`,
      "- Task: countdown",
      "- Seed: 7",
      fakeEnvironment.cpu,
      summary.command,
      summary.objective.text,
      '"model": "Owner/base@main"',
    ])
      assert.ok(card.includes(words), `${words} is not in ${card}`);
  });
});

describe("a run of supervised fine-tuning", () => {
  test("tells data, losses, time and command, and no folder of this machine", async () => {
    mkdirSync(at("sft"));
    const recipe = { seed: 3, model: "/home/ada/models/base", data: ["/home/ada/chats.jsonl"], steps: null };
    const summary = {
      kind: "sft",
      version: "0.1.0",
      command: "autodidact sft --model /home/ada/models/base '--data=/home/ada/my data/chats.jsonl' --out runs/sft",
      seed: 3,
      model: "/home/ada/models/base",
      data: ["/home/ada/chats.jsonl"],
      result: "model",
      steps: 12,
      epochs: 2,
      tokens: 4321,
      rows: { rows: 60, train: 50, heldOut: 6, dropped: 4, cut: 0 },
      loss: { first: 3.25, last: 1.5, heldOutBefore: 3.5, heldOutAfter: 1.75 },
      seconds: { train: 30, total: 41.4 },
      machine: fakeEnvironment,
    };
    writeFileSync(at("sft", "recipe.json"), JSON.stringify(recipe));
    writeFileSync(at("sft", "summary.json"), JSON.stringify(summary));
    await writeModelDirectory(at("sft", "model"), { config, weights, tokenizer });
    const { code, stderr } = await run("--model", "sft", "--to", "hf", "--out", "of-sft");
    assert.equal(code, 0, stderr);
    const card = readFileSync(at("of-sft", "README.md"), "utf8");
    for (const words of [
      "Trained from base with autodidact 0.1.0",
      "| kept-out documents | 3.5000 | 1.7500 |",
      "| training documents | 3.2500 | 1.5000 |",
      "- Data: chats.jsonl; 50 documents trained on, 6 kept out",
      "- Passes: 2, 4,321 learned tokens",
      "- Updates: 12",
      "- Time: 41 s",
      "autodidact sft --model base '--data=chats.jsonl' --out runs/sft",
      '"model": "base"',
    ])
      assert.ok(card.includes(words), `${words} is not in ${card}`);
    assert.ok(!card.includes("/home/ada"), card);
  });
});

describe("an adapter", () => {
  const lora: LoraConfig = { rank: 2, alpha: 5, dropout: 0, targetModules: ["q_proj", "down_proj"], rslora: false };
  const tensors = new Map(
    [...adapterShapes(config, lora)].map(([name, shape]) => {
      const stream = random("adapter", name);
      return [name, { shape, data: Float32Array.from({ length: shape[0]! * shape[1]! }, () => stream.normal()) }];
    }),
  );
  before(async () => {
    const base = { name: at("model"), revision: null, weights: null };
    await writeDirectoryAtomic(at("adapter-files"), adapterFiles({ lora, base, tensors }));
    mkdirSync(at("lora-run"));
    writeFileSync(at("lora-run", "recipe.json"), JSON.stringify({ seed: 1, model: at("model") }));
    await writeDirectoryAtomic(at("lora-run", "adapter"), adapterFiles({ lora, base, tensors }));
  });

  test("is merged into its base, whatever the format, and of a run", async () => {
    const merged = mergedWeights(weights, tensors, lora);
    for (const model of ["adapter-files", "lora-run"]) {
      const { code, stderr } = await run("--model", model, "--to", "hf", "--out", `merged-${model}`);
      assert.equal(code, 0, stderr);
      const read = await readModelDirectory(at(`merged-${model}`));
      for (const [name, { data }] of merged) assert.equal(distance(read.weights.get(name)!.data, data), 0, name);
      const card = readFileSync(at(`merged-${model}`, "README.md"), "utf8");
      assert.match(card, /license: apache-2\.0[\s\S]*merged in: rank 2, alpha 5, on q_proj, down_proj\./);
      assert.ok(!card.includes(folder), card);
    }
  });

  test("the directory of a run stands for what it has trained, in every command", async () => {
    const ask = ["--prompt", "a bee", "--raw", "--max-tokens", "2", "--temperature", "0", "--threads", "1", "--json"];
    for (const [of, result] of [
      ["run", "run/model"],
      ["lora-run", "lora-run/adapter"],
    ] as const) {
      const named = await inProcess(["sample", "--model", of, ...ask], { cwd: folder });
      assert.equal(named.code, 0, named.stderr);
      assert.equal(named.stdout, (await inProcess(["sample", "--model", result, ...ask], { cwd: folder })).stdout);
    }
    mkdirSync(at("young"));
    writeFileSync(at("young", "recipe.json"), "{}");
    const young = await inProcess(["sample", "--model", "young", ...ask], { cwd: folder });
    assert.match(young.stderr, /RUN_UNFINISHED.*young: .*--resume/);
  });

  test("a base that has moved is named, and given with --base", async () => {
    const base = { name: "/nowhere/base", revision: null, weights: null };
    await writeDirectoryAtomic(at("moved"), adapterFiles({ lora, base, tensors }));
    const ask = ["--prompt", "a bee", "--raw", "--max-tokens", "2", "--threads", "1"];
    const sample = (...more: string[]) => inProcess(["sample", "--model", "moved", ...ask, ...more], { cwd: folder });
    const words = /moved.adapter_config\.json: base_model_name_or_path: \/nowhere\/base: does not exist.*--base/;
    const lost = await sample();
    assert.match(lost.stderr, words);
    assert.match((await run("--model", "moved", "--to", "hf", "--out", "x")).stderr, words);
    const { code, stderr } = await sample("--base", "model");
    assert.equal(code, 0, stderr);
    const served = await sample("--base", "model", "--endpoint", "http://localhost:1/v1");
    assert.match(served.stderr, /^OPTION_INVALID: --base model: goes with an adapter/);
    const many = await sample("--threads", "99999");
    assert.match(many.stderr, /^OPTION_INVALID: --threads 99999: must be at most 256/);
  });

  test("an adapter's own tokenizer brings the chat template that its base has not", async () => {
    const base = { name: at("model"), revision: null, weights: null };
    await writeDirectoryAtomic(at("talking"), adapterFiles({ lora, base, tensors }));
    const ask = ["--prompt", "a bee", "--max-tokens", "2", "--temperature", "0", "--threads", "1", "--json"];
    const sample = () => inProcess(["sample", "--model", "talking", ...ask], { cwd: folder });
    const silent = readFileSync(at("model", "tokenizer_config.json"), "utf8");
    const config = {
      ...(JSON.parse(silent) as object),
      chat_template: "{{ messages[0].content }}{{ raise_exception('own') }}",
    };
    writeFileSync(at("talking", "tokenizer_config.json"), JSON.stringify(config));
    copyFileSync(at("model", "tokenizer.json"), at("talking", "tokenizer.json"));
    assert.match((await sample()).stderr, /CHAT_TEMPLATE.*own/);
    writeFileSync(
      at("talking", "tokenizer_config.json"),
      JSON.stringify({ ...config, chat_template: "{{ messages[0].content }}" }),
    );
    const { code, stderr } = await sample();
    assert.equal(code, 0, stderr);
  });

  test("merge takes a run too, and replaces an earlier export with --force", async () => {
    const merge = (...more: string[]) =>
      inProcess(["merge", "--adapter", "lora-run", "--out", "full", ...more], { cwd: folder });
    assert.equal((await merge()).code, 0);
    assert.match((await merge()).stderr, /EXPORT_TARGET: .*full: .*--force/);
    const { code, stderr } = await merge("--force");
    assert.equal(code, 0, stderr);
  });

  test("alone, as it is, with its card", async () => {
    const { code, stderr } = await run("--model", "lora-run", "--to", "hf", "--adapter-only", "--out", "alone");
    assert.equal(code, 0, stderr);
    const own = ["adapter_config.json", "adapter_model.safetensors", "autodidact.json"];
    assert.deepEqual(readdirSync(at("alone")).sort(), ["LICENSE", "README.md", ...own]);
    for (const name of own)
      assert.ok(readFileSync(at("alone", name)).equals(readFileSync(at("lora-run/adapter", name))), name);
    assert.match(readFileSync(at("alone", "README.md"), "utf8"), /library_name: peft/);
  });

  test("a base or --adapter-only where there is no adapter is refused", async () => {
    const based = await run("--model", "model", "--to", "hf", "--base", "model", "--out", "x");
    assert.match(based.stderr, /EXPORT_ADAPTER: .*model: is no adapter/);
    const alone = await run("--model", "model", "--to", "hf", "--adapter-only", "--out", "x");
    assert.match(alone.stderr, /EXPORT_ADAPTER: .*model: is no adapter/);
    const other = await run("--model", "adapter-files", "--to", "onnx", "--adapter-only", "--out", "x");
    assert.match(other.stderr, /OPTION_INVALID: --adapter-only/);
    assert.ok(!existsSync(at("x")));
  });
});

describe("safety", () => {
  test("what is there is kept, unless it is an export and --force is given", async () => {
    const again = await run("--model", "model", "--to", "hf", "--out", "whole");
    assert.match(again.stderr, /EXPORT_TARGET: .*whole: holds LICENSE, README\.md, .*--force/);
    writeFileSync(at("whole", "thesis.txt"), "years of work");
    const forced = await run("--model", "model", "--to", "hf", "--out", "whole", "--force");
    assert.match(forced.stderr, /EXPORT_TARGET: .*thesis\.txt/);
    rmSync(at("whole", "thesis.txt"));
    const { code, stderr } = await run("--model", "model", "--to", "onnx", "--out", "whole", "--force");
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(at("whole", "onnx")) && !existsSync(at("whole", "model.safetensors")));
    const itself = await run("--model", "model", "--to", "hf", "--out", "model", "--force");
    assert.match(itself.stderr, /EXPORT_TARGET: .*model: holds the model that is to be exported/);
    assert.deepEqual(leftovers(), []);
  });

  test("a file that the system does not let grow leaves nothing", { skip: process.platform === "win32" }, async () => {
    const args = ["export", "--model", "model", "--to", "hf", "--out", "limited"];
    const { code, stderr } = await autodidact(args, { cwd: folder, fileLimit: 16 });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /FILE_NO_SPACE: .*limited\/model\.safetensors: /);
    assert.ok(!existsSync(at("limited")));
    assert.deepEqual(leftovers(), []);
  });
});
