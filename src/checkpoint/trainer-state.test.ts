import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineState, Tensors } from "../engine/engine.ts";
import { type ModelConfig, modelConfigSchema } from "../model/config.ts";
import { parameterShapes } from "../model/parameters.ts";
import { random } from "../random.ts";
import { characterTokenizer } from "../tokenizer/character.ts";
import { readModelDirectory } from "./model-directory.ts";
import { type CheckpointContents, type Json, readCheckpoint, writeCheckpoint } from "./trainer-state.ts";

const root = mkdtempSync(join(tmpdir(), "autodidact-checkpoint-"));
after(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }));
let rooms = 0;
const room = (): string => {
  const path = join(root, `room-${rooms++}`);
  mkdirSync(path);
  return path;
};

const config: ModelConfig = modelConfigSchema.parse({
  model_type: "llama",
  vocab_size: 8,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 16,
});
const filled = (value: number): Tensors =>
  new Map(
    [...parameterShapes(config)].map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value) },
    ]),
  );
/** Everything in it says which step it is. */
const contents = (
  step: number,
  trainer: Json = { seed: 7, bytes: { "metrics.jsonl": step * 100 } },
): CheckpointContents => ({
  step,
  config,
  tokenizer: characterTokenizer("ab=\n"),
  engineState: {
    weights: filled(step),
    optimizer: { step: step * 2, m: filled(step + 0.25), v: filled(step + 0.5) },
    snapshots: { reference: filled(-step), start: filled(0) },
  },
  trainer,
});
const steps = (directory: string): string[] => readdirSync(directory).sort();

describe("checkpoints", () => {
  it("round trip: engine state, trainer state, model", async () => {
    const directory = join(room(), "run", "checkpoints");
    const path = await writeCheckpoint(directory, contents(20));
    assert.equal(path, join(directory, "step-000020"));
    assert.deepEqual(steps(path), ["model", "trainer.json", "trainer.safetensors"]);
    const read = await readCheckpoint(directory);
    assert.ok(read !== undefined);
    assert.equal(read.step, 20);
    assert.deepEqual(read.engineState, contents(20).engineState);
    assert.deepEqual(read.trainer, contents(20).trainer);
    assert.deepEqual(read.skipped, []);
    assert.equal(read.model.config.hidden_size, 64);
    // The model directory stands by itself.
    assert.deepEqual((await readModelDirectory(join(path, "model"))).weights, filled(20));
  });

  it("without optimizer or snapshots", async () => {
    const directory = room();
    const engineState: EngineState = { weights: filled(1) };
    await writeCheckpoint(directory, { ...contents(0, null), engineState });
    assert.deepEqual((await readCheckpoint(directory))?.engineState, engineState);
    await writeCheckpoint(directory, {
      ...contents(1, []),
      engineState: { ...engineState, snapshots: { start: filled(0) } },
    });
    assert.deepEqual(Object.keys((await readCheckpoint(directory))!.engineState), ["weights", "snapshots"]);
  });

  it("the same state gives the same bytes", async () => {
    const [a, b] = [await writeCheckpoint(room(), contents(3)), await writeCheckpoint(room(), contents(3))];
    for (const name of ["trainer.json", "trainer.safetensors", "model/model.safetensors", "model/config.json"])
      assert.ok(readFileSync(join(a, name)).equals(readFileSync(join(b, name))), name);
  });

  it("keeps the last two, or as many as asked", async () => {
    const directory = room();
    assert.equal(await readCheckpoint(directory), undefined);
    assert.equal(await readCheckpoint(join(directory, "none")), undefined);
    for (const step of [5, 10, 15]) await writeCheckpoint(directory, contents(step));
    assert.deepEqual(steps(directory), ["step-000010", "step-000015"]);
    await writeCheckpoint(directory, contents(20), { keep: 3 });
    assert.deepEqual(steps(directory), ["step-000010", "step-000015", "step-000020"]);
    await writeCheckpoint(directory, contents(1_000_000), { keep: 1 });
    assert.deepEqual(steps(directory), ["step-1000000"]);
    await assert.rejects(writeCheckpoint(directory, contents(1), { keep: 0 }), { code: "CHECKPOINT_STATE" });
  });

  it("a run that went back leaves its later checkpoints behind", async () => {
    const directory = room();
    for (const step of [5, 10, 15]) await writeCheckpoint(directory, contents(step), { keep: 9 });
    await writeCheckpoint(directory, contents(10));
    assert.deepEqual(steps(directory), ["step-000005", "step-000010"]);
  });

  it("refuses state that JSON would change, before anything is written", async () => {
    const directory = room();
    const bad: [unknown, RegExp][] = [
      [{ a: [1, Number.NaN] }, /trainer\.a\[1\]: NaN/],
      [{ a: undefined }, /trainer\.a: undefined/],
      [{ a: Number.POSITIVE_INFINITY }, /Infinity/],
      [{ a: new Float32Array(2) }, /trainer\.a/],
      [new Map(), /trainer:/],
      [1n, /trainer: 1/],
    ];
    for (const [trainer, message] of bad)
      await assert.rejects(writeCheckpoint(directory, contents(1, trainer as Json)), {
        code: "CHECKPOINT_STATE",
        message,
      });
    const m = new Map([...filled(1)].slice(1));
    const engineState = { weights: filled(1), optimizer: { step: 1, m, v: filled(1) } };
    await assert.rejects(writeCheckpoint(directory, { ...contents(1), engineState }), {
      code: "MODEL_WEIGHTS",
      message: /trainer.safetensors \(m\): tensor model.embed_tokens.weight: expected shape \[8, 64\], found none/,
    });
    assert.deepEqual(steps(directory), []);
  });

  it("passes over a damaged one to the last good one, and says so", async () => {
    const damages: [string, (path: string) => void][] = [
      ["trainer.json", (file) => writeFileSync(file, "{")],
      ["trainer.json", (file) => rmSync(file)],
      ["trainer.safetensors", (file) => truncateSync(file, 1000)],
      ["trainer.safetensors", (file) => rmSync(file)],
      ["model/tokenizer.json", (file) => truncateSync(file, 10)],
      ["model/model.safetensors", (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length))],
    ];
    for (const [name, damage] of damages) {
      const directory = room();
      await writeCheckpoint(directory, contents(1));
      damage(join(await writeCheckpoint(directory, contents(2)), name));
      const read = await readCheckpoint(directory);
      assert.equal(read?.step, 1, name);
      assert.equal(read.skipped.length, 1);
      assert.match(
        read.skipped[0]!.reason.replaceAll("\\", "/"),
        new RegExp(`step-000002/${name.replaceAll(".", "\\.")}`),
      );
      rmSync(join(directory, "step-000001"), { recursive: true });
      await assert.rejects(readCheckpoint(directory), { code: "CHECKPOINT_DAMAGED", message: /none of 1 checkpoints/ });
    }
  });

  it("says where its directory cannot be made", async () => {
    const file = join(room(), "file");
    writeFileSync(file, "");
    await assert.rejects(writeCheckpoint(join(file, "checkpoints"), contents(1)), { code: "FILE_NO_DIRECTORY" });
  });

  it("does not pass over one that a newer release wrote", async () => {
    const directory = room();
    const file = join(await writeCheckpoint(directory, contents(1)), "trainer.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"version": 1', '"version": 2'));
    await assert.rejects(readCheckpoint(directory), { code: "CHECKPOINT_VERSION", message: /update/ });
  });

  it("reads a step whose replacement was cut off", async () => {
    const directory = room();
    await writeCheckpoint(directory, contents(4));
    const path = await writeCheckpoint(directory, contents(5));
    renameSync(path, join(directory, ".step-000005.old"));
    mkdirSync(join(directory, ".step-000005.tmp-1-1"));
    assert.equal((await readCheckpoint(directory))?.step, 5);
    await writeCheckpoint(directory, contents(6));
    assert.deepEqual(steps(directory), ["step-000005", "step-000006"]);
  });
});

