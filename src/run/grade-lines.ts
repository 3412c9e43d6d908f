import { AutodidactError } from "../errors.ts";

/** Grades JSON lines as they come, whatever stands in them, and gives the verdicts in the same order. */

/** What is written for each line. */
export interface LineVerdict {
  readonly reward: number;
  /** Rewards by part. */
  readonly parts: Readonly<Record<string, number>>;
  readonly reason: string;
  /** Why a line could not be graded, or which verifier failed. */
  readonly error?: string;
}

/** Grades the object of one line. Throws LineError for a field that is missing or wrong. */
export type GradeLine = (line: Readonly<Record<string, unknown>>) => LineVerdict | Promise<LineVerdict>;

/** A line that cannot be graded; the message names field, value and remedy. */
export class LineError extends Error {}

export interface GradeLinesOptions {
  /** What messages call the source before "line 3"; "" for standard input. */
  readonly source?: string;
  /** Lines graded at the same time. @default 16 */
  readonly concurrency?: number;
  /** Bytes of the longest line that is read. @default 64 MiB */
  readonly longestLine?: number;
}

const mebibyte = 1024 * 1024;

/** One verdict for each line, in order, as soon as it and all before it are there; reads on only as fast as it is asked. */
export async function* gradeLines(
  bytes: AsyncIterable<Uint8Array>,
  grade: GradeLine,
  { source = "", concurrency = 16, longestLine = 64 * mebibyte }: GradeLinesOptions = {},
): AsyncGenerator<LineVerdict> {
  const lines = linesOf(bytes, longestLine);
  const underWay: Promise<LineVerdict>[] = [];
  let reading: Promise<IteratorResult<string | null>> | null = null;
  let [number, ended] = [0, false];
  while (!ended || underWay.length > 0) {
    if (!ended && underWay.length < concurrency) reading ??= lines.next();
    // Whoever writes a line and waits for its verdict gets it, though no further line is there.
    const [first] = underWay;
    const event = await Promise.race([
      ...(first ? [first.then((verdict) => ({ verdict }))] : []),
      ...(reading ? [reading.then((line) => ({ line }))] : []),
    ]);
    if ("verdict" in event) {
      underWay.shift();
      yield event.verdict;
      continue;
    }
    reading = null;
    if (event.line.done === true) {
      ended = true;
      continue;
    }
    number++;
    const place = `${source === "" ? "" : `${source}, `}line ${number}`;
    const verdict = verdictOn(event.line.value, place, grade, longestLine);
    verdict.catch(() => {}); // told when its turn comes
    underWay.push(verdict);
  }
}

async function verdictOn(
  line: string | null,
  place: string,
  grade: GradeLine,
  longestLine: number,
): Promise<LineVerdict> {
  try {
    if (line === null)
      throw new LineError(
        `is longer than ${longestLine / mebibyte} MiB; write one object a line, each shorter than that`,
      );
    return await grade(objectOf(line));
  } catch (error) {
    // What belongs to the line is told there; a sandbox that cannot be started, or a bug, ends the command.
    if (error instanceof LineError) return invalid(`${place}: ${error.message}`);
    throw error;
  }
}

const invalid = (error: string): LineVerdict => ({ reward: 0, parts: {}, reason: "invalid-line", error });

function objectOf(line: string): Readonly<Record<string, unknown>> {
  if (line.trim() === "") throw new LineError("is blank; write one JSON object a line");
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error);
    throw new LineError(`is not JSON (${why}); write one JSON object a line`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new LineError(`is ${kindOf(value)}; write one JSON object a line`);
  return value as Record<string, unknown>;
}

/** "a list", "null", "the number 5", `the text "ab"`, "missing". */
export function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value !== "string") return `the ${typeof value} ${String(value)}`;
  return value === "" ? "empty" : `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
}

/**
 * Lines of UTF-8 text, ended by a line feed and nothing else: JSON may hold U+2028 as it is, so Node's readline, which
 * breaks there, won't do. A line over the limit is null and never held whole.
 */
async function* linesOf(bytes: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<string | null> {
  // The first line may begin with a byte order mark, which the decoder takes off.
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (): string | null => {
    const line = length > longest ? null : decoder.decode(Buffer.concat(parts));
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      add(chunk.subarray(from, end));
      from = end + 1;
      yield take();
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield take();

  function add(part: Uint8Array): void {
    length += part.length;
    if (length <= longest) parts.push(part);
    else parts = [];
  }
}

/** A field that must be text. */
export function textField(line: Readonly<Record<string, unknown>>, field: string): string {
  const value = line[field];
  if (typeof value === "string") return value;
  throw new LineError(`${field} is ${kindOf(value)}; give text`);
}

/** False where the line says that the token limit cut the answer off. */
export function completeField({ complete = true }: Readonly<Record<string, unknown>>): boolean {
  if (typeof complete === "boolean") return complete;
  throw new LineError(`complete is ${kindOf(complete)}; give true, or false where the answer was cut off`);
}

/** Runs `work`; an error that a user can act on and that the line is to blame for becomes the line's. */
export async function blamingLine<T>(codes: readonly string[], work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AutodidactError && codes.includes(error.code)) throw new LineError(error.message);
    throw error;
  }
}
