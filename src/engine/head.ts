import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import { FLOAT_BYTES, scalesName } from "../model/parameter-inputs.ts";
import { headName } from "../model/transformer.ts";
import { closingGradientGraph, closingGraph, headGradientGraph, headGraph } from "./layer-graphs.ts";
import { accumulate, type Gradients, type Programs } from "./model-pass.ts";
import type { Value } from "./runtime.ts";
import { dtypeOf, type WeightSet, weightFeeds } from "./weight-set.ts";

/** Bytes that one array of logits, (N, W), takes at most; a slice of the output matrix, (W, C), takes FLOAT_BYTES. */
const LOGITS_BYTES = 2 ** 25;

/** W, the rows of the output matrix that are taken at a time for N tokens: slices of about equal size. */
export function sliceRows({ vocab_size: V, hidden_size: C }: ModelConfig, N: number, bytes = LOGITS_BYTES): number {
  const most = Math.max(1, Math.floor(Math.min(bytes / 4 / N, FLOAT_BYTES / 4 / C)));
  return Math.ceil(V / Math.ceil(V / most));
}

/** Log-probabilities of N tokens, and the way back. */
export interface Head {
  /** log pi of each target, (N) */
  readonly logprobs: Float32Array;
  /** In nats, (N) */
  readonly entropies: Float32Array;
  /** From d loss / d log pi (N) to d loss / d hidden (N, C); adds the gradients of norm and output matrix. */
  backward(gLogprobs: Float32Array, gradients: Gradients): Promise<Float32Array>;
}

/**
 * The output layer without an N x V array. The output matrix is taken in slices of W rows; a softmax over the whole
 * vocabulary is put together from those over the slices: with log-sums l_s, l = logsumexp_s l_s, log pi = z_target - l,
 * and H = sum_s w_s (H_s - log w_s) with w_s = exp(l_s - l). Backward computes each slice's logits again, and the slice of
 * the matrix's gradient, which is copied once this way and not once for every few tokens.
 */
export class VocabularyHead {
  readonly #programs: Programs;
  readonly #config: ModelConfig;
  readonly #lora: LoraConfig | undefined;
  readonly #bytes: number;

  constructor(programs: Programs, config: ModelConfig, lora: LoraConfig | undefined, bytes = LOGITS_BYTES) {
    this.#programs = programs;
    this.#config = config;
    this.#lora = lora;
    this.#bytes = bytes;
  }

  /** hidden (N, C) before the final norm, targets (N). */
  async open(weights: WeightSet, hidden: Float32Array, targets: BigInt64Array, temperature: number): Promise<Head> {
    const C = this.#config.hidden_size;
    const N = targets.length;
    const name = headName(this.#config);
    const dtype = dtypeOf(weights, name);
    const feeds = {
      ...weightFeeds(weights),
      x: { shape: [N, C], data: hidden },
      targets: { shape: [N], data: targets },
    };
    const options = { lora: this.#lora, dtypeOf: (weight: string) => dtypeOf(weights, weight) };
    const closing = await this.#programs.get(`closing ${temperature}`, () =>
      closingGraph(this.#config, temperature, options),
    );
    const { y, logits } = (await closing.run(feeds)) as { y: Value; logits: Value };
    const slices = this.#slices(feeds, name, N);
    const softmax = await this.#programs.get(`head ${temperature}`, () => headGraph(this.#config, temperature, dtype));
    const parts: { logSum: Float32Array; entropies: Float32Array }[] = [];
    for (const { feeds: slice } of slices) {
      const { logSum, entropies } = await softmax.run({ ...slice, y });
      parts.push({ logSum: logSum!.data as Float32Array, entropies: entropies!.data as Float32Array });
    }
    const { logSum, entropies } = combined(parts, N);
    const logprobs = Float32Array.from(logSum, (sum, i) => Number(logits.data[i]!) - sum);

    const backward = async (gLogprobs: Float32Array, gradients: Gradients): Promise<Float32Array> => {
      const gMatrix = gradients.get(name);
      const program = await this.#programs.get(`head gradient ${temperature}`, () =>
        headGradientGraph(this.#config, temperature, dtype, gMatrix !== undefined),
      );
      const gY = new Float32Array(N * C);
      const perToken = {
        y,
        logSum: { shape: [N, 1], data: logSum },
        gLogSum: { shape: [N, 1], data: gLogprobs.map((one) => -one) },
      };
      for (const { feeds: slice, start, rows } of slices) {
        const out = await program.run({ ...perToken, ...slice });
        accumulate(gY, out["gradient y"]!.data as Float32Array);
        if (gMatrix !== undefined)
          accumulate(gMatrix.subarray(start * C, (start + rows) * C), out["gradient slice"]!.data as Float32Array);
      }
      if (gMatrix !== undefined)
        addRows(gMatrix, targets, y.data as Float32Array, C, (i) => gLogprobs[i]! / temperature);
      const last = await this.#programs.get(`closing gradient ${temperature}`, () =>
        closingGradientGraph(this.#config, temperature, options),
      );
      const out = await last.run({
        ...feeds,
        gY: { shape: [N, C], data: gY },
        gLogits: { shape: [N], data: gLogprobs },
      });
      const gNorm = gradients.get("model.norm.weight");
      if (gNorm !== undefined) accumulate(gNorm, out["gradient model.norm.weight"]!.data as Float32Array);
      return out["gradient x"]!.data as Float32Array;
    };
    return { logprobs, entropies, backward };
  }

  /** Views of the output matrix. */
  #slices(feeds: Readonly<Record<string, Value>>, name: string, N: number) {
    const { hidden_size: C, vocab_size: V } = this.#config;
    const each = sliceRows(this.#config, N, this.#bytes);
    const { data: matrix } = feeds[name]!;
    const scales = feeds[scalesName(name)];
    const slices: { feeds: Record<string, Value>; start: number; rows: number }[] = [];
    for (let start = 0; start < V; start += each) {
      const rows = Math.min(each, V - start);
      const slice: Value = { shape: [rows, C], data: matrix.subarray(start * C, (start + rows) * C) };
      const own = scales && { shape: [rows], data: scales.data.subarray(start, start + rows) };
      slices.push({ feeds: { slice, ...(own && { [scalesName("slice")]: own }) }, start, rows });
    }
    return slices;
  }
}

/** The softmax over all slices from those over each. */
function combined(parts: readonly { logSum: Float32Array; entropies: Float32Array }[], N: number) {
  const [logSum, entropies] = [new Float32Array(N), new Float32Array(N)];
  for (let i = 0; i < N; i++) {
    let top = Number.NEGATIVE_INFINITY;
    for (const part of parts) top = Math.max(top, part.logSum[i]!);
    let total = 0;
    for (const part of parts) total += Math.exp(part.logSum[i]! - top);
    const sum = top + Math.log(total);
    let entropy = 0;
    for (const part of parts) {
      const logShare = part.logSum[i]! - sum;
      entropy += Math.exp(logShare) * (part.entropies[i]! - logShare);
    }
    logSum[i] = sum;
    entropies[i] = entropy;
  }
  return { logSum, entropies };
}

/** Adds factor_i x row i of `rows` (N, C) to the row of a table that index i names: the transpose of a look-up. */
export function addRows(
  table: Float32Array,
  indices: BigInt64Array,
  rows: Float32Array,
  C: number,
  factor: (i: number) => number,
): void {
  for (let i = 0; i < indices.length; i++) {
    const [to, from, f] = [Number(indices[i]!) * C, i * C, factor(i)];
    for (let c = 0; c < C; c++) table[to + c]! += f * rows[from + c]!;
  }
}
