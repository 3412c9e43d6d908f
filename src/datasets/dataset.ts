import { AutodidactError } from "../errors.ts";
import type { HubOptions } from "../hub/settings.ts";
import type { DataFile } from "./data-file.ts";
import { checkMapping, columnsOf, type Mapping, mapRow, questionId } from "./mapping.ts";
import { knownMapping, type MappingName, mappings } from "./mappings.ts";
import { sameQuestion } from "./ngrams.ts";
import type { DatasetProblem } from "./problem.ts";
import { rowsOf } from "./rows.ts";

export interface DatasetOptions {
  /** A file, several, or a data set of the Hugging Face hub as `hf:OWNER/NAME`. Nothing else is ever downloaded. */
  readonly source: string | readonly (string | DataFile)[];
  /** How columns become problems: a mapping, or the name of one that ships. @default the one known for the hub's id */
  readonly mapping?: Mapping | MappingName;
  /** Of the hub: a subset by name, and the split. @default the set's own default config, split "train" */
  readonly config?: string;
  readonly split?: string;
  /** Of the hub: branch, tag or commit. @default "main" */
  readonly revision?: string;
  /** Take the first problems only. */
  readonly limit?: number;
  /** "error": the first row that is no problem stops; "skip": it is left out and counted. @default "error" */
  readonly onBadRow?: "error" | "skip";
  readonly hub?: HubOptions;
}

/** Problems out of files, and what became of the rows. */
export interface Dataset {
  readonly name: string;
  readonly problems: readonly DatasetProblem[];
  readonly report: DatasetReport;
}

export interface DatasetReport {
  readonly files: readonly string[];
  /** Rows read. */
  readonly rows: number;
  /** Rows whose question stood there before; the first is kept. */
  readonly duplicates: number;
  /** Duplicates with another gold answer: at least one of the two is wrong. The first ten, as "file, row and row". */
  readonly conflicts: readonly string[];
  /** Rows left out, by reason: "needs-checker", "no-tests", ..., and error codes with `onBadRow: "skip"`. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Messages on the first ten rows that `onBadRow: "skip"` left out. */
  readonly bad: readonly string[];
}

const reported = 10;

/**
 * Reads a data set. Questions that stand there more than once are kept once; ids are the data set's own, or a hash of the
 * question.
 *
 * @throws AutodidactError naming file, row, field and remedy: DATASET_* for what the files hold, HUB_* for the download
 */
export async function dataset(options: DatasetOptions): Promise<Dataset> {
  const { source, limit = Infinity, onBadRow = "error" } = options;
  const mapping = resolveMapping(options);
  checkMapping(mapping);
  const files = await openSource(options);
  const problems: DatasetProblem[] = [];
  const byQuestion = new Map<string, DatasetProblem>();
  const byId = new Map<string, DatasetProblem>();
  const skipped: Record<string, number> = {};
  const bad: string[] = [];
  const conflicts: string[] = [];
  let [rows, duplicates] = [0, 0];
  const skip = (reason: string): void => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };

  reading: for (const file of files) {
    for await (const row of rowsOf(file, columnsOf(mapping))) {
      if (problems.length >= limit) break reading;
      rows++;
      let problem: DatasetProblem;
      try {
        const found = await mapRow(row, mapping);
        if ("skipped" in found) {
          skip(found.skipped);
          continue;
        }
        problem = found;
      } catch (error) {
        // A column that isn't there is missing in the next row too: that is a mistake in the mapping.
        if (!(error instanceof AutodidactError) || onBadRow === "error" || error.code === "DATASET_COLUMN") throw error;
        skip(error.code);
        if (bad.length < reported) bad.push(error.message);
        continue;
      }
      const question = sameQuestion(problem.question);
      const earlier = byQuestion.get(question);
      if (earlier) {
        duplicates++;
        if (earlier.gold !== problem.gold && conflicts.length < reported) {
          conflicts.push(
            `${problem.file}, rows ${earlier.row} and ${problem.row}: ${earlier.gold} and ${problem.gold}`,
          );
        }
        continue;
      }
      problem = withFreeId(problem, byId, mapping);
      byQuestion.set(question, problem);
      byId.set(problem.id, problem);
      problems.push(problem);
    }
  }
  if (problems.length === 0) {
    const why = Object.entries(skipped)
      .map(([reason, count]) => `${count} ${reason}`)
      .join(", ");
    throw new AutodidactError(
      "DATASET_FILE",
      `${files.map((file) => file.name).join(", ")}: none of ${rows} rows is a problem${why && ` (left out: ${why})`}; correct the mapping`,
    );
  }
  const name = typeof source === "string" ? source : files[0]!.name;
  return {
    name: `${name}${options.config ? `/${options.config}` : ""}`,
    problems,
    report: { files: files.map((file) => file.name), rows, duplicates, conflicts, skipped, bad },
  };
}

