import {
  commandCharacters,
  greek,
  greekCharacters,
  layout,
  operatorCharacters,
  operatorCommands,
  operatorPairs,
  quotedCommands,
  skippedWithGroup,
  subscripts,
  superscripts,
  vulgarFractions,
} from "./characters.ts";
import { mathsLimits, Refusal } from "./limits.ts";
import { add, divide, fromDecimal, integer, type Rational, rational } from "./rational.ts";
import { functionNames, plainSymbols } from "./words.ts";

/** A piece of an answer, LaTeX or plain alike. `space` says whether blanks stood before it. */
export type Token = { readonly space: boolean } & (
  | {
      readonly type: "number";
      readonly value: Rational;
      readonly raw: string;
      readonly decimal: { readonly significant: number; readonly places: number } | null;
      /** Repeating decimals are exact. */
      readonly repeating: boolean;
    }
  /** One letter or Greek command. */
  | { readonly type: "symbol"; readonly name: string }
  /** A run of letters that is no function; `quoted` where it stood in \text{}. */
  | { readonly type: "word"; readonly name: string; readonly quoted: boolean }
  /** A LaTeX command that the parser knows what to do with, or a function's name. */
  | { readonly type: "command"; readonly name: string }
  | { readonly type: "operator"; readonly name: string }
);

/** How commas between digits are read: 1,000 as one number where it can be, as two answers, or 1,5 as 3/2. */
export type Commas = "thousands" | "list" | "decimal";

