import { unboxed } from "./braces.ts";
import { type MathsFault, mathsLimits, Refusal } from "./limits.ts";
import type { MathsNode } from "./node.ts";
import { readMaths } from "./reader.ts";
import { numberWords, sameText } from "./words.ts";

/** An answer as it can be compared: its characters, its words, and the trees it may be read as. */
export interface ReadAnswer {
  /** Characters without blanks and layout; equal ones are equal answers. */
  readonly literal: string;
  /** Lower-case words; null where every reading is mathematics, in which case and letters matter. */
  readonly words: string | null;
  /** Most likely first. Several, since 1,234 and 2 m can be read in two ways. */
  readonly readings: readonly MathsNode[];
  /** Readings without the words that say of what the answer holds, and those words. */
  readonly general: readonly MathsNode[];
  readonly qualified: string | null;
  /** True where only the value behind a name was read: "the area is 12". */
  readonly sentence: boolean;
  /** Why there is no reading. */
  readonly fault: MathsFault | null;
}

const alike: readonly (readonly [RegExp, string])[] = [
  [/[\u2212\u2010-\u2015\uff0d\ufe63]/g, "-"],
  [/[\u00d7\u22c5\u00b7\u2219\u2217\uff0a\u2062]/g, "*"],
  [/[\u00f7\u2215\u2044\uff0f]/g, "/"],
  [/\uff0b/g, "+"],
  [/\uff1d/g, "="],
  [/[\uff0c\u3001\u060c]/g, ","],
  [/\uff1b/g, ";"],
  [/\uff1a/g, ":"],
  [/[\uff08\u2768]/g, "("],
  [/[\uff09\u2769]/g, ")"],
  [/\u3010|\uff3b/g, "["],
  [/\u3011|\uff3d/g, "]"],
  [/\uff5b/g, "\\{"],
  [/\uff5d/g, "\\}"],
  [/[\u3008\u2329]/g, "\u27e8"],
  [/[\u3009\u232a]/g, "\u27e9"],
  [/\u3002/g, "."],
  [/[\uff05\u066a]/g, "%"],
  [/[\u00ba\u02da]/g, "\u00b0"],
  [/\u2103/g, "\u00b0C"],
  [/[\u2032\u2019\u2018`]/g, "'"],
  [/[\u201c\u201d]/g, '"'],
  [/\u2a7d/g, "\u2264"],
  [/\u2a7e/g, "\u2265"],
  [/\u2248/g, "="],
  [/\u2216/g, "\u2216"],
  [/\u22ef/g, "\u2026"],
  [/&nbsp;/g, " "],
  [/[\uff10-\uff19]/g, ""],
];

/** No more blanks in a row than anyone means: patterns that try every place of a run would take its length squared. */
export const shortBlanks = (text: string): string => text.replace(/\s{9,}/g, (blanks) => blanks.slice(0, 8));

/** One spelling for characters that look alike; outer `$`, Markdown, quotes and the full stop taken off. */
export function cleanAnswer(text: string): string {
  let clean = shortBlanks(unboxed(text));
  if (/[^\x20-\x7e]/.test(clean)) {
    clean = clean.replace(/[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]/g, (one) =>
      String.fromCharCode(one.charCodeAt(0) - 0xfee0),
    );
    for (const [pattern, by] of alike) clean = clean.replace(pattern, by);
  }
  if (clean.includes("\\begin")) clean = flattened(clean);
  clean = clean
    .replace(/(^|[^\\])\\[()]/g, "$1 ")
    .replace(/(^|[^\\])\\[[\]]/g, "$1 ")
    .replace(/\*\*/g, (stars, at: number) =>
      /\d|\w|\)/.test(clean[at - 1] ?? " ") && /[\d(\w-]/.test(clean[at + 2] ?? " ") ? stars : " ",
    )
    .replace(/\b([ap])\.\s?m\./gi, "$1m")
    .replace(/(\d)\s*[xX]\s*(?=10\s*\^)/g, "$1*")
    .replace(/\b(?:sq|cu|ft|in|yd|lb|oz|hr|min|sec)\.(?=\s|$|\})/g, (unit) => unit.slice(0, -1))
    .replace(/^["'\s$:.]+(?=[^\d.])|(?<!["'\s])["'\s]+$/g, "")
    .trim();
  for (let i = 0; i < 4 && /[.,;:\s]$|\\$/.test(clean) && !clean.endsWith("..."); i++)
    clean = clean.replace(/(?<![.,;:\s$\\])[.,;:\s$\\]+$/, (end) => (end.includes("$") ? "$" : ""));
  return clean.trim();
}

/** Aligned rows as one line: a row that starts with = goes on with the one above. Matrices stay as they are. */
function flattened(text: string): string {
  const rows = text.replace(/\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split)\*?\}/g, " ");
  if (rows === text || rows.includes("\\begin")) return text;
  return rows
    .replaceAll("&", " ")
    .replace(/\\\\\s*(?==)/g, " ")
    .replace(/\\\\\s*$/, "")
    .replaceAll("\\\\", " , ");
}

/** Identical characters are one answer, whatever they mean. */
function literalOf(clean: string): string {
  return (
    clean
      .replace(/\\(?:left|right|displaystyle|,|;|!|:|quad|qquad)(?![a-zA-Z])|\\ |[$~]/g, " ")
      // "5 5" is not 55.
      .replace(/(?<!\w)\s+|\s+(?!\w)/g, "")
      .replace(/\\[dtc]frac/g, "\\frac")
      .replace(/^\\(?:text|mathrm|textbf)\{([^{}\\]*)\}$/, "$1")
  );
}

const textCommands =
  /\\(?:text|textbf|textit|mathrm|mbox|mathbf|textrm|operatorname|emph)\s*(?=\{)|\\(?:[,;:! ]|quad\b|left\b|right\b)/g;

/** May the words be compared, with case, braces and commas taken off? Never where a formula could become another by that. */
function isText(clean: string, readable: boolean): boolean {
  const bare = clean.replace(textCommands, " ");
  if (/[\\^_]/.test(bare)) return false;
  return !readable || (bare !== clean && /^[\s{}$()\p{L}.]*$/u.test(bare));
}

function wordsOf(clean: string): string {
  const words = clean
    .replace(textCommands, " ")
    .replace(/[{}$"'`\\]/g, "")
    .replace(/\bthe\b|\ban?\b(?=\s+[a-z]{2})/gi, " ")
    .replace(/[,;]|\.(?=\s|$)|[!?]$/g, " ")
    .replace(/\s+/g, " ")
    .replace(/ ?([-+*/=<>()[\]:]) ?/g, "$1")
    .toLowerCase()
    .trim()
    .replace(/^\((.*)\)$/, "$1");
  const number = numberWords.get(words);
  return number === undefined ? (sameText.get(words) ?? words) : `${number}`;
}

