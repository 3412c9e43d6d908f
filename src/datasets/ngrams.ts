import { segmented } from "../verifiers/words.ts";

/** Letters, digits and the marks on them; Han and the other scripts without spaces are cut by the segmenter. */
const piece =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}ー々]+|[\p{L}\p{N}\p{M}]+/gu;
const unspaced = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}ー々]/u;
const beyondAscii = /\P{ASCII}/u;

/**
 * The words of a text, normalised so that copies with other capitals, punctuation or spacing are equal: NFKC, lower case,
 * apostrophes dropped, everything that is neither letter nor digit a gap.
 */
export function normalisedWords(text: string): string[] {
  if (!beyondAscii.test(text))
    return (
      text
        .toLowerCase()
        .replaceAll(/['`]/g, "")
        .match(/[a-z0-9]+/g) ?? []
    );
  const words: string[] = [];
  for (const [run] of text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/['’‘`´]/gu, "")
    .matchAll(piece)) {
    if (unspaced.test(run)) words.push(...segmented(run));
    else words.push(run);
  }
  return words;
}

/**
 * A question in the form by which duplicates are found: NFKC, lower case, quotes dropped, one space for any, no commas or
 * stops at the end of words. Signs stay, since "12 + 5" and "12 - 5" are two questions.
 */
export function sameQuestion(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/['"’‘“”]/gu, "")
    .replaceAll(/[.,;:?。，；：？](?=\s|$)/gu, "")
    .replaceAll(/\s+/gu, " ")
    .trim();
}
