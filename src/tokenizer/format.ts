import { z } from "zod";

export type JsonObject = { readonly [key: string]: unknown };

/** The fields of tokenizer.json that this code relies on; the library reads the rest. */
export const tokenizerJsonSchema = z.looseObject({
  added_tokens: z
    .array(z.looseObject({ id: z.int().nonnegative(), content: z.string().min(1), special: z.boolean().optional() }))
    .default([]),
  model: z.looseObject({
    type: z.string().optional(),
    vocab: z.union([z.record(z.string(), z.int().nonnegative()), z.array(z.tuple([z.string(), z.number()]))]),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])).optional(),
  }),
});
export type TokenizerJson = z.infer<typeof tokenizerJsonSchema>;
