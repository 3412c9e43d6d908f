import { gradients } from "../autodiff/gradients.ts";
import { type Graph, multiplyDims, type Node } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import { type TokenInputs, tokenLoss } from "../losses/token-loss.ts";
import type { ModelConfig } from "../model/config.ts";
import { type ParameterOptions, type Parameters, parameterInputs } from "../model/parameter-inputs.ts";
import { decode, type Forward, forward, head } from "../model/transformer.ts";
import type { Layout, Loss } from "./engine.ts";

/**
 * The graphs of a whole model. Inputs are named after BatchArrays' fields, Hugging Face's parameters and PEFT's adapters.
 */

/** Outputs: loss (), logprobs (B, T), entropies (B, T), and "gradient NAME" for each trained parameter. */
export function trainingGraph(
  config: ModelConfig,
  loss: Loss,
  layout: Layout["kind"],
  options?: ParameterOptions,
): Graph {
  const parameters = parameterInputs(config, options);
  const scored = scoredTokens(config, parameters, layout, temperatureOf(loss));
  const scalar = tokenLoss(loss, scored.logprobs, tokenInputs());
  const outputs = new Map([
    ["loss", scalar],
    ["logprobs", scored.logprobs],
    ["entropies", scored.entropies],
  ]);
  return { outputs: withGradients(outputs, scalar, parameters) };
}

/** Adds "gradient NAME" for each trained parameter that a graph has asked for. */
export function withGradients(
  outputs: Map<string, Node>,
  scalar: Node,
  { trained }: Pick<Parameters, "trained">,
): Map<string, Node> {
  const names = [...trained.keys()];
  for (const [i, gradient] of gradients(scalar, [...trained.values()]).entries())
    outputs.set(`gradient ${names[i]}`, gradient);
  return outputs;
}

/** log pi is that of the logits over this. */
export function temperatureOf(loss: Loss): number {
  return loss.name === "policy-gradient" ? loss.temperature : 1;
}

export function tokenInputs(): TokenInputs {
  const perToken = (name: string): Node => ops.input(name, ["B", "T"]);
  return {
    weights: perToken("weights"),
    completion: perToken("completion"),
    advantages: perToken("advantages"),
    oldLogprobs: perToken("oldLogprobs"),
    referenceLogprobs: perToken("referenceLogprobs"),
  };
}

/** Outputs: logprobs (B, T). */
export function scoringGraph(config: ModelConfig, temperature: number, options?: ParameterOptions): Graph {
  const { logprobs } = scoredTokens(config, parameterInputs(config, options), "rows", temperature);
  return { outputs: new Map([["logprobs", logprobs]]) };
}

/** Input slots (N) int picks among the B*T. Outputs: logits (N, V), and key0, value0, key1, ... (B, K, T, D). */
export function prefillGraph(config: ModelConfig, options?: ParameterOptions): Graph {
  const parameters = parameterInputs(config, options);
  const { tokens, positions, mask } = sequenceInputs("rows");
  const whole = forward(config, parameters, tokens, positions, mask);
  const flat = ops.reshape(whole.hidden, [multiplyDims("B", "T"), config.hidden_size]);
  const chosen = ops.gather(flat, ops.input("slots", ["N"], "int"));
  return withCacheRows(whole, head(config, parameters, chosen));
}

/** One token a row against the cache. Outputs: logits (B, 1, V), and the new rows key0, value0, ... (B, K, 1, D). */
export function decodeGraph(config: ModelConfig, headWidth: number, options?: ParameterOptions): Graph {
  const cacheShape = ["B", config.num_key_value_heads, "S", headWidth];
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  const cache = {
    keys: layers.map((layer) => ops.input(`cacheKey${layer}`, cacheShape)),
    values: layers.map((layer) => ops.input(`cacheValue${layer}`, cacheShape)),
    mask: ops.input("cacheMask", ["B", 1, 1, "S"]),
  };
  const tokens = ops.input("tokens", ["B", 1], "int");
  const positions = ops.input("positions", ["B", 1], "int");
  const whole = decode(config, parameterInputs(config, options), tokens, positions, cache);
  return withCacheRows(whole, whole.logits);
}

function withCacheRows({ keys, values }: Forward, logits: Node): Graph {
  const outputs = new Map([["logits", logits]]);
  for (const [layer, key] of keys.entries()) outputs.set(`key${layer}`, key).set(`value${layer}`, values[layer]!);
  return { outputs };
}

export function sequenceInputs(layout: Layout["kind"]): { tokens: Node; positions: Node; mask: Node } {
  return {
    tokens: ops.input("tokens", ["B", "T"], "int"),
    positions: ops.input("positions", ["B", "T"], "int"),
    mask: ops.input("mask", [layout === "rows" ? 1 : "B", 1, 1, "T", "T"]),
  };
}

function scoredTokens(
  config: ModelConfig,
  parameters: Parameters,
  layout: Layout["kind"],
  temperature: number,
): { logprobs: Node; entropies: Node } {
  const { tokens, positions, mask } = sequenceInputs(layout);
  const { logits } = forward(config, parameters, tokens, positions, mask);
  const all = ops.logSoftmax(temperature === 1 ? logits : ops.mul(logits, 1 / temperature));
  const logprobs = ops.pick(all, ops.input("targets", ["B", "T"], "int"));
  const entropies = ops.mul(ops.sum(ops.mul(ops.exp(all), all), [2]), -1);
  return { logprobs, entropies };
}
