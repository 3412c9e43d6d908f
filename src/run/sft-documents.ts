import type { Example } from "../datasets/conversations.ts";
import { AutodidactError } from "../errors.ts";
import type { Asking } from "../model/policy.ts";
import { hashKey } from "../random.ts";
import type { ChatMessage } from "../tokenizer/chat.ts";
import { conversationTokens, endToken, type LearnedText, plainTokens } from "../tokenizer/conversation.ts";
import { encodeText } from "../tokenizer/plain-text.ts";
import type { Document } from "../trainers/sft.ts";
import type { ModelFrame } from "./trained-model.ts";

/** Rows of a data set as documents that a model can be trained on. */

export interface DocumentOptions {
  readonly asking: Asking;
  /** Longest document in tokens. */
  readonly maxLength: number;
  /** What becomes of longer ones: left out, or cut behind that many tokens. */
  readonly tooLong: "drop" | "cut";
  /** Share of rows kept out of training; at most `most` of them. */
  readonly heldOut: { readonly share: number; readonly most: number };
}

export interface SftDocuments {
  readonly train: readonly Document[];
  readonly heldOut: readonly Document[];
  readonly counts: DocumentCounts;
}

export interface DocumentCounts {
  readonly rows: number;
  /** Documents trained on, and kept out; a conversation may be several. */
  readonly train: number;
  readonly heldOut: number;
  /** Rows longer than the limit, by what became of them. */
  readonly dropped: number;
  readonly cut: number;
}

/**
 * Tokenises examples, and keeps a share out of training, at most `most` rows. Which rows those are follows from what
 * stands in them and not from their order: up to that number, equal rows lie on one side, and a new row moves no other.
 *
 * @throws AutodidactError DATASET_ROW naming file and row where the model's tokenizer or chat template refuses it, RECIPE_INVALID where nothing is left to train on
 */
export function sftDocuments(
  model: Pick<ModelFrame, "tokenizer" | "endTokens">,
  examples: readonly Example[],
  options: DocumentOptions,
): SftDocuments {
  const { maxLength, tooLong, heldOut } = options;
  const train: Document[] = [];
  const kept: Document[] = [];
  let [dropped, cut, heldRows] = [0, 0, 0];
  for (const example of examples) {
    const texts = textsOf(model, example, options.asking);
    const fitting = texts.flatMap((text) => documentOf(text, maxLength, tooLong));
    const long = texts.some(({ tokens }) => tokens.length > maxLength);
    if (long && fitting.length < texts.length) dropped++;
    else if (long) cut++;
    const held = heldRows < heldOut.most && isHeldOut(example, heldOut.share);
    if (held && fitting.length > 0) heldRows++;
    (held ? kept : train).push(...fitting);
  }
  if (train.length === 0)
    throw new AutodidactError(
      "RECIPE_INVALID",
      `maxLength: is ${maxLength}; of ${examples.length} rows ${dropped} are longer and ${heldRows} are held out, so none is left to train on; raise maxLength, give tooLong=cut, or more rows`,
    );
  return {
    train,
    heldOut: kept,
    counts: { rows: examples.length, train: train.length, heldOut: kept.length, dropped, cut },
  };
}

function textsOf(
  { tokenizer, endTokens }: Pick<ModelFrame, "tokenizer" | "endTokens">,
  example: Example,
  { system, template, chatVariables }: Asking,
): LearnedText[] {
  const chat = (messages: readonly ChatMessage[]): LearnedText[] =>
    conversationTokens(
      tokenizer,
      system === undefined || messages[0]?.role === "system"
        ? messages
        : [{ role: "system", content: system }, ...messages],
      { endTokens, ...(chatVariables && { variables: chatVariables }) },
    );
  try {
    if (example.kind === "messages") {
      if (template === undefined) return chat(example.messages);
      throw new AutodidactError("RECIPE_INVALID", "template: a conversation needs a chat template; leave template out");
    }
    if (example.kind === "completion") {
      const { prompt, completion } = example;
      if (template !== undefined)
        return [
          plainTokens(
            tokenizer,
            template.replace("{prompt}", () => prompt),
            completion,
            endTokens,
          ),
        ];
      return chat([
        { role: "user", content: prompt },
        { role: "assistant", content: completion },
      ]);
    }
    const end = endToken(tokenizer, endTokens);
    const tokens = [...encodeText(tokenizer, example.text), ...(end === undefined ? [] : [end])];
    return [{ tokens: Int32Array.from(tokens), learned: new Uint8Array(tokens.length).fill(1) }];
  } catch (error) {
    if (!(error instanceof AutodidactError) || error.code === "RECIPE_INVALID") throw error;
    throw new AutodidactError("DATASET_ROW", `${example.file}, row ${example.row}: ${error.message}`, { cause: error });
  }
}

/** What is behind the last learned token teaches nothing and is left out; so is a text of which nothing is learned. */
function documentOf({ tokens, learned }: LearnedText, maxLength: number, tooLong: "drop" | "cut"): Document[] {
  if (tokens.length > maxLength && tooLong === "drop") return [];
  const seen = learned.subarray(0, maxLength);
  const last = seen.lastIndexOf(1);
  const promptLength = Math.max(1, seen.indexOf(1));
  if (last < promptLength) return [];
  const mask = learned.slice(promptLength, last + 1);
  return [{ tokens: tokens.slice(0, last + 1), promptLength, ...(mask.includes(0) && { learned: mask }) }];
}

function isHeldOut({ file: _, row: __, ...content }: Example, share: number): boolean {
  return hashKey([JSON.stringify(content)], 0x68656c64) < share * 2 ** 32;
}
