import type { ModelConfig } from "./config.ts";
import { headDim } from "./parameters.ts";

/**
 * Rotary positions (Su et al. 2021): pair i of a head's D values turns by position x frequency_i,
 * frequency_i = theta^(-2i/D). Llama 3 slows the turns that its first training saw less than once: wavelengths above
 * L/low are stretched by `factor`, those below L/high are left, and between the two it goes over smoothly, L being
 * original_max_position_embeddings.
 *
 * Frequencies and angles are rounded to float32 where transformers rounds them: the models were trained with those
 * angles, and far into a long text the rounding is no longer small.
 */

/** (D/2) */
export function rotaryFrequencies(config: ModelConfig): Float32Array {
  const D = headDim(config);
  const scaling = config.rope_scaling;
  return Float32Array.from({ length: D / 2 }, (_, i) => {
    const frequency = Math.fround(1 / Math.fround(config.rope_theta ** Math.fround((2 * i) / D)));
    if (scaling === undefined) return frequency;
    if (scaling.rope_type === "linear") return frequency / scaling.factor;
    const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: L } = scaling;
    const turns = (L * frequency) / (2 * Math.PI);
    const kept = Math.max(0, Math.min(1, (turns - low) / (high - low)));
    return kept * frequency + (1 - kept) * (frequency / factor);
  });
}

/** cos and sin of the angles at positions 0 to P - 1, (P, D/2) each. */
export function rotaryTables(config: ModelConfig, P: number): { cos: Float32Array; sin: Float32Array } {
  const frequencies = rotaryFrequencies(config);
  const half = frequencies.length;
  const [cos, sin] = [new Float32Array(P * half), new Float32Array(P * half)];
  for (let position = 0; position < P; position++)
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  return { cos, sin };
}
