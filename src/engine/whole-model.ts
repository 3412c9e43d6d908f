import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import type { ParameterOptions } from "../model/parameter-inputs.ts";
import { dropoutMasks } from "./dropout.ts";
import type { Loss } from "./engine.ts";
import { scoringGraph, trainingGraph } from "./graphs.ts";
import { accumulate, type Batch, type Gradients, type ModelPass, Programs, type Scored } from "./model-pass.ts";
import type { Runtime } from "./runtime.ts";
import { dtypeOf, type WeightSet, weightFeeds } from "./weight-set.ts";

/** One graph for forward and backward: all activations and the logits are kept. The fastest where they fit. */
export class WholeModel implements ModelPass {
  readonly #config: ModelConfig;
  readonly #lora: LoraConfig | undefined;
  readonly #programs: Programs;

  constructor(runtime: Runtime, config: ModelConfig, lora: LoraConfig | undefined) {
    this.#config = config;
    this.#lora = lora;
    this.#programs = new Programs(runtime);
  }

  async train(weights: WeightSet, batch: Batch, loss: Loss, gradients: Gradients): Promise<Scored> {
    const dropout = this.#lora !== undefined && this.#lora.dropout > 0;
    const program = await this.#programs.get(`train ${batch.layout} ${JSON.stringify(loss)}`, () =>
      trainingGraph(this.#config, loss, batch.layout, { ...this.#options(weights), dropout }),
    );
    const masks = dropout ? dropoutMasks(this.#config, this.#lora!, [batch.rows, batch.width], batch.key) : {};
    const out = await program.run({ ...weightFeeds(weights), ...batch.feeds, ...masks });
    for (const [name, sum] of gradients) accumulate(sum, out[`gradient ${name}`]!.data as Float32Array);
    return {
      loss: Number(out.loss!.data[0]),
      logprobs: out.logprobs!.data as Float32Array,
      entropies: out.entropies!.data as Float32Array,
    };
  }

  async score(weights: WeightSet, batch: Batch, temperature: number): Promise<Float32Array> {
    const program = await this.#programs.get(`score ${temperature}`, () =>
      scoringGraph(this.#config, temperature, this.#options(weights)),
    );
    const out = await program.run({ ...weightFeeds(weights), ...batch.feeds });
    return out.logprobs!.data as Float32Array;
  }

  release(): Promise<void> {
    return this.#programs.release();
  }

  #options(weights: WeightSet): ParameterOptions {
    return { lora: this.#lora, dtypeOf: (name) => dtypeOf(weights, name) };
  }
}
