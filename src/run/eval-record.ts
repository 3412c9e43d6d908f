import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import type { EvalReport } from "../eval/report.ts";
import { evalRecipeSchema } from "./eval-recipe.ts";
import { evaluationLineSchema } from "./records.ts";

/** eval.json; docs/eval.md describes it. */
export const evalRecordSchema = z.object({
  kind: z.literal("eval"),
  version: z.literal(1),
  autodidact: z.string(),
  /** What computed: "onnxruntime/cpu", "llama.cpp/cpu", "openai". */
  engine: z.string(),
  recipe: evalRecipeSchema,
  /** Answer lengths are estimates, since the endpoint counts no tokens. */
  estimatedLengths: z.boolean(),
  report: evaluationLineSchema.omit({ label: true, step: true }),
});
export interface EvalRecord extends Omit<z.output<typeof evalRecordSchema>, "report"> {
  readonly report: EvalReport;
}

/** The figures of a finished evaluation; undefined where it has not ended. @throws AutodidactError RUN_DAMAGED */
export async function readEval(path: string): Promise<EvalRecord | undefined> {
  const file = join(path, "eval.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return evalRecordSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AutodidactError(
      "RUN_DAMAGED",
      `${file}: is no evaluation of this version; remove it, and the same command makes it again from the answers`,
      { cause },
    );
  }
}
