import { AutodidactError } from "../errors.ts";
import type { GgufHeader } from "./header.ts";

/** Typed access to the metadata of a file; each throws GGUF_MODEL naming the key where the value has another type. */
export interface Fields {
  text(key: string): string | undefined;
  number(key: string): number | undefined;
  flag(key: string): boolean | undefined;
  texts(key: string): readonly string[] | undefined;
  numbers(key: string): readonly number[] | undefined;
  /** @throws AutodidactError GGUF_MODEL */
  fail(key: string, remedy: string): never;
}

export function fieldsOf({ metadata, file }: Pick<GgufHeader, "metadata" | "file">): Fields {
  const fail = (key: string, remedy: string): never => {
    throw new AutodidactError("GGUF_MODEL", `${file}: ${key}: ${show(metadata.get(key))}; ${remedy}`);
  };
  const as =
    <T>(is: (value: unknown) => value is T, what: string) =>
    (key: string): T | undefined => {
      const value = metadata.get(key);
      // A 64-bit field arrives as bigint; no size, id or setting of a model needs that many bits.
      const plain = typeof value === "bigint" ? Number(value) : value;
      return plain === undefined || is(plain) ? plain : fail(key, `expected ${what}`);
    };
  return {
    text: as(isText, "a text"),
    number: as(isNumber, "a number"),
    flag: as((value) => typeof value === "boolean", "true or false"),
    texts: as((value) => isListOf(value, isText), "a list of texts"),
    numbers: as((value) => isListOf(value, isNumber), "a list of numbers"),
    fail,
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isListOf<T>(value: unknown, is: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.every(is);
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
