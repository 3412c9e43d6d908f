import { z } from "zod";
import type { Dataset, DatasetOptions } from "../datasets/dataset.ts";
import type { Mapping } from "../datasets/mapping.ts";
import type { DatasetProblem } from "../datasets/problem.ts";
import { type Context, defineCommand, UsageError } from "./command.ts";
import { kebab } from "./option.ts";
import { outPath } from "./run-options.ts";
import { clean } from "./spans.ts";

const mappingNames = ["gsm8k", "math", "aime", "apps", "taco", "livecodebench", "codeforces", "code-contests"] as const;
const goldForms = ["text", "number", "hashes", "boxed", "boxed-or-text"] as const;
const testsForms = ["tests", "inputs-outputs", "livecodebench", "code-contests"] as const;

const column = (what: string) =>
  z.string().min(1).optional().describe(`column of ${what}, or a template with {columns}`).meta({ value: "COLUMN" });

/** Options that say how the rows of a data set become problems. */
export const source = {
  mapping: z.enum(mappingNames).optional().describe("ready mapping of columns; known by itself for well-known hf: ids"),
  prompt: column("the question"),
  gold: column("the right answer"),
  goldForm: z.enum(goldForms).optional().describe("how the answer is read off its column"),
  tests: column("a program's tests"),
  testsForm: z.enum(testsForms).optional().describe("what the tests column holds"),
  id: column("ids"),
  level: column("difficulty, 1 to 5"),
  config: z.string().min(1).optional().describe("subset of a data set of the hub").meta({ value: "NAME" }),
  split: z
    .string()
    .min(1)
    .optional()
    .describe("split of a data set of the hub; train where left out")
    .meta({ value: "NAME" }),
  revision: z.string().min(1).optional().describe("branch, tag or commit of the hub").meta({ value: "REV" }),
  skipBad: z.boolean().default(false).describe("leave rows out that are no problems, and count them"),
};
type Source = z.output<z.ZodObject<typeof source>>;
const positionals = z.object({
  set: z
    .string()
    .min(1)
    .describe("a file (.jsonl, .json, .csv, .tsv, .parquet), or hf:OWNER/NAME on the Hugging Face hub"),
});

export const datasetShow = defineCommand({
  name: "dataset show",
  summary: "the first problems of a data set, as its columns are mapped",
  description:
    "Reads a file or a data set of the Hugging Face hub and prints its first problems as a task would see them. HF_ENDPOINT names a mirror, HF_TOKEN opens gated sets, HF_HOME holds the cache.",
  examples: [
    { command: "autodidact dataset show hf:openai/gsm8k --config main", what: "a known data set" },
    {
      command: 'autodidact dataset show my.csv --prompt "{title}: {text}" --gold answer -n 3',
      what: "a file of your own",
    },
  ],
  options: z.object({
    ...source,
    n: z.int().min(1).max(100_000).default(5).describe("problems to print").meta({ short: "n", value: "N" }),
  }),
  positionals,
  async run({ set, n, ...given }, context) {
    const { problems, report } = await read(set, given, context, n);
    const text = problems.map(
      (problem) =>
        `── row ${problem.row}, ${clean(problem.id)}, level ${problem.level}\n${clean(problem.prompt)}\n\n${rightOf(problem)}`,
    );
    context.result({ problems, report }, text.join("\n\n"));
  },
});

export const datasetCheck = defineCommand({
  name: "dataset check",
  summary: "whether every row of a data set is a problem, and what it shares with an evaluation",
  description:
    "Reads the whole of a data set, grades each gold answer by itself, and counts what is left out, repeated or contradictory. With --against it finds problems that share words in a row with an evaluation set (10, as in the paper), and --out writes the ones that don't.",
  examples: [
    { command: "autodidact dataset check train.jsonl --prompt question --gold answer", what: "every row of a file" },
    {
      command:
        "autodidact dataset check hf:openai/gsm8k --config main --against hf:HuggingFaceH4/MATH-500 --against-split test --out clean.jsonl",
      what: "without what the evaluation has too",
    },
  ],
  options: z.object({
    ...source,
    against: z
      .array(z.string().min(1))
      .default([])
      .describe("evaluation set: a file or hf:OWNER/NAME")
      .meta({ value: "SET" }),
    againstMapping: z.enum(mappingNames).optional().describe("ready mapping of those; the first set's where left out"),
    againstConfig: z.string().min(1).optional().describe("subset of those on the hub").meta({ value: "NAME" }),
    againstSplit: z.string().min(1).default("test").describe("split of those on the hub").meta({ value: "NAME" }),
    words: z.int().min(1).max(100).default(10).describe("words in a row that are too many").meta({ value: "N" }),
    out: z
      .string()
      .min(1)
      .optional()
      .describe("file for the problems that share none, as JSON lines")
      .meta({ value: "FILE" }),
  }),
  positionals,
  async run({ set, against, againstMapping, againstConfig, againstSplit, words, out, ...given }, context) {
    const { decontaminate } = await import("../datasets/decontaminate.ts");
    const { unsoundGolds } = await import("../datasets/task.ts");
    const { problems, report } = await read(set, given, context);
    const evaluation: DatasetProblem[] = [];
    for (const other of against) {
      const hub = other.startsWith("hf:");
      const own = againstMapping === undefined ? given : { skipBad: given.skipBad, mapping: againstMapping };
      const where = hub ? { config: againstConfig, split: againstSplit } : { config: undefined, split: undefined };
      evaluation.push(...(await read(other, { ...own, ...where, revision: undefined }, context)).problems);
    }
    const { kept, removed } = decontaminate(problems, evaluation, { words });
    const badGolds = await unsoundGolds(problems);
    const overlaps = removed.map(({ problem, evaluation: held, ngram }) => ({
      row: problem.row,
      id: problem.id,
      question: problem.question,
      evaluation: { file: held.file, row: held.row, id: held.id, question: held.question },
      ngram,
    }));
    if (out !== undefined) {
      const { writeFile } = await import("node:fs/promises");
      const lines = kept.map(({ id, prompt, level, gold, tests }) =>
        JSON.stringify({ id, prompt, level, ...(gold !== null && { gold }), ...(tests && { tests }) }),
      );
      await writeFile(outPath(context, out), lines.map((line) => `${line}\n`).join(""));
    }
    const levels = Object.fromEntries(
      [1, 2, 3, 4, 5].map((level) => [level, problems.filter((one) => one.level === level).length]),
    );
    const value = {
      problems: problems.length,
      levels,
      ...report,
      badGolds,
      evaluation: evaluation.length,
      words,
      overlaps,
      kept: kept.length,
    };
    context.result(value, checkText(value, against.length > 0, out));
  },
});

