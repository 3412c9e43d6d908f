import { z } from "zod";
import { wanted } from "../issues.ts";

/** How one field of a command's zod object looks on the command line. */
export interface OptionShape {
  /** Field of the zod object: "maxTokens". */
  readonly field: string;
  /** Long flag without a value: "--max-tokens". */
  readonly flag: string;
  /** One letter, from `.meta({ short: "n" })`. */
  readonly short: string | undefined;
  readonly description: string;
  readonly kind: "boolean" | "number" | "string";
  /** Arrays: the flag may be given again and again. */
  readonly repeated: boolean;
  readonly choices: readonly string[] | undefined;
  /** Placeholder in the help, from `.meta({ value: "DIR" })` or the kind. */
  readonly value: string;
  readonly required: boolean;
  readonly defaultValue: unknown;
}

/** "maxTokens" -> "max-tokens". */
export function kebab(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

interface Found {
  description?: string;
  short?: string;
  value?: string;
  defaultValue?: unknown;
  optional: boolean;
  repeated: boolean;
}

/** Walks from the outermost wrapper (default, optional, array, pipe) to the type that the user writes. */
function unwrap(schema: z.core.$ZodType, found: Found): z.core.$ZodType {
  const meta = z.globalRegistry.get(schema);
  if (found.description === undefined && typeof meta?.description === "string") found.description = meta.description;
  if (found.short === undefined && typeof meta?.short === "string") found.short = meta.short;
  if (found.value === undefined && typeof meta?.value === "string") found.value = meta.value;
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "default":
    case "prefault":
      if (found.defaultValue === undefined) found.defaultValue = def.defaultValue;
      found.optional = true;
      return unwrap(def.innerType, found);
    case "optional":
    case "nullable":
      found.optional = true;
      return unwrap(def.innerType, found);
    case "readonly":
      return unwrap(def.innerType, found);
    case "pipe":
      return unwrap(def.in, found);
    case "array":
      found.repeated = true;
      return unwrap(def.element, found);
    default:
      return schema;
  }
}

/** Reads the command line of one field off its schema. */
export function optionShape(field: string, schema: z.core.$ZodType): OptionShape {
  const found: Found = { optional: false, repeated: false };
  const inner = (unwrap(schema, found) as z.core.$ZodTypes)._zod.def;
  const kind = inner.type === "boolean" ? "boolean" : inner.type === "number" ? "number" : "string";
  const choices =
    inner.type === "enum"
      ? Object.values(inner.entries).map(String)
      : inner.type === "literal"
        ? inner.values.map(String)
        : undefined;
  if (found.description === undefined) throw new TypeError(`option ${field} has no description; add .describe("...")`);
  return {
    field,
    flag: `--${kebab(field)}`,
    short: found.short,
    description: found.description,
    kind,
    repeated: found.repeated,
    choices,
    value: found.value ?? (choices ? choices.join("|") : kind === "number" ? "N" : "TEXT"),
    required: !found.optional,
    defaultValue: found.defaultValue,
  };
}

/** What was typed, as the schema wants it; text that is no number is left for the schema to refuse. */
export function fromText(shape: OptionShape, text: unknown): unknown {
  if (Array.isArray(text)) return text.map((one) => fromText(shape, one));
  if (shape.kind !== "number" || typeof text !== "string") return text;
  const number = Number(text);
  return text.trim() === "" || Number.isNaN(number) ? text : number;
}

/** One sentence per zod issue: what would be right, in words that fit behind a flag. */
export function explain(issue: z.core.$ZodIssue, shape: OptionShape | undefined): string {
  if (shape?.repeated === true && issue.path.length < 2) {
    if (issue.code === "too_small") return `must be given at least ${times(issue.minimum)}`;
    if (issue.code === "too_big") return `must be given at most ${times(issue.maximum)}`;
  }
  if (shape?.choices && issue.code === "invalid_type") return `must be one of ${shape.choices.join(", ")}`;
  if (issue.code === "too_small" && issue.origin === "string" && issue.minimum === 1) return "must not be empty";
  const what = wanted(issue);
  return what === null ? issue.message : `must be ${what}`;
}

function times(count: unknown): string {
  return Number(count) === 1 ? "once" : `${String(count)} times`;
}
