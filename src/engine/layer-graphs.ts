import { gradients } from "../autodiff/gradients.ts";
import type { Graph, Node } from "../autodiff/graph.ts";
import * as ops from "../autodiff/ops.ts";
import { tokenLoss } from "../losses/token-loss.ts";
import type { ModelConfig } from "../model/config.ts";
import { heldInput, type ParameterOptions, parameterInputs } from "../model/parameter-inputs.ts";
import { attention, block, headName, rotaryInputs } from "../model/transformer.ts";
import type { HeldDtype, Layout, Loss } from "./engine.ts";
import { sequenceInputs, tokenInputs, withGradients } from "./graphs.ts";

/**
 * The parts of a model as graphs of their own, for layered-model.ts. Layers are fed under the names of layer 0. Backward
 * graphs take what comes from above as an input, g, and differentiate sum(output x g): they compute the forward pass of
 * their part again, and nothing of it has to be kept in between.
 * B batch row, T token, C model width, N chosen token, V vocabulary, W row of a slice of the output matrix.
 */

/** tokens (B, T) -> x (B, T, C). */
export function embedGraph(config: ModelConfig, options: ParameterOptions): Graph {
  const { tokens } = sequenceInputs("rows");
  const x = parameterInputs(config, options).rows("model.embed_tokens.weight", tokens);
  return { outputs: new Map([["x", x]]) };
}

/** x (B, T, C) -> after (B, T, C), what the layer makes of it. */
export function blockGraph(config: ModelConfig, layout: Layout["kind"], options: ParameterOptions): Graph {
  return { outputs: new Map([["after", layer(config, layout, options).after]]) };
}

/** x and g (B, T, C) -> "gradient x" (B, T, C), and "gradient NAME" of the layer's trained parameters. */
export function blockGradientGraph(config: ModelConfig, layout: Layout["kind"], options: ParameterOptions): Graph {
  const { x, after, parameters } = layer(config, layout, options);
  const scalar = ops.sum(ops.mul(after, ops.input("g", x.shape)), [0, 1, 2]);
  return { outputs: withGradients(new Map(), scalar, { trained: new Map([["x", x], ...parameters.trained]) }) };
}

function layer(config: ModelConfig, layout: Layout["kind"], options: ParameterOptions) {
  const { positions, mask } = sequenceInputs(layout);
  const parameters = parameterInputs(config, options);
  const x = ops.input("x", ["B", "T", config.hidden_size]);
  const after = block(config, parameters, 0, x, positions, rotaryInputs(config), attention(config, mask));
  return { x, after, parameters };
}

/** The final norm: x (N, C), targets (N) -> y (N, C), and the logits of the targets (N). */
export function closingGraph(config: ModelConfig, temperature: number, options: ParameterOptions): Graph {
  const { y, logits } = closing(config, temperature, options);
  return {
    outputs: new Map([
      ["y", y],
      ["logits", logits],
    ]),
  };
}

/**
 * With gradients of y (N, C) and of the targets' logits (N): "gradient x" (N, C), and "gradient model.norm.weight" where
 * it is trained. The output matrix gets its part of the targets' logits elsewhere.
 */
export function closingGradientGraph(config: ModelConfig, temperature: number, options: ParameterOptions): Graph {
  const { x, y, logits, parameters } = closing(config, temperature, options);
  const fromY = ops.sum(ops.mul(y, ops.input("gY", y.shape)), [0, 1]);
  const fromLogits = ops.sum(ops.mul(logits, ops.input("gLogits", ["N"])), [0]);
  const norm = parameters.trained.get("model.norm.weight");
  const trained = new Map<string, Node>([["x", x], ...(norm ? ([["model.norm.weight", norm]] as const) : [])]);
  return { outputs: withGradients(new Map(), ops.add(fromY, fromLogits), { trained }) };
}

function closing(config: ModelConfig, temperature: number, options: ParameterOptions) {
  const parameters = parameterInputs(config, options);
  const x = ops.input("x", ["N", config.hidden_size]);
  const y = ops.rmsNorm(x, parameters.get("model.norm.weight"), config.rms_norm_eps);
  const rows = parameters.rows(headName(config), ops.input("targets", ["N"], "int"));
  const logits = ops.mul(ops.sum(ops.mul(y, rows), [1]), 1 / temperature);
  return { x, y, logits, parameters };
}

/** y (N, C), slice (W, C) -> of the softmax over the slice alone: logSum (N, 1) and entropies (N, 1). */
export function headGraph(config: ModelConfig, temperature: number, dtype: HeldDtype): Graph {
  const { logits } = sliceLogits(config, temperature, dtype);
  const all = ops.logSoftmax(logits);
  const first = (x: Node): Node => ops.slice(x, 1, 0, 1, 1);
  return {
    outputs: new Map([
      ["logSum", ops.sub(first(logits), first(all))],
      ["entropies", ops.mul(ops.sum(ops.mul(ops.exp(all), all), [1], true), -1)],
    ]),
  };
}

/**
 * With logSum (N, 1) over the whole vocabulary and gLogSum (N, 1): "gradient y" (N, C), and "gradient slice" (W, C) where
 * the matrix is trained. d logSum / d logit is the softmax, so no array has all the vocabulary's columns.
 */
export function headGradientGraph(
  config: ModelConfig,
  temperature: number,
  dtype: HeldDtype,
  trainsHead: boolean,
): Graph {
  const { y, slice, logits } = sliceLogits(config, temperature, dtype);
  const softmax = ops.exp(ops.sub(logits, ops.input("logSum", ["N", 1])));
  const scalar = ops.sum(ops.mul(softmax, ops.input("gLogSum", ["N", 1])), [0, 1]);
  const trained = new Map([["y", y], ...(trainsHead ? ([["slice", slice]] as const) : [])]);
  return { outputs: withGradients(new Map(), scalar, { trained }) };
}

function sliceLogits(config: ModelConfig, temperature: number, dtype: HeldDtype) {
  const y = ops.input("y", ["N", config.hidden_size]);
  const slice = heldInput("slice", ["W", config.hidden_size], dtype);
  const logits = ops.matmul(y, slice.float, { transB: true, alpha: 1 / temperature });
  return { y, slice: slice.held, logits };
}

/** logprobs and the other per-token arrays (B, T) -> loss (), and "gradient logprobs" (B, T). */
export function lossGraph(loss: Loss): Graph {
  const logprobs = ops.input("logprobs", ["B", "T"]);
  const scalar = tokenLoss(loss, logprobs, tokenInputs());
  const outputs = new Map([
    ["loss", scalar],
    ["gradient logprobs", gradients(scalar, [logprobs])[0]!],
  ]);
  return { outputs };
}
