import type { ChatMessage } from "../tokenizer/chat.ts";

/**
 * Whatever answers: the embedded engine, llama.cpp, or an endpoint. Text in, text out; enough to evaluate a model and to
 * generate data with it. Training needs the gradient and exact log-probabilities of weights that change at each step,
 * which only the embedded engine has (src/backends/training.ts).
 */
export interface Backend {
  /** "onnxruntime/cpu", "llama.cpp/cpu", "openai" for instance; goes into records. */
  readonly name: string;
  /**
   * Every sample of every request, in order. Rejects with the signal's reason where it was aborted; what `onAnswer` told
   * until then stands.
   */
  generate(requests: readonly GenerateRequest[], options: GenerateOptions): Promise<Generated[][]>;
  /**
   * Token limits that the prompts leave room for: the most that `maxTokens` may be. Infinity where the backend cannot
   * tell.
   */
  room(prompts: readonly Prompt[]): number;
  close(): Promise<void>;
}

/** A conversation, which goes through the model's chat template, or the very text that the model continues. */
export type Prompt =
  | { readonly messages: readonly ChatMessage[]; readonly variables?: Readonly<Record<string, unknown>> }
  | { readonly text: string };

export interface GenerateRequest {
  readonly prompt: Prompt;
  /** Numbers of the samples that are wanted; sample i is the same whichever others are asked for, as far as `key` says. */
  readonly samples: readonly number[];
  /** Names the random numbers; sample i draws from (...key, i). Where only a seed can be given, it is a hash of that. */
  readonly key: readonly (string | number)[];
}

export interface GenerateOptions {
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** @default 1 */
  readonly topP?: number;
  /** 0 keeps all. @default 0 */
  readonly topK?: number;
  /**
   * Texts behind the first of which an answer ends. The answer holds that text, where the backend says which it was: some
   * endpoints don't.
   */
  readonly stop?: readonly string[];
  /** Ask for log-probabilities. @default false */
  readonly logprobs?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each answer as soon as it is there. */
  readonly onAnswer?: (request: number, answer: Generated) => void;
  readonly onProgress?: (progress: GenerateProgress) => void;
}

export interface GenerateProgress {
  /** Answers that have ended, of `total`. */
  readonly finished: number;
  readonly total: number;
  /** Completion tokens until now. */
  readonly tokens: number;
}

export interface Generated {
  /** Number of the sample, as asked for. */
  readonly sample: number;
  readonly text: string;
  /** Completion tokens. */
  readonly tokens: number;
  /** The backend counts no tokens: `tokens` is a fourth of the characters. */
  readonly estimated?: true;
  /** "stop": the model ended its answer, or wrote a stop text; "length": the token limit cut it off. */
  readonly finish: "stop" | "length";
  /** log-probability of each completion token; null where none were asked for or given. */
  readonly logprobs: ArrayLike<number> | null;
  /** Token ids; null where the backend doesn't tell. */
  readonly tokenIds: ArrayLike<number> | null;
}
