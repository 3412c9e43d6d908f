import { fencesOf } from "./think.ts";

/** Scripts that words are told apart by; kana and Han are apart, since only Japanese has the first. */
// biome-ignore format: a table
export const scripts = [
  "Latin", "Han", "Kana", "Hangul", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi",
  "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Thai", "Lao", "Khmer", "Myanmar", "Georgian",
  "Armenian", "Ethiopic",
] as const;
export type Script = (typeof scripts)[number] | "Other";

export interface Word {
  readonly text: string;
  readonly script: Script;
  /** Number of the sentence it stands in, from 0; a line break ends a sentence too. */
  readonly sentence: number;
}

const property = (script: Script): string =>
  script === "Kana" ? "\\p{sc=Hiragana}\\p{sc=Katakana}ー" : `\\p{sc=${script}}`;
const ofScript = scripts.map((script) => [script, new RegExp(`^[${property(script)}]`, "u")] as const);

/** Scripts written without spaces: a run of them is cut into words by Unicode's dictionaries. */
const unspaced: ReadonlySet<Script> = new Set(["Han", "Kana", "Thai", "Lao", "Khmer", "Myanmar"]);

/** Letters of one script, with the marks and apostrophes inside a word. Han and kana go together: Japanese mixes them. */
const run = new RegExp(
  [
    "[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}ー々]+",
    ...scripts
      .filter((script) => script !== "Han" && script !== "Kana")
      .map((script) => `${property(script)}(?:[${property(script)}\\p{M}]|['’‘](?=\\p{L}))*`),
    "\\p{L}[\\p{L}\\p{M}]*",
  ].join("|"),
  "gu",
);

/** What follows a word and ends its sentence. */
const sentenceEnd = /[.!?;:…\n。！？；：।]/u;

/** Names of functions that stand in formulas without a backslash. */
const functions = new Set(
  "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp sqrt gcd lcm mod max min lim det".split(
    " ",
  ),
);
const units = new Set("mm cm dm km kg mg ml cl dl kb mb gb hz khz mhz ghz kw mw kwh kmh mph rpm ms ns".split(" "));

/** Longest piece given to the segmenter: its time grows with the square of the length. */
const segmentLength = 500;
let segmenter: Intl.Segmenter | undefined;

/**
 * The words of a text: code blocks, formulas, numbers, operators, links, names of points and single letters are none. In
 * code and formulas that holds for Latin and Greek letters only, so that other writing cannot hide there. Deterministic;
 * linear in the length of the text.
 */
export function wordsOf(text: string): Word[] {
  const prose = proseOf(text.normalize("NFC"));
  const words: Word[] = [];
  let sentence = 0;
  let last = 0;
  for (const match of prose.matchAll(run)) {
    const [token] = match;
    const start = match.index;
    if (sentenceEnd.test(prose.slice(last, start)) && words.length > 0) sentence = words.at(-1)!.sentence + 1;
    last = start + token.length;
    const script = scriptOf(token);
    if (unspaced.has(script)) {
      for (const piece of segmented(token)) words.push({ text: piece, script: scriptOf(piece), sentence });
    } else if (script !== "Latin" || isLatinWord(token, prose, start)) {
      words.push({ text: token, script, sentence });
    }
  }
  return words;
}

function scriptOf(word: string): Script {
  return ofScript.find(([, pattern]) => pattern.test(word))?.[0] ?? "Other";
}

/** Words of an unspaced run. A piece of Han and kana together is kana's: only Japanese writes so. */
export function segmented(text: string): string[] {
  segmenter ??= new Intl.Segmenter("zh", { granularity: "word" });
  const words: string[] = [];
  for (let at = 0; at < text.length; at += segmentLength) {
    for (const piece of segmenter.segment(text.slice(at, at + segmentLength))) {
      if (piece.isWordLike === true) words.push(piece.segment);
    }
  }
  return words;
}