/** Sticky, so that they match at one place; each is linear in what it matches. */
const patterns = {
  blank: /[\s~\u00a0\u2000-\u200b\u202f\u3000\ufeff]+/y,
  repeating:
    /(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\s*(?:\{(\d+)\}|(\d))(?:(\d*)\\dot\s*(?:\{(\d)\}|(\d)))?|\((\d+)\)(?!\s*[\^\d(a-zA-Z]))/y,
  dotted: /(\d{0,40})\.(\d{3,60})(?:\.\.\.|…|\\ldots|\\dots|\\cdots)/y,
  thousands: /\d{1,3}(?:(?:,\\!\s*|,|\{\s*,\s*\}\s*|\\,|\\!|\\ |\\;|\{\\,\})\d{3}){1,12}(?!\d)/y,
  spaced: /\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,12}(?![\d]|\s*\/)/y,
  plain: /\d+/y,
  comma: /,(\d+)/y,
  fraction: /\.(\d+)|\{\.\}(\d+)|\.(?=\s*(?:$|[^\s\d.a-zA-Z]))/y,
  exponent: /[eE]([+-]?\d{1,9})(?![\d.]*[a-zA-Z])/y,
  command: /\\([a-zA-Z]+\*?|.)/sy,
  letters: /[A-Za-z]+(?:'[a-z]+)?/y,
};

/** 1666 is 1 and then 6 for ever, where the dots behind it say so: a cycle that was written three times. */
function cycleOf(digits: string): [fixed: string, cycle: string] {
  for (let length = 1; length * 3 <= digits.length; length++) {
    const cycle = digits.slice(-length);
    if (!digits.endsWith(cycle.repeat(3))) continue;
    let start = digits.length;
    while (digits.slice(0, start).endsWith(cycle)) start -= length;
    return [digits.slice(0, start), cycle];
  }
  return ["", ""];
}

class Tokenizer {
  readonly text: string;
  readonly commas: Commas;
  readonly tokens: Token[] = [];
  at = 0;
  space = false;

  constructor(text: string, commas: Commas) {
    this.text = text;
    this.commas = commas;
  }

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  push(token: { type: "symbol" | "command" | "operator"; name: string }): void {
    this.add({ ...token, space: this.space });
  }

  add(token: Token): void {
    if (this.tokens.push(token) > mathsLimits.tokens) throw new Refusal("too-long");
    this.space = false;
  }

  number() {
    const start = this.at;
    const repeating = this.match(patterns.repeating);
    if (repeating !== null) {
      const [, whole = "", fixed = "", braced, single, between = "", last, lastSingle, bracketed] = repeating;
      const cycle =
        bracketed ?? `${braced ?? single}${(last ?? lastSingle) ? `${between}${last ?? lastSingle}` : between}`;
      return this.repeat(whole, fixed, cycle, start);
    }
    const dotted = this.match(patterns.dotted);
    if (dotted !== null) {
      const [fixed, cycle] = cycleOf(dotted[2]!);
      if (cycle !== "") return this.repeat(dotted[1] ?? "", fixed, cycle, start);
      this.at = start;
    }
    const grouped =
      this.commas === "thousands" ? (this.match(patterns.thousands) ?? this.match(patterns.spaced)) : null;
    // A separator in braces or behind a backslash is never a list.
    let whole =
      (grouped ??
        (this.commas === "list" ? this.match(/\d{1,3}(?:(?:\{,\}|\\,|\\!|,\\!)\d{3}){1,12}(?!\d)/y) : null) ??
        this.match(patterns.plain))?.[0] ?? "";
    whole = whole.replace(/\D/g, "");
    let fraction = "";
    let pointed = false;
    const point = this.commas === "decimal" ? this.match(patterns.comma) : this.match(patterns.fraction);
    if (point !== null) {
      fraction = (point[1] ?? point[2] ?? "").replace(/\D/g, "");
      pointed = fraction !== "";
    }
    const exponent = this.match(patterns.exponent);
    const digits = `${whole}${fraction}`.replace(/^0+/, "");
    if (digits.length > 3000) throw new Refusal("too-large");
    const power = exponent === null ? 0 : Number(exponent[1]);
    const decimal = pointed ? { significant: digits.length, places: fraction.length - power } : null;
    const value = fromDecimal(whole, fraction, power);
    this.add({
      type: "number",
      value,
      raw: this.text.slice(start, this.at),
      decimal,
      repeating: false,
      space: this.space,
    });
  }

  repeat(whole: string, fixed: string, cycle: string, start: number) {
    const nines = rational(BigInt(cycle), 10n ** BigInt(fixed.length) * (10n ** BigInt(cycle.length) - 1n));
    const value = add(fromDecimal(whole, fixed), nines);
    this.add({
      type: "number",
      value,
      raw: this.text.slice(start, this.at),
      decimal: null,
      repeating: true,
      space: this.space,
    });
  }

  /** The text of a {group} at this place, braces taken off; null where there is none. */
  group(): string | null {
    let from = this.at;
    while (this.text[from] === " ") from++;
    if (this.text[from] !== "{") return null;
    let depth = 0;
    for (let at = from; at < this.text.length; at++) {
      const character = this.text[at];
      if (character === "\\") at++;
      else if (character === "{") depth++;
      else if (character === "}" && --depth === 0) {
        this.at = at + 1;
        return this.text.slice(from + 1, at);
      }
    }
    throw new Refusal("malformed");
  }

  /** What stands in \text{}: words stay words, formulas in it are read as such. */
  quoted(content: string) {
    const inner = new Tokenizer(content.replace(/\$/g, " "), this.commas);
    for (const token of inner.all()) {
      const single = token.type === "symbol" && /^[a-zA-Z]$/.test(token.name);
      const space = this.space || token.space;
      this.add(
        single
          ? { type: "word", name: token.name, quoted: true, space }
          : { ...token, space, ...(token.type === "word" ? { quoted: true } : {}) },
      );
    }
  }

  command(name: string) {
    if (
      name === "mathbb" ||
      name === "mathbf" ||
      name === "mathcal" ||
      name === "mathrm" ||
      name === "operatorname" ||
      quotedCommands.has(name)
    ) {
      const content = this.group();
      if (content === null) {
        if (name !== "mathbb") return;
        this.push({ type: "command", name: `set-${this.text.slice(this.at).trimStart()[0] ?? ""}` });
        this.at = this.text.indexOf(this.text.slice(this.at).trimStart()[0] ?? "", this.at) + 1;
        return;
      }
      if (name === "mathbb") return this.push({ type: "command", name: `set-${content.trim()}` });
      if (name.startsWith("math") && /^\s*[A-Za-z]\s*$/.test(content)) {
        const letter = content.trim();
        // An upright letter is a unit or e, i; a bold one a vector's name.
        if (name === "mathrm" && !/[eid]/.test(letter))
          return this.add({ type: "word", name: letter, quoted: true, space: this.space });
        return this.push({ type: "symbol", name: letter });
      }
      return this.quoted(content);
    }
    if (skippedWithGroup.has(name)) {
      this.group();
      return;
    }
    if (name === "begin" || name === "end") {
      const environment = (this.group() ?? "").replace("*", "");
      if (name === "begin" && environment === "array") this.group();
      return this.push({ type: "command", name: `${name}-${environment}` });
    }
    if (name === "left" || name === "right") {
      if (this.text[this.at] === ".") this.at++;
      return;
    }
    if (layout.has(name) || name.trim() === "") {
      this.space = true;
      return;
    }
    const operator = operatorCommands.get(name);
    if (operator !== undefined) return this.push({ type: "operator", name: operator });
    if (greek.has(name)) return this.push({ type: "symbol", name: name.replace(/^var(?=epsilon|phi|theta)/, "") });
    this.push({ type: "command", name });
  }

  letters(run: string) {
    if (run.length === 1) return this.push({ type: "symbol", name: run });
    const lower = run.toLowerCase();
    if (functionNames.has(run) || (functionNames.has(lower) && run.length > 2))
      return this.push({ type: "command", name: functionNames.has(run) ? run : lower });
    if (lower === "pi") return this.push({ type: "command", name: "pi" });
    if (lower === "infinity" || lower === "inf" || run === "oo" || lower === "infty")
      return this.push({ type: "command", name: "infty" });
    if (lower === "and" || lower === "or") return this.push({ type: "operator", name: lower });
    if (lower === "union") return this.push({ type: "operator", name: "∪" });
    if (plainSymbols.has(lower)) return this.push({ type: "symbol", name: lower });
    const [, name, argument] = /^(sin|cos|tan|ln|log|sqrt)([a-z]|pi)$/.exec(run) ?? [];
    if (name && argument) {
      this.push({ type: "command", name });
      return argument === "pi"
        ? this.push({ type: "command", name: "pi" })
        : this.push({ type: "symbol", name: argument });
    }
    this.add({ type: "word", name: run, quoted: false, space: this.space });
  }

  all(): Token[] {
    while (this.at < this.text.length) {
      if (this.match(patterns.blank) !== null) {
        this.space = true;
        continue;
      }
      const character = this.text[this.at]!;
      if (
        (character >= "0" && character <= "9") ||
        (character === "." && /^\.(?:\d|\\overline|\\bar|\\dot)/.test(this.text.slice(this.at, this.at + 10)))
      ) {
        this.number();
        continue;
      }
      if (character === "\\") {
        const command = this.match(patterns.command);
        if (command === null) throw new Refusal("malformed");
        this.command(command[1]!);
        continue;
      }
      const run = this.match(patterns.letters);
      if (run !== null) {
        this.letters(run[0]);
        continue;
      }
      this.other(character);
    }
    return this.tokens;
  }

  other(character: string) {
    const part = vulgarFractions.get(character);
    if (part !== undefined) {
      this.at++;
      const value = divide(integer(part[0]), integer(part[1]));
      return this.add({ type: "number", value, raw: character, decimal: null, repeating: true, space: this.space });
    }
    let script = "";
    const alphabet = superscripts.includes(character) ? superscripts : subscripts;
    while (this.at < this.text.length && alphabet.includes(this.text[this.at]!))
      script += "0123456789+-n"[alphabet.indexOf(this.text[this.at++]!)];
    if (script !== "") {
      this.push({ type: "operator", name: alphabet === superscripts ? "^" : "_" });
      this.push({ type: "operator", name: "{" });
      const inner = new Tokenizer(script, "list");
      for (const token of inner.all()) this.add(token);
      return this.push({ type: "operator", name: "}" });
    }
    const dots = this.text.startsWith("...", this.at);
    const pair = dots ? "…" : operatorPairs.get(this.text.slice(this.at, this.at + 2));
    this.at += pair === undefined ? 1 : dots ? 3 : 2;
    if (pair !== undefined) return this.push({ type: "operator", name: pair });
    if (operatorCharacters.includes(character)) return this.push({ type: "operator", name: character });
    const command = commandCharacters.get(character);
    if (command !== undefined) return this.push({ type: "command", name: command });
    if (/\p{L}/u.test(character)) {
      const name = greekCharacters.get(character);
      if (name !== undefined) return this.push({ type: "symbol", name });
      return this.add({ type: "word", name: character, quoted: true, space: this.space });
    }
    if (character === "$" || character === '"' || character === "`" || character === "?") {
      this.space = true;
      return;
    }
    if ("€£¥₹".includes(character)) return this.add({ type: "word", name: character, quoted: true, space: this.space });
    throw new Refusal("malformed");
  }
}

/** Throws a Refusal for too many tokens, numbers beyond the limits or characters that are no mathematics. */
export function tokenize(text: string, commas: Commas): Token[] {
  return new Tokenizer(text, commas).all();
}
