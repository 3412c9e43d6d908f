import { AtomReader } from "./atoms.ts";
import { isLetters } from "./characters.ts";
import { accents, binomials, figures, fractions, primaryCommands } from "./commands.ts";
import { Refusal } from "./limits.ts";
import type { MathsNode, Unit } from "./node.ts";
import { one } from "./rational.ts";
import { readUnit } from "./units.ts";
import { functionNames } from "./words.ts";

const inverse: Readonly<Record<string, string>> = {
  sin: "arcsin",
  cos: "arccos",
  tan: "arctan",
  cot: "arccot",
  sec: "arcsec",
  csc: "arccsc",
  sinh: "arcsinh",
  cosh: "arccosh",
  tanh: "arctanh",
};
const openers = new Set(["(", "[", "{", "\\{", "⟨", "⌊", "⌈"]);

/** Recursive descent over tokens for everything that is one value; lists, relations and sets build on it (reader.ts). */
export abstract class ExpressionReader extends AtomReader {
  sum(): MathsNode {
    return this.nested(() => {
      const args: MathsNode[] = [this.term(true)];
      while (this.operator("+") || this.operator("-") || this.operator("±") || this.operator("∓"))
        args.push(this.term(false));
      return args.length === 1 ? args[0]! : { kind: "sum", args };
    });
  }

  /** A product with its sign. */
  term(first: boolean): MathsNode {
    const token = this.peek();
    if (token?.type === "operator") {
      if (token.name === "+" || token.name === "-" || token.name === "±" || token.name === "∓") {
        this.at++;
        const arg = this.nested(() => (first || this.operator("-") ? this.term(true) : this.product()));
        if (token.name === "+") return arg;
        return token.name === "-"
          ? { kind: "negative", arg }
          : { kind: "plus-minus", sign: token.name === "±" ? 1 : -1, arg };
      }
    }
    return this.product();
  }

  product(): MathsNode {
    let left = this.unary();
    while (true) {
      if (this.accept("*")) left = times(left, this.unary());
      else if (this.accept("/")) left = { kind: "quotient", left, right: this.unary() };
      else if (this.startsFactor()) {
        // Two numbers side by side are no product.
        if (this.peek()?.type === "number" && this.peek(-1)?.type === "number") throw new Refusal("malformed");
        const right = this.power();
        left =
          left.kind === "quantity" && left.unit !== null
            ? this.further(left.arg, left.unit, right)
            : times(left, right);
      } else {
        const unit = readUnit(this, left);
        if (unit === null) return left;
        left = unit;
      }
    }
  }

  /** 3 hours 20 minutes: the sum, in the base unit of both. */
  further(arg: MathsNode, unit: Unit, more: MathsNode): MathsNode {
    const second = readUnit(this, more);
    if (second?.kind !== "quantity" || second.unit?.dimension !== unit.dimension) throw new Refusal("malformed");
    const inBase = (one: MathsNode, { factor }: Unit): MathsNode => times(one, { kind: "number", value: factor });
    return {
      kind: "quantity",
      arg: { kind: "sum", args: [inBase(arg, unit), inBase(second.arg, second.unit)] },
      unit: { dimension: unit.dimension, factor: one },
    };
  }

  unary(): MathsNode {
    if (this.accept("-")) return this.nested(() => ({ kind: "negative", arg: this.unary() }));
    if (this.accept("+")) return this.nested(() => this.unary());
    if (this.operator("±")) return this.term(true);
    return this.power();
  }

  startsFactor(): boolean {
    const token = this.peek();
    if (token === undefined) return false;
    switch (token.type) {
      case "number":
      case "symbol":
        return !(
          this.integrals > 0 &&
          token.type === "symbol" &&
          token.name === "d" &&
          this.peek(1)?.type === "symbol"
        );
      case "word":
        return (
          !token.quoted &&
          !(this.integrals > 0 && /^d[a-z]$/.test(token.name)) &&
          isLetters(token.name) &&
          readUnit.names(this) === null
        );
      case "operator":
        return (
          (openers.has(token.name) &&
            !(this.reversed && token.name === "[") &&
            !(
              token.name === "(" &&
              this.peek(1)?.type === "command" &&
              /^[bp]?mod$/.test((this.peek(1) as { name: string }).name)
            )) ||
          ((token.name === "|" || token.name === "‖") && this.bars === 0)
        );
      case "command":
        return functionNames.has(token.name)
          ? !/^[bp]?mod$/.test(token.name)
          : primaryCommands.has(token.name) ||
              fractions.has(token.name) ||
              binomials.has(token.name) ||
              accents.has(token.name) ||
              figures.has(token.name) ||
              token.name.startsWith("begin-");
    }
  }

