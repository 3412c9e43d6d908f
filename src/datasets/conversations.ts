import { AutodidactError } from "../errors.ts";
import { type DatasetOptions, openSource } from "./dataset.ts";
import type { Row } from "./problem.ts";
import { rowsOf } from "./rows.ts";

/** Rows that a model learns to say: conversations, questions with their answers, or plain text. */

export interface Message {
  readonly role: string;
  readonly content: string;
}

/** What a row holds, and where it stands. */
export type Example = { readonly file: string; readonly row: number } & (
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "completion"; readonly prompt: string; readonly completion: string }
  | { readonly kind: "text"; readonly text: string }
);

/** Names of the columns that are read, where they differ from the usual ones. */
export interface ExampleColumns {
  readonly messages?: string | undefined;
  readonly prompt?: string | undefined;
  readonly completion?: string | undefined;
  readonly text?: string | undefined;
}

export interface ExampleOptions extends Pick<DatasetOptions, "source" | "config" | "split" | "revision" | "hub"> {
  readonly columns?: ExampleColumns;
  /** Take the first rows only. */
  readonly limit?: number;
}

/** Usual names; the first that the first row has is taken for all rows. */
const usual = {
  messages: ["messages", "conversations", "conversation"],
  prompt: ["prompt", "instruction", "question"],
  completion: ["completion", "response", "output", "answer"],
  text: ["text"],
} as const;

type Form =
  | { readonly kind: "messages"; readonly messages: string }
  | { readonly kind: "completion"; readonly prompt: string; readonly completion: string }
  | { readonly kind: "text"; readonly text: string };

/**
 * The examples of a data set, all of one form: `messages` (a list of role and content, or of from and value; as JSON text
 * in CSV), `prompt` and `completion`, or `text`.
 *
 * @throws AutodidactError DATASET_COLUMN where no column of these is there, DATASET_ROW where a row has not the form of
 * the first; each names file, row and field. DATASET_FILE and HUB_* as `dataset`
 */
export async function readExamples(options: ExampleOptions): Promise<Example[]> {
  const { limit = Infinity } = options;
  const examples: Example[] = [];
  let form: Form | undefined;
  for (const file of await openSource(options))
    for await (const row of rowsOf(file)) {
      if (examples.length >= limit) return examples;
      form ??= formOf(row, options.columns ?? {});
      examples.push({ file: row.file, row: row.row, ...exampleOf(row, form) });
    }
  return examples;
}

function formOf(row: Row, columns: ExampleColumns): Form {
  const has = (name: string): boolean => Object.hasOwn(row.fields, name);
  const find = (field: keyof ExampleColumns): string | undefined => columns[field] ?? usual[field].find(has);
  const named = Object.entries(columns).flatMap(([field, column]) => (column === undefined ? [] : [field]));
  const wants = (...fields: readonly string[]): boolean =>
    named.length === 0 || named.some((one) => fields.includes(one));
  const [messages, prompt, completion, text] = [find("messages"), find("prompt"), find("completion"), find("text")];
  if (messages !== undefined && wants("messages")) return { kind: "messages", messages };
  // Preference sets have a list of messages here; TRL calls it a conversational prompt.
  if (prompt !== undefined && completion !== undefined && wants("prompt", "completion"))
    return { kind: "completion", prompt, completion };
  if (text !== undefined && wants("text")) return { kind: "text", text };
  throw new AutodidactError(
    "DATASET_COLUMN",
    `${row.file}, row ${row.row}: there is neither messages, nor prompt with completion, nor text; it has ${Object.keys(row.fields).slice(0, 40).join(", ") || "no column"}. Name the columns, columns.messages=NAME for instance`,
  );
}

function exampleOf(row: Row, form: Form): OfKind {
  switch (form.kind) {
    case "messages":
      return { kind: "messages", messages: messagesOf(row, form.messages) };
    case "completion":
      return {
        kind: "completion",
        prompt: textOf(row, form.prompt),
        completion: textOf(row, form.completion),
      };
    case "text":
      return { kind: "text", text: textOf(row, form.text) };
    default:
      return form satisfies never;
  }
}
type OfKind = Example extends infer E ? (E extends Example ? Omit<E, "file" | "row"> : never) : never;

function textOf(row: Row, column: string): string {
  const value = columnOf(row, column);
  if (typeof value !== "string" || value === "")
    throw refuse(row, column, `must be a text that is not empty, and is ${show(value)}`);
  return value;
}

/** Roles of the ShareGPT form. */
const roles: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  bot: "assistant",
};

function messagesOf(row: Row, column: string): Message[] {
  let value = columnOf(row, column);
  // A cell of a CSV file holds text.
  if (typeof value === "string")
    try {
      value = JSON.parse(value) as unknown;
    } catch (cause) {
      throw refuse(row, column, `must be a list of messages, and is ${show(value)}`, cause);
    }
  if (!Array.isArray(value) || value.length === 0)
    throw refuse(row, column, `must be a list of messages, and is ${show(value)}`);
  const messages = value.map((one: unknown, i): Message => {
    const fields = (typeof one === "object" && one !== null ? one : {}) as Readonly<Record<string, unknown>>;
    const role = typeof fields.role === "string" ? fields.role : (roles[String(fields.from)] ?? fields.from);
    const content = fields.content ?? fields.value;
    if (typeof role !== "string" || typeof content !== "string")
      throw refuse(row, `${column}.${i}`, `must have a role and a content, both text, and is ${show(one)}`);
    return { role, content };
  });
  if (!messages.some(({ role }) => role === "assistant"))
    throw refuse(row, column, `has no message of the role "assistant", so there is nothing to learn; remove the row`);
  return messages;
}

function columnOf(row: Row, column: string): unknown {
  if (Object.hasOwn(row.fields, column)) return row.fields[column];
  throw refuse(row, column, `is not there, and is in the first row; give all rows the same form`);
}

function refuse({ file, row }: Row, column: string, message: string, cause?: unknown): AutodidactError {
  return new AutodidactError("DATASET_ROW", `${file}, row ${row}: ${column} ${message}`, { cause });
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
