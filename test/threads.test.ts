import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as ops from "../src/autodiff/ops.ts";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { random } from "../src/random.ts";
import { crossEntropy, gradientsOf, tinyConfig } from "./tiny-model.ts";

describe("several threads", () => {
  test("lose no sum where many rows are added to few", async () => {
    const [rows, slots, width] = [48, 4096, 128];
    const stream = random(1);
    const indices = BigInt64Array.from({ length: slots }, () => BigInt(stream.int(0, rows - 1)));
    const added = ops.scatterAdd(ops.input("indices", ["N"], "int"), ops.input("updates", ["N", width]), rows);
    const program = await (await onnxRuntime({ threads: 4 })).compile({ outputs: new Map([["sums", added]]) });
    const wanted = new Float32Array(rows * width);
    for (const row of indices) for (let c = 0; c < width; c++) wanted[Number(row) * width + c]! += 1;
    for (let run = 0; run < 4; run++) {
      const { sums } = await program.run({
        indices: { shape: [slots], data: indices },
        updates: { shape: [slots, width], data: new Float32Array(slots * width).fill(1) },
      });
      assert.deepEqual(sums!.data, wanted);
    }
    await program.release();
  });

  test("give the same gradients to the last bit, time after time, in a micro-batch of full size", async () => {
    const config = { ...tinyConfig, hidden_size: 128, head_dim: 32, max_position_embeddings: 512 };
    const engine = new EmbeddedEngine(await onnxRuntime({ threads: 4 }), { config, seed: 1 });
    const stream = random(2);
    const data = Array.from({ length: 16 }, () => ({
      tokens: Int32Array.from({ length: 257 }, () => stream.int(0, config.vocab_size - 1)),
      promptLength: 1,
      weights: new Float32Array(256).fill(1 / 4096),
    }));
    const first = await gradientsOf(engine, data, crossEntropy);
    for (let run = 0; run < 4; run++) assert.deepEqual(await gradientsOf(engine, data, crossEntropy), first);
    await engine.close();
  });
});
