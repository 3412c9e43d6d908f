import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { amount } from "./values.ts";

const names = ["Ada", "Ben", "Chidi", "Dana", "Emre", "Fay", "Goro", "Hanna", "Ines", "Jun", "Kofi", "Lena"];
const things = ["apples", "stamps", "marbles", "books", "shells", "coins", "cards", "pens"];

/** What happens to the hero's count; kind, number, and the sentence about it. */
type Move = readonly [kind: string, number: number];

interface Content {
  readonly hero: string;
  readonly other: string;
  readonly thing: string;
  readonly start: number;
  readonly moves: readonly Move[];
  /** Sentences in the order told, those that do not matter among them. */
  readonly story: readonly string[];
}

function after(count: number, [kind, number]: Move): number {
  switch (kind) {
    case "gain":
      return count + number;
    case "lose":
      return count - number;
    case "times":
      return count * number;
    default:
      return count / number;
  }
}

function sentence(
  random: Random,
  [kind, number]: Move,
  { hero, other, thing }: Pick<Content, "hero" | "other" | "thing">,
) {
  const said: Readonly<Record<string, readonly string[]>> = {
    gain: [
      `${hero} buys ${number} more ${thing}.`,
      `${other} gives ${hero} ${number} ${thing}.`,
      `${hero} finds ${number} ${thing}.`,
    ],
    lose: [
      `${hero} gives ${number} ${thing} to ${other}.`,
      `${hero} loses ${number} ${thing}.`,
      `${hero} sells ${number} ${thing}.`,
    ],
    times: [`An uncle brings as many as it takes for ${hero} to have ${number} times as many ${thing} as before.`],
    part: [`${hero} keeps one ${thing.slice(0, -1)} in every ${number} and gives the others away.`],
  };
  return random.pick(said[kind]!);
}

/** True of the story and of no use for the question. */
function distractor(random: Random, { hero, other, thing }: Pick<Content, "hero" | "other" | "thing">): string {
  const n = random.int(2, 40);
  const elsewhere = random.pick(things.filter((one) => one !== thing));
  return random.pick([
    `${other} has ${n} ${thing} at home.`,
    `${hero} also has ${n} ${elsewhere}.`,
    `${other} buys ${n} ${thing} and keeps them.`,
    `${hero} counts the ${thing} for ${n} minutes.`,
    `${hero} wanted to buy ${n} ${thing}, but the shop was closed.`,
    `${hero} sells ${n} ${elsewhere}.`,
    `${other}'s brother is ${n} years old.`,
  ]);
}

export const wordProblem = defineFamily({
  name: "word-problem",
  asks: "a count at the end of a story with sentences that do not matter",
  grows: "how many things happen, how many sentences do not matter, and size of the numbers",
  levels: [
    { events: 2, distractors: 1, largest: 20, kinds: ["gain", "lose"] },
    { events: 3, distractors: 2, largest: 40, kinds: ["gain", "lose", "times"] },
    { events: 4, distractors: 3, largest: 60, kinds: ["gain", "lose", "times", "part"] },
    { events: 6, distractors: 4, largest: 99, kinds: ["gain", "lose", "times", "part"] },
    { events: 8, distractors: 7, largest: 250, kinds: ["gain", "lose", "times", "part"] },
  ],
  draw({ events, distractors, largest, kinds }, random): Content | null {
    const [hero, other] = random.shuffle(names) as [string, string, ...string[]];
    const scene = { hero, other, thing: random.pick(things) };
    const start = random.int(3, largest);
    const moves: Move[] = [];
    let count = start;
    for (let i = 0; i < events; i++) {
      const kind = random.pick(kinds);
      const move: Move = [kind, kind === "gain" || kind === "lose" ? random.int(2, largest) : random.int(2, 4)];
      count = after(count, move);
      if (!Number.isInteger(count) || count < 2 || count > 20 * largest) return null;
      moves.push(move);
    }
    const story = moves.map((move) => sentence(random, move, scene));
    for (let i = 0; i < distractors; i++) story.splice(random.int(0, story.length), 0, distractor(random, scene));
    return { ...scene, start, moves, story };
  },
  same: ({ start, moves }) => `${start} ${moves.join(" ")}`,
  ask: ({ hero, thing, start, story }) =>
    `${hero} has ${start} ${thing}. ${story.join(" ")} How many ${thing} does ${hero} have in the end? Not every sentence matters.`,
  kind: ({ thing }) => amount([thing], "whole number"),
  solve: ({ start, moves }) => moves.reduce(after, start),
  steps({ hero, start, moves }) {
    let count = start;
    const said = { gain: "plus", lose: "minus", times: "times", part: "divided by" } as Readonly<
      Record<string, string>
    >;
    const lines = moves.map((move) => {
      const before = count;
      count = after(count, move);
      return `${before} ${said[move[0]]} ${move[1]} is ${count}.`;
    });
    return [`${hero} begins with ${start}.`, ...lines].join("\n");
  },
});
