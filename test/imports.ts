import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, from dist/test. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

export interface Import {
  /** "./x.ts" as written. */
  readonly specifier: string;
  /** Path from the repository's root for files of ours, null for packages and Node's modules. */
  readonly file: string | null;
  readonly kind: "value" | "type" | "dynamic";
}

/** Files below a folder of the repository that end in .ts, tests left out, with forward slashes, sorted. */
export function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .sort();
}

/**
 * What a source file imports. Statements begin a line, as the formatter writes them, so that an import in a comment or
 * a string is not taken for one.
 */
export function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const found: Import[] = [];
  const add = (specifier: string, kind: Import["kind"]): void => {
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : null;
    found.push({ specifier, file: target, kind });
  };
  for (const [, what, specifier] of text.matchAll(/^(?:import|export)\s+([^;"'()=]*?)\s*from\s+"([^"]+)"/gm)) {
    const names = what!
      .match(/^\{([^}]*)\}$/)?.[1]
      ?.split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    const typeOnly = /^type\s/.test(what!) || names?.every((name) => name.startsWith("type ")) === true;
    add(specifier!, typeOnly ? "type" : "value");
  }
  for (const [, specifier] of text.matchAll(/^import\s+"([^"]+)"/gm)) add(specifier!, "value");
  for (const [, specifier] of text.matchAll(/^(?!\s*(?:\*|\/\/)).*\bimport\("([^"]+)"\)/gm)) add(specifier!, "dynamic");
  return found;
}

/** Files that are loaded when `file` is, without a dynamic import being reached. */
export function loadedWith(file: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const one of importsOf(file)) if (one.file && one.kind === "value") loadedWith(one.file, seen);
  return seen;
}
