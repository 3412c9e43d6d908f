import { AutodidactError } from "../errors.ts";

/** A model of the hub by what a user calls it. */
export interface ModelId {
  /** OWNER/NAME */
  readonly id: string;
  /** Branch, tag or commit. @default "main" */
  readonly revision: string;
  /** One GGUF file of the repository, or the part of its name that tells it from the others (Q8_0). */
  readonly file: string | null;
}

const part = "[A-Za-z0-9][\\w.-]{0,95}";
const revisionPart = "[\\w][\\w.-]*(?:/[\\w][\\w.-]*)*";
const withColon = new RegExp(`^(${part}/${part})(?:@(${revisionPart}))?(?::([\\w.+() -]+(?:/[\\w.+() -]+)*))?$`);
const withSlash = new RegExp(`^(${part}/${part})(?:@([\\w][\\w.-]*))?/([\\w./-]+\\.gguf)(?:@(${revisionPart}))?$`, "i");

export const isRepoId = (text: string): boolean => new RegExp(`^${part}/${part}$`).test(text);

/** Text that a user can only have meant as a path of this machine. */
export function looksLikePath(spec: string): boolean {
  if (/^hf:/.test(spec)) return false;
  return (
    /^[./~\\]/.test(spec) ||
    /\\/.test(spec) ||
    /^[A-Za-z]:/.test(spec) ||
    (!withColon.test(spec) && !withSlash.test(spec))
  );
}

/**
 * OWNER/NAME, OWNER/NAME@REVISION, OWNER/NAME:FILE.gguf, OWNER/NAME:Q8_0 or OWNER/NAME/FILE.gguf, with `hf:` in front or without.
 *
 * @throws HUB_NOT_FOUND where it is none of these
 */
export function parseModelId(spec: string): ModelId {
  const text = spec.replace(/^hf:/, "");
  const colon = withColon.exec(text);
  if (colon) return { id: colon[1]!, revision: colon[2] ?? "main", file: colon[3] ?? null };
  const slash = withSlash.exec(text);
  if (slash) return { id: slash[1]!, revision: slash[2] ?? slash[4] ?? "main", file: slash[3]! };
  throw new AutodidactError(
    "HUB_NOT_FOUND",
    `${JSON.stringify(spec)} is no id of a model; write OWNER/NAME, OWNER/NAME@REVISION or OWNER/NAME:FILE.gguf`,
  );
}

/** A model of the hub at one commit, whatever revision it was named with. */
export function atRevision(spec: string, revision: string): string {
  const { id, file } = parseModelId(spec);
  return `${id}@${revision}${file === null ? "" : `:${file}`}`;
}
