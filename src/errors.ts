/**
 * An error a user can act on: it names the field or file, the value found and the remedy.
 * `code` is stable and listed in docs/errors.md; anything that is not an AutodidactError is a bug of ours.
 */
export class AutodidactError extends Error {
  override readonly name = "AutodidactError";
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
