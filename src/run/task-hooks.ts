import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import swc from "@swc/wasm-typescript";

/**
 * Module hooks for task files: types are taken out, and `autodidact` is the package that runs. Nothing here waits, so the
 * same two functions serve registerHooks and, on Node 20, register.
 */

interface Loaded {
  readonly format?: string | null | undefined;
  readonly source?: string | ArrayBuffer | NodeJS.TypedArray | undefined;
  readonly shortCircuit?: boolean | undefined;
}
interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean | undefined;
}

const ours = new URL("../index.js", import.meta.url).href;

export function resolve<C extends { readonly parentURL?: string | undefined }, R>(
  specifier: string,
  context: C,
  next: (specifier: string, context: C) => R,
): R | Resolved {
  if (specifier === "autodidact") return { url: ours, format: "module", shortCircuit: true };
  return next(typescriptFor(specifier, context.parentURL) ?? specifier, context);
}

export function load<C, R>(url: string, context: C, next: (url: string, context: C) => R): R | Loaded {
  if (!/^file:.*\.m?ts$/.test(url)) return next(url, context);
  return { format: "module", source: withoutTypes(readFileSync(fileURLToPath(url), "utf8"), url), shortCircuit: true };
}

/** `./x.js` and `./x`, as TypeScript lets one write, where only x.ts is there. */
function typescriptFor(specifier: string, parent: string | undefined): string | null {
  if (!/^\.\.?\//.test(specifier) || parent === undefined || !/^file:.*\.m?ts$/.test(parent)) return null;
  const isThere = (name: string): boolean => existsSync(fileURLToPath(new URL(name, parent)));
  if (isThere(specifier)) return null;
  const candidates = [specifier.replace(/\.(m?)js$/, ".$1ts"), `${specifier}.ts`, `${specifier}/index.ts`];
  return candidates.find((name) => name !== specifier && isThere(name)) ?? null;
}

interface Complaint {
  readonly code?: string;
  readonly message?: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}

function withoutTypes(source: string, url: string): string {
  try {
    return swc.transformSync(source, { mode: "strip-only", module: true, filename: url }).code;
  } catch (complaint) {
    // Enums and namespaces make code: they are compiled, and lines may move.
    if ((complaint as Complaint).code === "UnsupportedSyntax") return compiled(source, url);
    throw syntaxError(complaint, url);
  }
}

function compiled(source: string, url: string): string {
  try {
    return swc.transformSync(source, { mode: "transform", module: true, filename: url }).code;
  } catch (complaint) {
    throw syntaxError(complaint, url);
  }
}

/** With the place in the stack, where Node puts that of its own. */
function syntaxError(thrown: unknown, url: string): SyntaxError {
  const { message = String(thrown), startLine, startColumn } = thrown as Complaint;
  const error = new SyntaxError(message);
  if (startLine !== undefined)
    error.stack = `SyntaxError: ${message}\n    at ${url}:${startLine}:${(startColumn ?? 0) + 1}`;
  return error;
}
