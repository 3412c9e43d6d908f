import { AutodidactError } from "../errors.ts";
import { hashKey } from "../random.ts";
import { type GoldForm, readGold } from "./gold.ts";
import { sameQuestion } from "./ngrams.ts";
import type { DatasetProblem, Row } from "./problem.ts";
import { readTests, sideColumns, type TestsForm } from "./tests.ts";

/**
 * Where a value stands: the name of a column, with dots for what lies inside (`reward_model.ground_truth`, `messages.0.content`);
 * a template with columns in braces (`{title}\n\n{description}`); or a list of these, of which the first that a row has is
 * taken.
 */
export type Column = string | readonly string[];

/** How the columns of a data set become problems. */
export interface Mapping {
  readonly prompt: Column;
  /** Put behind every prompt, after an empty line; no part of the question that overlaps are looked for in. */
  readonly instruction?: string;
  readonly gold?: Column;
  /** How the answer is read off the gold column. @default "text" */
  readonly goldForm?: GoldForm;
  /** Tests of a program, in place of a gold answer. */
  readonly tests?: Column;
  /** What the tests column holds. @default "tests" */
  readonly testsForm?: TestsForm;
  /** A right program or a worked solution. */
  readonly solution?: Column;
  /** Must differ from row to row. @default a hash of the question, so that it stays when rows are added */
  readonly id?: Column;
  /** Difficulty; whole numbers from 1 to 5, "Level 3" too. @default 1 for every row */
  readonly level?: Column;
  /** What other values of the level column mean. */
  readonly levels?: Readonly<Record<string, number>>;
}

/** A row that is no problem of this kind: a program judged by a checker of its own, for instance. */
export interface Skipped {
  readonly skipped: string;
}

/**
 * The problem in a row.
 *
 * @throws DATASET_COLUMN where a mapped column is not there, DATASET_ROW where a value has the wrong type, DATASET_GOLD
 * where the gold answer or the tests cannot be read; each names file, row, field and remedy
 */
export async function mapRow(row: Row, mapping: Mapping): Promise<DatasetProblem | Skipped> {
  const question = textAt(row, mapping.prompt, "prompt").trim();
  if (question === "")
    throw at(row, "DATASET_ROW", `prompt (${nameOf(mapping.prompt)}) is empty; fill it or remove the row`);
  const level = mapping.level === undefined ? 1 : levelAt(row, mapping.level, mapping.levels ?? {});

  let tests: DatasetProblem["tests"] = null;
  if (mapping.tests !== undefined) {
    const column = nameOf(mapping.tests);
    const value = isThere(row.fields, mapping.tests)
      ? (lookUp(row.fields, mapping.tests) ?? null)
      : valueAt(row, mapping.tests, "tests");
    const found = await readTests(value, mapping.testsForm ?? "tests", row.fields);
    if ("problem" in found) throw at(row, "DATASET_GOLD", `tests (${column}): ${found.problem}`);
    if ("skipped" in found) return found;
    tests = found.tests;
  }
  let gold: string | null = null;
  if (mapping.gold !== undefined) {
    const text = textAt(row, mapping.gold, "gold");
    const read = readGold(text, mapping.goldForm ?? "text");
    if (read.gold === null) {
      throw at(row, "DATASET_GOLD", `gold (${nameOf(mapping.gold)}), ${show(text)}, ${read.problem}`);
    }
    gold = read.gold;
  }
  const solution = mapping.solution === undefined ? undefined : lookUp(row.fields, mapping.solution);
  return {
    id: mapping.id === undefined ? questionId(question) : textAt(row, mapping.id, "id"),
    prompt: mapping.instruction === undefined ? question : `${question}\n\n${mapping.instruction}`,
    question,
    level,
    gold,
    tests,
    solution: typeof solution === "string" && solution !== "" ? solution : null,
    file: row.file,
    row: row.row,
  };
}

/** Equal for questions that differ in capitals, spaces and marks between words alone; 64 bits. */
export function questionId(question: string): string {
  const text = [sameQuestion(question)];
  return [0x811c9dc5, 0x9e3779b9].map((basis) => hashKey(text, basis).toString(16).padStart(8, "0")).join("");
}

