import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import type { EvalReport, PartReport } from "../eval/report.ts";
import { environmentSchema } from "./environment.ts";

/** A figure that earlier versions did not measure. */
const added = z.number().nullable().default(null);
/** Low and high end of a 95 % interval. */
const interval = z.tuple([z.number(), z.number()]);

const measured = {
  pass1: z.number().describe("share of right answers over all samples, temperature as given"),
  pass1Interval: interval.describe("95 % interval of pass1, [low, high]; bootstrap over problems"),
  majority16: z
    .number()
    .nullable()
    .describe(
      "share of problems whose most common answer among 16 samples is right; null when other than 16 were drawn",
    ),
  meanLength: z.number().describe("mean number of tokens of an answer"),
  reflectiveWordsPerResponse: z.number().describe("mean number of reflective words in an answer"),
};

export const measurementSchema = z.object({
  ...measured,
  truncatedShare: z.number().describe("share of answers cut off by the token limit"),
  repetitionShare: added.describe("share of n-grams that stood in the answer before; null in runs of earlier versions"),
  loopShare: added.describe("share of answers that end in a loop; null in runs of earlier versions"),
  languageMixing: added.describe(
    "share of words not in the answer's most common script; null in runs of earlier versions",
  ),
  problems: z.int().describe("number of held-out problems"),
  samplesPerProblem: z.int().describe("answers drawn for each problem"),
  temperature: z.number().describe("sampling temperature"),
  maxTokens: z.int().describe("token limit of an answer"),
  byLevel: z
    .array(
      z.object({
        level: z.int().describe("difficulty, 1 (easiest) to 5"),
        problems: z.int().describe("number of problems of this level"),
        ...measured,
      }),
    )
    .describe("the same figures for each difficulty level"),
  byFamily: z
    .array(
      z.object({
        family: z.string().describe("name of the family"),
        problems: z.int().describe("number of problems of this family"),
        ...measured,
      }),
    )
    .exactOptional()
    .describe("the same figures for each family of problems; there where problems name theirs"),
});

/** summary.json: the run in figures. Every field is described here and in docs/run-directory.md. */
export const summarySchema = z.object({
  version: z.string().describe("version of autodidact"),
  command: z.string().describe("the command line that repeats the run"),
  seed: z.int().describe("seed of the run"),
  model: z.string().exactOptional().describe("the model that was trained; left out by zero"),
  task: z.string().exactOptional().describe("the task it was trained on; left out by zero"),
  steps: z.int().describe("number of updates made"),
  before: measurementSchema.describe("the base model on held-out problems"),
  after: measurementSchema.describe("the trained model on the same problems"),
  seconds: z.record(z.string(), z.number()).describe("wall-clock seconds by phase; `total` is their sum"),
  objective: z
    .looseObject({ text: z.string().describe("the objective as a formula with its numbers") })
    .describe("what was maximised: its text, and every resolved setting beside it"),
  novelSolutions: z
    .object({
      count: z.int().describe("solved held-out problems whose sequence of operations the base's corpus never shows"),
      solved: z.int().describe("solved held-out problems that were looked at"),
      checkedSequences: z.int().describe("sequences of operations in the corpus that they were compared with"),
      novelCourses: z
        .int()
        .describe("solved problems whose whole answer, as operations without numbers, the corpus never shows either"),
    })
    .nullable()
    .describe("right answers that cannot have been copied; null where the base model's corpus is not known"),
  peakMemoryMiB: z
    .int()
    .exactOptional()
    .describe("the most memory the process had at one time, the part behind the last resume; not in earlier versions"),
  plannedMemoryMiB: z
    .int()
    .exactOptional()
    .describe("what `autodidact plan` says of it, every answer at its limit; not in earlier versions"),
  machine: environmentSchema.describe("the machine and the program versions, as in environment.json"),
});
export type Summary = z.infer<typeof summarySchema>;
export type Measurement = z.infer<typeof measurementSchema>;

export interface SummaryParts extends Omit<Summary, "before" | "after"> {
  readonly before: EvalReport;
  readonly after: EvalReport;
}

/** Throws SUMMARY_INCOMPARABLE when the two measurements were not made alike. */
export function summarize(parts: SummaryParts): Summary {
  for (const field of ["problems", "samplesPerProblem", "temperature", "maxTokens"] as const) {
    if (parts.before[field] !== parts.after[field]) {
      throw new AutodidactError(
        "SUMMARY_INCOMPARABLE",
        `${field}: ${parts.before[field]} before and ${parts.after[field]} after; measure both alike`,
      );
    }
  }
  return { ...parts, before: measurement(parts.before), after: measurement(parts.after) };
}

/** A measurement that an earlier version wrote, before the run was resumed, lacks some figures. */
const known = (value: number): number | null => (Number.isNaN(value) ? null : value);

function measurement(report: EvalReport): Measurement {
  const sixteen = report.samplesPerProblem === 16;
  return {
    pass1: report.pass1.value,
    pass1Interval: [report.pass1.low, report.pass1.high],
    majority16: sixteen ? report.majority.value : null,
    meanLength: report.meanLength,
    reflectiveWordsPerResponse: report.reflectiveWordsPerResponse,
    truncatedShare: report.truncatedShare,
    repetitionShare: known(report.repetitionShare),
    loopShare: known(report.loopShare),
    languageMixing: known(report.languageMixing),
    problems: report.problems,
    samplesPerProblem: report.samplesPerProblem,
    temperature: report.temperature,
    maxTokens: report.maxTokens,
    byLevel: report.byLevel.map((one) => ({ level: one.level, ...part(one, sixteen) })),
    ...(report.byFamily && {
      byFamily: report.byFamily.map((one) => ({ family: one.family, ...part(one, sixteen) })),
    }),
  };
}

function part(
  { problems, pass1, majority, meanLength, reflectiveWordsPerResponse }: PartReport,
  sixteen: boolean,
): Omit<Measurement["byLevel"][number], "level"> {
  return {
    problems,
    pass1: pass1.value,
    pass1Interval: [pass1.low, pass1.high],
    majority16: sixteen ? majority : null,
    meanLength,
    reflectiveWordsPerResponse,
  };
}
