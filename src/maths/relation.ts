import type { Budget } from "./limits.ts";
import { isArithmetic, type MathsNode, someNode, variablesOf } from "./node.ts";
import { constantRatio } from "./scalar.ts";

export type RelationNode = MathsNode & { readonly kind: "relation" };

const flipped: Readonly<Record<string, string>> = { ">": "<", "≥": "≤" };

/** What an answer is called: the x of `x = 5`, f(2), AB, ∠ABC, |AB|. */
function isLabel(node: MathsNode): boolean {
  switch (node.kind) {
    case "symbol":
    case "constant":
      return true;
    case "call":
      return (
        /^(?:function|accent|figure|abs|norm|det|deg|dim|log|ln|sin|cos|tan|gcd|lcm|max|min|phi)/.test(node.name) &&
        node.args.every((arg) => isLabel(arg) || isArithmetic(arg) || arg.kind === "matrix")
      );
    case "product":
      return (
        isLabel(node.args[0]!) &&
        node.args.every((arg) => isLabel(arg) || arg.kind === "number" || arg.kind === "group")
      );
    case "group":
      return node.items.every((item) => item.kind === "symbol");
    case "quantity":
      return isLabel(node.arg);
    case "power":
      return node.left.kind === "symbol" && node.right.kind === "negative";
    default:
      return false;
  }
}

/** a + b, AB/CD, f(1) + f(2): what a question may ask the value of. */
function isAsked(node: MathsNode): boolean {
  if (isLabel(node)) return true;
  if (node.kind === "sum") return node.args.every((arg) => isAsked(arg.kind === "negative" ? arg.arg : arg));
  return node.kind === "quotient" && isLabel(node.left) && isLabel(node.right);
}

/**
 * The right side of `x = 5`, `S = a^2 = 9` or `1 + 1 = 2`, that may be compared with a bare 5, 9, 2. `asked` also allows a
 * sum of names on the left, as an answer may have it. Null for equations that are an answer themselves: 2x = 10, x^2 + y^2 = 4.
 */
export function assignedValue(node: RelationNode, asked: boolean): MathsNode | null {
  if (node.operators.some((operator) => operator !== "=")) {
    return node.operators.length === 1 && node.operators[0] === "∈" && node.args[0]!.kind === "symbol"
      ? node.args[1]!
      : null;
  }
  const [first, last] = [node.args[0]!, node.args.at(-1)!];
  const names = variablesOf(first);
  const again = first.kind === "symbol" && someNode(last, (one) => one.kind === "symbol" && one.name === first.name);
  if (isLabel(first) && !again) return last;
  // 5 = x
  if (isLabel(last) && names.size === 0 && node.args.length === 2 && last.kind === "symbol") return first;
  if (names.size === 0 && isArithmetic(first)) return last;
  const constant = !someNode(last, (one) => one.kind === "symbol");
  return asked && constant && (isAsked(first) || node.args.length > 2) ? last : null;
}

/** The name on the left of `x = 5`; null where it is no single symbol. */
export function assignedName(node: MathsNode): string | null {
  if (node.kind !== "relation" || node.operators.length !== 1 || node.operators[0] !== "=") return null;
  const first = node.args[0]!;
  return first.kind === "symbol" && first.index === undefined ? first.name : null;
}

interface Pair {
  readonly left: MathsNode;
  readonly right: MathsNode;
  readonly operator: string;
}

/** a < x < b as two pairs, every > turned round. */
function pairs(node: RelationNode): Pair[] {
  return node.operators.map((operator, i) => {
    const [left, right] = [node.args[i]!, node.args[i + 1]!];
    const turned = flipped[operator];
    return turned === undefined ? { left, right, operator } : { left: right, right: left, operator: turned };
  });
}

const difference = ({ left, right }: Pair): MathsNode => ({
  kind: "sum",
  args: [left, { kind: "negative", arg: right }],
});

function samePair(a: Pair, b: Pair, same: (x: MathsNode, y: MathsNode) => boolean, budget: Budget): boolean {
  if (a.operator !== b.operator) return false;
  const sides = (): boolean => same(a.left, b.left) && same(a.right, b.right);
  const swapped = (): boolean => same(a.left, b.right) && same(a.right, b.left);
  if (!isArithmetic(a.left) || !isArithmetic(a.right) || !isArithmetic(b.left) || !isArithmetic(b.right)) {
    return sides() || ("=≠∥⊥~".includes(a.operator) && swapped());
  }
  switch (a.operator) {
    case "=":
    case "≠":
      return constantRatio(difference(a), difference(b), budget) !== null || sides() || swapped();
    case "<":
    case "≤":
      return (constantRatio(difference(a), difference(b), budget) ?? -1) > 0 || sides();
    case "∥":
    case "⊥":
    case "~":
    case "≡":
      return sides() || swapped();
    default:
      return sides();
  }
}

/** Equations up to a constant factor and with sides changed; inequalities up to a positive one; chains link by link. */
export function sameRelation(
  a: RelationNode,
  b: RelationNode,
  same: (x: MathsNode, y: MathsNode) => boolean,
  budget: Budget,
): boolean {
  const [left, right] = [pairs(a), pairs(b)];
  if (left.length !== right.length) return false;
  const open = [...right];
  return left.every((pair) => {
    const found = open.findIndex((other) => samePair(pair, other, same, budget));
    if (found >= 0) open.splice(found, 1);
    return found >= 0;
  });
}
