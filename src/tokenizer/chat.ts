import { Template } from "@huggingface/jinja";
import { AutodidactError } from "../errors.ts";
import { specialTokenText, type Tokenizer } from "./tokenizer.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export interface RenderChatOptions {
  /** Ends the text where the assistant's answer begins, in templates that mark that place. */
  readonly addGenerationPrompt: boolean;
  /** Further variables that a template reads, `enable_thinking` for instance. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** What is read of a tokenizer: its chat template and special tokens. */
export type ChatFormat = Pick<Tokenizer, "config">;

interface Compiled {
  readonly template: Template;
  readonly absent: Readonly<Record<string, undefined>>;
}

const compiled = new WeakMap<ChatFormat, Compiled>();

/**
 * The text that the tokenizer's chat template makes of a conversation. Encode it without adding special tokens: the
 * template has written those it wants, the beginning-of-text token among them. Plain text is for `encodeText`.
 *
 * @throws AutodidactError CHAT_TEMPLATE where there is no template, it cannot be parsed, or it refuses the messages
 */
export function renderChat(
  tokenizer: ChatFormat,
  messages: readonly ChatMessage[],
  options: RenderChatOptions,
): string {
  let found = compiled.get(tokenizer);
  if (found === undefined) {
    const source = chatTemplate(tokenizer);
    try {
      found = { template: new Template(withFixedDate + source), absent: absentAttributes(source) };
    } catch (cause) {
      throw new AutodidactError(
        "CHAT_TEMPLATE",
        `tokenizer_config.json: chat_template: not valid Jinja (${messageOf(cause)})`,
        {
          cause,
        },
      );
    }
    compiled.set(tokenizer, found);
  }
  const { template, absent } = found;
  try {
    return template.render({
      ...specialTokens(tokenizer),
      fixed_date: fixedDate,
      ...options.variables,
      messages: messages.map((message) => ({ ...absent, ...message })),
      add_generation_prompt: options.addGenerationPrompt,
    });
  } catch (cause) {
    const roles = messages.map((message) => message.role).join(", ");
    throw new AutodidactError(
      "CHAT_TEMPLATE",
      `messages: the model's chat template refuses roles [${roles}]: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The library has today's date as a global, which only a template can set again. It takes the line break for the block's. */
const withFixedDate = "{% set strftime_now = fixed_date %}\n";

const dateParts: Readonly<Record<string, string>> = {
  ...{ Y: "2024", y: "24", m: "07", B: "July", b: "Jul", d: "26", A: "Friday", a: "Fri" },
  ...{ H: "00", M: "00", S: "00", "%": "%" },
};

/** Whatever day it is the date that Llama 3 has for want of one, so that a prompt is the same tomorrow. */
function fixedDate(format: string): string {
  return format.replace(/%(.)/g, (part, letter: string) => dateParts[letter] ?? part);
}

/**
 * `selectattr("tool_calls", "undefined")` chooses the messages that lack the attribute (Mistral's templates do); the library
 * drops them unless they have it with the value undefined.
 */
function absentAttributes(source: string): Record<string, undefined> {
  const tested = source.matchAll(/\b(?:select|reject)attr\(\s*(["'])(\w+)\1\s*,\s*["'](?:un)?defined["']/g);
  return Object.fromEntries(Array.from(tested, ([, , name]) => [name!, undefined]));
}

/** By the names under which a template knows them; those that the model lacks are empty. */
function specialTokens({ config }: ChatFormat): Record<string, string> {
  const fields = ["bos_token", "eos_token", "unk_token", "pad_token"] as const;
  return Object.fromEntries(fields.map((field) => [field, specialTokenText(config, field) ?? ""]));
}

/** `chat_template` is one template, or a list of named ones of which "default" is meant. */
function chatTemplate(tokenizer: ChatFormat): string {
  const value = tokenizer.config.chat_template;
  if (typeof value === "string") return value;
  if (Array.isArray(value))
    for (const entry of value as unknown[])
      if (typeof entry === "object" && entry !== null && "name" in entry && entry.name === "default")
        if ("template" in entry && typeof entry.template === "string") return entry.template;
  throw new AutodidactError(
    "CHAT_TEMPLATE",
    `tokenizer_config.json: chat_template: ${value === undefined ? "missing" : "neither a text nor a list with a default"}; this model has no chat format, give it plain text or add a template`,
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
