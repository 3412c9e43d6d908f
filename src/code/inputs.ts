import type { Random } from "../random.ts";

/** Ready-made kinds of inputs, those that the paper names: random, equal, boundary and adversarial. */
export type Draw<T> = (random: Random, index: number) => T;
export type InputKinds<T> = Readonly<Record<"random" | "equal" | "boundary" | "adversarial", Draw<T>>>;

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Lists of whole numbers. "adversarial": sorted, falling, alternating between the ends, one value apart from all others. */
export function integerLists(length: Range, value: Range): InputKinds<number[]> {
  const fill = (count: number, make: (at: number) => number): number[] =>
    Array.from({ length: count }, (_, at) => make(at));
  const draw = (random: Random): number => random.int(value.least, value.most);
  const size = (random: Random): number => random.int(length.least, length.most);
  const ends = [value.least, value.most];
  return {
    random: (random) => fill(size(random), () => draw(random)),
    equal: (random) => {
      const one = draw(random);
      return fill(size(random), () => one);
    },
    // Shortest and longest, filled with one end of the range, the other, or both.
    boundary: (random, index) => {
      const count = index % 2 === 0 ? length.least : length.most;
      const kind = Math.floor(index / 2) % 3;
      return fill(count, () => (kind === 2 ? random.pick(ends) : ends[kind]!));
    },
    adversarial: (random, index) => {
      const list = fill(size(random), () => draw(random)).sort((a, b) => a - b);
      if (index % 4 === 1) return list.reverse();
      if (index % 4 === 2) return list.map((_, at) => ends[at % 2]!);
      if (index % 4 === 3) {
        const odd = random.int(0, Math.max(0, list.length - 1));
        return list.map((_, at) => (at === odd ? value.most : value.least));
      }
      return list;
    },
  };
}

/** Words over an alphabet. "adversarial": alternating, sequential, one letter apart from all others, palindromes. */
export function words(length: Range, alphabet = "abcdefghijklmnopqrstuvwxyz"): InputKinds<string> {
  const letters = [...alphabet];
  const fill = (count: number, make: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => make(at)).join("");
  const size = (random: Random): number => random.int(length.least, length.most);
  return {
    random: (random) => fill(size(random), () => random.pick(letters)),
    equal: (random) => {
      const one = random.pick(letters);
      return fill(size(random), () => one);
    },
    boundary: (random, index) => fill(index % 2 === 0 ? length.least : length.most, () => random.pick(letters)),
    adversarial: (random, index) => {
      const count = size(random);
      const [one, other] = [random.pick(letters), random.pick(letters)];
      const start = random.int(0, letters.length - 1);
      if (index % 4 === 0) return fill(count, (at) => (at % 2 === 0 ? one : other));
      if (index % 4 === 1) return fill(count, (at) => letters[(start + at) % letters.length]!);
      if (index % 4 === 2) {
        const odd = random.int(0, Math.max(0, count - 1));
        return fill(count, (at) => (at === odd ? other : one));
      }
      const half = Array.from({ length: Math.ceil(count / 2) }, () => random.pick(letters));
      return fill(count, (at) => half[Math.min(at, count - 1 - at)]!);
    },
  };
}
