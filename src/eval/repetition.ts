/**
 * How much a text repeats itself: what long answers of weak models end in. Reported, never rewarded: a penalty on it would
 * also punish checking the same sum twice.
 */

/** Pieces in one n-gram: fewer would count ordinary sums, whose pattern is always the same. */
const gram = 8;
/** A loop is at least this many repeats of one piece of text, and this many characters. */
const repeats = 3;
const loopLength = 48;
/** Characters at the end of a text in which a loop is looked for. */
const tail = 4096;

/**
 * Share of a text's n-grams that stood there before: 1 - distinct / all, over runs of eight pieces. A piece is a run of
 * letters, a run of digits, one Han or kana character, or one other mark. 0 for texts of fewer pieces.
 */
export function repetitionShare(text: string): number {
  const pieces =
    text.match(/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]|[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]/gu) ?? [];
  const all = pieces.length - gram + 1;
  if (all < 1) return 0;
  const ids = new Map<string, number>();
  const numbers = pieces.map((piece) => {
    const id = ids.get(piece) ?? ids.size;
    ids.set(piece, id);
    return id;
  });
  const distinct = new Set<string>();
  for (let i = 0; i < all; i++) distinct.add(numbers.slice(i, i + gram).join(" "));
  return 1 - distinct.size / all;
}

/** Whether a text ends in a loop: its last 48 characters or more are one piece three times or more, and one begun. */
export function endsInLoop(text: string): boolean {
  const end = text.trimEnd().slice(-tail);
  const n = end.length;
  // Z-function of the reversed end: z[p] characters before the last p are the same as the last z[p].
  const at = (i: number): number => end.charCodeAt(n - 1 - i);
  const z = new Int32Array(n);
  let left = 0;
  let right = 0;
  for (let i = 1; i < n; i++) {
    let length = i < right ? Math.min(right - i, z[i - left]!) : 0;
    while (i + length < n && at(length) === at(i + length)) length++;
    z[i] = length;
    if (i + length > right) [left, right] = [i, i + length];
    // Period i: the last i + length characters repeat it. The space behind its last repeat may have been trimmed.
    if (i + length >= loopLength && i + length + 1 >= repeats * i) return true;
  }
  return false;
}