describe("killing the process", () => {
  const program = `
    const [{ readCheckpoint, writeCheckpoint }, { parameterShapes }, { characterTokenizer }, { modelConfigSchema }] =
      await Promise.all(["checkpoint/trainer-state", "model/parameters", "tokenizer/character", "model/config"].map(
        (name) => import(new URL(name + ".js", ${JSON.stringify(new URL("../", import.meta.url).href)}).href)));
    const directory = process.argv[1];
    const config = modelConfigSchema.parse(${JSON.stringify(config)});
    const filled = (value) => new Map([...parameterShapes(config)].map(([name, shape]) =>
      [name, { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value) }]));
    const tokenizer = characterTokenizer("ab=\\n");
    const { writeSync } = await import("node:fs");
    let step = (await readCheckpoint(directory))?.step ?? 0;
    writeSync(1, "from " + step + "\\n");
    for (;;) {
      step++;
      const engineState = { weights: filled(step), optimizer: { step: step * 2, m: filled(step + 0.25), v: filled(step + 0.5) },
        snapshots: { reference: filled(-step), start: filled(0) } };
      // Twice, so that replacing a directory is interrupted too.
      for (let time = 0; time < 2; time++) {
        await writeCheckpoint(directory, { step, config, tokenizer, engineState, trainer: { seed: 7, bytes: { "metrics.jsonl": step * 100 } } });
        writeSync(1, step + "\\n");
      }
    }`;

  it("at any moment leaves a whole checkpoint, never older than the last finished write", async (test) => {
    const directory = room();
    const draw = random(5, "kill");
    let leftovers = 0;
    let last = 0;
    for (let round = 0; round < 15; round++) {
      const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", program, directory], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout!.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      const closed = once(child, "close");
      while (!output.includes("\n")) {
        assert.equal(child.exitCode, null, "the child must not end by itself");
        await sleep(1);
      }
      // On a machine that is busy a first write may take longer than that: then lives get longer.
      await sleep(1 + draw.next() * 60 * (last === 0 ? 1 + round ** 2 : 1));
      child.kill("SIGKILL");
      await closed;

      assert.equal(output.split("\n")[0], `from ${last}`, "the child resumed from what the parent read");
      const finished = output.split("\n").slice(1, -1).map(Number).at(-1) ?? last;
      if (steps(directory).some((name) => name.startsWith("."))) leftovers++;
      const read = await readCheckpoint(directory);
      if (read === undefined) assert.equal(finished, 0);
      else {
        assert.deepEqual(read.skipped, [], "nothing damaged under a final name");
        assert.ok(read.step === finished || read.step === finished + 1, `${read.step} after ${finished}`);
        assert.deepEqual(read.engineState, contents(read.step).engineState);
        assert.deepEqual(read.trainer, contents(read.step).trainer);
        last = read.step;
      }
    }
    assert.ok(last > 0);
    test.diagnostic(`${last} steps in 15 lives, ${leftovers} of them ended inside a write`);
    await writeCheckpoint(directory, contents(last + 1));
    assert.ok(steps(directory).every((name) => name.startsWith("step-")));
  });
});
