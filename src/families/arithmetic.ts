import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { wholeNumber } from "./values.ts";

type Tree = number | readonly [operator: string, left: Tree, right: Tree];

const rank = (tree: Tree): number => (typeof tree === "number" ? 3 : tree[0] === "*" ? 2 : 1);

function show(tree: Tree): string {
  if (typeof tree === "number") return String(tree);
  const [operator, left, right] = tree;
  // A right operand of the same rank needs brackets behind a minus; written always, it reads the same way everywhere.
  const before = rank(left) < rank(tree) ? `(${show(left)})` : show(left);
  const behind = rank(right) <= rank(tree) ? `(${show(right)})` : show(right);
  return `${before} ${operator} ${behind}`;
}

function worth(tree: Tree, steps: string[] = []): number {
  if (typeof tree === "number") return tree;
  const left = worth(tree[1], steps);
  const right = worth(tree[2], steps);
  const value = tree[0] === "+" ? left + right : tree[0] === "-" ? left - right : left * right;
  steps.push(`${left} ${tree[0]} ${right < 0 ? `(${right})` : right} = ${value}`);
  return value;
}

function grow(numbers: number, size: { largest: number; operators: readonly string[] }, random: Random): Tree {
  if (numbers === 1) return random.int(2, size.largest);
  const left = random.int(1, numbers - 1);
  return [random.pick(size.operators), grow(left, size, random), grow(numbers - left, size, random)];
}

export const arithmetic = defineFamily({
  name: "arithmetic",
  asks: "the value of a chain of + - * with brackets",
  grows: "how many numbers, how large, and from level 2 on products",
  levels: [
    { numbers: 3, largest: 30, operators: ["+", "-"] },
    { numbers: 3, largest: 20, operators: ["+", "-", "*"] },
    { numbers: 4, largest: 30, operators: ["+", "-", "*"] },
    { numbers: 5, largest: 50, operators: ["+", "-", "*"] },
    { numbers: 7, largest: 99, operators: ["+", "-", "*"] },
  ],
  draw(size, random) {
    const tree = grow(size.numbers, size, random);
    return Math.abs(worth(tree)) < 1_000_000 ? { tree } : null;
  },
  ask: ({ tree }) => `Work out ${show(tree)}. Brackets come first, then * , then + and - from left to right.`,
  kind: wholeNumber,
  solve: ({ tree }) => worth(tree),
  steps({ tree }) {
    const steps: string[] = [];
    worth(tree, steps);
    return steps.join("\n");
  },
});
