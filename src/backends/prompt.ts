import type { Asking } from "../model/policy.ts";
import type { ChatMessage } from "../tokenizer/chat.ts";
import type { Prompt } from "./backend.ts";

/** A question as a model is asked it: within `template`, or as a user's message behind the system's. */
export function promptOf(question: string, { system, template, chatVariables }: Asking = {}): Prompt {
  // A function, so that "$&" in a question is text.
  if (template !== undefined) return { text: template.replace("{prompt}", () => question) };
  const messages: ChatMessage[] = [{ role: "user", content: question }];
  if (system !== undefined) messages.unshift({ role: "system", content: system });
  return { messages, ...(chatVariables && { variables: chatVariables }) };
}
