import { mathsLimits, Refusal } from "./limits.ts";
import type { Token } from "./tokens.ts";

/** A place in the tokens, and what is open there. */
export class Cursor {
  readonly tokens: readonly Token[];
  at = 0;
  depth = 0;
  /** How many | are open: then the next one closes; -1 in a set, where it divides. */
  bars = 0;
  integrals = 0;
  /** In ]a, b[ a [ closes. */
  reversed = false;
  /** Variables of sums being read; `i` is then no imaginary unit. */
  readonly bound: string[] = [];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }

  operator(name: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.type === "operator" && token.name === name;
  }

  command(name: string): boolean {
    const token = this.peek();
    return token?.type === "command" && token.name === name;
  }

  accept(name: string): boolean {
    if (!this.operator(name)) return false;
    this.at++;
    return true;
  }

  expect(...names: string[]): string {
    const token = this.peek();
    if (token?.type !== "operator" || !names.includes(token.name)) throw new Refusal("malformed");
    this.at++;
    return token.name;
  }

  nested<T>(read: () => T): T {
    if (++this.depth > mathsLimits.depth) throw new Refusal("too-deep");
    const value = read();
    this.depth--;
    return value;
  }
}
