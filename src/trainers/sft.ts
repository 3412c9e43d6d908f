import type { Datum, Layout } from "../engine/engine.ts";
import type { Policy } from "../model/policy.ts";
import { learningRateAt, type Schedule } from "../optimizer/schedule.ts";
import type { SftStep } from "./step.ts";

/**
 * Cross-entropy on documents: pretraining (every token counts) and supervised fine-tuning (the prompt is masked).
 * Documents that share a row do not see each other. Left out: dropout, and shuffling, which the caller does.
 */
export interface Document {
  /** Ends with the end-of-sequence token where the text ends. */
  readonly tokens: Int32Array;
  /** Leading tokens that are read but not learned; at least 1. */
  readonly promptLength: number;
  /** Of the tokens behind those, 1 for each that is learned; all where left out. (tokens.length - promptLength) */
  readonly learned?: Uint8Array;
}

export interface SftOptions {
  /** Number of updates. */
  readonly steps: number;
  /** Learned tokens of one update, about. */
  readonly tokensPerStep: number;
  /**
   * "packed" keeps padding lowest whatever the lengths; "rows" computes less attention where documents are short, since
   * rows are no longer than their documents.
   */
  readonly layout: Layout;
  readonly schedule: Schedule;
  /** @default 0.1 */
  readonly weightDecay?: number;
  /** @default 0.9, 0.95 */
  readonly betas?: readonly [number, number];
  /** @default 1 */
  readonly maxGradNorm?: number;
  /** Kept-out documents whose loss is measured every `heldOutEvery` steps. */
  readonly heldOut?: readonly Document[];
  /** @default 100 */
  readonly heldOutEvery?: number;
  /** Steps already made; `documents` then starts behind what they consumed. @default 0 */
  readonly startStep?: number;
  readonly tokensTotal?: number;
}

export async function* sft(
  { engine }: Policy,
  documents: Iterator<Document>,
  options: SftOptions,
): AsyncGenerator<SftStep> {
  const { steps, tokensPerStep, layout, schedule, startStep = 0 } = options;
  const [beta1, beta2] = options.betas ?? [0.9, 0.95];
  let tokensTotal = options.tokensTotal ?? 0;
  for (let index = startStep + 1; index <= steps; index++) {
    const began = performance.now();
    const batch = takeTokens(documents, tokensPerStep);
    if (batch.length === 0) return;
    const tokens = batch.reduce((sum, document) => sum + learnedCount(document), 0);
    const { loss, paddingShare } = await engine.forwardBackward(
      batch.map((document) => datum(document, 1 / tokens)),
      { name: "cross-entropy" },
      layout,
    );
    const learningRate = learningRateAt(schedule, index, steps);
    const { gradNorm } = await engine.optimStep({
      learningRate,
      beta1,
      beta2,
      epsilon: 1e-8,
      weightDecay: options.weightDecay ?? 0.1,
      maxGradNorm: options.maxGradNorm ?? 1,
    });
    tokensTotal += tokens;
    const measure = options.heldOut && (index % (options.heldOutEvery ?? 100) === 0 || index === steps);
    const heldOutLoss = measure ? await meanLoss(engine, options.heldOut) : undefined;
    yield {
      kind: "sft",
      index,
      loss,
      ...(heldOutLoss !== undefined && { heldOutLoss }),
      gradNorm,
      learningRate,
      tokens,
      tokensTotal,
      paddingShare,
      seconds: (performance.now() - began) / 1000,
    };
  }
}

/** Mean cross-entropy in nats per learned token. */
export async function meanLoss(engine: Policy["engine"], documents: readonly Document[]): Promise<number> {
  const logprobs = await engine.logprobs(
    documents.map((document) => datum(document, 1)),
    "policy",
  );
  let [total, count] = [0, 0];
  for (const [i, array] of logprobs.entries())
    for (const [t, logprob] of array.entries())
      if (documents[i]!.learned?.[t] !== 0) [total, count] = [total - logprob, count + 1];
  return total / count;
}

function datum({ tokens, promptLength, learned }: Document, weight: number): Datum {
  const weights = new Float32Array(tokens.length - promptLength).fill(weight);
  if (learned) for (const [t, isLearned] of learned.entries()) if (isLearned === 0) weights[t] = 0;
  return { tokens, promptLength, weights };
}

/** Tokens of a document that are learned. */
export function learnedCount({ tokens, promptLength, learned }: Document): number {
  return learned ? learned.reduce((sum, one) => sum + one, 0) : tokens.length - promptLength;
}

/** The next documents until their learned tokens suffice, or all that are left. */
export function takeTokens(documents: Iterator<Document>, budget: number): Document[] {
  const taken: Document[] = [];
  for (let tokens = 0; tokens < budget; ) {
    const { value, done } = documents.next();
    if (done === true) break;
    taken.push(value);
    tokens += learnedCount(value);
  }
  return taken;
}
