import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type ModelConfig, modelConfigSchema } from "./config.ts";
import { rotaryFrequencies, rotaryTables } from "./rotary.ts";

/** From scripts/fixtures/parity.py, as transformers computes them. */
interface Expected {
  readonly positions: readonly number[];
  readonly models: Readonly<Record<string, Rotary>>;
}
interface Rotary {
  readonly head_dim: number;
  readonly rope_parameters: { readonly rope_type: string; readonly rope_theta: number };
  readonly frequencies: readonly number[];
  /** (positions, D/2) */
  readonly cos: readonly (readonly number[])[];
  readonly sin: readonly (readonly number[])[];
}
const fixture = new URL("../../../test/fixtures/rotary.json", import.meta.url);
const { positions, models } = JSON.parse(readFileSync(fixture, "utf8")) as Expected;

function configOf({ head_dim, rope_parameters: { rope_theta, ...scaling } }: Rotary): ModelConfig {
  return modelConfigSchema.parse({
    model_type: "llama",
    vocab_size: 2,
    hidden_size: head_dim,
    intermediate_size: 2,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    max_position_embeddings: 131072,
    rope_theta,
    ...(scaling.rope_type !== "default" && { rope_scaling: scaling }),
  });
}

describe("rotary positions equal transformers'", () => {
  for (const [name, model] of Object.entries(models))
    it(name, (test) => {
      const config = configOf(model);
      const frequencies = rotaryFrequencies(config);
      let different = 0;
      for (const [i, frequency] of frequencies.entries()) {
        const expected = model.frequencies[i]!;
        assert.ok(Math.abs(frequency / expected - 1) < 3e-7, `frequency ${i}: ${frequency}, expected ${expected}`);
        if (frequency !== Math.fround(expected)) different++;
      }
      const half = frequencies.length;
      const { cos, sin } = rotaryTables(config, Math.max(...positions) + 1);
      const worst = positions.map((position, p) => {
        let largest = 0;
        for (let i = 0; i < half; i++) {
          // A frequency that is the neighbouring float32 turns an angle by as much as float32 can tell apart.
          const allowed = 2e-6 + 2.5e-7 * position * frequencies[i]!;
          for (const [found, expected] of [
            [cos[position * half + i]!, model.cos[p]![i]!],
            [sin[position * half + i]!, model.sin[p]![i]!],
          ] as const) {
            largest = Math.max(largest, Math.abs(found - expected));
            assert.ok(Math.abs(found - expected) < allowed, `position ${position}, pair ${i}: ${found}, ${expected}`);
          }
        }
        return `${largest.toExponential(1)} at ${position}`;
      });
      test.diagnostic(
        `${different} of ${half} frequencies are a neighbouring float32; differences ${worst.join(", ")}`,
      );
    });

  it("Llama 3 leaves fast turns, stretches slow ones, and goes over smoothly", () => {
    const config = configOf(models["Llama-3.1-8B"]!);
    const { rope_scaling, ...plain } = config;
    const stretch = rotaryFrequencies(plain).map((frequency, i) => frequency / rotaryFrequencies(config)[i]!);
    assert.equal(stretch[0], 1);
    assert.ok(Math.abs(stretch[63]! - 8) < 1e-5);
    assert.ok(stretch.some((by) => by > 1.5 && by < 7));
    assert.ok(stretch.every((by, i) => i === 0 || by > stretch[i - 1]! - 1e-5));
    assert.ok(rope_scaling?.rope_type === "llama3");
  });
});
