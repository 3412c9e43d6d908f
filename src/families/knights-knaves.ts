import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { assignment, oneOf } from "./values.ts";

/**
 * What somebody says, about places in the list of names: "knight" 1, "knave" 1, "same" 0 2, "either" 0 2 (at least one
 * of them is a knave), "if" 0 2 (if 0 is a knight, so is 2), "count" 3 (exactly 3 are knights).
 */
type Saying = readonly [kind: string, a: number, b?: number];

export interface Island {
  readonly names: readonly string[];
  /** One of each person, in the order of the names. */
  readonly sayings: readonly Saying[];
}

const pool = ["Ann", "Bob", "Cem", "Dora", "Egon", "Fina", "Gus", "Hila", "Ivo", "Jana", "Karl", "Lola"];

function holds([kind, a, b]: Saying, knights: readonly boolean[]): boolean {
  switch (kind) {
    case "knight":
      return knights[a]!;
    case "knave":
      return !knights[a]!;
    case "same":
      return knights[a] === knights[b!];
    case "either":
      return !knights[a] || !knights[b!];
    case "if":
      return !knights[a] || knights[b!]!;
    default:
      return knights.filter((knight) => knight).length === a;
  }
}

/** Every way in which all sayings fit: a knight's is true, a knave's is false. */
export function worlds({ names, sayings }: Island): boolean[][] {
  const found: boolean[][] = [];
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    const knights = names.map((_, i) => (bits >> i) % 2 === 1);
    if (sayings.every((saying, i) => holds(saying, knights) === knights[i])) found.push(knights);
  }
  return found;
}

function say([kind, a, b]: Saying, names: readonly string[]): string {
  const said: Readonly<Record<string, string>> = {
    knight: `${names[a]} is a knight`,
    knave: `${names[a]} is a knave`,
    same: `${names[a]} and ${names[b!]} are of the same kind`,
    either: `at least one of ${names[a]} and ${names[b!]} is a knave`,
    if: `if ${names[a]} is a knight, then ${names[b!]} is a knight`,
    count: `exactly ${a} of us ${a === 1 ? "is a knight" : "are knights"}`,
  };
  return said[kind]!;
}

function drawSaying(random: Random, people: number, kinds: readonly string[], speaker: number): Saying {
  const kind = random.pick(kinds);
  if (kind === "count") return [kind, random.int(0, people - 1)];
  const others = random.shuffle(Array.from({ length: people }, (_, i) => i).filter((i) => i !== speaker));
  return kind === "knight" || kind === "knave" || others.length < 2
    ? [kind === "same" || kind === "knight" ? "knight" : "knave", others[0]!]
    : [kind, others[0]!, others[1]!];
}

export const knightsKnaves = defineFamily({
  name: "knights-knaves",
  asks: "who is a knight and who a knave",
  grows: "how many people, and what they may say",
  levels: [
    { people: 3, sayings: ["knight", "knave", "count"] },
    { people: 3, sayings: ["knight", "knave", "same", "either"] },
    { people: 4, sayings: ["knave", "same", "either", "if", "count"] },
    { people: 5, sayings: ["knave", "same", "either", "if", "count"] },
    { people: 7, sayings: ["same", "either", "if", "count"] },
  ],
  draw({ people, sayings: kinds }, random): Island | null {
    const names = random.shuffle(pool).slice(0, people);
    const knights = names.map(() => random.chance(0.5));
    const sayings: Saying[] = [];
    while (sayings.length < people) {
      const saying = drawSaying(random, people, kinds, sayings.length);
      if (holds(saying, knights) === knights[sayings.length]) sayings.push(saying);
    }
    return worlds({ names, sayings }).length === 1 ? { names, sayings } : null;
  },
  same: ({ sayings }) => JSON.stringify(sayings),
  ask: ({ names, sayings }) =>
    `On an island live knights, who always say the truth, and knaves, who always lie. You meet ${names.join(", ")}.\n${names.map((name, i) => `${name} says: ${say(sayings[i]!, names)}.`).join("\n")}\nWho is what?`,
  kind: ({ names }) =>
    assignment(names, oneOf(["knight", "knave"]), names.map((name) => `${name} = knight or knave`).join(", ")),
  solve(island) {
    const knights = worlds(island)[0]!;
    return Object.fromEntries(island.names.map((name, i) => [name, knights[i] ? "knight" : "knave"]));
  },
  steps(island) {
    const knights = worlds(island)[0]!;
    return island.names
      .map((name, i) => {
        const truth = knights[i] ? "true, as a knight's word is" : "false, as a knave's word is";
        return `If ${name} is a ${knights[i] ? "knight" : "knave"}, "${say(island.sayings[i]!, island.names)}" has to be ${truth}: it is.`;
      })
      .concat("In every other way of it somebody's word does not fit.")
      .join("\n");
  },
});
