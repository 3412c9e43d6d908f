import type { Backend, Generated, GenerateOptions, GenerateRequest } from "../backends/backend.ts";
import type { RunObserver } from "./observer.ts";
import { timeText } from "./time-text.ts";

export interface GenerateIntoOptions extends Omit<GenerateOptions, "signal" | "onAnswer" | "onProgress"> {
  readonly signal: AbortSignal;
  readonly observer: Pick<RunObserver, "progress">;
  /** Answers that were there before. */
  readonly before: number;
  /** What is counted, in the plural: "answers". */
  readonly what: string;
  /** Takes an answer. Others are sampled meanwhile; the first that it cannot take ends the work. */
  take(request: number, answer: Generated): Promise<void>;
}

/** Answers in one call of the backend: enough to keep it busy, few enough to hold in memory. */
const callSize = 4096;

/** Answers of a backend, each taken as soon as it is there, with the time that is left. */
export async function generateInto(
  backend: Backend,
  requests: readonly GenerateRequest[],
  { observer, before, what, take, signal, ...options }: GenerateIntoOptions,
): Promise<void> {
  const all = before + requests.reduce((sum, { samples }) => sum + samples.length, 0);
  const began = performance.now();
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  let [done, tokensDone] = [0, 0];
  for (let from = 0; from < requests.length; ) {
    let count = 0;
    let to = from;
    while (to < requests.length && (count === 0 || count + requests[to]!.samples.length <= callSize))
      count += requests[to++]!.samples.length;
    const first = from;
    const taken: Promise<void>[] = [];
    let tokens = 0;
    const work = backend.generate(requests.slice(from, to), {
      ...options,
      signal: both,
      onAnswer(request, answer) {
        // What comes behind a stop is left: whoever waits has gone.
        if (both.aborted) return;
        const one = take(first + request, answer);
        one.catch((error: unknown) => ending.abort(error));
        taken.push(one);
      },
      onProgress(progress) {
        tokens = progress.tokens;
        const finished = done + progress.finished;
        const seconds = (performance.now() - began) / 1000;
        const share = (before + finished) / all;
        const rate = `${((tokensDone + tokens) / seconds).toFixed(0)} tokens/s`;
        const left = finished > 0 ? `, ${timeText((seconds / finished) * (all - before - finished))} left` : "";
        observer.progress(share, `${before + finished} of ${all} ${what}, ${rate}${left}`);
      },
    });
    // An engine that hears no signal is left at the first answer that could not be taken.
    await Promise.race([work, failing(ending.signal)]);
    await Promise.all(taken);
    done += count;
    tokensDone += tokens;
    from = to;
  }
}

function failing(signal: AbortSignal): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  failed.catch(() => {});
  return failed;
}
