import { cleanAnswer, readAnswer, shortBlanks } from "./answer.ts";
import { closingBrace, unboxed } from "./braces.ts";
import { mathsLimits } from "./limits.ts";

/** Where an answer was found. */
export type AnswerSource = "boxed" | "tag" | "hashes" | "phrase" | "whole" | "formula" | "line" | "number";

export interface ExtractOptions {
  /**
   * "strict": only the format that was asked for. "lenient": every source below, so that reasoning can be told from format.
   */
  readonly mode?: "strict" | "lenient";
  /** Sources in the order in which they are looked at; by default ["boxed", "tag"] when strict, `lenientOrder` else. */
  readonly sources?: readonly AnswerSource[];
}

export interface FoundAnswer {
  readonly source: AnswerSource;
  readonly text: string;
  /** The words that the answer was taken out of, where the answer is not all of them: a date, a name with a number. */
  readonly sentence?: string;
}

export const strictOrder: readonly AnswerSource[] = ["boxed", "tag"];
export const lenientOrder: readonly AnswerSource[] = [
  "boxed",
  "tag",
  "hashes",
  "whole",
  "phrase",
  "formula",
  "line",
  "number",
];

/** Every extraction below is linear in the text. */
type Extraction = (text: string) => string | Picked | null;

/** An answer taken out of a sentence, and the sentence. */
interface Picked {
  readonly text: string;
  readonly sentence: string;
}

interface Box {
  readonly start: number;
  readonly end: number;
  readonly content: string;
}

const boxCommand = /\\(?:boxed|fbox|framebox)\s*(?:(\{)|([^\s{}\\$]+|\\[a-zA-Z]+(?:\{[^{}]*\}){0,2}))/g;

/** Boxes that are not empty, in order; one without its closing brace ends where the text does not, so it is none. */
function boxes(text: string): Box[] {
  const found: Box[] = [];
  let open = 0;
  boxCommand.lastIndex = 0;
  for (let match = boxCommand.exec(text); match !== null; match = boxCommand.exec(text)) {
    const brace = boxCommand.lastIndex - 1;
    if (match[1] === undefined) {
      found.push({ start: match.index, end: boxCommand.lastIndex, content: match[2] ?? "" });
      continue;
    }
    // Boxes that never close cost one scan each: after a few the text is not looked at further.
    const end = closingBrace(text, brace);
    if (end < 0) {
      if (++open > 3) break;
      continue;
    }
    found.push({ start: match.index, end: end + 1, content: text.slice(brace + 1, end) });
    boxCommand.lastIndex = end + 1;
  }
  return found.filter(
    ({ content }) =>
      !/^[\s${}\\,;.]*$/.test(content.replace(/\\(?:text|mathrm|boxed|fbox)/g, "")) ||
      /^\s*\\\{\s*\\\}\s*$/.test(content),
  );
}

/** Boxes read as one answer. */
const mostBoxes = 16;
/** What may stand between two boxes that are one answer. */
const between =
  /^[\s$,;.]*(?:\\(?:text|mathrm|quad|qquad|,|;)\s*)*\{?\s*(?:and|or|,|;|和|或)?\s*\}?[\s$,;~\\]*(?:and|or)?[\s$]*$/;

/** The last box, with those directly before it: "\boxed{1} and \boxed{2}" is one answer. */
const boxed: Extraction = (text) => {
  const all = boxes(text);
  let at = all.length - 1;
  const last = all[at];
  if (last === undefined) return null;
  const parts = [unboxed(last.content)];
  while (at > 0 && parts.length < mostBoxes) {
    const gap = text.slice(all[at - 1]!.end, all[at]!.start);
    if (gap.length > 40 || !between.test(gap) || /\n\s*\n/.test(gap)) break;
    parts.unshift(unboxed(all[--at]!.content));
  }
  // The same box twice in a row is said twice, not two answers.
  const distinct = [...new Set(parts.map((part) => part.trim()))];
  if (distinct.length > 1) return distinct.join(" , ");
  return `${distinct[0]}${percentBehind(text, last.end)}`;
};

const percentBehind = (text: string, at: number): string =>
  /^\s*[$)\]\\]*\s*(?:\\?%|percent\b|pct\b)/.test(text.slice(at, at + 24)) ? " %" : "";

