import type { Engine } from "../engine/engine.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** The model under training, pi_theta: an engine that holds its weights, and the tokenizer they belong to. */
export interface Policy {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  /** Ids that end an answer. @default the tokenizer's own */
  readonly endTokens?: readonly number[];
  /** How it is asked. @default a user's message through its chat template */
  readonly asking?: Asking;
}

/** What stands around a question, and behind which texts an answer ends. */
export interface Asking {
  /** A message of the role "system" before the question. */
  readonly system?: string;
  /** A text around `{prompt}`, for models without a chat template; the chat template where left out. */
  readonly template?: string;
  /** Variables that the chat template reads, `enable_thinking` for instance. */
  readonly chatVariables?: Readonly<Record<string, unknown>>;
  /** Texts behind the first of which an answer ends. */
  readonly stop?: readonly string[];
}
