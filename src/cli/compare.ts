import { z } from "zod";
import { defineCommand } from "./command.ts";
import { clean } from "./spans.ts";

export const compareCommand = defineCommand({
  name: "compare",
  summary: "whether one model is better than another on the same problems, or only seems so",
  description:
    "Compares two evaluations, or the measurements before and after a run, problem by problem: the difference with its 95 % interval, an exact paired permutation test, and the number of problems it would take to see a difference that cannot be told from chance. Measurements that were not made alike are refused.",
  examples: [
    { command: "autodidact compare evals/base evals/trained", what: "two evaluations" },
    { command: "autodidact compare runs/zero", what: "a run, before and after" },
    { command: 'autodidact compare "runs/a#after" "runs/b#after"', what: "what two runs came to" },
    {
      command: "autodidact compare evals/plain evals/with-system --allow system",
      what: "one model, asked in two ways",
    },
  ],
  options: z.object({
    allow: z
      .array(z.string().min(1))
      .default([])
      .describe("setting that may differ, temperature for instance")
      .meta({ value: "FIELD" }),
  }),
  positionals: z.object({
    a: z.string().min(1).describe("directory of an evaluation, or of a run (#before, #after)"),
    b: z.string().min(1).optional().describe("the other; of a run alone, before and after are compared"),
  }),
  async run({ a, b, allow }, context) {
    const { resolve, relative } = await import("node:path");
    const { compareDirectories } = await import("../run/compare.ts");
    const { compareLines } = await import("../run/compare-text.ts");
    const full = (spec: string): string => resolve(context.cwd, spec);
    const found = await compareDirectories(full(a), b === undefined ? undefined : full(b), allow);
    const near = (path: string): string => {
      const short = relative(context.cwd, path);
      return short.startsWith("..") ? path : short;
    };
    const sides = { ...found, a: near(found.a), b: near(found.b) };
    context.result(
      { a: sides.a, b: sides.b, differing: sides.differing, ...sides.comparison },
      clean(compareLines(sides).join("\n")),
    );
  },
});
