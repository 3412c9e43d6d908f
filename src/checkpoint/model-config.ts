import { AutodidactError } from "../errors.ts";
import { type ModelConfig, modelConfigSchema } from "../model/config.ts";
import { checkConfig } from "../model/parameters.ts";
import type { JsonObject } from "../tokenizer/format.ts";

const architectureOf = {
  llama: "LlamaForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
} as const satisfies Record<ModelConfig["model_type"], string>;

/**
 * Reads the contents of a Hugging Face config.json, as transformers 4 or 5 writes them. Fields that this code does not
 * know are kept in the result. What would change the arithmetic and is not implemented is refused, since a model that
 * runs with half of its config ignored gives plausible nonsense.
 *
 * @param file names the file in error messages
 * @throws AutodidactError MODEL_CONFIG naming file, field, value and remedy
 */
export function parseModelConfig(json: unknown, file: string): ModelConfig {
  const fail = (field: string, found: unknown, remedy: string): never => {
    throw new AutodidactError("MODEL_CONFIG", `${file}: ${field}: ${JSON.stringify(found) ?? "missing"}; ${remedy}`);
  };
  if (!isObject(json)) return fail("contents", json, "expected a JSON object");
  const fields: Record<string, unknown> = { ...json };
  const type = fields.model_type;
  if (typeof type !== "string" || !Object.hasOwn(architectureOf, type))
    return fail("model_type", type, `expected one of ${Object.keys(architectureOf).join(", ")}`);
  const architecture = architectureOf[type as ModelConfig["model_type"]];
  fields.architectures ??= [architecture];
  if (JSON.stringify(fields.architectures) !== JSON.stringify([architecture]))
    fail("architectures", fields.architectures, `a ${type} language model has ["${architecture}"]`);

  // Written as null, or left to a default that depends on other fields.
  for (const field of ["head_dim", "torch_dtype"]) if (fields[field] === null) delete fields[field];
  fields.num_key_value_heads ??= fields.num_attention_heads;

  // transformers 5 keeps rope_theta here; transformers 4 called the scaling part rope_scaling.
  for (const field of ["rope_parameters", "rope_scaling"]) {
    const rope = fields[field];
    if (!isObject(rope)) continue;
    const kind = rope.rope_type ?? rope.type ?? "default";
    if (kind !== "default") fail(`${field}.rope_type`, kind, "scaled rotary positions are not supported");
    if (rope.rope_theta === undefined) continue;
    fields.rope_theta ??= rope.rope_theta;
    if (fields.rope_theta !== rope.rope_theta)
      fail(`${field}.rope_theta`, rope.rope_theta, `differs from rope_theta ${JSON.stringify(fields.rope_theta)}`);
  }
  if (fields.use_sliding_window === true)
    fail("use_sliding_window", true, "sliding-window attention is not supported; set it to false if the model allows");
  if (fields.mlp_bias === true) fail("mlp_bias", true, "biases in the MLP are not supported");
  if (isObject(fields.quantization_config))
    fail("quantization_config", fields.quantization_config.quant_method, "convert the model to float first");
  if (fields.partial_rotary_factor !== undefined && fields.partial_rotary_factor !== 1)
    fail("partial_rotary_factor", fields.partial_rotary_factor, "only 1 is supported");

  const parsed = modelConfigSchema.loose().safeParse(fields);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const found = issue.path.reduce<unknown>(
      (value, key) => (value as JsonObject | undefined)?.[key as string],
      fields,
    );
    return fail(issue.path.join("."), found, issue.message);
  }
  try {
    checkConfig(parsed.data);
  } catch (error) {
    if (error instanceof AutodidactError) throw new AutodidactError(error.code, `${file}: ${error.message}`);
    throw error;
  }
  return parsed.data;
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