function withFreeId(
  problem: DatasetProblem,
  byId: ReadonlyMap<string, DatasetProblem>,
  mapping: Mapping,
): DatasetProblem {
  const taken = byId.get(problem.id);
  if (!taken) return problem;
  if (mapping.id !== undefined) {
    throw new AutodidactError(
      "DATASET_ROW",
      `${problem.file}, row ${problem.row}: id ${JSON.stringify(problem.id)} is that of row ${taken.row} of ${taken.file} too; map id to a column that differs, or leave it out`,
    );
  }
  // Two questions with the same 64 bits.
  let next = 2;
  while (byId.has(`${problem.id}-${next}`)) next++;
  return { ...problem, id: `${problem.id}-${next}` };
}

function resolveMapping({ source, mapping }: DatasetOptions): Mapping {
  const names = Object.keys(mappings).join(", ");
  if (typeof mapping === "object") return mapping;
  if (mapping !== undefined) {
    if (Object.hasOwn(mappings, mapping)) return mappings[mapping];
    throw new AutodidactError(
      "DATASET_MAPPING",
      `mapping ${JSON.stringify(mapping)} does not ship; take ${names}, or name the columns`,
    );
  }
  const known = typeof source === "string" && source.startsWith("hf:") ? knownMapping(source.slice(3)) : undefined;
  if (known) return mappings[known];
  const what = typeof source === "string" ? source : "these files";
  throw new AutodidactError(
    "DATASET_MAPPING",
    `no mapping is known for ${what}; name the columns (prompt, and gold or tests), or take ${names}`,
  );
}

/** The files of a source, opened; hub data sets are downloaded. */
export async function openSource({
  source,
  config,
  split,
  revision,
  hub,
}: Pick<DatasetOptions, "source" | "config" | "split" | "revision" | "hub">): Promise<DataFile[]> {
  if (typeof source === "string" && source.startsWith("hf:")) {
    const { hubFiles } = await import("./hub-cache.ts");
    return hubFiles({ id: source.slice(3), config, split: split ?? "train", revision }, hub);
  }
  for (const [field, value] of Object.entries({ config, split, revision })) {
    if (value !== undefined) {
      throw new AutodidactError(
        "DATASET_SPLIT",
        `${field} ${value}: files have none; leave it out, or write hf: before a data set of the hub`,
      );
    }
  }
  const { localFile } = await import("./files.ts");
  const sources = typeof source === "string" ? [source] : source;
  if (sources.length === 0)
    throw new AutodidactError("DATASET_FILE", "source is an empty list; name at least one file");
  return Promise.all(sources.map(async (one) => (typeof one === "string" ? localFile(one) : one)));
}

/**
 * A stable share of problems kept out of training: which ones follows from their questions alone, so that adding rows moves
 * none from one side to the other.
 *
 * @param share of the problems in "eval", 0 to 1
 */
export function splitByHash(
  problems: readonly DatasetProblem[],
  share: number,
): { readonly train: readonly DatasetProblem[]; readonly eval: readonly DatasetProblem[] } {
  if (!(share > 0 && share < 1)) {
    throw new AutodidactError("DATASET_SPLIT", `share ${share} must be greater than 0 and less than 1`);
  }
  const kept = problems.filter(
    (problem) => Number.parseInt(questionId(problem.question).slice(0, 8), 16) / 2 ** 32 < share,
  );
  const held = new Set(kept);
  return { train: problems.filter((problem) => !held.has(problem)), eval: kept };
}
