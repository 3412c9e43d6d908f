import assert from "node:assert/strict";
import { EmbeddedEngine } from "../src/engine/embedded.ts";
import { onnxRuntime } from "../src/engine/onnxruntime.ts";
import { referenceRuntime } from "../src/engine/reference.ts";
import { AutodidactError } from "../src/errors.ts";
import { clipLoss, distance, gradientsOf, norm, someData, someTokens, tinyConfig } from "./tiny-model.ts";

/**
 * A training step and a decode on WebGPU against the reference. A program of its own, since a driver may crash or hang:
 * engine.test.ts starts it. Prints "adapter" once there is one; ends with code 77 and the reason where there is none.
 */
try {
  const runtime = await onnxRuntime({ provider: "webgpu" });
  console.log("adapter");
  const [gpu, reference] = [runtime, referenceRuntime()].map((one) => new EmbeddedEngine(one, { config: tinyConfig }));
  const requests = [
    { prompt: someTokens(5, 1), count: 2, key: [1] },
    { prompt: someTokens(9, 2), count: 1, key: [2] },
  ];
  const options = { maxTokens: 8, temperature: 1, endTokens: [] };
  const [drawn, wanted] = [await gpu!.sample(requests, options), await reference!.sample(requests, options)];
  for (const [i, one] of drawn.flat().entries()) {
    assert.deepEqual(one.tokens, wanted.flat()[i]!.tokens);
    assert.ok(distance(one.logprobs, wanted.flat()[i]!.logprobs) < 1e-4);
  }
  const loss = { ...clipLoss, klCoef: 0.1 };
  const [found, expected] = [
    await gradientsOf(gpu!, someData([12, 20, 9]), loss),
    await gradientsOf(reference!, someData([12, 20, 9]), loss),
  ];
  assert.ok(Math.abs(found.loss - expected.loss) < 1e-4);
  for (const [name, gradient] of expected.gradients)
    assert.ok(distance(gradient, found.gradients.get(name)!) < 1e-4 * (1 + norm(gradient)), name);
  process.exit(0); // without waiting for the driver to clean up
} catch (error) {
  console.error(error instanceof AutodidactError ? error.message : error);
  process.exit(error instanceof AutodidactError && error.code === "ENGINE_PROVIDER" ? 77 : 1);
}
