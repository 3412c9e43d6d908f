/** Texts for the families that work on letters. */
import type { Random } from "../random.ts";

/** A word that can be spoken and means nothing: syllables of a consonant and a vowel. */
export function inventedWord(random: Random, syllables: number): string {
  let word = "";
  for (let i = 0; i < syllables; i++) {
    word += random.pick([..."bdfgklmnprstvz"]) + random.pick([..."aeiou"]);
    if (random.chance(0.25)) word += random.pick([..."lnrst"]);
  }
  return word;
}

/** `length` letters out of `alphabet`. */
export function lettersOf(random: Random, length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[random.int(0, alphabet.length - 1)]!).join("");
}
