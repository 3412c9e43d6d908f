/** JSON as values: what crosses the border of the sandbox. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Deeper values count as no JSON, so that walking one cannot overflow the stack. */
export const deepest = 200;

/** What makes a value no JSON, in words; null where it is. */
export function jsonFault(value: unknown, depth = 0): string | null {
  if (depth > deepest) return `a value nested deeper than ${deepest}`;
  if (value === null || typeof value === "boolean" || typeof value === "string") return null;
  if (typeof value === "number") return Number.isFinite(value) ? null : String(value);
  if (typeof value !== "object") return `a value of type ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return "an object of a class";
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    const fault = jsonFault(part, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

/** The value of a JSON text of bounded depth; undefined where it is none. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return jsonFault(value) === null ? (value as JsonValue) : undefined;
  } catch {
    return undefined;
  }
}
