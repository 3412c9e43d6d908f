import type { Engine } from "../engine/engine.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** The model under training, pi_theta: an engine that holds its weights, and the tokenizer they belong to. */
export interface Policy {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
}
