/** Small number theory for the families: exact on safe integers. */
import type { Random } from "../random.ts";

export function gcd(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y > 0) [x, y] = [y, x % y];
  return x;
}

export function lcm(a: number, b: number): number {
  return (a / gcd(a, b)) * b;
}

/** Prime factors, ascending, by trial division. */
export function factorsOf(n: number): number[] {
  const factors: number[] = [];
  let rest = n;
  for (let divisor = 2; divisor * divisor <= rest; divisor++)
    while (rest % divisor === 0) {
      factors.push(divisor);
      rest /= divisor;
    }
  if (rest > 1) factors.push(rest);
  return factors;
}

export function isPrime(n: number): boolean {
  return n > 1 && factorsOf(n).length === 1;
}

/** `count` numbers from low to high, drawn independently. */
export function numbersBetween(random: Random, count: number, low: number, high: number): number[] {
  return Array.from({ length: count }, () => random.int(low, high));
}

/** `count` different numbers from low to high, in the order drawn. */
export function differentNumbers(random: Random, count: number, low: number, high: number): number[] {
  const drawn = new Set<number>();
  while (drawn.size < count) drawn.add(random.int(low, high));
  return [...drawn];
}

/** A number from -high to high without 0. */
export function signed(random: Random, high: number): number {
  return random.int(1, high) * (random.chance(0.5) ? 1 : -1);
}
