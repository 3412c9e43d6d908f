/**
 * How much a text repeats itself: what long answers of weak models end in. Reported, never rewarded: a penalty on it would
 * also punish checking the same sum twice.
 */

/** Pieces in one n-gram: fewer would count ordinary sums, whose pattern is always the same. */
const gram = 8;
const bases = [0x01000193, 0x85ebca6b] as const;
/** base^gram: what a number counts for when it leaves the n-gram. */
const leaving = bases.map((base) =>
  Array.from({ length: gram }).reduce<number>((power) => Math.imul(power, base), 1),
) as [number, number];
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
  const numbers = Int32Array.from(pieces, (piece) => {
    const id = ids.get(piece) ?? ids.size + 1;
    ids.set(piece, id);
    return id;
  });
  // n-grams are told apart by 53 bits of two rolling hashes: among a million, two share one in one text of eighteen thousand.
  const distinct = new Set<number>();
  let [low, high] = [0, 0];
  for (let i = 0; i < numbers.length; i++) {
    const [next, gone] = [numbers[i]!, i < gram ? 0 : numbers[i - gram]!];
    low = (Math.imul(low, bases[0]) + next - Math.imul(gone, leaving[0])) | 0;
    high = (Math.imul(high, bases[1]) + next - Math.imul(gone, leaving[1])) | 0;
    if (i >= gram - 1) distinct.add((low >>> 0) * 2 ** 21 + (high >>> 11));
  }
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
