import { isLetters } from "./characters.ts";
import { accents, binomials, figures, fractions } from "./commands.ts";
import { Cursor } from "./cursor.ts";
import { Refusal } from "./limits.ts";
import type { MathsNode } from "./node.ts";
import { add, compareRational, divide, one, zero } from "./rational.ts";
import type { Token } from "./tokens.ts";
import { readUnit } from "./units.ts";
import { functionNames, numberWords } from "./words.ts";

const aliases: Readonly<Record<string, string>> = {
  asin: "arcsin",
  acos: "arccos",
  atan: "arctan",
  asinh: "arcsinh",
  acosh: "arccosh",
  atanh: "arctanh",
  sign: "sgn",
  factorial: "!",
};
const fillers = new Set(
  "approximately about around roughly exactly the simply just equals equal precisely is".split(" "),
);

/** The smallest parts: numbers, names, brackets, and commands with their arguments. */
export abstract class AtomReader extends Cursor {
  /** What stands between brackets: a list where there are several. */
  abstract inside(): MathsNode;
  abstract sum(): MathsNode;
  abstract power(): MathsNode;
  abstract call(name: string): MathsNode;
  abstract range(name: "sum" | "prod" | "int" | "lim"): MathsNode;

  /** An exponent or index: a group, or what one token says. */
  script(below = false): MathsNode | "degrees" | "prime" {
    if (this.accept("°")) return "degrees";
    if (this.accept("'")) return "prime";
    if (this.operator("{")) {
      if (this.operator("°", 1) && this.operator("}", 2)) {
        this.at += 3;
        return "degrees";
      }
      this.at++;
      if (this.operator("*") || this.operator("+")) throw new Refusal("malformed");
      const node = this.inside();
      this.expect("}");
      return node;
    }
    if (this.accept("-")) return { kind: "negative", arg: this.nested(() => this.script()) as MathsNode };
    if (this.accept("+")) return this.nested(() => this.script());
    const token = this.peek();
    const base = token?.type === "number" ? this.number(token, false) : this.primary();
    if (below || !this.operator("^")) return base;
    this.at++;
    const exponent = this.nested(() => this.script());
    return typeof exponent === "string" ? base : { kind: "power", left: base, right: exponent };
  }

  primary(): MathsNode {
    return this.nested(() => {
      const token = this.peek();
      if (token === undefined) throw new Refusal("malformed");
      switch (token.type) {
        case "number":
          return this.number(token, true);
        case "symbol":
          this.at++;
          return this.symbol(token.name);
        case "word":
          return this.word(token);
        case "operator":
          return this.bracket(token.name);
        case "command":
          this.at++;
          return this.commanded(token.name);
      }
    });
  }

  number(token: Token & { type: "number" }, mixed: boolean): MathsNode {
    this.at++;
    const plain: MathsNode =
      token.decimal === null
        ? { kind: "number", value: token.value }
        : { kind: "number", value: token.value, decimal: token.decimal };
    if (!mixed || token.decimal !== null || token.repeating) return plain;
    if (this.operator("_")) {
      const [open, base] = [this.operator("{", 1) ? 1 : 0, this.peek(this.operator("{", 1) ? 2 : 1)];
      const digit =
        base?.type === "number"
          ? Number(base.value.n)
          : base?.type === "word"
            ? numberWords.get(base.name.toLowerCase())
            : undefined;
      if (digit === undefined || digit < 2 || digit > 36 || !/^\d+$/.test(token.raw)) throw new Refusal("malformed");
      this.at += 2 + 2 * open;
      if (open === 1 && !this.operator("}", -1)) throw new Refusal("malformed");
      return { kind: "based", digits: token.raw, base: digit };
    }
    const next = this.peek();
    if (next?.type === "number" && next.repeating && compareRational(next.value, one) < 0) {
      this.at++;
      return { kind: "number", value: add(token.value, next.value) };
    }
    // 4 4/9: a whole number, a blank and a fraction below one. Anything else side by side is no number.
    if (next?.type === "number" && next.space && this.operator("/", 1)) {
      const below = this.peek(2);
      if (
        next.decimal !== null ||
        below?.type !== "number" ||
        below.decimal !== null ||
        compareRational(next.value, below.value) >= 0
      )
        throw new Refusal("malformed");
      this.at += 3;
      return { kind: "number", value: add(token.value, divide(next.value, below.value)) };
    }
    if (next?.type === "command" && fractions.has(next.name)) {
      const start = this.at;
      this.at++;
      const part = this.commanded(next.name);
      if (
        part.kind === "quotient" &&
        part.left.kind === "number" &&
        part.right.kind === "number" &&
        !part.left.decimal &&
        !part.right.decimal
      ) {
        const [n, d] = [part.left.value, part.right.value];
        if (compareRational(n, zero) >= 0 && compareRational(n, d) < 0)
          return { kind: "number", value: add(token.value, divide(n, d)) };
      }
      this.at = start;
    }
    return plain;
  }

