import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { type LoraConfig, loraModules } from "../model/lora.ts";
import type { Asking } from "../model/policy.ts";

/** The fields of a recipe that say which model is trained, how it is asked, and what of it changes. */

export const modelSpec = z
  .string()
  .min(1)
  .describe("the model to train: a directory in Hugging Face's layout, a GGUF file, or an id of the hub");

export const askingShape = {
  system: z.string().nullable().default(null).describe("a system message before every question; null for none"),
  template: z
    .string()
    .default("chat")
    .describe('"chat": the model\'s own chat template; "r1-zero": the paper\'s template; or a text around {prompt}'),
  chatVariables: z
    .record(z.string(), z.json())
    .default({})
    .describe("variables that the chat template reads, enable_thinking for instance"),
};
export type AskingFields = z.output<z.ZodObject<typeof askingShape>>;

/** DeepSeek-R1, Table 1: structure only, no hint at a method. For base models, which know no chat template. */
export const r1ZeroTemplate =
  "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning process and answer are enclosed within <think>...</think> and <answer>...</answer> tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here </answer>. User: {prompt}. Assistant:";

/** @throws AutodidactError RECIPE_INVALID where the fields contradict each other */
export function recipeAsking({
  system = null,
  template = "chat",
  chatVariables = {},
  stop = [],
}: Partial<AskingFields> & { readonly stop?: readonly string[] }): Asking {
  const text = template === "r1-zero" ? r1ZeroTemplate : template;
  const common = stop.length > 0 ? { stop } : {};
  if (template === "chat")
    return {
      ...(system !== null && { system }),
      ...(Object.keys(chatVariables).length > 0 && { chatVariables }),
      ...common,
    };
  if (text.split("{prompt}").length !== 2)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `template: is ${JSON.stringify(template.slice(0, 60))}; write {prompt} once where the question goes, or give "chat" or "r1-zero"`,
    );
  const stray = system !== null ? "system" : Object.keys(chatVariables).length > 0 ? "chatVariables" : null;
  if (stray !== null)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `${stray}: is given beside a template of your own, and only chat templates read it; leave it out, or write it into the template`,
    );
  return { template: text, ...common };
}

const loraSchema = z.strictObject({
  rank: z.int().min(1).max(1024).default(16).describe("r, the inner width of the adapters"),
  alpha: z.number().positive().default(32).describe("the adapters' output is scaled by alpha / rank"),
  dropout: z.number().min(0).lt(1).default(0).describe("share of the adapters' inputs that is zeroed while training"),
  targetModules: z
    .union([z.literal("all-linear"), z.array(z.enum(loraModules)).min(1)], {
      error: `give "all-linear", or a list of ${loraModules.join(", ")}`,
    })
    .default("all-linear")
    .describe(`linear layers that get an adapter: "all-linear", or some of ${loraModules.join(", ")}`),
  rslora: z.boolean().default(false).describe("scale by alpha / sqrt(rank) instead"),
});

export const adapterShape = {
  lora: loraSchema
    .nullable()
    .default(null)
    .describe("train low-rank adapters and leave the weights as they are; null trains every weight"),
  hold: z
    .enum(["float32", "bfloat16", "int8"])
    .default("float32")
    .describe("how the frozen weights below adapters are held in memory"),
};
export type AdapterFields = z.output<z.ZodObject<typeof adapterShape>>;

/** Weights that are trained cannot be held in fewer bits. */
export function withHold<S extends typeof adapterShape & z.core.$ZodLooseShape>(
  schema: z.ZodObject<S, z.core.$strict>,
) {
  return schema.refine(
    (recipe) => (recipe as AdapterFields).lora !== null || (recipe as AdapterFields).hold === "float32",
    {
      path: ["hold"],
      error:
        "only weights that stay as they are can be held so: an update is smaller than the gaps between such numbers. Give --lora, or leave hold out",
    },
  );
}

/** The adapters of a recipe with their modules by name; undefined where every weight is trained. */
export function recipeLora({ lora }: Partial<AdapterFields>): LoraConfig | undefined {
  if (!lora) return undefined;
  const { targetModules, ...rest } = lora;
  return { ...rest, targetModules: targetModules === "all-linear" ? [...loraModules] : targetModules };
}
