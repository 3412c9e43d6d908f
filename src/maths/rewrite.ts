import { mathsLimits } from "./limits.ts";
import { everyNode, type MathsNode, someNode } from "./node.ts";

/** Trees that say the same in a simpler way. */

const isSigned = (node: MathsNode): boolean => someNode(node, (one) => one.kind === "plus-minus");

/** The node with its ± decided: bit k of `signs` for the k-th one, or bit 0 for all. */
function decided(node: MathsNode, signs: number, together: boolean, counter: { count: number }): MathsNode {
  const inner = (one: MathsNode): MathsNode => (isSigned(one) ? decided(one, signs, together, counter) : one);
  switch (node.kind) {
    case "plus-minus": {
      const minus = ((signs >> (together ? 0 : counter.count++)) & 1) === 1 ? node.sign === 1 : node.sign === -1;
      const arg = inner(node.arg);
      return minus ? { kind: "negative", arg } : arg;
    }
    case "sum":
    case "product":
    case "call":
    case "relation":
      return { ...node, args: node.args.map(inner) };
    case "quotient":
    case "power":
      return { ...node, left: inner(node.left), right: inner(node.right) };
    case "negative":
    case "percent":
    case "quantity":
      return { ...node, arg: inner(node.arg) };
    case "group":
    case "list":
    case "set":
      return { ...node, items: node.items.map(inner) };
    default:
      return node;
  }
}

/** At most this many ± are taken apart on their own. */
const mostSigns = 4;

/**
 * a ± b as the two answers it is, in the list or set it stands in. `together`: several ± in one answer go up and down
 * at the same time, else each for itself. Returns the node itself where there is none.
 */
export function expandPlusMinus(node: MathsNode, together: boolean): MathsNode {
  if (!isSigned(node) || (node.kind === "list" && node.items.length > mathsLimits.items)) return node;
  if (node.kind === "list" || node.kind === "set")
    return { ...node, items: node.items.flatMap((item) => versions(item, together)) };
  return { kind: "list", items: versions(node, together), join: "or" };
}

function versions(node: MathsNode, together: boolean): MathsNode[] {
  if (!isSigned(node)) return [node];
  let count = 0;
  everyNode(node, (one) => {
    if (one.kind === "plus-minus") count++;
  });
  const wide = together || count > mostSigns ? 2 : 2 ** count;
  return Array.from({ length: wide }, (_, signs) => decided(node, signs, wide === 2, { count: 0 }));
}

/** c·M and M/c with the factor in every entry; brackets around one matrix are nothing. */
export function scaledMatrix(node: MathsNode): MathsNode {
  if (node.kind === "negative" && node.arg.kind === "matrix") {
    return {
      kind: "matrix",
      rows: node.arg.rows.map((row) => row.map((arg): MathsNode => ({ kind: "negative", arg }))),
    };
  }
  if (node.kind !== "product") return node;
  const matrices = node.args.filter((arg) => arg.kind === "matrix");
  if (matrices.length !== 1) return node;
  const factors = node.args.filter((arg) => arg.kind !== "matrix");
  return {
    kind: "matrix",
    rows: matrices[0]!.rows.map((row) =>
      row.map((entry): MathsNode => ({ kind: "product", args: [...factors, entry] })),
    ),
  };
}
