import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { listOf, oneOf } from "./values.ts";

/** An item: category and number in it. */
type Item = readonly [category: number, value: number];
/** "at" item place, "notAt" item place, "same" item item, "left" (directly left of), "next", "before" (anywhere left of). */
type Clue = readonly [kind: string, a: Item, b: Item | number];

export interface Zebra {
  /** Names of the items, by category; the first category is asked for. */
  readonly items: readonly (readonly string[])[];
  readonly clues: readonly Clue[];
  /** House of each item, from 0, by category. */
  readonly solution: readonly (readonly number[])[];
}

const categories: readonly (readonly [sentence: (item: string) => string, names: readonly string[]])[] = [
  [(name) => name, ["Ada", "Bela", "Carl", "Dita", "Emil"]],
  [(drink) => `the one who drinks ${drink}`, ["tea", "milk", "coffee", "juice", "water"]],
  [(pet) => `the one with the ${pet}`, ["cat", "dog", "horse", "fish", "zebra"]],
  [(color) => `the one in the ${color} house`, ["red", "green", "blue", "white", "yellow"]],
];

function fits([kind, [c, v], b]: Clue, houses: readonly (readonly number[])[]): boolean {
  const a = houses[c]![v]!;
  const other = typeof b === "number" ? b : houses[b[0]]![b[1]]!;
  switch (kind) {
    case "at":
    case "same":
      return a === other;
    case "notAt":
      return a !== other;
    case "left":
      return a + 1 === other;
    case "before":
      return a < other;
    default:
      return Math.abs(a - other) === 1;
  }
}

/** Items in an order in which each has as many clues as can be with those before it: wrong turns end early. */
function searchOrder(items: Zebra["items"], clues: readonly Clue[]): Item[] {
  const left = items.flatMap((names, category) => names.map((_, value): Item => [category, value]));
  const order: Item[] = [];
  const same = ([c, v]: Item, [d, w]: Item): boolean => c === d && v === w;
  const placed = (item: Item): boolean => order.some((one) => same(one, item));
  const ties = (item: Item): number =>
    clues.filter(([, a, b]) => {
      if (typeof b === "number") return same(a, item);
      return (same(a, item) && placed(b)) || (same(b, item) && placed(a));
    }).length;
  while (left.length > 0) {
    const counts = left.map(ties);
    order.push(...left.splice(counts.indexOf(Math.max(...counts)), 1));
  }
  return order;
}

/** Up to `most` arrangements that fit all clues, item by item; a clue is tried as soon as its items have their houses. */
export function arrangements(items: Zebra["items"], clues: readonly Clue[], most: number): number[][][] {
  const order = searchOrder(items, clues);
  const turnOf = ([category, value]: Item): number => order.findIndex(([c, v]) => c === category && v === value);
  const due: Clue[][] = order.map(() => []);
  for (const clue of clues)
    due[Math.max(turnOf(clue[1]), typeof clue[2] === "number" ? 0 : turnOf(clue[2]))]!.push(clue);
  const found: number[][][] = [];
  const houses = items.map((names) => names.map(() => -1));
  const place = (turn: number): void => {
    if (turn === order.length) {
      found.push(houses.map((row) => [...row]));
      return;
    }
    const [category, value] = order[turn]!;
    const row = houses[category]!;
    for (let house = 0; house < row.length && found.length < most; house++) {
      if (row.includes(house)) continue;
      row[value] = house;
      if (due[turn]!.every((clue) => fits(clue, houses))) place(turn + 1);
      row[value] = -1;
    }
  };
  place(0);
  return found;
}

function drawClue(random: Random, solution: Zebra["solution"], kinds: readonly string[]): Clue | null {
  const count = solution[0]!.length;
  const item = (): Item => [random.int(0, solution.length - 1), random.int(0, count - 1)];
  const kind = random.pick(kinds);
  const [a, b] = [item(), item()];
  if (a[0] === b[0] && (kind === "same" || a[1] === b[1])) return null;
  const clue: Clue = [kind, a, kind === "at" || kind === "notAt" ? random.int(0, count - 1) : b];
  return fits(clue, solution) ? clue : null;
}