type Check = Dataset["report"] & {
  readonly problems: number;
  readonly levels: Readonly<Record<string, number>>;
  readonly badGolds: readonly string[];
  readonly evaluation: number;
  readonly words: number;
  readonly overlaps: readonly {
    readonly row: number;
    readonly question: string;
    readonly ngram: string;
    readonly evaluation: { readonly file: string; readonly row: number; readonly question: string };
  }[];
  readonly kept: number;
};

/** Lists in the text are cut here; --json has all. */
const shown = 10;

function checkText(check: Check, compared: boolean, out: string | undefined): string {
  const some = (items: readonly string[], count = items.length): string[] => [
    ...items.slice(0, shown).map((item) => `    ${clean(item)}`),
    ...(count > shown ? [`    … ${count - shown} more`] : []),
  ];
  const levels = Object.entries(check.levels).filter(([, count]) => count > 0);
  const skipped = Object.entries(check.skipped);
  return [
    `${check.rows} rows in ${check.files.length === 1 ? check.files[0] : `${check.files.length} files`}: ${check.problems} problems`,
    `  by level: ${levels.map(([level, count]) => `${level}: ${count}`).join(", ")}`,
    `  repeated questions: ${check.duplicates}`,
    ...(check.conflicts.length > 0 ? ["  repeated with another answer:", ...some(check.conflicts)] : []),
    ...(skipped.length > 0
      ? [`  left out: ${skipped.map(([reason, count]) => `${count} ${reason}`).join(", ")}`, ...some(check.bad)]
      : []),
    ...(check.badGolds.length > 0
      ? [`  gold answers that cannot be graded as mathematics: ${check.badGolds.length}`, ...some(check.badGolds)]
      : []),
    ...(compared
      ? [
          `  share ${check.words} words in a row with one of ${check.evaluation} evaluation problems: ${check.overlaps.length}`,
        ]
      : []),
    ...some(
      check.overlaps
        .slice(0, shown)
        .map(({ row, ngram, evaluation }) => `row ${row} and ${evaluation.file}, row ${evaluation.row}: "${ngram}"`),
      check.overlaps.length,
    ),
    ...(out === undefined ? [] : [`  ${check.kept} problems written to ${out}`]),
  ].join("\n");
}

async function read(set: string, given: Partial<Source>, context: Context, limit?: number): Promise<Dataset> {
  const { dataset } = await import("../datasets/dataset.ts");
  const { config, split, revision, skipBad } = given;
  const begun = new Set<string>();
  const options: DatasetOptions = {
    source: set.startsWith("hf:") ? set : [await named(set, context)],
    ...mappingOf(given),
    ...(config !== undefined && { config }),
    ...(split !== undefined && { split }),
    ...(revision !== undefined && { revision }),
    ...(limit !== undefined && { limit }),
    onBadRow: skipBad ? "skip" : "error",
    hub: {
      env: context.env,
      signal: context.signal,
      onProgress({ file, size }) {
        if (!context.json && !begun.has(file))
          context.stderr.write(`downloading ${file}, ${(size / 1e6).toFixed(1)} MB\n`);
        begun.add(file);
      },
    },
  };
  return dataset(options);
}

async function named(set: string, context: Context) {
  const { localFile } = await import("../datasets/files.ts");
  return localFile(outPath(context, set), set);
}

export function mappingOf(given: Partial<Source>): Pick<DatasetOptions, "mapping"> {
  const { mapping, prompt, gold, goldForm, tests, testsForm, id, level } = given;
  const columns = Object.entries({ prompt, gold, goldForm, tests, testsForm, id, level }).filter(
    ([, value]) => value !== undefined,
  );
  if (columns.length === 0) return mapping === undefined ? {} : { mapping };
  if (mapping !== undefined) {
    throw new UsageError(
      "OPTION_INVALID",
      `--mapping ${mapping}: says all columns; leave it out, or leave out --${kebab(columns[0]![0])}`,
    );
  }
  if (prompt === undefined)
    throw new UsageError("OPTION_MISSING", "--prompt is required beside the other columns: column of the question");
  return { mapping: Object.fromEntries(columns) as unknown as Mapping };
}

function rightOf({ gold, tests }: DatasetProblem): string {
  if (gold !== null) return `  gold: ${clean(gold)}`;
  const first = JSON.stringify(tests?.[0]);
  return `  ${tests?.length} tests, the first: ${clean(first.length > 200 ? `${first.slice(0, 200)}…` : first)}`;
}
