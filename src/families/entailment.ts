import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { yesOrNo } from "./values.ts";

export type Formula = string | readonly [operator: string, left: Formula, right?: Formula];

export function truth(formula: Formula, world: Readonly<Record<string, boolean>>): boolean {
  if (typeof formula === "string") return world[formula]!;
  const [operator, left, right] = formula as readonly [string, Formula, Formula];
  const a = truth(left, world);
  if (operator === "not") return !a;
  const b = truth(right, world);
  return operator === "and" ? a && b : operator === "or" ? a || b : operator === "if" ? !a || b : a === b;
}

function show(formula: Formula): string {
  if (typeof formula === "string") return formula;
  const [operator, left, right] = formula as readonly [string, Formula, Formula];
  const wrap = (part: Formula): string =>
    typeof part === "string" || part[0] === "not" ? show(part) : `(${show(part)})`;
  if (operator === "not") return `not ${wrap(left)}`;
  if (operator === "if") return `if ${wrap(left)} then ${wrap(right)}`;
  return `${wrap(left)} ${operator === "iff" ? "if and only if" : operator} ${wrap(right)}`;
}

interface Content {
  readonly letters: readonly string[];
  readonly premises: readonly Formula[];
  readonly conclusion: Formula;
}

function worldsOf(letters: readonly string[]): Record<string, boolean>[] {
  return Array.from({ length: 2 ** letters.length }, (_, bits) =>
    Object.fromEntries(letters.map((letter, i) => [letter, (bits >> i) % 2 === 1])),
  );
}

/** A world in which all premises hold and the conclusion does not; null where it follows. */
function counterexample({ letters, premises, conclusion }: Content): Record<string, boolean> | null {
  const found = worldsOf(letters).find(
    (world) => premises.every((premise) => truth(premise, world)) && !truth(conclusion, world),
  );
  return found ?? null;
}

function grow(random: Random, letters: readonly string[], depth: number): Formula {
  if (depth === 0) {
    const letter = random.pick(letters);
    return random.chance(0.35) ? ["not", letter] : letter;
  }
  const other = random.int(0, depth - 1);
  const [left, right] = [grow(random, letters, depth - 1), grow(random, letters, other)];
  return [random.pick(["and", "or", "if", "if", "iff"]), left, right];
}

const answer = (content: Content): string => (counterexample(content) === null ? "yes" : "no");

export const entailment = defineFamily({
  name: "entailment",
  asks: "whether a conclusion follows from premises of propositional logic",
  grows: "how many letters and premises, and how deep the formulas",
  levels: [
    { letters: 3, premises: 2, depth: 1 },
    { letters: 3, premises: 3, depth: 1 },
    { letters: 4, premises: 3, depth: 2 },
    { letters: 5, premises: 4, depth: 2 },
    { letters: 6, premises: 6, depth: 3 },
  ],
  draw({ letters: count, premises: many, depth }, random): Content | null {
    const letters = [..."PQRSTU"].slice(0, count);
    const premises = Array.from({ length: many }, () => grow(random, letters, depth));
    const conclusion = grow(random, letters, random.chance(0.5) ? 0 : 1);
    const content = { letters, premises, conclusion };
    const worlds = worldsOf(letters);
    const possible = worlds.filter((world) => premises.every((premise) => truth(premise, world)));
    // Neither out of nothing nor a premise said again: what follows has to be found.
    const held = worlds.filter((world) => truth(conclusion, world)).length;
    if (possible.length < 1 || held === worlds.length || held === 0) return null;
    if (premises.some((premise) => worlds.every((world) => truth(premise, world)))) return null;
    return premises.some((premise) => show(premise) === show(conclusion)) ? null : content;
  },
  balance: { classes: () => ["yes", "no"], of: answer },
  ask: ({ premises, conclusion }) =>
    `${premises.map((premise, i) => `${i + 1}. ${show(premise)}`).join("\n")}\nDoes it follow from these that: ${show(conclusion)}? It follows if it is true wherever all of them are true; "or" means at least one, "if" is false only where the first part is true and the second false.`,
  kind: yesOrNo,
  solve: answer,
  steps(content) {
    const world = counterexample(content);
    if (world === null)
      return "Wherever all premises are true, this is true as well: going through the cases finds no other.";
    const told = content.letters.map((letter) => `${letter} ${world[letter] ? "true" : "false"}`).join(", ");
    return `With ${told} every premise is true and the conclusion is false.`;
  },
});