function sayClue([kind, a, b]: Clue, items: Zebra["items"]): string {
  const name = ([c, v]: Item): string => categories[c]![0](items[c]![v]!);
  const behind = typeof b === "number" ? `house ${b + 1}` : name(b);
  const words: Readonly<Record<string, string>> = {
    at: "lives in",
    notAt: "does not live in",
    same: "is",
    left: "lives directly to the left of",
    next: "lives next to",
    before: "lives somewhere to the left of",
  };
  const sentence = `${name(a)} ${words[kind]} ${behind}.`;
  return sentence[0]!.toUpperCase() + sentence.slice(1);
}

/** Who and what is in each house, from the left. */
function rows({ items, solution }: Pick<Zebra, "items" | "solution">): string[] {
  return items[0]!.map((_, house) => items.map((names, c) => names[solution[c]!.indexOf(house)]!).join(", "));
}

const solved = (puzzle: Pick<Zebra, "items" | "solution">): string => rows(puzzle).join("; ");

export const zebra = defineFamily({
  name: "zebra",
  asks: "who lives in which house, from clues",
  grows: "how many houses and how many things are told of them; clues that say less",
  levels: [
    { houses: 3, categories: 2, clues: ["at", "notAt", "same", "left"] },
    { houses: 4, categories: 2, clues: ["notAt", "same", "left", "next"] },
    { houses: 4, categories: 3, clues: ["notAt", "same", "left", "next"] },
    { houses: 5, categories: 3, clues: ["notAt", "same", "left", "next", "before"] },
    { houses: 5, categories: 4, clues: ["notAt", "same", "left", "next", "before"] },
  ],
  draw({ houses, categories: count, clues: kinds }, random, wanted): Zebra | null {
    const items = categories.slice(0, count).map(([, names]) => random.shuffle(names).slice(0, houses));
    const solution = items.map((names) => random.shuffle(names.map((_, i) => i)));
    if (!wanted(solved({ items, solution }))) return null;
    const isSolution = (houses: number[][]): boolean => JSON.stringify(houses) === JSON.stringify(solution);
    const other = (some: readonly Clue[]) => arrangements(items, some, 2).find((houses) => !isSolution(houses));
    let clues: Clue[] = [];
    // Another arrangement is held against the clues until one rules it out; then the next is looked for.
    for (let [rival, tries] = [other(clues), 0]; rival !== undefined; tries++) {
      if (tries > 500) return null;
      const clue = drawClue(random, solution, kinds);
      if (clue === null || fits(clue, rival)) continue;
      clues.push(clue);
      rival = other(clues);
    }
    // What is not needed goes, so that every clue has to be used.
    for (const clue of clues) {
      const without = clues.filter((one) => one !== clue);
      if (other(without) === undefined) clues = without;
    }
    return { items, clues: random.shuffle(clues), solution };
  },
  // No held-out puzzle ends in an arrangement that training ends in.
  same: (puzzle) => solved(puzzle),
  ask({ items, clues }) {
    const told = items.slice(1).map((names, i) => {
      const what = ["drink", "pet", "color of the house"][i]!;
      return `Each has another ${what}: ${[...names].sort().join(", ")}.`;
    });
    return `${items[0]!.length} houses stand in a row, numbered from 1 on the left. In each lives one of ${[...items[0]!].sort().join(", ")}. ${told.join(" ")}\n${clues.map((clue) => sayClue(clue, items)).join("\n")}\nWho lives where?`;
  },
  kind: ({ items }) => listOf(oneOf(items[0]!), "names from house 1 on, separated by commas"),
  solve: ({ items, solution }) => items[0]!.map((_, house) => items[0]![solution[0]!.indexOf(house)]!),
  steps: (puzzle: Zebra) =>
    ["One arrangement fits all clues:", ...rows(puzzle).map((row, i) => `House ${i + 1}: ${row}.`)].join("\n"),
});