  power(): MathsNode {
    let base = this.primary();
    while (true) {
      if (this.accept("!")) base = { kind: "call", name: this.accept("!") ? "!!" : "!", args: [base] };
      else if (this.accept("°")) base = this.degrees(base);
      else if (this.operator("^")) {
        this.at++;
        const exponent = this.nested(() => this.script());
        if (exponent === "degrees") base = this.degrees(base);
        else if (exponent !== "prime") base = { kind: "power", left: base, right: exponent };
      } else return base;
    }
  }

  call(name: string): MathsNode {
    let exponent: MathsNode | null = null;
    let base: MathsNode | null = null;
    let full = name;
    while (this.operator("_") || this.operator("^")) {
      const below = this.operator("_");
      this.at++;
      const script = this.nested(() => this.script(below));
      if (typeof script === "string") throw new Refusal("malformed");
      if (below) base = script;
      else if (script.kind === "negative" && script.arg.kind === "number" && script.arg.value.n === 1n && inverse[name])
        full = inverse[name];
      else exponent = script;
    }
    const next = this.peek();
    if (
      name === "log" &&
      base === null &&
      next?.type === "number" &&
      !next.space &&
      /^(?:2|10)$/.test(next.raw) &&
      this.operator("(", 1)
    )
      base = this.number(next, false);
    let args: readonly MathsNode[];
    if (this.operator("(") || this.operator("{") || this.operator("[")) {
      const inner = this.primary();
      args =
        inner.kind === "group" ? inner.items : inner.kind === "list" || inner.kind === "set" ? inner.items : [inner];
    } else args = [this.nested(() => this.bare())];
    if (name === "lg") [full, base] = ["log", { kind: "number", value: { n: 10n, d: 1n } }];
    const node: MathsNode = { kind: "call", name: full, args: base === null ? args : [...args, base] };
    return exponent === null ? node : { kind: "power", left: node, right: exponent };
  }

  /** The argument of a function without brackets: `sin 2x cos x` ends before the next function. */
  bare(): MathsNode {
    if (this.accept("-")) return { kind: "negative", arg: this.bare() };
    let left = this.power();
    while (this.startsFactor()) {
      const token = this.peek();
      if (token?.type === "command" && functionNames.has(token.name) && token.name !== "sqrt") break;
      if (token?.type === "operator" && left.kind !== "number") break;
      left = times(left, this.power());
    }
    return left;
  }

  range(name: "sum" | "prod" | "int" | "lim"): MathsNode {
    let [from, to, variable]: [MathsNode | null, MathsNode | null, string] = [null, null, ""];
    while (this.operator("_") || this.operator("^")) {
      const below = this.operator("_");
      this.at++;
      // The bound variable first: it may be called i.
      const index = this.peek(this.operator("{") ? 1 : 0);
      if (below && index?.type === "symbol") {
        variable = index.name;
        this.bound.push(variable);
      }
      const script = this.nested(() => this.script(below));
      if (typeof script === "string") throw new Refusal("malformed");
      if (!below) to = script;
      else if (script.kind === "relation" && script.args.length === 2) from = script.args[1]!;
      else from = script;
    }
    if (name === "int") this.integrals++;
    const body = name === "int" ? this.sum() : this.product();
    if (name === "int") {
      this.integrals--;
      const next = this.peek();
      if (next?.type === "word" && /^d[a-z]$/.test(next.name)) variable = next.name[1]!;
      else if (next?.type === "symbol" && next.name === "d" && this.peek(1)?.type === "symbol") {
        variable = (this.peek(1) as { name: string }).name;
        this.at++;
      } else throw new Refusal("malformed");
      this.at++;
    } else this.bound.pop();
    return { kind: "range", name, variable, from, to, body };
  }
}

export function times(left: MathsNode, right: MathsNode): MathsNode {
  return left.kind === "product"
    ? { kind: "product", args: [...left.args, right] }
    : { kind: "product", args: [left, right] };
}
