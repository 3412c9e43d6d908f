import type { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { wanted } from "../issues.ts";
import { type ModelConfig, modelConfigSchema, type RopeScaling, ropeScalingSchema } from "../model/config.ts";
import { checkConfig } from "../model/parameters.ts";
import type { JsonObject } from "../tokenizer/format.ts";

const architectureOf = {
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
} as const satisfies Record<ModelConfig["model_type"], string>;

const supported =
  "LlamaForCausalLM (Llama, SmolLM2, DeepSeek-R1-Distill-Llama), MistralForCausalLM without sliding window, " +
  "Qwen2ForCausalLM (Qwen2, Qwen2.5, DeepSeek-R1-Distill-Qwen), Qwen3ForCausalLM";

/**
 * Reads the contents of a Hugging Face config.json, as transformers 4 or 5 writes them. Fields that this code does not
 * know are kept in the result. What would change the arithmetic and is not implemented is refused, since a model that
 * runs with half of its config ignored gives plausible nonsense.
 *
 * @param file names the file in error messages
 * @throws AutodidactError MODEL_CONFIG naming file, field, value and remedy
 */
export function parseModelConfig(json: unknown, file: string): ModelConfig {
  const fail: Fail = (field, found, remedy) => {
    throw new AutodidactError("MODEL_CONFIG", `${file}: ${field}: ${JSON.stringify(found) ?? "missing"}; ${remedy}`);
  };
  if (!isObject(json)) return fail("contents", json, "expected a JSON object");
  const fields: Record<string, unknown> = { ...json };
  const type = fields.model_type;
  if (typeof type !== "string") return fail("model_type", type, `expected one of ${supported}`);
  const architecture: string | undefined = Object.hasOwn(architectureOf, type)
    ? architectureOf[type as ModelConfig["model_type"]]
    : undefined;
  fields.architectures ??= [architecture ?? type];
  if (architecture === undefined || JSON.stringify(fields.architectures) !== JSON.stringify([architecture]))
    fail(
      "architectures",
      fields.architectures,
      `model_type ${JSON.stringify(type)} of this kind is not supported; what loads: ${supported}`,
    );

  // Written as null, or left to a default that depends on other fields.
  for (const field of ["head_dim", "torch_dtype"]) if (fields[field] === null) delete fields[field];
  fields.num_key_value_heads ??= fields.num_attention_heads;

  const scaling = ropeScaling(fields, fail);
  delete fields.rope_scaling;
  if (scaling !== undefined) fields.rope_scaling = scaling;
  const layers = fields.layer_types;
  if (Array.isArray(layers) && layers.some((layer) => layer !== "full_attention"))
    fail("layer_types", layers.slice(0, 4), "only full_attention is supported");
  // transformers takes a missing sliding_window of Mistral for 4096.
  if (type === "mistral" && fields.sliding_window !== null)
    fail("sliding_window", fields.sliding_window, "MistralForCausalLM is supported with sliding_window null only");
  if (fields.use_sliding_window === true)
    fail("use_sliding_window", true, "sliding-window attention is not supported; set it to false if the model allows");
  if (fields.mlp_bias === true) fail("mlp_bias", true, "biases in the MLP are not supported");
  if (isObject(fields.quantization_config))
    fail("quantization_config", fields.quantization_config.quant_method, "convert the model to float first");

  const parsed = modelConfigSchema.loose().safeParse(fields);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const found = issue.path.reduce<unknown>(
      (value, key) => (value as JsonObject | undefined)?.[key as string],
      fields,
    );
    return fail(issue.path.join("."), found, expectation(issue));
  }
  try {
    checkConfig(parsed.data);
  } catch (error) {
    if (error instanceof AutodidactError) throw new AutodidactError(error.code, `${file}: ${error.message}`);
    throw error;
  }
  return parsed.data;
}

function expectation(issue: z.core.$ZodIssue): string {
  const what = wanted(issue);
  if (issue.code === "invalid_value") return `only ${what} is supported`;
  return `${what === null ? issue.message : `expected ${what}`}; take the config.json that the model came with`;
}

type Fail = (field: string, found: unknown, remedy: string) => never;

/**
 * Reads rope_scaling (transformers 4) and rope_parameters (transformers 5, which keeps rope_theta there too), and sets
 * rope_theta. A config may have both, if they say the same.
 */
function ropeScaling(fields: Record<string, unknown>, fail: Fail): RopeScaling | undefined {
  const places = ["rope_parameters", "rope_scaling"].filter((place) => isObject(fields[place]));
  const scalings = places.map((place) => {
    const rope = ofFullAttention(fields[place] as JsonObject, place, fail);
    if (rope.rope_theta !== undefined) fields.rope_theta ??= rope.rope_theta;
    if (rope.rope_theta !== undefined && fields.rope_theta !== rope.rope_theta)
      fail(`${place}.rope_theta`, rope.rope_theta, `differs from rope_theta ${JSON.stringify(fields.rope_theta)}`);
    checkRotaryShare(rope.partial_rotary_factor, `${place}.partial_rotary_factor`, fail);
    const kind = rope.rope_type ?? rope.type ?? "default";
    if (kind === "default") return undefined;
    const parsed = ropeScalingSchema.safeParse({ ...rope, rope_type: kind });
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    const { path } = issue;
    if (path[0] === "rope_type") return fail(`${place}.rope_type`, kind, "supported are default, linear and llama3");
    return fail(`${place}.${path.join(".")}`, rope[path[0] as string], expectation(issue));
  });
  checkRotaryShare(fields.partial_rotary_factor, "partial_rotary_factor", fail);
  if (scalings.length === 2 && JSON.stringify(scalings[0]) !== JSON.stringify(scalings[1]))
    fail("rope_scaling", fields.rope_scaling, "differs from rope_parameters; remove one of them");
  return scalings[0];
}

/** transformers 5 may keep a set of settings for each kind of layer; here there is one kind. */
function ofFullAttention(rope: JsonObject, place: string, fail: Fail): JsonObject {
  const other = Object.keys(rope).find((kind) => kind !== "full_attention" && isObject(rope[kind]));
  if (other !== undefined) fail(`${place}.${other}`, rope[other], "only layers of full_attention are supported");
  const { full_attention: own, ...rest } = rope;
  return isObject(own) ? { ...rest, ...own } : rope;
}

function checkRotaryShare(share: unknown, field: string, fail: Fail): void {
  if (share !== undefined && share !== 1) fail(field, share, "only 1 is supported");
}

/** The config.json of a model whose weights are float32: known fields first, then those kept from where it was read. */
export function modelConfigJson(config: ModelConfig, file: string): JsonObject {
  const fields: Record<string, unknown> = { ...parseModelConfig(config, file), torch_dtype: "float32" };
  if ("dtype" in fields) fields.dtype = "float32";
  // An order of its own, whatever that of the input was: the same config gives the same bytes.
  const names = Object.keys(modelConfigSchema.shape).filter((name) => fields[name] !== undefined);
  const others = Object.keys(fields).filter((name) => !Object.hasOwn(modelConfigSchema.shape, name));
  return Object.fromEntries([...names, ...others].map((name) => [name, fields[name]]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
