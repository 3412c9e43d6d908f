import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import type { ParameterOptions } from "../model/parameter-inputs.ts";
import { dropoutMasks } from "./dropout.ts";
import type { Loss } from "./engine.ts";
import { temperatureOf } from "./graphs.ts";
import { addRows, type Head, VocabularyHead } from "./head.ts";
import { blockGradientGraph, blockGraph, embedGraph, lossGraph } from "./layer-graphs.ts";
import { accumulate, type Batch, type Gradients, type ModelPass, Programs, type Scored } from "./model-pass.ts";
import type { Program, Runtime, Value } from "./runtime.ts";
import { dtypeOf, layerFeeds, type WeightSet, weightFeeds } from "./weight-set.ts";

/**
 * A model walked layer by layer with one compiled layer (Chen et al., 1604.06174): only each layer's input is kept, and
 * the backward pass computes the layer again from it. The vocabulary is taken in slices (head.ts), at completion tokens
 * only. A third more arithmetic than whole-model.ts, and memory that hardly grows with depth.
 */
export class LayeredModel implements ModelPass {
  readonly #config: ModelConfig;
  readonly #lora: LoraConfig | undefined;
  readonly #programs: Programs;
  readonly #head: VocabularyHead;

  constructor(runtime: Runtime, config: ModelConfig, lora: LoraConfig | undefined, headBytes?: number) {
    this.#config = config;
    this.#lora = lora;
    this.#programs = new Programs(runtime);
    this.#head = new VocabularyHead(this.#programs, config, lora, headBytes);
  }

