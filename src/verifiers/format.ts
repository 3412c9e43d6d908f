import type { Answer, Problem, Reward, Verdict } from "../tasks/task.ts";
import { type Tag, type TagName, tagsOf } from "./think.ts";

export interface ThinkFormatOptions {
  /** @default 1, as the accuracy's: the paper gives both the same weight (section 2.2, eq. 4) */
  readonly weight?: number;
  /**
   * "strict": `<think>...</think><answer>...</answer>`, each once, in this order, nothing outside but white space.
   * "lenient": text around the pairs is allowed, and the opening `<think>` may be missing.
   *
   * @default "strict"
   */
  readonly mode?: "strict" | "lenient";
  /**
   * Where the answer stands: in `<answer>` tags (R1-Zero's template), or as the text behind `</think>` (R1's own form).
   *
   * @default "tag"
   */
  readonly answer?: "tag" | "text";
  /**
   * True where the prompt ends with `<think>`: the completion must then go on without it.
   *
   * @default false
   */
  readonly opened?: boolean;
}

/**
 * The format reward: 1 for an answer in the form that was asked for, 0 for any other. All or nothing, since part marks
 * for single tags can be had by repeating tags. Pure, linear in the length of the text.
 *
 * Reasons: "well-formed", "truncated", "tag-missing", "tag-repeated", "tag-misspelt", "tag-in-code", "tag-order",
 * "text-outside", "empty-thinking", "empty-answer".
 */
export function thinkFormat<P extends Problem = Problem>(options: ThinkFormatOptions = {}): Reward<P> {
  return { weight: options.weight ?? 1, verify: (answer) => gradeFormat(answer, options) };
}

/** The verdict of `thinkFormat` on one answer. */
export function gradeFormat({ text, complete }: Answer, options: ThinkFormatOptions = {}): Verdict {
  const { mode = "strict", answer = "tag", opened = false } = options;
  const refuse = (reason: string): Verdict => ({ reward: 0, reason });
  if (!complete) return refuse("truncated");
  const strict = mode === "strict";

  const tags = tagsOf(text);
  const found = tags.map((tag) => tag.name);
  const count = (name: TagName): number => found.filter((one) => one === name).length;
  const wanted: TagName[] = answer === "tag" ? ["think", "/think", "answer", "/answer"] : ["think", "/think"];
  if (opened) wanted.shift();
  for (const name of wanted) {
    if (count(name) > 1) return refuse("tag-repeated");
    if (count(name) === 1) continue;
    if (name === "think" && !strict) wanted.shift();
    else return refuse("tag-missing");
  }
  // A tag that has no place in this form, "<think>" behind a prompt that ended with one for instance, is one too many.
  if (tags.length > wanted.length) return refuse("tag-repeated");
  if (tags.some((tag) => !tag.exact)) return refuse("tag-misspelt");
  if (tags.some((tag) => tag.quoted)) return refuse("tag-in-code");
  if (found.some((name, i) => name !== wanted[i])) return refuse("tag-order");

  const tag = (name: TagName): Tag | undefined => tags[wanted.indexOf(name)];
  const thinkStart = tag("think")?.end ?? 0;
  const thinkEnd = tag("/think")!;
  const answerStart = tag("answer")?.end ?? thinkEnd.end;
  const answerEnd = tag("/answer")?.start ?? text.length;
  if (strict) {
    const outside = [
      text.slice(0, tag("think")?.start ?? 0),
      text.slice(thinkEnd.end, tag("answer")?.start ?? thinkEnd.end),
      text.slice(tag("/answer")?.end ?? text.length),
    ];
    if (outside.some((piece) => piece.trim() !== "")) return refuse("text-outside");
  }
  if (!saysSomething(text.slice(thinkStart, thinkEnd.start))) return refuse("empty-thinking");
  if (!saysSomething(text.slice(answerStart, answerEnd))) return refuse("empty-answer");
  return { reward: 1, reason: "well-formed" };
}

/** A letter, digit or symbol that stands for something. Dots, dashes and invisible characters don't. */
function saysSomething(text: string): boolean {
  return /[\p{L}\p{N}\p{Sm}\p{Sc}\p{So}]/u.test(text.replaceAll(/[\u{3164}\u{FFA0}\u{115F}\u{1160}\u{2800}]/gu, ""));
}
