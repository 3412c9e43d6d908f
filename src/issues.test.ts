import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { parseModelConfig } from "./checkpoint/model-config.ts";
import { firstIssue, issueLines } from "./issues.ts";
import { grpoDefaults } from "./recipe/defaults.ts";
import { grpoSchema } from "./recipe/schema.ts";

const lines = (schema: z.ZodType, value: unknown): string[] => {
  const { error } = schema.safeParse(value);
  return issueLines(error!, value, schema);
};
const recipe = (more: object): string[] => lines(grpoSchema, { ...grpoDefaults, model: "m", task: "t", ...more });

test("what is wrong with a setting and what to give, without zod's types", () => {
  for (const [more, line] of [
    [{ groupSize: 1 }, "groupSize: is 1; give at least 2"],
    [{ groupSize: 2.5 }, "groupSize: is 2.5; give a whole number"],
    [{ threads: 999 }, "threads: is 999; give at most 256"],
    [{ maxGradNorm: 0 }, "maxGradNorm: is 0; give a number greater than 0"],
    [{ levels: 7 }, "levels: is 7; give a list, [7] for instance"],
    [{ levels: [1, 9] }, "levels.1: is 9; give at most 5"],
    [{ levels: [] }, "levels: is []; give a list whose length is at least 1"],
    [{ model: "" }, 'model: is ""; give a text that is not empty'],
    [{ model: undefined }, "model: is missing; give a text"],
    [{ provider: "gpu" }, 'provider: is "gpu"; give one of cpu, webgpu, cuda'],
    [{ lora: true }, "lora: is true; give an object with rank, alpha, dropout, targetModules, rslora"],
    [{ lora: { rslora: "yes" } }, 'lora.rslora: is "yes"; give true or false'],
  ] as const)
    assert.deepEqual(recipe(more), [line]);
  assert.match(
    recipe({ lora: { targetModules: "q" } })[0]!,
    /^lora\.targetModules: is "q"; give "all-linear", or a list of/,
  );
});

test("every unknown setting is named, with what was probably meant", () => {
  const [ranks, colour] = recipe({ lora: { ranks: 8, colour: 1 } });
  assert.equal(
    ranks,
    "lora.ranks: there is no such setting; did you mean rank? known: rank, alpha, dropout, targetModules, rslora",
  );
  assert.equal(colour, "lora.colour: there is no such setting; known: rank, alpha, dropout, targetModules, rslora");
});

test("of a file that another program has written: what was expected", () => {
  const schema = z.object({ end: z.union([z.int(), z.array(z.int()), z.null()]), name: z.string() });
  const first = (value: unknown): string => firstIssue(schema.safeParse(value).error!, value);
  assert.equal(first({ end: "x", name: "" }), 'end: is "x"; expected a number or a list or null');
  assert.equal(first(7), "contents: is 7; expected an object");
  const config = {
    model_type: "llama",
    ...{ vocab_size: 9, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 1 },
    max_position_embeddings: 8,
  };
  for (const [more, words] of [
    [{ hidden_act: "gelu" }, /config\.json: hidden_act: "gelu"; only silu is supported/],
    [{ eos_token_id: "x" }, /eos_token_id: "x"; expected a number or a list or null; take the config\.json/],
    [
      { rope_scaling: { rope_type: "llama3", factor: 2 } },
      /rope_scaling\.low_freq_factor: missing; expected a number; take the config\.json/,
    ],
  ] as const)
    assert.throws(() => parseModelConfig({ ...config, ...more }, "config.json"), words);
});