const letterChoice =
  /^(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer|选项|选)\s*:?\s*)?(?:\(\s*([A-Ja-j])\s*\)|([A-J])\s*[.):](?!\d)|\[\s*([A-J])\s*\](?=$))\s*([\s\S]*)$/;
const optionChoice = /^(?:option|choice|选项|选)\s*:?\s*([A-Ja-j])\.?$/i;
const symbolNode = (name: string): MathsNode => ({ kind: "symbol", name });

const wholeSets: Readonly<Record<string, MathsNode>> = {
  "all real numbers": { kind: "named-set", name: "R" },
  "no solution": { kind: "set", items: [] },
};

/** (B), B. 5, \textbf{(B)} 5, option B: the letter, and what stands behind it. */
function choiceOf(clean: string): { letter: string; rest: string } | null {
  const plain = clean
    .replace(/\\(?:text|textbf|mathrm|mathbf|textrm|mbox|boldsymbol|bf)\s*\{([^{}]*)\}/g, "$1")
    .replace(/\\(?:quad|qquad|left|right|[ ,;:])|~/g, " ")
    .replace(/[$*]/g, "")
    .trim();
  const option = optionChoice.exec(plain);
  if (option !== null) return { letter: option[1]!.toUpperCase(), rest: "" };
  const [, bracketed, dotted, square, rest = ""] = letterChoice.exec(plain) ?? [];
  const letter = bracketed ?? dotted ?? square;
  return letter === undefined ? null : { letter: letter.toUpperCase(), rest: rest.trim() };
}

/** Longer answers are formulas: their words are not compared. */
const longestText = 400;

/** "Area = 5", "the price: 5", "x is 5": the part behind the name of what is asked; null where there is no name. */
function namedValue(clean: string): string | null {
  if (/\\(?:begin|\\|forall|exists|implies)/.test(clean)) return null;
  const plain = clean.replace(/\\(?:text|mathrm|textbf)\s*\{([^{}]*)\}/g, "$1");
  const [, name, value] = /^([^=:]*?)(?:=|:\s|\b(?:is|are|equals)\s)\s*([^=]+)$/s.exec(plain) ?? [];
  return name === undefined || value === undefined || /[,;<>]/.test(name) || value.trim() === "" ? null : value;
}

