import { defineFamily } from "./family.ts";
import { listOf, oneOf } from "./values.ts";

const pool = ["Ann", "Bob", "Cem", "Dora", "Egon", "Fina", "Gus", "Hila", "Ivo", "Jana", "Karl", "Lola", "Max", "Nell"];
const scales: readonly (readonly [more: string, less: string, top: string])[] = [
  ["older", "younger", "oldest"],
  ["taller", "shorter", "tallest"],
  ["faster", "slower", "fastest"],
];

interface Content {
  /** From the most to the least. */
  readonly order: readonly string[];
  readonly scale: number;
  /** Places in the order: the first is more than the second; told the other way round where `turned`. */
  readonly clues: readonly (readonly [more: number, less: number, turned: boolean])[];
}

export const ordering = defineFamily({
  name: "ordering",
  asks: "an order of people from comparisons of two",
  grows: "how many people, and how many comparisons that follow from the others",
  levels: [
    { people: 4, extra: 0 },
    { people: 5, extra: 1 },
    { people: 7, extra: 2 },
    { people: 9, extra: 4 },
    { people: 13, extra: 7 },
  ],
  draw({ people, extra }, random): Content {
    const order = random.shuffle(pool).slice(0, people);
    // Neighbours have to be compared, or the order would not be the only one; the rest follows from them.
    const pairs = order.slice(1).map((_, i): readonly [number, number] => [i, i + 1]);
    while (pairs.length < people - 1 + extra) {
      const [a, b] = [random.int(0, people - 3), random.int(2, people - 1)];
      if (b > a + 1 && !pairs.some(([c, d]) => a === c && b === d)) pairs.push([a, b]);
    }
    const clues = random.shuffle(pairs).map(([a, b]) => [a, b, random.chance(0.5)] as const);
    return { order, scale: random.int(0, scales.length - 1), clues };
  },
  same: ({ order, clues }) => `${order.join(" ")} ${clues.map(([a, b]) => `${a}${b}`).join(" ")}`,
  ask({ order, scale, clues }) {
    const [more, less, top] = scales[scale]!;
    const told = clues.map(([a, b, turned]) =>
      turned ? `${order[b]} is ${less} than ${order[a]}.` : `${order[a]} is ${more} than ${order[b]}.`,
    );
    return `${told.join(" ")}\nPut ${[...order].sort().join(", ")} in order, the ${top} first.`;
  },
  kind: ({ order }) => listOf(oneOf(order), "names in order, separated by commas"),
  solve: ({ order }) => order,
  steps({ order, scale }) {
    const [more] = scales[scale]!;
    return order
      .slice(1)
      .map((name, i) => `${order[i]} is ${more} than ${name}.`)
      .join(" ");
  },
});
