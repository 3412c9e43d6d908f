import { AutodidactError } from "../errors.ts";
import type { Answer, Problem, Reward, Verdict } from "../tasks/task.ts";
import { splitThinking } from "./think.ts";
import { type Script, type Word, wordsOf } from "./words.ts";

/** Languages by the scripts they are written in (ISO 639-1). */
const scriptsOf: Readonly<Record<string, readonly Script[]>> = Object.fromEntries(
  (
    [
      ["ca cs da de en es et eu fi fr hr hu id is it lt lv ms nl no pl pt ro sk sl sq sv tl tr vi yo az", ["Latin"]],
      ["be bg ru sr uk", ["Cyrillic"]],
      ["ar fa ur ku", ["Arabic"]],
      ["hi mr", ["Devanagari"]],
      ["zh", ["Han"]],
      ["ja", ["Kana", "Han"]],
      ["ko", ["Hangul"]],
      ["el", ["Greek"]],
      ["he", ["Hebrew"]],
      ["bn", ["Bengali"]],
      ["gu", ["Gujarati"]],
      ["pa", ["Gurmukhi"]],
      ["or", ["Oriya"]],
      ["ta", ["Tamil"]],
      ["te", ["Telugu"]],
      ["kn", ["Kannada"]],
      ["ml", ["Malayalam"]],
      ["th", ["Thai"]],
      ["lo", ["Lao"]],
      ["ka", ["Georgian"]],
      ["hy", ["Armenian"]],
      ["am", ["Ethiopic"]],
    ] as const
  ).flatMap(([languages, scripts]) => languages.split(" ").map((language) => [language, scripts])),
);
/** Scripts that several of these languages share: only there a detector is asked. */
const shared: ReadonlySet<Script> = new Set(["Latin", "Cyrillic", "Arabic", "Devanagari"]);

/** The detector knows no Indonesian and calls it Malay, which it is very close to. */
const detectorName: Readonly<Record<string, string>> = { id: "ms" };

/** Fewest and most letters that a language is told from: shorter sentences go together, longer ones are cut. */
const fewest = 30;
const most = 600;
/** Below this number of letters a text is too short to be called foreign. */
const doubtful = 12;
/** Another language's score must be this much above the target's: measured in docs/decisions, scores lie close together. */
const margin = 1.01;

export interface LanguageMeasure {
  readonly words: number;
  /** Words in the target language. */
  readonly inTarget: number;
}

interface Detector {
  detect(text: string): { readonly language: string; getScores(): Record<string, number> };
}
let detector: Promise<Detector> | undefined;

/** The detector, loaded when it is first needed: 60 languages, 1 MB of n-grams. */
function loadDetector(): Promise<Detector> {
  detector ??= import("eld/extrasmall").then(({ eld }) => eld.newInstance());
  return detector;
}

/** @throws LANGUAGE_UNKNOWN where the code is none of the languages that can be measured */
function checkLanguage(language: string): void {
  if (scriptsOf[language]) return;
  const known = Object.keys(scriptsOf).sort().join(", ");
  throw new AutodidactError("LANGUAGE_UNKNOWN", `language ${JSON.stringify(language)}: give one of ${known}`);
}

/**
 * How many of a text's words are in a language (ISO 639-1 code). Words of a foreign script never are; words of a script
 * that several languages share are judged by sentence, and where the detector is in doubt they count.
 *
 * @throws LANGUAGE_UNKNOWN
 */
export async function measureLanguage(text: string, language: string): Promise<LanguageMeasure> {
  checkLanguage(language);
  const words = wordsOf(text);
  const scripts = scriptsOf[language]!;
  const own = words.filter((word) => scripts.includes(word.script));
  let inTarget = own.length;
  if (scripts.includes("Han")) {
    inTarget = cjkWords(own, words, language);
  } else if (own.length > 0 && shared.has(scripts[0]!)) {
    const { detect } = await loadDetector();
    for (const chunk of chunksOf(own)) if (isForeign(chunk, language, scripts[0]!, detect)) inTarget -= chunk.length;
  }
  return { words: words.length, inTarget };
}