/** @throws DATASET_MAPPING where a mapping cannot make problems, whatever the rows */
export function checkMapping(mapping: Mapping): void {
  const refuse = (message: string): never => {
    throw new AutodidactError("DATASET_MAPPING", message);
  };
  if (mapping.gold === undefined && mapping.tests === undefined) {
    refuse("mapping has neither gold nor tests; name the column that says what is right");
  }
  if (mapping.gold !== undefined && mapping.tests !== undefined) {
    refuse("mapping has gold and tests; leave one out, since one answer has one grade");
  }
  for (const field of ["prompt", "gold", "tests", "solution", "id", "level"] as const) {
    const column = mapping[field];
    if (column === undefined) continue;
    for (const one of typeof column === "string" ? [column] : column) {
      if (one.trim() === "") refuse(`mapping.${field} is empty; name a column or give a template`);
    }
    if (column.length === 0) refuse(`mapping.${field} is an empty list; name at least one column`);
  }
  for (const [value, level] of Object.entries(mapping.levels ?? {})) {
    if (!isLevel(level))
      refuse(`mapping.levels[${JSON.stringify(value)}], ${level}, must be a whole number from 1 to 5`);
  }
}

/** Columns that a mapping reads, the first part of dotted ones; the rest need not be loaded. */
export function columnsOf(mapping: Mapping): string[] {
  const texts = [mapping.prompt, mapping.gold, mapping.tests, mapping.solution, mapping.id, mapping.level].flatMap(
    (column) => (column === undefined ? [] : column),
  );
  const names = [...texts.flatMap((text) => placeholders(text) ?? [text]), ...(mapping.tests ? sideColumns : [])];
  return [...new Set(names.flatMap((name) => [name, name.split(".")[0]!]))];
}

const placeholder = /\{([^{}\n]+)\}/g;

/** Columns in a template; null for a plain column name. */
function placeholders(text: string): string[] | null {
  const names = [...text.matchAll(placeholder)].map(([, name]) => name!.trim());
  return names.length === 0 ? null : names;
}

/** Whether a column is there, empty or not. */
function isThere(fields: Row["fields"], column: Column): boolean {
  return (typeof column === "string" ? [column] : column).some((one) => lookUp(fields, one) !== undefined);
}

/** A column's value, or a filled template; undefined where a column it needs is not there. */
function lookUp(fields: Row["fields"], column: Column): unknown {
  if (typeof column !== "string") {
    for (const one of column) {
      const value = lookUp(fields, one);
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  }
  const names = placeholders(column);
  if (names === null) return dig(fields, column);
  const values = names.map((name) => dig(fields, name));
  if (values.some((value) => value === undefined)) return undefined;
  let next = 0;
  // A function, so that "$1" in a row is text.
  return column.replace(placeholder, () => asText(values[next++]) ?? "");
}

function dig(fields: Row["fields"], path: string): unknown {
  if (Object.hasOwn(fields, path)) return fields[path];
  let value: unknown = fields;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function valueAt(row: Row, column: Column, field: string): unknown {
  const value = lookUp(row.fields, column);
  if (value === undefined) {
    const known = (row.columns ?? Object.keys(row.fields)).slice(0, 40).join(", ") || "none";
    throw at(row, "DATASET_COLUMN", `${field}: there is no column ${nameOf(column)}; map ${field} to one of: ${known}`);
  }
  if (value === null) {
    throw at(row, "DATASET_ROW", `${field} (${nameOf(column)}) is null; fill it or remove the row`);
  }
  return value;
}

function textAt(row: Row, column: Column, field: string): string {
  const value = valueAt(row, column, field);
  const text = asText(value);
  if (text !== null) return text;
  const inside = Array.isArray(value)
    ? `a list; name what is in it, ${nameOf(column)}.0`
    : `an object; name a field of it`;
  throw at(row, "DATASET_ROW", `${field} (${nameOf(column)}) must be text, and is ${inside}`);
}

function asText(value: unknown): string | null {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : null;
}

const isLevel = (level: number): boolean => Number.isInteger(level) && level >= 1 && level <= 5;

function levelAt(row: Row, column: Column, levels: Readonly<Record<string, number>>): number {
  const text = textAt(row, column, "level").trim();
  if (Object.hasOwn(levels, text)) return levels[text]!;
  const level = Number(/^(?:level\s*)?(\d)$/i.exec(text)?.[1] ?? NaN);
  if (isLevel(level)) return level;
  throw at(
    row,
    "DATASET_ROW",
    `level (${nameOf(column)}), ${show(text)}, must be 1 to 5; say in mapping.levels what it means`,
  );
}

const nameOf = (column: Column): string =>
  typeof column === "string" ? `"${column}"` : column.map((one) => `"${one}"`).join(" or ");

const show = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 40)} ... ${text.slice(-36)}` : text);

function at({ file, row }: Row, code: string, message: string): AutodidactError {
  return new AutodidactError(code, `${file}, row ${row}: ${message}`);
}