/** Variables, names of points (ABC), functions, units behind a number and parts of identifiers belong to no language. */
function isLatinWord(token: string, text: string, start: number): boolean {
  const before = text[start - 1] ?? " ";
  const after = text[start + token.length] ?? " ";
  if (token.length < 2 || /[\p{N}_\\@#]/u.test(before) || /[\p{N}_]/u.test(after)) return false;
  if (token.length <= 4 && token === token.toUpperCase()) return false;
  const lower = token.toLowerCase();
  return !functions.has(lower) && !(units.has(lower) && /\p{N}\s?$/u.test(text.slice(Math.max(0, start - 2), start)));
}

/** The text with code, formulas and links blanked out. */
function proseOf(text: string): string {
  const pieces: string[] = [];
  let at = 0;
  for (const [start, end] of fencesOf(text)) {
    // A block that was never closed is not taken for code, or one mark would hide the rest of the text.
    if (end === text.length && !/(`{3}|~{3})\s*$/u.test(text.slice(start + 3))) break;
    pieces.push(withoutFormulas(text.slice(at, start)), blanked(text.slice(start, end)));
    at = end;
  }
  pieces.push(withoutFormulas(text.slice(at)));
  return pieces.join("");
}

const blanked = (text: string): string => text.replace(/[^\n\p{L}\p{M}]|[\p{sc=Latin}\p{sc=Greek}]/gu, " ");

/** Formulas keep the words that LaTeX marks as text: \text{if} is one. */
function blankedFormula(formula: string): string {
  let kept = "";
  let at = 0;
  for (const match of formula.matchAll(/\\(?:text|mbox|textrm|textbf|textit)\s?\{([^{}]*)\}/gu)) {
    kept += `${blanked(formula.slice(at, match.index))} ${match[1]} `;
    at = match.index + match[0].length;
  }
  return kept + blanked(formula.slice(at));
}

const closers: Readonly<Record<string, string>> = { $$: "$$", "\\(": "\\)", "\\[": "\\]", "`": "`", $: "$" };

function withoutFormulas(text: string): string {
  let kept = "";
  let at = 0;
  /** Openers whose closer the rest of the text doesn't hold: looked for once. */
  const hopeless = new Set<string>();
  const opening = /\$\$|\\[([]|`|\$|https?:\/\/[^\s)]+|\\[a-zA-Z]+/gu;
  for (let match = opening.exec(text); match; match = opening.exec(text)) {
    const [mark] = match;
    const start = match.index;
    let end = start + mark.length;
    const closer = closers[mark];
    if (closer !== undefined) {
      if (hopeless.has(mark)) continue;
      const close = text.indexOf(closer, end);
      if (close < 0) hopeless.add(mark);
      if (close < 0 || !isFormula(text, mark, end, close)) continue;
      end = close + closer.length;
    }
    kept += text.slice(at, start) + (mark === "`" ? blanked : blankedFormula)(text.slice(start, end));
    at = end;
    opening.lastIndex = end;
  }
  return kept + text.slice(at);
}

/** A dollar can be money: like Pandoc, "$" opens a formula before a non-space and closes it on its line behind one. */
function isFormula(text: string, mark: string, start: number, close: number): boolean {
  if (mark === "$$" || mark.startsWith("\\")) return close - start <= 10_000;
  if (close === start || close - start > 500) return false;
  const inside = text.slice(start, close);
  if (inside.includes("\n")) return false;
  return mark === "`" || (!/^\s|\s$/u.test(inside) && !/\d/u.test(text[close + 1] ?? ""));
}

/**
 * Language mixing: the share of a text's words that are not in its most common script, Han and kana counted as one. 0 for
 * a text in one script or without words. Two languages in one script don't show; `measureLanguage` tells those apart.
 */
export function scriptMixing(text: string): number {
  const counts = new Map<Script, number>();
  let all = 0;
  for (const { script } of wordsOf(text)) {
    const group = script === "Kana" ? "Han" : script;
    counts.set(group, (counts.get(group) ?? 0) + 1);
    all++;
  }
  return all === 0 ? 0 : 1 - Math.max(...counts.values()) / all;
}