/** Chinese and Japanese share Han: a sentence with kana is Japanese, a long one without is Chinese. */
function cjkWords(own: readonly Word[], words: readonly Word[], language: string): number {
  const kana = new Map<number, number>();
  const han = new Map<number, number>();
  for (const { script, sentence } of words) {
    if (script === "Kana") kana.set(sentence, (kana.get(sentence) ?? 0) + 1);
    if (script === "Han") han.set(sentence, (han.get(sentence) ?? 0) + 1);
  }
  return own.filter(({ script, sentence }) => {
    if (script === "Kana") return true;
    const [kanaWords, hanWords] = [kana.get(sentence) ?? 0, han.get(sentence) ?? 0];
    return language === "ja" ? kanaWords > 0 || hanWords < 5 : kanaWords < hanWords / 4;
  }).length;
}

/** Sentences put together or cut until each has enough letters to tell its language from. */
function chunksOf(words: readonly Word[]): Word[][] {
  const chunks: Word[][] = [];
  let chunk: Word[] = [];
  let letters = 0;
  for (const word of words) {
    if (letters >= fewest && (word.sentence !== chunk.at(-1)!.sentence || letters >= most)) {
      chunks.push(chunk);
      [chunk, letters] = [[], 0];
    }
    chunk.push(word);
    letters += word.text.length;
  }
  // A short rest is judged with the sentence before it.
  if (letters < fewest && chunks.length > 0) chunks.at(-1)!.push(...chunk);
  else if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

function isForeign(words: readonly Word[], language: string, script: Script, detect: Detector["detect"]): boolean {
  const text = words.map((word) => word.text).join(" ");
  if (text.length < doubtful) return false;
  const scores = detect(text).getScores();
  const target = scores[detectorName[language] ?? language] ?? 0;
  let best = 0;
  for (const [other, score] of Object.entries(scores)) {
    if (scriptsOf[other]?.includes(script) && score > best) best = score;
  }
  return best > target * margin;
}

/** The language a text is in, among those that can be measured; null where it has no words. */
export async function languageOf(text: string): Promise<string | null> {
  const words = wordsOf(text);
  const counts = new Map<Script, Word[]>();
  for (const word of words) {
    const alike = counts.get(word.script);
    if (alike === undefined) counts.set(word.script, [word]);
    else alike.push(word);
  }
  const [script, own] = [...counts].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
  if (!script || !own) return null;
  if (script === "Han" || script === "Kana") return (counts.get("Kana")?.length ?? 0) * 4 >= own.length ? "ja" : "zh";
  const candidates = Object.keys(scriptsOf).filter((language) => scriptsOf[language]!.includes(script));
  if (!shared.has(script)) return candidates[0] ?? null;
  const { detect } = await loadDetector();
  const scores = detect(own.map((word) => word.text).join(" ")).getScores();
  const score = (language: string): number => scores[language] ?? 0;
  return candidates.reduce((best, one) => (score(one) > score(best) ? one : best));
}

export interface LanguageConsistencyOptions<P extends Problem = Problem> {
  /** ISO 639-1 code; "prompt" takes the language of each problem's prompt; a function says it for each problem. */
  readonly language: string | ((problem: P) => string);
  /** @default 1: the paper adds the share straight onto the reward (section 3.2.1, eq. 7) */
  readonly weight?: number;
  /**
   * The reward of a thinking without words, formulas alone for instance.
   *
   * @default 0, so that silence is not the easiest way to be consistent
   */
  readonly noWords?: number;
}

/**
 * The language-consistency reward: the share of the thinking's words that are in the target language, 0 to 1. The
 * thinking is what stands before `</think>`, or the whole completion where no tag says.
 *
 * Reasons: "consistent" (all words), "mixed", "no-words".
 *
 * @throws LANGUAGE_UNKNOWN
 */
export function languageConsistency<P extends Problem = Problem>(options: LanguageConsistencyOptions<P>): Reward<P> {
  const { language, weight = 1, noWords = 0 } = options;
  if (typeof language === "string" && language !== "prompt") checkLanguage(language);
  return {
    weight,
    async verify({ text }: Answer, problem: P): Promise<Verdict> {
      const target =
        typeof language === "function"
          ? language(problem)
          : language === "prompt"
            ? ((await languageOf(problem.prompt)) ?? "en")
            : language;
      const { words, inTarget } = await measureLanguage(splitThinking(text).thinking ?? text, target);
      if (words === 0) return { reward: noWords, reason: "no-words" };
      return { reward: inTarget / words, reason: inTarget === words ? "consistent" : "mixed" };
    },
  };
}