/** "for all x", "where k is whole", ", k ∈ ℤ": says of what the answer holds. One side may leave it out. */
const qualifier =
  /(?:[,\s]|\\quad|\\,|\\text\s*\{)*\s*(?:\b(?:for (?:all|any|every|some|each)|where|such that|with)\b.*|\(?\b[a-z]\s*(?:\\in|∈)\s*(?:\\mathbb\s*\{?\s*[ZNQR]\s*\}?|[ℤℕℚℝ])[^,]*\)?)$/s;

function readingsOf(part: string): MathsNode[] {
  try {
    return [readMaths(cleanAnswer(part))];
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

/** Reads one answer. Never throws; linear in its length. */
export function readAnswer(text: string): ReadAnswer {
  if (text.length > mathsLimits.answer)
    return {
      literal: text.slice(0, 64),
      words: null,
      readings: [],
      general: [],
      qualified: null,
      sentence: false,
      fault: "too-long",
    };
  const clean = cleanAnswer(text);
  const literal = literalOf(clean);
  if (literal === "" || /^[{}()[\]\\.,;:-]*$/.test(literal)) {
    const empty = literal === "\\{\\}" || literal === "{}";
    return {
      literal: empty ? literal : "",
      words: null,
      readings: empty ? [{ kind: "set", items: [] }] : [],
      general: [],
      qualified: null,
      sentence: false,
      fault: empty ? null : "malformed",
    };
  }
  const readings: MathsNode[] = [];
  let fault: MathsFault | null = null;
  const attempt = (part: string, commas: "thousands" | "list" | "decimal" = "thousands"): boolean => {
    try {
      readings.push(readMaths(part, commas));
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // The sharpest word stays: a limit says more than "malformed".
      if (fault === null || fault === "malformed") fault = error.fault;
      return false;
    }
  };
  const whole = attempt(clean);
  const choice = choiceOf(clean);
  if (choice !== null) {
    readings.push(symbolNode(choice.letter));
    if (choice.rest !== "") attempt(choice.rest);
  }
  const plain = clean.replaceAll("$", "").trim();
  if (/^[A-H]{2,6}$/.test(plain)) readings.push({ kind: "list", items: [...plain].map(symbolNode), join: "," });
  if (/^\d+ to \d+$/.test(plain)) attempt(plain.replace("to", ":"));
  if (/\d,\d{3}/.test(clean)) attempt(clean, "list");
  if (/^[^()[\]{},]*\d,\d+[^()[\]{},]*$/.test(clean) && !/[1-9]\d*,\d{3}(?!\d)/.test(clean)) attempt(clean, "decimal");
  const hexadecimal = /^\$?\s*([0-9A-F]+)_\{?\s*(\d+|[a-z]+)\s*\}?\s*\$?$/.exec(
    clean.replace(/\\text\s*\{([^{}]*)\}/g, "$1"),
  );
  const base = hexadecimal === null ? 0 : (numberWords.get(hexadecimal[2]!) ?? Number(hexadecimal[2]));
  if (hexadecimal !== null && base > 10 && base <= 16) readings.push({ kind: "based", digits: hexadecimal[1]!, base });
  const unit = /^(.*[\d})])\s*([mgshLlJ](?:\/(?:s|h|min))?|\\Omega|Ω|\\mu\s?[mgsF])((?:\^\{?[23]\}?|[²³])?)\$?$/.exec(
    clean,
  );
  if (unit !== null && whole)
    attempt(
      `${unit[1]} \\text{${unit[2]!.replace(/\\Omega|Ω|\\mu\s?\w/, "units")}}${unit[3]!.replace("²", "^2").replace("³", "^3")}`,
    );
  let sentence = false;
  const bare = clean.length <= longestText ? clean.replace(qualifier, "") : clean;
  const qualified = bare !== clean && bare.trim() !== "" ? clean.slice(bare.length) : null;
  const general = qualified === null ? [] : readingsOf(bare);
  if (!whole && clean.length <= longestText) {
    const value = namedValue(clean);
    sentence = readings.length === 0 && value !== null && attempt(value);
  }
  const named = wholeSets[wordsOf(clean)];
  if (named !== undefined) readings.push(named);
  const words = clean.length > longestText || !isText(clean, whole) ? null : wordsOf(clean);
  return {
    literal,
    words: words === "" ? null : words,
    readings,
    general,
    qualified: qualified === null ? null : wordsOf(qualified),
    sentence,
    fault: readings.length + general.length > 0 ? null : fault,
  };
}