const tag: Extraction = (text) => {
  const end = text.toLowerCase().lastIndexOf("</answer>");
  const open = text.toLowerCase().lastIndexOf("<answer>", end < 0 ? undefined : end);
  if (open < 0 || end < open) return null;
  const content = text.slice(open + 8, end).trim();
  if (content === "") return null;
  return boxed(content) ?? (isMaths(content) ? content : (afterPhrase(content) ?? pick(content) ?? content));
};

const hashes: Extraction = (text) => {
  const at = text.lastIndexOf("####");
  if (at < 0) return null;
  return (
    text
      .slice(at + 4)
      .trim()
      .split("\n")[0] || null
  );
};

/** What announces an answer. */
const announcement =
  /(?:(?:final|correct|right)\s+(?:answer|result|value|solution)|\banswers?|\bresult|\bsolutions?|答案|答|结果)/giu;
/** "is", with all that may follow it before the answer. */
const copula =
  /(?:\b(?:is|are|equals|will be|would be|should be|must be)\b|应该是|应为|是|为|[:：=])+\s*(?:\*\*|\b(?:therefore|thus|hence|simply|just|given by|equal to|exactly)\b|[:：])*\s*/giu;
/** What may stand between the two: nothing, or "to the question of how many". */
const link = /^(?:\s+(?:to|for|of)\s[^.\n:=]{0,80}?)?\s*(?:\*\*|\$|"|')?\s*$/iu;
const longestLink = 120;

/** Where each "the answer is" ends. Both patterns go through the text once, so that no text costs more than its length. */
function phraseEnds(text: string): number[] {
  const ends: number[] = [];
  announcement.lastIndex = copula.lastIndex = 0;
  let verb = copula.exec(text);
  for (let match = announcement.exec(text); match !== null; match = announcement.exec(text)) {
    const from = announcement.lastIndex;
    while (verb !== null && verb.index < from) verb = copula.exec(text);
    if (verb === null) break;
    if (verb.index - from > longestLink || !link.test(text.slice(from, verb.index))) continue;
    announcement.lastIndex = copula.lastIndex;
    ends.push(copula.lastIndex);
  }
  return ends;
}

/** Where a sentence ends, outside of formulas: a full stop before a blank, a line end. */
function sentence(text: string): string {
  let dollars = 0;
  for (let at = 0; at < text.length && at < mathsLimits.answer; at++) {
    const character = text[at]!;
    if (character === "\\" && text[at + 1] !== "\n") {
      if (text[at + 1] === "[" || text[at + 1] === "(") dollars = 1;
      else if (text[at + 1] === "]" || text[at + 1] === ")") dollars = 0;
      at++;
    } else if (character === "$") {
      if (text[at + 1] === "$") at++;
      dollars = 1 - dollars;
    } else if (dollars === 1 && character === "\n" && text[at + 1] === "\n") return text.slice(0, at);
    else if (dollars === 0 && (character === "\n" || character === "。" || character === "！"))
      return text.slice(0, at);
    else if (
      dollars === 0 &&
      (character === "." || character === "!" || character === "?") &&
      /^[.!?]["'*)\]]*(?:\s|$|[A-Z])/.test(text.slice(at, at + 4)) &&
      !/(?:^|\s)[ap]\.m$|\b(?:sq|approx|no)$/.test(text.slice(Math.max(0, at - 6), at))
    ) {
      if (character === "!" && /\d$/.test(text.slice(0, at)) && !/^!\s+[A-Z]/.test(text.slice(at))) continue;
      return text.slice(0, at);
    }
  }
  return text.slice(0, mathsLimits.answer);
}

/** Behind the last "the answer is": the sentence if it is an answer, else its first formula, else its first number. */
const afterPhrase: Extraction = (text) => {
  text = text.slice(-mathsLimits.tail);
  for (const end of phraseEnds(text).slice(-8).reverse()) {
    const rest = sentence(text.slice(end, end + mathsLimits.answer).trimStart());
    if (rest.trim() === "" || /^\s*(?:not|n't|incorrect|wrong|correct)\b/i.test(rest)) continue;
    const found = pick(rest);
    if (found !== null) return found;
  }
  return null;
};

/** The answer in one sentence. */
function pick(rest: string): Picked | string | null {
  const whole = shortBlanks(rest.slice(0, mathsLimits.answer))
    .replace(/^\s*(?:between|option|choice)\s+/i, "")
    .trim();
  if (isMaths(whole)) return whole;
  const cut =
    /^(.*?)(?:,?\s+(?:because|since|which|where|as|so|when|if|for|but|not|instead)\b|\s*[(（](?=[a-z])|,\s+(?=[a-z]{2,}))/i.exec(
      whole,
    )?.[1];
  if (cut !== undefined && cut !== "" && isMaths(cut)) return cut;
  const [first] = formulas(whole, 1);
  if (first !== undefined) return { text: first, sentence: whole };
  const [number] = numbers(whole, true);
  if (number !== undefined) return { text: number, sentence: whole };
  return whole.split(/\s+/).length <= 6 ? whole : null;
}

/** Mathematics from end to end, no sentence with some in it. */
function isMaths(text: string): boolean {
  if (text.length > 600) return false;
  const { readings, sentence } = readAnswer(text);
  return readings.length > 0 && !sentence;
}

/** Formulas between $, $$, \( \) and \[ \]; the first `most`, or all. */
function formulas(text: string, most = Number.POSITIVE_INFINITY): string[] {
  const found: string[] = [];
  const marks = /\\\\|\\\$|\$\$?|\\[([]|\\[)\]]/g;
  let open: { at: number; mark: string } | null = null;
  let end = 0;
  for (let match = marks.exec(text); match !== null && found.length < most; match = marks.exec(text)) {
    const mark = match[0];
    if (mark === "\\\\" || mark === "\\$") continue;
    if (open === null) {
      if (mark !== "\\)" && mark !== "\\]") open = { at: marks.lastIndex, mark };
      continue;
    }
    const closes = open.mark === "\\(" ? mark === "\\)" : open.mark === "\\[" ? mark === "\\]" : mark === open.mark;
    const content = text.slice(open.at, match.index);
    // An inline formula has no line ends in it: the $ before was a dollar.
    if (!closes || (open.mark === "$" && content.includes("\n"))) {
      open = mark === "\\)" || mark === "\\]" ? null : { at: marks.lastIndex, mark };
      continue;
    }
    if (content.trim() !== "") {
      const formula = `${content}${percentBehind(text, marks.lastIndex)}`;
      // "$x=5$ or $x=6$" is one answer.
      const gap = text.slice(end, open.at - open.mark.length);
      const joined = found.length > 0 && gap.length < 12 && /^\s*(?:,|;|,?\s*(?:and|or))\s*$/.test(gap);
      if (joined) found.push(`${found.pop()} ${gap.includes("or") ? "or" : ","} ${formula}`);
      else found.push(formula);
      end = marks.lastIndex;
    }
    open = null;
  }
  return found;
}

/** In a chain of steps the last line counts, and in a line of = the last side, where the whole is no answer. */
function conclusion(content: string): string {
  const bare = content.replace(
    /\\begin\{(?:align|aligned|equation|gather|split)\*?\}|\\end\{(?:align|aligned|equation|gather|split)\*?\}/g,
    "",
  );
  const row =
    bare === content
      ? content
      : (
          bare
            .split("\\\\")
            .filter((one) => one.trim() !== "")
            .at(-1) ?? bare
        ).replaceAll("&", "");
  return row;
}

const formula: Extraction = (text) => {
  text = text.slice(-mathsLimits.tail);
  const last = formulas(text).at(-1);
  if (last !== undefined) return conclusion(last);
  const end = Math.max(
    text.lastIndexOf("\\end{align"),
    text.lastIndexOf("\\end{equation"),
    text.lastIndexOf("\\end{gather"),
  );
  const start = end < 0 ? -1 : text.lastIndexOf("\\begin{", end);
  return start < 0 ? null : conclusion(text.slice(start, text.indexOf("}", end) + 1));
};

const line: Extraction = (text) => {
  const last = text
    .slice(-mathsLimits.answer)
    .split("\n")
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .at(-1);
  if (last === undefined) return null;
  const parts = [last, /\b(?:is|are|equals|be)\s+(.*)$/.exec(last)?.[1] ?? "", last.slice(last.lastIndexOf("=") + 1)];
  return parts.map((part) => part.trim()).find((part) => part !== "" && isMaths(part)) ?? null;
};

const numberPattern =
  /(?<![\w.\\])[-−]?[$€£¥]?\s?(?:\d{1,3}(?:(?:,|\{,\}| )\d{3})+(?![\d])|\d+)?(?:(?<=\d),\d+(?![\d,])|\.\d+)?(?<=\d)(?:\s\d{1,9}\/\d{1,9}|\s?\/\s?\d{1,9}(?![\d/]))?(?:\s?(?:\\?%|percent\b|pct\b))?(?![\w.]*[A-Za-z]\w*\d)/g;

/** Numbers that stand for themselves: no part of a word, a path or a date. The first, or the last. */
function numbers(text: string, first = false): string[] {
  const part = first ? text.slice(0, mathsLimits.answer) : text.slice(-mathsLimits.answer);
  const found: string[] = [];
  for (const match of part.matchAll(numberPattern)) {
    if (/\bnot\s*$/.test(part.slice(Math.max(0, match.index - 8), match.index))) continue;
    found.push(match[0].trim());
    if (first) break;
  }
  return found;
}

const whole: Extraction = (text) => {
  const clean = text.trim();
  return clean !== "" && clean.length <= 600 && !/\n\s*\n/.test(clean) && isMaths(clean) ? clean : null;
};

const extractions: Readonly<Record<AnswerSource, Extraction>> = {
  boxed,
  tag,
  hashes,
  whole,
  phrase: afterPhrase,
  formula,
  line,
  number: (text) => numbers(text).at(-1) ?? null,
};

/** Thinking is no answer: what stands behind it counts, where there is something. */
function withoutThinking(text: string): string {
  const end = text.lastIndexOf("</think>");
  return end < 0 ? text : text.slice(end + 8);
}

/**
 * The answers found in a completion, by source, in the order in which the sources are asked. The first is the one that
 * is graded. Never throws; text beyond `mathsLimits.text` characters gives none.
 */
export function extractAnswers(text: string, options: ExtractOptions = {}): FoundAnswer[] {
  if (text.length > mathsLimits.text) return [];
  const strict = options.mode === "strict";
  const order = options.sources ?? (strict ? strictOrder : lenientOrder);
  const behind = withoutThinking(text);
  const texts = strict || behind.trim() !== "" ? [behind] : [text];
  return texts.flatMap((part) =>
    order.flatMap((source) => {
      const found = extractions[source](part);
      if (found === null) return [];
      const picked = typeof found === "string" ? { text: found } : found;
      const text = picked.text.trim();
      // Longer ones are refused for their length; whether they hold more than layout is not asked.
      return text.length <= mathsLimits.answer && cleanAnswer(text) === "" ? [] : [{ source, ...picked, text }];
    }),
  );
}
