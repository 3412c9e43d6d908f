import type { z } from "zod";

/** What is wrong with a value that somebody wrote, and what to write instead, where zod speaks of its own types. */

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
};

/** "at least 2", "one of cpu, cuda": what a value must be; null where the schema has words of its own for it. */
export function wanted(issue: z.core.$ZodIssue): string | null {
  if (!/^(Invalid|Too (small|big))\b/.test(issue.message)) return null;
  switch (issue.code) {
    case "invalid_type":
      return kinds[issue.expected] ?? issue.expected;
    case "invalid_value":
      return choice(issue.values);
    case "too_small":
      if (issue.origin === "string" && Number(issue.minimum) === 1) return "a text that is not empty";
      return `${size(issue.origin)}${issue.inclusive ? "at least" : "greater than"} ${issue.minimum}`;
    case "too_big":
      return `${size(issue.origin)}${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_union":
      if (issue.errors.length === 0) return null;
      return issue.errors
        .map(([first]) => (first!.path.length > 0 ? "one of right contents" : wanted(first!)))
        .join(" or ");
    default:
      return null;
  }
}

const choice = (values: readonly unknown[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(", ")}`;

const size = (origin: string): string =>
  origin === "string" ? "a text whose length is " : origin === "array" ? "a list whose length is " : "";

/**
 * Every issue with a value, a line each: "lora.rank: is 0; give at least 1".
 *
 * @param schema names the fields there are, where one is unknown
 */
export function issueLines({ issues }: z.ZodError, value: unknown, schema?: z.ZodType): string[] {
  return issues.flatMap((issue) => {
    const field = issue.path.join(".").slice(0, 200);
    if (issue.code === "unrecognized_keys") {
      const known = schema === undefined ? [] : knownFields(schema, issue.path);
      return issue.keys.map((key) => {
        const near = nearest(key, known);
        const meant = near.length > 0 ? `did you mean ${near.join(" or ")}? ` : "";
        return `${field === "" ? "" : `${field}.`}${key.slice(0, 120)}: there is no such setting; ${meant}known: ${known.join(", ")}`;
      });
    }
    const found = valueAt(value, issue.path);
    const is = found === undefined ? "is missing" : `is ${shown(found)}`;
    return `${field || "contents"}: ${is}; ${remedy(issue, found, schema)}`;
  });
}

/** The first of them alone, for a file that another program has written: "r: is 0; expected at least 1". */
export const firstIssue = (error: z.ZodError, value: unknown): string =>
  issueLines(error, value)[0]!.replace(/; give /, "; expected ");

function remedy(issue: z.core.$ZodIssue, found: unknown, schema: z.ZodType | undefined): string {
  const what = wanted(issue);
  if (what === null) return issue.message;
  const known = what === "an object" && schema !== undefined ? knownFields(schema, issue.path) : [];
  if (known.length > 0) return `give an object with ${known.join(", ")}`;
  if (what === "a list" && found !== undefined) return `give a list, ${shown([found])} for instance`;
  return `give ${what.replace(/^(greater|less)/, "a number $1")}`;
}

function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    root,
  );
}

function knownFields(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const shapeOf = (at: unknown): Record<PropertyKey, unknown> | undefined => {
    const { def, shape } = (at ?? {}) as { def?: { innerType?: unknown }; shape?: Record<PropertyKey, unknown> };
    return def?.innerType === undefined ? shape : shapeOf(def.innerType);
  };
  return Object.keys(shapeOf(path.reduce<unknown>((at, key) => shapeOf(at)?.[key], schema)) ?? {});
}

/** The names that a mistyped one can have meant. */
export function nearest(word: string, names: readonly string[]): string[] {
  return names.filter((one) => distance(one, word) <= Math.max(1, Math.floor(one.length / 3)));
}

/** Edit distance (Levenshtein), one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, swap));
    }
    row = next;
  }
  return row[b.length]!;
}
