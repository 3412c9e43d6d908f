import { ExpressionReader } from "./expression.ts";
import { Refusal } from "./limits.ts";
import type { MathsNode, Relation } from "./node.ts";
import { type Commas, tokenize } from "./tokens.ts";

const relations: ReadonlySet<string> = new Set(["=", "≠", "<", "≤", ">", "≥", "∈", "∉", "≡", "→", "~", "∥", "⊥", "⊂"]);
const separators = [",", ";", "and", "or"];
const setKinds: ReadonlySet<MathsNode["kind"]> = new Set(["set", "named-set", "set-operation", "builder"]);

/** Lists, relations, sets and ratios around expressions. */
class Reader extends ExpressionReader {
  inside(): MathsNode {
    return this.nested(() => {
      const items: MathsNode[] = [];
      let join: "," | "and" | "or" = ",";
      for (;;) {
        if (items.length > 0 && this.closes()) break;
        if (this.accept("…")) items.push({ kind: "dots" });
        else items.push(this.relation());
        const by = this.separator();
        if (by === null) break;
        if (by !== ",") join = by;
      }
      return items.length === 1 ? items[0]! : { kind: "list", items, join };
    });
  }

  /** "1, 2, and 3": a comma and a word together separate once. */
  separator(): "," | "and" | "or" | null {
    let found: "," | "and" | "or" | null = null;
    for (let token = this.peek(); token?.type === "operator" && separators.includes(token.name); token = this.peek()) {
      found = token.name === "and" || token.name === "or" ? token.name : (found ?? ",");
      this.at++;
    }
    return found;
  }

  closes(): boolean {
    const token = this.peek();
    return token === undefined || (token.type === "operator" && [")", "]", "}", "\\}", "⟩"].includes(token.name));
  }

  relation(): MathsNode {
    this.accept("=");
    const args: MathsNode[] = [this.sets()];
    const operators: Relation[] = [];
    for (let token = this.peek(); token !== undefined; token = this.peek()) {
      if (token.type === "operator" && token.name === "|" && this.bars === -1) return this.condition(args, operators);
      const name =
        token.type === "operator"
          ? token.name
          : token.type === "word" && /^(?:is|equals|are)$/.test(token.name)
            ? "="
            : null;
      if (name === null || !relations.has(name)) break;
      this.at++;
      while (name === "=" && this.accept("="));
      operators.push(name as Relation);
      args.push(this.sets());
    }
    const node: MathsNode = args.length === 1 ? args[0]! : { kind: "relation", operators, args };
    return this.modulo(node);
  }

  /** {x | x > 0} */
  condition(args: readonly MathsNode[], operators: readonly Relation[]): MathsNode {
    this.at++;
    const left: MathsNode = args.length === 1 ? args[0]! : { kind: "relation", operators, args };
    return { kind: "builder", variable: left, condition: this.inside() };
  }

  modulo(node: MathsNode): MathsNode {
    const start = this.at;
    const bracketed = this.accept("(");
    const token = this.peek();
    if (token?.type === "command" && /^[bp]?mod$/.test(token.name)) {
      this.at++;
      const modulus = this.sum();
      if (bracketed) this.expect(")");
      return { kind: "modulo", arg: node, modulus };
    }
    this.at = start;
    return node;
  }

  sets(): MathsNode {
    let left = this.ratio();
    while (true) {
      const operator = this.accept("∪") ? "∪" : this.accept("∩") ? "∩" : this.accept("∖") ? "∖" : null;
      if (operator === null) return left;
      left = { kind: "set-operation", operator, left, right: this.ratio() };
    }
  }

  ratio(): MathsNode {
    const start = this.at;
    // {x : x > 0}: the colon is a bar.
    const first = this.sum();
    const difference = this.difference(first);
    if (!this.operator(":")) return difference;
    const parts: MathsNode[] = [first];
    if (
      (this.operator("\\{", start - this.at - 1) || this.operator("{", start - this.at - 1)) &&
      first.kind === "symbol"
    ) {
      this.at++;
      return { kind: "builder", variable: first, condition: this.inside() };
    }
    const raw: string[] = [this.rawAt(start, this.at)];
    while (this.accept(":")) {
      const from = this.at;
      if (this.accept("…")) parts.push({ kind: "dots" });
      else parts.push(this.sum());
      raw.push(this.rawAt(from, this.at));
    }
    return { kind: "ratio", parts, clock: this.clock(raw) };
  }

  rawAt(from: number, to: number): string {
    const token = this.tokens[from];
    return token?.type === "number" && to - from <= 2 ? token.raw : "";
  }

  /** Hours and minutes as a time of day; a leading 0 or "pm" tells it from a ratio. */
  clock(raw: readonly string[]): string | null {
    if (!raw.every((part, index) => (index === 0 ? /^\d{1,2}$/ : /^\d{2}$/).test(part))) return null;
    const previous = this.peek(-1);
    const token = previous?.type === "word" && /^[ap]m$/i.test(previous.name) ? previous : this.peek();
    const half = token?.type === "word" && /^[ap]m$/i.test(token.name) ? token.name.toLowerCase() : "";
    if (half !== "" && token === this.peek()) this.at++;
    return half !== "" || raw.slice(1).some((part) => part.startsWith("0"))
      ? `${raw.map(Number).join(":")} ${half}`
      : null;
  }

  /** ℝ - {0} is a set difference. */
  difference(node: MathsNode): MathsNode {
    if (node.kind !== "sum" || node.args.length !== 2) return node;
    const [left, right] = node.args as [MathsNode, MathsNode];
    if (right.kind !== "negative" || !setKinds.has(left.kind) || !setKinds.has(right.arg.kind)) return node;
    return { kind: "set-operation", operator: "∖", left, right: right.arg };
  }
}

/** The tree of an answer, LaTeX or plain. Throws a Refusal. */
export function readMaths(text: string, commas: Commas = "thousands"): MathsNode {
  const reader = new Reader(tokenize(text, commas));
  const node = reader.inside();
  if (reader.at < reader.tokens.length) throw new Refusal("malformed");
  return node;
}
