import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { differentNumbers } from "./integers.ts";
import { setOf, wholeNumber } from "./values.ts";

/** A letter, or an operation on two. */
type Term = string | readonly [operation: string, left: Term, right: Term];

const names: Readonly<Record<string, string>> = {
  union: "union: in at least one",
  intersection: "intersect: in both",
  minus: "minus: in the first and not in the second",
  xor: "xor: in exactly one",
};

function combine(operation: string, a: ReadonlySet<number>, b: ReadonlySet<number>): Set<number> {
  const all = [...new Set([...a, ...b])];
  switch (operation) {
    case "union":
      return new Set(all);
    case "intersection":
      return new Set(all.filter((x) => a.has(x) && b.has(x)));
    case "minus":
      return new Set(all.filter((x) => a.has(x) && !b.has(x)));
    default:
      return new Set(all.filter((x) => a.has(x) !== b.has(x)));
  }
}

interface Content {
  readonly sets: Readonly<Record<string, readonly number[]>>;
  readonly term: Term;
}

function elements({ sets, term }: Content): Set<number> {
  if (typeof term === "string") return new Set(sets[term]);
  return combine(term[0], elements({ sets, term: term[1] }), elements({ sets, term: term[2] }));
}

function show(term: Term): string {
  if (typeof term === "string") return term;
  const [operation, left, right] = term;
  const wrap = (one: Term): string => (typeof one === "string" ? one : `(${show(one)})`);
  return `${wrap(left)} ${operation === "intersection" ? "intersect" : operation} ${wrap(right)}`;
}

function grow(letters: readonly string[], operations: readonly string[], random: Random): Term {
  if (letters.length === 1) return letters[0]!;
  const cut = random.int(1, letters.length - 1);
  return [
    random.pick(operations),
    grow(letters.slice(0, cut), operations, random),
    grow(letters.slice(cut), operations, random),
  ];
}

export const setOperations = defineFamily({
  name: "set-operations",
  asks: "the elements of a set made of others",
  grows: "how many sets, how many elements, which operations",
  levels: [
    { sets: 2, elements: 5, largest: 12, operations: ["union", "intersection", "minus"] },
    { sets: 3, elements: 6, largest: 15, operations: ["union", "intersection", "minus"] },
    { sets: 3, elements: 8, largest: 20, operations: ["union", "intersection", "minus", "xor"] },
    { sets: 4, elements: 10, largest: 25, operations: ["union", "intersection", "minus", "xor"] },
    { sets: 6, elements: 14, largest: 40, operations: ["union", "intersection", "minus", "xor"] },
  ],
  draw({ sets: count, elements: size, largest, operations }, random): Content | null {
    const letters = [..."ABCDEF"].slice(0, count);
    const sets = Object.fromEntries(
      letters.map((letter) => [letter, differentNumbers(random, size, 1, largest).sort((a, b) => a - b)]),
    );
    const content = { sets, term: grow(letters, operations, random) };
    return elements(content).size >= 2 ? content : null;
  },
  ask: ({ sets, term }) => {
    const used = Object.keys(names).filter((name) => JSON.stringify(term).includes(`"${name}"`));
    const given = Object.entries(sets).map(([letter, values]) => `${letter} = {${values.join(", ")}}`);
    return `${given.join("\n")}\nWhich elements has ${show(term)}? (${used.map((name) => names[name]).join("; ")})`;
  },
  kind: setOf(wholeNumber, "elements, separated by commas"),
  solve: (content) => [...elements(content)],
  steps({ sets, term }) {
    const lines: string[] = [];
    const visit = (one: Term): void => {
      if (typeof one === "string") return;
      visit(one[1]);
      visit(one[2]);
      const found = [...elements({ sets, term: one })].sort((a, b) => a - b);
      lines.push(`${show(one)} is {${found.join(", ")}}.`);
    };
    visit(term);
    return lines.join("\n");
  },
});
