import { AutodidactError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { random } from "../random.ts";
import { MASKED } from "./batching.ts";
import { chooseToken } from "./choose-token.ts";
import type { Completion, SampleOptions, SampleRequest } from "./engine.ts";
import { decodeRows, RowCache } from "./row-cache.ts";
import type { Program, Value } from "./runtime.ts";

/**
 * Continuous batching. All sequences share one decode batch; a finished one's row goes to the next waiting sequence, or
 * to the last row where none waits, so that the batch stays dense. The prompt of a request is prefilled once and its
 * cache copied to the request's samples. Random numbers are keyed by request and sample, so that a completion does not
 * depend on its neighbours.
 */
export interface SamplerPrograms {
  readonly prefill: Program;
  readonly decode: Program;
  /** Parameters by name, fed to both. */
  readonly weights: Readonly<Record<string, Value>>;
}

export interface SamplerLimits {
  /** Rows of the decode batch. */
  readonly maxRows: number;
  /** Text of each token id, for stop strings. */
  readonly tokenTexts: readonly string[];
}

interface Sequence {
  readonly request: number;
  readonly sample: number;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly next: () => number;
  /** Slots of the cache that are filled. */
  length: number;
  /** Text since the start, kept only as long as the longest stop string needs. */
  tail: string;
}

/** A prompt's keys and values, each layer (K, P, D), and the logits behind its last token. */
interface Prefix {
  readonly keys: Float32Array[];
  readonly values: Float32Array[];
  readonly logits: Float32Array;
}

/** Prompts prefilled in one run, as long as their attention scores stay within a number of floats. */
export const PREFILL_BATCH = 16;
const PREFILL_SCORES = 2 ** 26;

/** How many of the next prompts, given their lengths, go through the model together. */
export function prefillCount(config: ModelConfig, lengths: readonly number[]): number {
  let [count, longest] = [0, 0];
  for (const length of lengths.slice(0, PREFILL_BATCH)) {
    longest = Math.max(longest, length);
    if (count > 0 && (count + 1) * config.num_attention_heads * longest ** 2 > PREFILL_SCORES) break;
    count++;
  }
  return count;
}

export async function sampleAll(
  config: ModelConfig,
  programs: SamplerPrograms,
  limits: SamplerLimits,
  requests: readonly SampleRequest[],
  options: SampleOptions,
): Promise<Completion[][]> {
  checkRequests(config, requests, options);
  const sampler = new Sampler(config, programs, limits, requests, options);
  return sampler.run();
}

class Sampler {
  readonly #config: ModelConfig;
  readonly #programs: SamplerPrograms;
  readonly #limits: SamplerLimits;
  readonly #maxRows: number;
  readonly #requests: readonly SampleRequest[];
  readonly #options: SampleOptions;
  readonly #results: Completion[][];
  /** Samples of each request that have not ended. */
  readonly #open: number[];
  readonly #endTokens: ReadonlySet<number>;
  readonly #stopLength: number;
  readonly #cache: RowCache;
  readonly #rows: Sequence[] = [];
  readonly #prefixes = new Map<number, Prefix>();
  /** Next (request, sample) to admit. */
  #request = 0;
  #sample = 0;
  #finished = 0;
  #tokens = 0;

  constructor(
    config: ModelConfig,
    programs: SamplerPrograms,
    limits: SamplerLimits,
    requests: readonly SampleRequest[],
    options: SampleOptions,
  ) {
    this.#config = config;
    this.#programs = programs;
    this.#limits = limits;
    this.#requests = requests;
    this.#options = options;
    this.#results = requests.map(() => []);
    this.#open = requests.map(({ count }) => count);
    this.#endTokens = new Set(options.endTokens);
    this.#stopLength = Math.max(0, ...(options.stop ?? []).map((text) => text.length));
    const total = requests.reduce((sum, { count }) => sum + count, 0);
    const slots = Math.max(1, ...requests.map(({ prompt }) => prompt.length)) + options.maxTokens;
    this.#maxRows = Math.min(total, decodeRows(config, slots, limits.maxRows));
    this.#cache = new RowCache(config, this.#maxRows, slots);
  }

  async run(): Promise<Completion[][]> {
    const total = this.#requests.reduce((sum, request) => sum + request.count, 0);
    const report = (): void => this.#options.onProgress?.({ finished: this.#finished, total, tokens: this.#tokens });
    for (let step = 0; ; step++) {
      await this.#admit();
      if (this.#rows.length === 0) break;
      await this.#decode();
      if (step % 16 === 15) report();
    }
    this.#cache.release();
    report();
    return this.#results;
  }

  /** Fills free rows from the queue; sequences that end with their first token free theirs again. */
  async #admit(): Promise<void> {
    while (this.#rows.length < this.#maxRows && this.#request < this.#requests.length) {
      const request = this.#requests[this.#request]!;
      if (this.#sample >= request.count) {
        this.#prefixes.delete(this.#request);
        this.#request++;
        this.#sample = 0;
        continue;
      }
      const prefix = this.#prefixes.get(this.#request) ?? (await this.#prefill());
      const sample = this.#sample++;
      const stream = random(...request.key, sample);
      const sequence: Sequence = {
        request: this.#request,
        sample,
        tokens: [],
        logprobs: [],
        next: stream.next,
        length: request.prompt.length,
        tail: "",
      };
      if (this.#extend(sequence, prefix.logits, 0)) continue;
      this.#cache.write(this.#rows.length, prefix.keys, prefix.values, request.prompt.length);
      this.#rows.push(sequence);
    }
  }

  /** Runs the next prompts through the model together, and returns the first one's prefix. */
  async #prefill(): Promise<Prefix> {
    const first = this.#request;
    const waiting = this.#requests.slice(first, first + PREFILL_BATCH);
    const lengths = waiting.map(({ prompt }) => prompt.length);
    const batch = waiting.slice(0, prefillCount(this.#config, lengths));
    const B = batch.length;
    const T = Math.max(...lengths.slice(0, B));
    const tokens = new BigInt64Array(B * T);
    const positions = new BigInt64Array(B * T);
    for (const [b, { prompt }] of batch.entries())
      for (let t = 0; t < T; t++) {
        tokens[b * T + t] = BigInt(prompt[t] ?? 0);
        positions[b * T + t] = BigInt(t);
      }
    const mask = new Float32Array(T * T).fill(MASKED);
    for (let t = 0; t < T; t++) mask.fill(0, t * T, t * T + t + 1);
    // Two at least: ONNX Runtime rounds the product of a single row otherwise, and answers would depend on their company.
    const last = new BigInt64Array(Math.max(2, B));
    for (const [b, { prompt }] of batch.entries()) last[b] = BigInt(b * T + prompt.length - 1);
    const out = await this.#programs.prefill.run({
      ...this.#programs.weights,
      tokens: { shape: [B, T], data: tokens },
      positions: { shape: [B, T], data: positions },
      mask: { shape: [1, 1, 1, T, T], data: mask },
      slots: { shape: [last.length], data: last },
    });
    const V = this.#config.vocab_size;
    const logits = out.logits!.data as Float32Array;
    for (const [b, { prompt }] of batch.entries()) {
      const cut = (name: "key" | "value"): Float32Array[] =>
        Array.from({ length: this.#config.num_hidden_layers }, (_, layer) =>
          this.#cache.prefix(out[`${name}${layer}`]!, b, prompt.length),
        );
      this.#prefixes.set(first + b, {
        keys: cut("key"),
        values: cut("value"),
        logits: logits.slice(b * V, (b + 1) * V),
      });
    }
    return this.#prefixes.get(first)!;
  }

  async #decode(): Promise<void> {
    const B = this.#rows.length;
    this.#cache.reserve(Math.max(...this.#rows.map((row) => row.length)) + 1, B);
    const tokens = BigInt64Array.from(this.#rows, (row) => BigInt(row.tokens[row.tokens.length - 1]!));
    const positions = BigInt64Array.from(this.#rows, (row) => BigInt(row.length));
    const out = await this.#programs.decode.run({
      ...this.#programs.weights,
      ...this.#cache.feeds(B),
      tokens: { shape: [B, 1], data: tokens },
      positions: { shape: [B, 1], data: positions },
    });
    this.#cache.append(out, this.#rows);
    const logits = out.logits!.data as Float32Array;
    const V = this.#config.vocab_size;
    // From the last row down, so that the row moved into a freed place has been served already.
    for (let row = B - 1; row >= 0; row--) {
      const sequence = this.#rows[row]!;
      sequence.length++;
      if (!this.#extend(sequence, logits, row * V)) continue;
      const last = this.#rows.pop()!;
      if (row === this.#rows.length) continue;
      this.#rows[row] = last;
      this.#cache.move(this.#rows.length, row);
    }
  }

  /** Samples one more token from logits[at..at+V); true if that ended the sequence. */
  #extend(sequence: Sequence, logits: Float32Array, at: number): boolean {
    const { token, logprob } = chooseToken(logits, at, this.#config.vocab_size, this.#options, sequence.next);
    sequence.tokens.push(token);
    sequence.logprobs.push(logprob);
    this.#tokens++;
    const stopped = this.#endTokens.has(token) || this.#hitStop(sequence, token);
    if (!stopped && sequence.tokens.length < this.#options.maxTokens) return false;
    this.#results[sequence.request]![sequence.sample] = {
      tokens: Int32Array.from(sequence.tokens),
      logprobs: Float32Array.from(sequence.logprobs),
      finish: stopped ? "stop" : "length",
    };
    this.#finished++;
    if (--this.#open[sequence.request]! === 0)
      this.#options.onCompletions?.(sequence.request, this.#results[sequence.request]!);
    return true;
  }

  #hitStop(sequence: Sequence, token: number): boolean {
    if (this.#stopLength === 0) return false;
    const text = sequence.tail + (this.#limits.tokenTexts[token] ?? "");
    sequence.tail = text.slice(-this.#stopLength);
    return this.#options.stop!.some((stop) => text.includes(stop));
  }
}

function checkRequests(config: ModelConfig, requests: readonly SampleRequest[], options: SampleOptions): void {
  if (!(options.maxTokens >= 1))
    throw new AutodidactError("SAMPLE_OPTIONS", `maxTokens: ${options.maxTokens} must be at least 1`);
  if (!(options.temperature >= 0))
    throw new AutodidactError("SAMPLE_OPTIONS", `temperature: ${options.temperature} must be 0 (greedy) or above`);
  const { vocab_size: vocabulary, max_position_embeddings: positions } = config;
  for (const [i, { prompt }] of requests.entries()) {
    if (prompt.length === 0)
      throw new AutodidactError("SAMPLE_PROMPT", `prompt ${i} is empty; give at least one token`);
    const bad = prompt.find((token) => token < 0 || token >= vocabulary);
    if (bad !== undefined)
      throw new AutodidactError(
        "SAMPLE_PROMPT",
        `prompt ${i}: token ${bad} is outside the vocabulary of ${vocabulary}; was it encoded by another tokenizer?`,
      );
    if (prompt.length + options.maxTokens <= positions) continue;
    const room = positions - prompt.length;
    const remedy = room >= 1 ? `lower maxTokens to ${room}` : `shorten the prompt to under ${positions} tokens`;
    throw new AutodidactError(
      "SAMPLE_LENGTH",
      `maxTokens: ${options.maxTokens} and a prompt of ${prompt.length} tokens exceed the model's ${positions} positions; ${remedy}`,
    );
  }
}
