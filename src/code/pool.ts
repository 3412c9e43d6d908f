import type { ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { AutodidactError } from "../errors.ts";
import { type Job, type Outcome, outcome, readReply } from "./protocol.ts";
import { type SandboxKind, startProcess } from "./start-process.ts";

/**
 * Warm processes that run programs, each one program at a time. A worker ends a run by its own clock; one that doesn't
 * answer is killed and replaced while the others go on. Idle workers don't keep Node alive.
 */
export interface SandboxPool {
  /** Runs a job when a worker is free. Rejects with CODE_SANDBOX where no worker can be started, CODE_POOL_CLOSED once closed. */
  run(job: Job): Promise<Outcome>;
  /** Ends all workers. Jobs that are not done are rejected. */
  close(): Promise<void>;
  /** Process ids of the workers there are, and how many were killed or lost so far. */
  readonly workers: { readonly pids: readonly number[]; readonly replaced: number };
}

export interface PoolOptions {
  /** Worker processes for each of Python and JavaScript, started when first needed. Default: one per core, at most 8. */
  readonly workers?: number;
}

const kindOf = ({ language }: Job): SandboxKind => (language === "python" ? "python" : "javascript");

/** Milliseconds for a start, and for getting ready again behind a run, on a busy machine. */
const startMs = 120_000;
const resetMs = 60_000;
/** What a worker gets beyond the job's own time before it is taken for stuck. */
const graceMs = 2_000;
/** Starts that may fail one after the other. */
const mostFailedStarts = 3;

interface Waiting {
  readonly job: Job;
  /** Workers it has cost. */
  lost: number;
  resolve(result: Outcome): void;
  reject(error: Error): void;
}

/** @throws CODE_POOL when the number of workers is not whole and from 1 to 64 */
export function openSandboxPool({ workers = Math.min(8, availableParallelism()) }: PoolOptions = {}): SandboxPool {
  if (!Number.isInteger(workers) || workers < 1 || workers > 64)
    throw new AutodidactError("CODE_POOL", `workers, ${workers}, must be a whole number from 1 to 64`);
  return new Pool(workers);
}

let shared: SandboxPool | null = null;

/** The pool of all verifiers that name none; opened when first used. */
export function sharedPool(): SandboxPool {
  shared ??= openSandboxPool();
  return shared;
}

/** Ends the shared pool's workers; the next use opens a new one. Only needed to free memory: it keeps nothing alive. */
export async function closeSharedPool(): Promise<void> {
  const pool = shared;
  shared = null;
  await pool?.close();
}

class Pool implements SandboxPool {
  readonly #size: number;
  readonly #crews: Record<SandboxKind, Worker[]> = { python: [], javascript: [] };
  readonly #queues: Record<SandboxKind, Waiting[]> = { python: [], javascript: [] };
  readonly #failedStarts: Record<SandboxKind, number> = { python: 0, javascript: 0 };
  #replaced = 0;
  #pending = 0;
  #alive: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(size: number) {
    this.#size = size;
  }

  get workers(): SandboxPool["workers"] {
    const all = [...this.#crews.python, ...this.#crews.javascript];
    return { pids: all.map((worker) => worker.pid), replaced: this.#replaced };
  }

  async run(job: Job): Promise<Outcome> {
    if (this.#closed) throw closedError();
    // Workers are never waited for by themselves: this timer stands for the jobs that are.
    this.#alive ??= setInterval(() => {}, 2 ** 30);
    this.#pending++;
    try {
      return await new Promise((resolve, reject) => {
        this.#queues[kindOf(job)].push({ job, lost: 0, resolve, reject });
        this.#dispatch(kindOf(job));
      });
    } finally {
      this.#pending--;
      if (this.#pending === 0) {
        clearInterval(this.#alive);
        this.#alive = undefined;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = Object.values(this.#crews).flat();
    for (const queue of Object.values(this.#queues)) for (const { reject } of queue.splice(0)) reject(closedError());
    const alive = setInterval(() => {}, 2 ** 30);
    await Promise.all(all.map((worker) => worker.end()));
    clearInterval(alive);
  }

  #dispatch(kind: SandboxKind): void {
    const queue = this.#queues[kind];
    const crew = this.#crews[kind];
    for (const worker of crew) {
      if (queue.length === 0) return;
      if (worker.ready) worker.take(queue.shift()!);
    }
    const coming = crew.filter((worker) => worker.coming).length;
    for (let missing = queue.length - coming; missing > 0 && crew.length < this.#size && !this.#closed; missing--)
      crew.push(new Worker(kind, { ready: () => this.#onReady(kind), gone: (worker) => this.#onGone(kind, worker) }));
  }

  #onReady(kind: SandboxKind): void {
    this.#failedStarts[kind] = 0;
    this.#dispatch(kind);
  }

  #onGone(kind: SandboxKind, worker: Worker): void {
    this.#crews[kind] = this.#crews[kind].filter((other) => other !== worker);
    this.#replaced++;
    const lost = worker.lost;
    if (lost !== null) {
      lost.lost++;
      if (this.#closed) lost.reject(closedError());
      // Once may be chance, such as a machine short of memory; twice is the program.
      else if (lost.lost < 2) this.#queues[kind].unshift(lost);
      else lost.resolve(outcome("sandbox-error", { detail: "the worker process ended twice on this program" }));
    }
    if (this.#closed) return;
    if (worker.starting && ++this.#failedStarts[kind] >= mostFailedStarts) {
      this.#failedStarts[kind] = 0;
      const error = new AutodidactError(
        "CODE_SANDBOX",
        `the ${kind} sandbox cannot start: ${worker.complaint || "it ended without a word"}; docs/code.md says what it needs`,
      );
      for (const { reject } of this.#queues[kind].splice(0)) reject(error);
      return;
    }
    this.#dispatch(kind);
  }
}

const closedError = (): AutodidactError =>
  new AutodidactError("CODE_POOL_CLOSED", "the sandbox pool is closed; open another");

interface Listener {
  ready(): void;
  gone(worker: Worker): void;
}

/** One process and what it is at. */
class Worker {
  readonly #child: ChildProcess;
  readonly #listener: Listener;
  #state: "starting" | "ready" | "busy" | "resetting" | "gone" = "starting";
  #at: Waiting | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #said = "";
  #wasStarting = true;
  readonly #ended: Promise<void>;

  constructor(kind: SandboxKind, listener: Listener) {
    this.#listener = listener;
    this.#child = startProcess(kind);
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-2_000);
    });
    (this.#child.stderr as unknown as { unref?(): void } | null)?.unref?.();
    this.#child.on("message", (message) => this.#hear(message));
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        resolve();
        this.#gone();
      };
      this.#child.once("exit", end);
      this.#child.once("error", (error) => {
        this.#said ||= error.message;
        end();
      });
    });
    this.#child.unref();
    this.#child.channel?.unref();
    this.#limit(startMs);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get ready(): boolean {
    return this.#state === "ready";
  }

  /** Will be ready by itself: it starts, or puts the interpreter back. */
  get coming(): boolean {
    return this.#state === "starting" || this.#state === "resetting";
  }

  /** Not yet ready for the first time, or ended before it was. */
  get starting(): boolean {
    return this.#wasStarting;
  }

  /** The job that was not done when the process ended. */
  get lost(): Waiting | null {
    return this.#at;
  }

  /** The last words of its standard error. */
  get complaint(): string {
    return this.#said.trim();
  }

  take(waiting: Waiting): void {
    this.#state = "busy";
    this.#at = waiting;
    this.#limit(waiting.job.timeMs + graceMs);
    this.#child.send(waiting.job, (error) => {
      if (error) this.#child.kill("SIGKILL");
    });
  }

  end(): Promise<void> {
    this.#child.kill("SIGKILL");
    return this.#ended;
  }

  #hear(message: unknown): void {
    const reply = readReply(message, (this.#at?.job.outputBytes ?? 0) + 1);
    if (reply?.kind === "ready" && (this.#state === "starting" || this.#state === "resetting")) {
      this.#state = "ready";
      this.#wasStarting = false;
      clearTimeout(this.#timer);
      this.#listener.ready();
    } else if (reply?.kind === "outcome" && this.#state === "busy") {
      const waiting = this.#at!;
      this.#state = "resetting";
      this.#at = null;
      this.#limit(resetMs);
      waiting.resolve(reply.outcome);
    } else this.#child.kill("SIGKILL");
  }

  /** Kills the process unless it speaks in time. A late timer lets what has arrived meanwhile be heard first. */
  #limit(ms: number): void {
    clearTimeout(this.#timer);
    const state = this.#state;
    const at = this.#at;
    this.#timer = setTimeout(() => {
      setImmediate(() => {
        if (this.#state !== state || this.#at !== at) return;
        this.#child.kill("SIGKILL");
        if (state !== "busy") return;
        this.#at = null;
        at!.resolve(outcome("time-limit", { detail: `no answer after ${ms} ms; the process was killed`, ms }));
      });
    }, ms);
    this.#timer.unref();
  }

  #gone(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    clearTimeout(this.#timer);
    this.#listener.gone(this);
  }
}