  symbol(name: string): MathsNode {
    let full = name;
    while (this.accept("'")) full += "'";
    if (this.accept("_")) {
      const index = this.nested(() => this.script(true));
      if (typeof index === "string") throw new Refusal("malformed");
      return { kind: "symbol", name: full, index };
    }
    if (/^[fgFG]'*$/.test(full) && this.operator("(")) return this.call(`function-${full}`);
    if (!this.bound.includes(full) && (full === "e" || full === "i")) return { kind: "constant", name: full };
    return { kind: "symbol", name: full };
  }

  word(token: Token & { type: "word" }): MathsNode {
    const lower = token.name.toLowerCase();
    if (fillers.has(lower)) {
      this.at++;
      return this.primary();
    }
    if (token.quoted && /^[a-zA-Z]$/.test(token.name)) {
      this.at++;
      return this.symbol(token.name);
    }
    const value = numberWords.get(lower);
    if (value !== undefined) {
      this.at++;
      return { kind: "number", value: { n: BigInt(value), d: 1n } };
    }
    // Currency in front of the amount.
    const unit = readUnit.names(this);
    if (
      unit !== null &&
      /^(?:dollars|euros|length|yuan|rupees|mass)$/.test(unit.dimension) &&
      this.peek(1)?.type === "number"
    ) {
      this.at++;
      return { kind: "quantity", arg: this.power(), unit };
    }
    if (token.quoted || !isLetters(token.name)) throw new Refusal("malformed");
    this.at++;
    // Functions and indices bind to the last letter: xy_1, ab^2 are x·y_1, a·b^2.
    const letters = [...token.name];
    const last = letters.pop()!;
    const args = letters.map(
      (letter): MathsNode =>
        letter === "e" || letter === "i" ? { kind: "constant", name: letter } : { kind: "symbol", name: letter },
    );
    const end = this.symbol(last);
    if (!this.operator("^") && !this.operator("!")) return { kind: "product", args: [...args, end] };
    this.at++;
    if (this.operator("!", -1)) return { kind: "product", args: [...args, { kind: "call", name: "!", args: [end] }] };
    const exponent = this.nested(() => this.script());
    if (typeof exponent === "string") return { kind: "product", args: [...args, end] };
    return { kind: "product", args: [...args, { kind: "power", left: end, right: exponent }] };
  }

  bracket(open: string): MathsNode {
    this.at++;
    const pairs: Readonly<Record<string, readonly [close: string, name: string]>> = {
      "⌊": ["⌋", "floor"],
      "⌈": ["⌉", "ceil"],
      "|": ["|", "abs"],
      "‖": ["‖", "norm"],
    };
    const pair = pairs[open];
    if (pair !== undefined) {
      const outer = this.bars;
      this.bars = pair[0] === "|" || pair[0] === "‖" ? Math.max(outer, 0) + 1 : 0;
      const arg = this.sum();
      this.expect(pair[0]);
      this.bars = outer;
      return { kind: "call", name: pair[1], args: [arg] };
    }
    const [bars, integrals] = [this.bars, this.integrals];
    this.integrals = 0;
    // In {x | x > 0} the bar is a word, not the start of an absolute value.
    this.bars = open === "\\{" || (open === "{" && this.operator("|", 1)) ? -1 : 0;
    const node = this.brackets(open);
    this.bars = bars;
    this.integrals = integrals;
    return node;
  }

  brackets(open: string): MathsNode {
    if (open === "\\{" || open === "{") {
      const close = open === "{" ? "}" : "\\}";
      if (this.accept(close)) return { kind: "set", items: [] };
      const node = this.infix(this.inside());
      this.expect(close);
      if (node.kind === "builder") return node;
      if (open === "{") return node.kind === "list" ? { kind: "set", items: node.items } : node;
      return { kind: "set", items: node.kind === "list" ? node.items : [node] };
    }
    if (open === "(" || open === "[" || open === "⟨" || open === "]") {
      const outer = this.reversed;
      this.reversed = open === "]";
      const node = this.inside();
      this.reversed = outer;
      let close = this.expect(")", "]", "⟩", "[");
      if (open === "]") open = "(";
      if (close === "[") close = ")";
      if (node.kind === "list") return { kind: "group", open, close, items: node.items };
      if ((open === "[") !== (close === "]")) throw new Refusal("malformed");
      return node;
    }
    throw new Refusal("malformed");
  }

  /** {a \\over b}, {n \\choose k} */
  infix(left: MathsNode): MathsNode {
    const token = this.peek();
    if (token?.type !== "command" || (token.name !== "over" && token.name !== "choose")) return left;
    this.at++;
    const right = this.inside();
    return token.name === "over"
      ? { kind: "quotient", left, right }
      : { kind: "call", name: "binom", args: [left, right] };
  }

  /** An argument of a LaTeX command: a group, or one token, where \frac12 takes single digits. */
  argument(): MathsNode {
    if (this.accept("{")) {
      const node = this.infix(this.inside());
      this.expect("}");
      return node;
    }
    const token = this.peek();
    if (token?.type === "number" && /^\d{2,}$/.test(token.raw)) {
      const rest = { ...token, raw: token.raw.slice(1), value: { n: BigInt(token.raw.slice(1)), d: 1n }, space: false };
      (this.tokens as Token[])[this.at] = rest;
      return { kind: "number", value: { n: BigInt(token.raw[0]!), d: 1n } };
    }
    if (token?.type === "number") return this.number(token, false);
    return this.primary();
  }

  commanded(name: string): MathsNode {
    if (fractions.has(name)) {
      const left = this.argument();
      return { kind: "quotient", left, right: this.argument() };
    }
    if (binomials.has(name)) {
      const left = this.argument();
      return { kind: "call", name: "binom", args: [left, this.argument()] };
    }
    if (accents.has(name)) {
      const arg = this.argument();
      // The side AB, with or without its bar.
      if (
        name === "overline" &&
        arg.kind === "product" &&
        arg.args.every((one) => one.kind === "symbol" && /^[A-Z]$/.test(one.name))
      )
        return arg;
      return arg.kind === "symbol"
        ? { ...arg, name: `${arg.name}` }
        : { kind: "call", name: `accent-${name === "overline" ? "bar" : name}`, args: [arg] };
    }
    if (figures.has(name)) {
      const arg = this.primary();
      return { kind: "call", name: "figure", args: [arg] };
    }
    switch (name) {
      case "pi":
        return { kind: "constant", name: "pi" };
      case "infty":
        return { kind: "constant", name: "infinity" };
      case "emptyset":
      case "varnothing":
        return { kind: "set", items: [] };
      case "sqrt":
        return this.root();
      case "sum":
      case "prod":
      case "int":
      case "lim":
        return this.range(name);
    }
    if (name.startsWith("set-")) return { kind: "named-set", name: this.superscripted(name.slice(4)) };
    if (name.startsWith("begin-")) return this.matrix(name.slice(6));
    if (functionNames.has(name)) return this.call(aliases[name] ?? name);
    throw new Refusal("malformed");
  }

  superscripted(name: string): string {
    if (!this.accept("^")) return name;
    const sign = this.peek();
    this.at++;
    return sign && "name" in sign ? `${name}^${sign.name}` : name;
  }

  root(): MathsNode {
    if (this.operator("[")) {
      this.at++;
      const index = this.inside();
      this.expect("]");
      return { kind: "call", name: "root", args: [this.argument(), index] };
    }
    return { kind: "call", name: "sqrt", args: [this.argument()] };
  }

  matrix(environment: string): MathsNode {
    const rows: MathsNode[][] = [[]];
    while (!this.command(`end-${environment}`)) {
      if (this.accept("\\\\")) rows.push([]);
      else if (this.accept("&")) continue;
      else rows.at(-1)!.push(this.inside());
      if (this.peek() === undefined) throw new Refusal("malformed");
    }
    this.at++;
    if (rows.at(-1)!.length === 0) rows.pop();
    const matrix: MathsNode = { kind: "matrix", rows };
    if (environment === "vmatrix") return { kind: "call", name: "det", args: [matrix] };
    if (environment === "cases" || environment.startsWith("align") || environment === "gathered") {
      if (rows.every((row) => row.length === 1))
        return { kind: "list", items: rows.map((row) => row[0]!), join: "and" };
    }
    return matrix;
  }

  /** 30°, and 30°C: behind the sign a scale may stand. */
  degrees(arg: MathsNode): MathsNode {
    const next = this.peek();
    if (
      (next?.type === "symbol" || (next?.type === "word" && next.quoted)) &&
      (next.name === "C" || next.name === "F")
    ) {
      this.at++;
      return { kind: "quantity", arg, unit: { dimension: next.name === "C" ? "celsius" : "fahrenheit", factor: one } };
    }
    return { kind: "quantity", arg, unit: { dimension: "degrees", factor: one } };
  }
}