  async train(weights: WeightSet, batch: Batch, loss: Loss, gradients: Gradients): Promise<Scored> {
    const inputs = await this.#ascend(weights, batch, true);
    const slots = completionSlots(batch);
    const last = inputs.pop()!;
    const head = await this.#head.open(
      weights,
      this.#rowsOf(last, slots),
      targetsAt(batch, slots),
      temperatureOf(loss),
    );
    const scored = await this.#loss(loss, batch, slots, head);
    const gHidden = await head.backward(scored.gradient, gradients);
    let g: Value = { shape: last.shape, data: this.#atSlots(gHidden, slots, last.data.length) };
    for (let layer = this.#config.num_hidden_layers - 1; layer >= 0; layer--) {
      const program = await this.#block("gradient", weights, batch, layer, true);
      const x = inputs.pop()!;
      const out = await program.run({ ...this.#layerFeeds(weights, batch, layer, true), x, g });
      g = out["gradient x"]!;
      for (const [name, { data }] of Object.entries(out)) {
        const own = name.replace(/^gradient /, "").replace(".layers.0.", `.layers.${layer}.`);
        if (own !== "x") accumulate(gradients.get(own)!, data as Float32Array);
      }
    }
    const embedding = gradients.get("model.embed_tokens.weight");
    if (embedding !== undefined)
      addRows(
        embedding,
        batch.feeds.tokens!.data as BigInt64Array,
        g.data as Float32Array,
        this.#config.hidden_size,
        () => 1,
      );
    return scored;
  }

  async score(weights: WeightSet, batch: Batch, temperature: number): Promise<Float32Array> {
    const [last] = await this.#ascend(weights, batch, false);
    const slots = completionSlots(batch);
    const { logprobs } = await this.#head.open(
      weights,
      this.#rowsOf(last!, slots),
      targetsAt(batch, slots),
      temperature,
    );
    return spread(logprobs, slots, batch.rows * batch.width);
  }

  release(): Promise<void> {
    return this.#programs.release();
  }

  /** The input of each layer and what the last one gives, (B, T, C) each; only the latter unless `keep`. */
  async #ascend(weights: WeightSet, batch: Batch, keep: boolean): Promise<Value[]> {
    const embed = await this.#programs.get("embed", () => embedGraph(this.#config, this.#options(weights)));
    let x = (await embed.run({ ...weightFeeds(weights), ...batch.feeds })).x!;
    const inputs = [x];
    for (let layer = 0; layer < this.#config.num_hidden_layers; layer++) {
      const program = await this.#block("forward", weights, batch, layer, keep);
      x = (await program.run({ ...this.#layerFeeds(weights, batch, layer, keep), x })).after!;
      if (!keep) inputs.pop();
      inputs.push(x);
    }
    return inputs;
  }

  #block(
    kind: "forward" | "gradient",
    weights: WeightSet,
    batch: Batch,
    layer: number,
    training: boolean,
  ): Promise<Program> {
    const options = { ...this.#options(weights, layer), dropout: training && this.#drops() };
    // Layers may be held differently from one another.
    const dtypes = Object.keys(layerFeeds(weights, layer)).map((name) => options.dtypeOf(name));
    const key = `${kind} ${batch.layout} ${options.dropout} ${dtypes}`;
    const graph = kind === "forward" ? blockGraph : blockGradientGraph;
    return this.#programs.get(key, () => graph(this.#config, batch.layout, options));
  }

  #layerFeeds(weights: WeightSet, batch: Batch, layer: number, training: boolean): Record<string, Value> {
    const { positions, mask } = batch.feeds as { positions: Value; mask: Value };
    const masks =
      training && this.#drops()
        ? dropoutMasks(this.#config, this.#lora!, [batch.rows, batch.width], batch.key, layer)
        : {};
    return { ...layerFeeds(weights, layer), ...masks, positions, mask };
  }

  async #loss(loss: Loss, batch: Batch, slots: Int32Array, { logprobs, entropies }: Head) {
    const n = batch.rows * batch.width;
    const placed = spread(logprobs, slots, n);
    const program = await this.#programs.get(`loss ${JSON.stringify(loss)}`, () => lossGraph(loss));
    const shape = [batch.rows, batch.width];
    const out = await program.run({ ...batch.feeds, logprobs: { shape, data: placed } });
    const pull = out["gradient logprobs"]!.data as Float32Array;
    return {
      loss: Number(out.loss!.data[0]),
      logprobs: placed,
      entropies: spread(entropies, slots, n),
      /** d loss / d log pi, (N) */
      gradient: Float32Array.from(slots, (slot) => pull[slot]!),
    };
  }

  #drops(): boolean {
    return this.#lora !== undefined && this.#lora.dropout > 0;
  }

  #options(weights: WeightSet, layer = 0) {
    const own = (name: string): string => name.replace(".layers.0.", `.layers.${layer}.`);
    return { lora: this.#lora, dtypeOf: (name) => dtypeOf(weights, own(name)) } satisfies ParameterOptions;
  }

  /** (B, T, C) -> (N, C) */
  #rowsOf({ data }: Value, slots: Int32Array): Float32Array {
    const C = this.#config.hidden_size;
    const rows = new Float32Array(slots.length * C);
    for (const [i, slot] of slots.entries()) rows.set((data as Float32Array).subarray(slot * C, (slot + 1) * C), i * C);
    return rows;
  }

  /** (N, C) -> (B, T, C), zero elsewhere. */
  #atSlots(rows: Float32Array, slots: Int32Array, length: number): Float32Array {
    const C = this.#config.hidden_size;
    const data = new Float32Array(length);
    for (const [i, slot] of slots.entries()) data.set(rows.subarray(i * C, (i + 1) * C), slot * C);
    return data;
  }
}

/** Slots that predict a completion token: only these need the vocabulary. (N) */
function completionSlots({ feeds }: Batch): Int32Array {
  const completion = feeds.completion!.data as Float32Array;
  let count = 0;
  for (const one of completion) count += one;
  const slots = new Int32Array(count);
  for (let slot = 0, n = 0; slot < completion.length; slot++) if (completion[slot] === 1) slots[n++] = slot;
  return slots;
}

function targetsAt({ feeds }: Batch, slots: Int32Array): BigInt64Array {
  const targets = feeds.targets!.data as BigInt64Array;
  return BigInt64Array.from(slots, (slot) => targets[slot]!);
}

/** (N) -> (B, T), zero elsewhere. */
function spread(values: Float32Array, slots: Int32Array, length: number): Float32Array {
  const all = new Float32Array(length);
  for (const [i, slot] of slots.entries()) all[slot] = values[i]!;
  return all;
}
