import { type ChatMessage, renderChat } from "./chat.ts";
import { encodeText } from "./plain-text.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text to train on: its tokens, and which of them the model learns to say. */
export interface LearnedText {
  readonly tokens: Int32Array;
  /** 1 for a token that is learned, 0 for one that is only read; as long as `tokens`. */
  readonly learned: Uint8Array;
}

export interface ConversationOptions {
  /** Ids that end a message. */
  readonly endTokens: readonly number[];
  /** Variables of the chat template. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/**
 * A conversation as texts to train on: what the assistant says is learned, up to the token that ends its message, and all
 * else is read. Where the assistant's words stand follows from rendering the conversation up to them, once without and
 * once with them, so that any chat template will do.
 *
 * A template that shows earlier messages otherwise once others follow (Qwen3 leaves their thoughts out) gives one text for
 * each of the assistant's messages, each as the model will have it before itself. So does one that never shows some of the
 * assistant's words (DeepSeek-R1-Distill leaves all thoughts out): the model is to say them, so they are learned as given.
 *
 * @throws AutodidactError CHAT_TEMPLATE where the template refuses the messages
 */
export function conversationTokens(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  { endTokens, variables }: ConversationOptions,
): LearnedText[] {
  const render = (count: number, addGenerationPrompt: boolean): string =>
    renderChat(tokenizer, messages.slice(0, count), { addGenerationPrompt, ...(variables && { variables }) });
  const turns = messages.flatMap(({ role, content }, i) => {
    if (role !== "assistant") return [];
    const before = i === 0 ? "" : render(i, true);
    const behind = render(i + 1, false);
    return [{ content, before, behind, continues: behind.startsWith(before) && showsAll(before, behind, content) }];
  });
  const full = render(messages.length, false);
  if (turns.every(({ continues, before, behind }) => continues && full.startsWith(before) && full.startsWith(behind))) {
    const spans = turns.map(({ before, behind }) => [before.length, behind.length] as const);
    return [marked(tokenizer, full, spans, endTokens)];
  }
  return turns.map(({ content, before, behind, continues }) =>
    continues
      ? marked(tokenizer, behind, [[before.length, behind.length]], endTokens)
      : answerTokens(tokenizer, before, withoutOverlap(before, content), endTokens),
  );
}

/** A question's text and the answer to it, which is learned together with the token that ends it. */
export function answerTokens(
  tokenizer: Tokenizer,
  before: string,
  answer: string,
  endTokens: readonly number[],
): LearnedText {
  return marked(tokenizer, before + answer, [[before.length, before.length + answer.length]], endTokens);
}

/** A plain question, which no chat template made, and the answer to it; as answerTokens, with what begins a text in front. */
export function plainTokens(
  tokenizer: Tokenizer,
  question: string,
  answer: string,
  endTokens: readonly number[],
): LearnedText {
  const { tokens, learned } = answerTokens(tokenizer, question, answer, endTokens);
  const asked = encodeText(tokenizer, question);
  if (asked.length === 0 || asked[0] === tokens[0]) return { tokens, learned };
  return { tokens: Int32Array.from([asked[0]!, ...tokens]), learned: Uint8Array.from([0, ...learned]) };
}

/** Whether what a template writes behind `before` has all words of the message; blanks it may set otherwise, as Qwen3 does. */
function showsAll(before: string, behind: string, content: string): boolean {
  const [opening, shown, words] = [before, behind.slice(before.length), content].map((text) =>
    text.replace(/\s+/g, ""),
  );
  return shown!.includes(withoutOverlap(opening!, words!));
}

/** Of the ids that end a message the tokenizer's own; others may end a text of another kind, <|endoftext|> of QwQ for one. */
export function endToken(tokenizer: Tokenizer, endTokens: readonly number[]): number | undefined {
  return endTokens.find((token) => tokenizer.endTokens.includes(token)) ?? endTokens[0];
}

/** A tag that a template's opening of an answer already has, "<think>\n" for instance, is not said twice. */
function withoutOverlap(before: string, content: string): string {
  if (!content.startsWith("<")) return content;
  for (let length = Math.min(before.length, content.length); length > 0; length--)
    if (before.endsWith(content.slice(0, length))) return content.slice(length);
  return content;
}

type Span = readonly [begin: number, end: number];

/** `spans` are the characters that are learned, in order. */
function marked(tokenizer: Tokenizer, text: string, spans: readonly Span[], endTokens: readonly number[]): LearnedText {
  const cuts = [...new Set([0, ...spans.flat(), text.length])];
  const pieces = encodePieces(tokenizer, text, cuts);
  const end = endToken(tokenizer, endTokens);
  const tokens: number[] = [];
  const learned: number[] = [];
  for (const [i, piece] of pieces.entries()) {
    const isLearned = spans.some(([begin, end]) => begin <= cuts[i]! && cuts[i]! < end);
    // Behind the token that ends a message the template writes, not the model.
    const last = piece.findLastIndex((token) => endTokens.includes(token));
    const count = !isLearned ? 0 : last < 0 ? piece.length : last + 1;
    for (const [j, token] of piece.entries()) {
      tokens.push(token);
      learned.push(j < count ? 1 : 0);
    }
    if (isLearned && last < 0 && i === pieces.length - 1 && end !== undefined) {
      tokens.push(end);
      learned.push(1);
    }
  }
  return { tokens: Int32Array.from(tokens), learned: Uint8Array.from(learned) };
}

/**
 * The tokens between each two cuts. As they are in the whole text, where a token ends at every cut; otherwise each piece
 * is encoded by itself, which is how a model meets its prompt: encoded without what it will say.
 */
function encodePieces(tokenizer: Tokenizer, text: string, cuts: readonly number[]): number[][] {
  const whole = [...tokenizer.encode(text)];
  const ends: number[] = [0];
  for (const cut of cuts.slice(1, -1)) {
    const prefix = tokenizer.encode(text.slice(0, cut));
    if (!prefix.every((token, i) => token === whole[i])) {
      return cuts.slice(1).map((end, i) => [...tokenizer.encode(text.slice(cuts[i]!, end))]);
    }
    ends.push(prefix.length);
  }
  ends.push(whole.length);
  return ends.slice(1).map((end, i) => whole.slice(ends[i]!, end));
}
