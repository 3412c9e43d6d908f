/**
 * Keyed random numbers. A stream is named by its key, (seed, "rollout", step, problem, sample) for instance, and gives
 * the same numbers whatever else the program draws: resuming a run or changing the batch cannot shift it.
 */

export type Key = string | number;

export interface Random {
  /** Uniform in [0, 1) with 32 random bits. */
  next(): number;
  /** Uniform integer in [low, high], both included. */
  int(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One element, uniformly. */
  pick<T>(items: readonly T[]): T;
  /** One element with probability proportional to its weight. */
  weighted<T>(items: readonly T[], weights: readonly number[]): T;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** Standard normal (Box-Muller). */
  normal(): number;
}

/** MurmurHash3's 32-bit finalizer: every input bit reaches every output bit. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32-bit hash of a key (FNV-1a over its parts, finalized); the separator keeps ("1", "23") apart from ("12", "3"). */
export function hashKey(key: readonly Key[], basis = 0x811c9dc5): number {
  let hash = basis;
  for (const part of key) {
    const text = `${typeof part === "number" ? "n" : "s"}${part}\u0000`;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return mix(hash);
}

/** The stream named by `key`: sfc32 (Chris Doty-Humphrey, PractRand), seeded by four hashes of the key. */
export function random(...key: readonly Key[]): Random {
  let a = hashKey(key, 0x811c9dc5);
  let b = hashKey(key, 0x9e3779b9);
  let c = hashKey(key, 0x243f6a88);
  let d = 1;
  const bits = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) bits();
  const next = (): number => bits() / 4294967296;
  const self: Random = {
    next,
    int: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)]!,
    weighted(items, weights) {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < items.length; i++) {
        left -= weights[i]!;
        if (left < 0) return items[i]!;
      }
      return items[items.length - 1]!;
    },
    shuffle(items) {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
  return self;
}
