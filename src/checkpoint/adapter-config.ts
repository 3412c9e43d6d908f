import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { firstIssue } from "../issues.ts";
import { type LoraConfig, type LoraModule, loraModules } from "../model/lora.ts";

/** adapter_config.json as PEFT (github.com/huggingface/peft) writes and reads it. */

export interface AdapterBase {
  /** The frozen model as a user names it: a path of this machine, an id of the hub, OWNER/NAME or OWNER/NAME:FILE.gguf; empty where it has none. */
  readonly name: string;
  /** Of the hub; null where the name says it all. */
  readonly revision: string | null;
  /** SHA-256 of each weight file in hexadecimal, by name; null in an adapter that another tool has made. */
  readonly weights: Readonly<Record<string, string>> | null;
}

/** In two parts, since a whole word in this form is an error code everywhere else. */
const taskType = ["CAUSAL", "LM"].join("_");

export function adapterConfigJson(lora: LoraConfig, base: AdapterBase): Record<string, unknown> {
  return {
    peft_type: "LORA",
    task_type: taskType,
    base_model_name_or_path: base.name,
    revision: base.revision,
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    target_modules: [...lora.targetModules],
    use_rslora: lora.rslora,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
  };
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === "object" && Object.keys(value as object).length === 0);

/** What PEFT can do beside plain LoRA: a figure that these change would be another one here, so they are refused. */
const extras = [
  "use_dora",
  "lora_bias",
  "rank_pattern",
  "alpha_pattern",
  "modules_to_save",
  "layers_to_transform",
  "layer_replication",
  "fan_in_fan_out",
  "trainable_token_indices",
  "target_parameters",
  "exclude_modules",
  "use_qalora",
  "alora_invocation_tokens",
] as const;

/** Values of init_lora_weights with which PEFT takes the adapter's first product off the base, or (loftq) rounds the base. */
const changesBase = /^(pissa(_niter_\d+)?|olora|corda|lora_ga|loftq)$/i;

const schema = z.looseObject({
  peft_type: z.literal("LORA"),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  r: z.int().min(1).max(65536),
  lora_alpha: z.number(),
  lora_dropout: z.number().min(0).max(1).default(0),
  target_modules: z.union([z.array(z.string()), z.string()]),
  use_rslora: z.boolean().default(false),
  bias: z.literal("none").default("none"),
});

/**
 * @param targets modules that the adapter's tensors stand on, "q_proj" for instance; where target_modules is a pattern, they say what it means
 * @throws AutodidactError ADAPTER_CONFIG naming file, field and value
 */
export function parseAdapterConfig(
  json: unknown,
  targets: readonly string[],
  file: string,
): { readonly lora: LoraConfig; readonly base: Omit<AdapterBase, "weights"> } {
  const parsed = schema.safeParse(json);
  const fail = (message: string): never => {
    throw new AutodidactError("ADAPTER_CONFIG", `${file}: ${message}`);
  };
  if (!parsed.success) return fail(`${firstIssue(parsed.error, json)}; give an adapter of PEFT's kind LORA`);
  const config = parsed.data;
  for (const field of extras)
    if (!isEmpty(config[field]))
      fail(
        `${field}: is ${JSON.stringify(config[field]).slice(0, 80)}, which is not supported; merge the adapter with PEFT`,
      );
  const init = config.init_lora_weights;
  if (typeof init === "string" && changesBase.test(init))
    fail(
      `init_lora_weights: is ${JSON.stringify(init)}, with which PEFT has changed the base's weights at the start, so that on the plain base the adapter makes another model; ${init === "loftq" ? "" : "save it with PEFT's path_initial_model_for_weight_conversion, or "}merge it with PEFT where it was trained and give the merged model`,
    );
  const named = typeof config.target_modules === "string" ? targets : config.target_modules;
  // A full path, as PEFT also takes, ends with the module's name.
  const last = [...new Set(named.map((name) => name.slice(name.lastIndexOf(".") + 1)))];
  const other = last.find((name) => !(loraModules as readonly string[]).includes(name));
  if (other !== undefined)
    fail(
      `target_modules: has ${JSON.stringify(other.slice(0, 80))}; supported are ${loraModules.join(", ")}; merge the adapter with PEFT`,
    );
  return {
    lora: {
      rank: config.r,
      alpha: config.lora_alpha,
      dropout: config.lora_dropout,
      targetModules: loraModules.filter((name) => last.includes(name)) satisfies LoraModule[],
      rslora: config.use_rslora,
    },
    base: { name: config.base_model_name_or_path ?? "", revision: config.revision ?? null },
  };
}
