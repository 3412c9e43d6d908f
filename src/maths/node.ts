import type { Rational } from "./rational.ts";

/** `written` is kept for decimals: their rounding, and nothing else, is judged by the digits that were written. */
export interface NumberNode {
  readonly kind: "number";
  readonly value: Rational;
  readonly decimal?: { readonly significant: number; readonly places: number };
}

/** A unit that was recognised: its dimension, and how many of the dimension's base unit one is. */
export interface Unit {
  readonly dimension: string;
  readonly factor: Rational;
}

export type Relation = "=" | "≠" | "<" | "≤" | ">" | "≥" | "∈" | "∉" | "≡" | "→" | "~" | "∥" | "⊥" | "⊂";

export type MathsNode =
  | NumberNode
  | { readonly kind: "symbol"; readonly name: string; readonly index?: MathsNode }
  | { readonly kind: "constant"; readonly name: "pi" | "e" | "i" | "infinity" }
  | { readonly kind: "sum" | "product"; readonly args: readonly MathsNode[] }
  | { readonly kind: "quotient" | "power"; readonly left: MathsNode; readonly right: MathsNode }
  | { readonly kind: "negative"; readonly arg: MathsNode }
  /** ± (sign 1) or ∓ (sign -1) in front of `arg`. */
  | { readonly kind: "plus-minus"; readonly sign: 1 | -1; readonly arg: MathsNode }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly MathsNode[] }
  /** Sum, product or integral over `variable`. */
  | {
      readonly kind: "range";
      readonly name: "sum" | "prod" | "int" | "lim";
      readonly variable: string;
      readonly from: MathsNode | null;
      readonly to: MathsNode | null;
      readonly body: MathsNode;
    }
  /** Several answers side by side, no brackets: the order does not count. `join` matters between inequalities only. */
  | { readonly kind: "list"; readonly items: readonly MathsNode[]; readonly join: "," | "and" | "or" }
  /** (a, b), [a, b), ⟨a, b⟩: a tuple, and with two items also an interval. */
  | { readonly kind: "group"; readonly open: string; readonly close: string; readonly items: readonly MathsNode[] }
  | { readonly kind: "set"; readonly items: readonly MathsNode[] }
  | { readonly kind: "builder"; readonly variable: MathsNode; readonly condition: MathsNode }
  | { readonly kind: "named-set"; readonly name: string }
  | {
      readonly kind: "set-operation";
      readonly operator: "∪" | "∩" | "∖";
      readonly left: MathsNode;
      readonly right: MathsNode;
    }
  | { readonly kind: "relation"; readonly operators: readonly Relation[]; readonly args: readonly MathsNode[] }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly MathsNode[])[] }
  | { readonly kind: "percent"; readonly arg: MathsNode }
  /** `unit` is null for words that say nothing we know: "apples". */
  | { readonly kind: "quantity"; readonly arg: MathsNode; readonly unit: Unit | null }
  | { readonly kind: "modulo"; readonly arg: MathsNode; readonly modulus: MathsNode }
  | { readonly kind: "ratio"; readonly parts: readonly MathsNode[]; readonly clock: string | null }
  | { readonly kind: "based"; readonly digits: string; readonly base: number }
  | { readonly kind: "dots" };

/** The parts of a node that are nodes themselves. */
export function childrenOf(node: MathsNode): readonly MathsNode[] {
  switch (node.kind) {
    case "symbol":
      return node.index ? [node.index] : [];
    case "sum":
    case "product":
    case "call":
    case "relation":
      return node.args;
    case "quotient":
    case "power":
    case "set-operation":
      return [node.left, node.right];
    case "negative":
    case "plus-minus":
    case "percent":
    case "quantity":
      return [node.arg];
    case "modulo":
      return [node.arg, node.modulus];
    case "range":
      return [node.from, node.to, node.body].filter((one) => one !== null);
    case "list":
    case "group":
    case "set":
      return node.items;
    case "builder":
      return [node.variable, node.condition];
    case "matrix":
      return node.rows.flat();
    case "ratio":
      return node.parts;
    case "number":
    case "constant":
    case "named-set":
    case "based":
    case "dots":
      return [];
  }
}

/** True where `wanted` holds for the node or anything in it. */
export function someNode(node: MathsNode, wanted: (one: MathsNode) => boolean): boolean {
  return wanted(node) || childrenOf(node).some((child) => someNode(child, wanted));
}

/** The node and everything in it, for `look` to see. */
export function everyNode(node: MathsNode, look: (one: MathsNode) => void): void {
  look(node);
  for (const child of childrenOf(node)) everyNode(child, look);
}

/** Has it a value for each choice of something: a variable that no sum or integral binds, a function that is not known? */
export function isOpen(node: MathsNode): boolean {
  const bound = new Set<string>();
  everyNode(node, (one) => {
    if (one.kind === "range" && one.from !== null && one.to !== null) bound.add(one.variable);
  });
  return someNode(
    node,
    (one) =>
      (one.kind === "symbol" && !bound.has(one.name)) ||
      (one.kind === "range" && (one.from === null || one.to === null)) ||
      (one.kind === "call" && /^(?:function|accent|figure)/.test(one.name)),
  );
}

/** The names of the variables in it. */
export function variablesOf(...nodes: readonly MathsNode[]): Set<string> {
  const names = new Set<string>();
  for (const node of nodes)
    everyNode(node, (one) => {
      if (one.kind === "symbol") names.add(one.index === undefined ? one.name : `${one.name}_`);
    });
  return names;
}

/** Kinds that stand for one number, whatever its value. */
const scalars: ReadonlySet<MathsNode["kind"]> = new Set([
  "number",
  "symbol",
  "constant",
  "sum",
  "product",
  "quotient",
  "power",
  "negative",
  "plus-minus",
  "call",
  "range",
  "percent",
  "quantity",
  "based",
]);

export const isScalar = (node: MathsNode): boolean => scalars.has(node.kind);

/** No brackets, sets or relations inside either, so that it can be evaluated. */
export const isArithmetic = (node: MathsNode): boolean => !someNode(node, (one) => !scalars.has(one.kind));
