import { gradients } from "../autodiff/gradients.ts";
import type { Graph, Node } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import { tokenLoss } from "../losses/token-loss.ts";
import type { ModelConfig } from "../model/config.ts";
import { decode, forward, parameterInputs } from "../model/transformer.ts";
import type { Layout, Loss } from "./engine.ts";

/** The graphs the embedded engine runs. Inputs are named after BatchArrays' fields and Hugging Face's parameters. */

/** Outputs: loss (), logprobs (B, T), entropies (B, T), and "gradient NAME" for each parameter. */
export function trainingGraph(config: ModelConfig, loss: Loss, layout: Layout["kind"]): Graph {
  const parameters = parameterInputs(config);
  const scored = scoredTokens(config, parameters, layout, loss.name === "policy-gradient" ? loss.temperature : 1);
  const perToken = (name: string): Node => ops.input(name, ["B", "T"]);
  const scalar = tokenLoss(loss, scored.logprobs, {
    weights: perToken("weights"),
    completion: perToken("completion"),
    advantages: perToken("advantages"),
    oldLogprobs: perToken("oldLogprobs"),
    referenceLogprobs: perToken("referenceLogprobs"),
  });
  const names = [...parameters.nodes.keys()];
  const outputs = new Map([
    ["loss", scalar],
    ["logprobs", scored.logprobs],
    ["entropies", scored.entropies],
  ]);
  for (const [i, gradient] of gradients(scalar, [...parameters.nodes.values()]).entries())
    outputs.set(`gradient ${names[i]}`, gradient);
  return { outputs };
}

/** Outputs: logprobs (B, T). */
export function scoringGraph(config: ModelConfig, temperature: number): Graph {
  const { logprobs } = scoredTokens(config, parameterInputs(config), "rows", temperature);
  return { outputs: new Map([["logprobs", logprobs]]) };
}

/** Outputs: logits (B, T, V), and key0, value0, key1, ... (B, K, T, D). */
export function prefillGraph(config: ModelConfig): Graph {
  const { tokens, positions, mask } = sequenceInputs("rows");
  return withCacheRows(forward(config, parameterInputs(config), tokens, positions, mask));
}

/** One token a row against the cache. Outputs: logits (B, 1, V), and the new rows key0, value0, ... (B, K, 1, D). */
export function decodeGraph(config: ModelConfig, headWidth: number): Graph {
  const cacheShape = ["B", config.num_key_value_heads, "S", headWidth];
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layer);
  const cache = {
    keys: layers.map((layer) => ops.input(`cacheKey${layer}`, cacheShape)),
    values: layers.map((layer) => ops.input(`cacheValue${layer}`, cacheShape)),
    mask: ops.input("cacheMask", ["B", 1, 1, "S"]),
  };
  const tokens = ops.input("tokens", ["B", 1], "int");
  const positions = ops.input("positions", ["B", 1], "int");
  return withCacheRows(decode(config, parameterInputs(config), tokens, positions, cache));
}

function withCacheRows({ logits, keys, values }: ReturnType<typeof forward>): Graph {
  const outputs = new Map([["logits", logits]]);
  for (const [layer, key] of keys.entries()) outputs.set(`key${layer}`, key).set(`value${layer}`, values[layer]!);
  return { outputs };
}

function sequenceInputs(layout: Layout["kind"]): { tokens: Node; positions: Node; mask: Node } {
  return {
    tokens: ops.input("tokens", ["B", "T"], "int"),
    positions: ops.input("positions", ["B", "T"], "int"),
    mask: ops.input("mask", [layout === "rows" ? 1 : "B", 1, 1, "T", "T"]),
  };
}

function scoredTokens(
  config: ModelConfig,
  parameters: ReturnType<typeof parameterInputs>,
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
