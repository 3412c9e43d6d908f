/**
 * The kinds of value that a family asks for: how each is named in a prompt, read and written. A reader takes the whole
 * text or nothing, so that a list of candidates is never one value. No `eval`; every pattern is linear in its text.
 */
import { type Rational, rational } from "../rewards/expression.ts";
import { longestValue } from "./final-answer.ts";

export interface Kind<V> {
  /** How a prompt names it, between `<` and `>`: "whole number". */
  readonly form: string;
  /** null where the text is not one such value. */
  parse(text: string): V | null;
  /** The normal form: equal values, equal texts. */
  show(value: V): string;
}

/** `-1,234`, `42.0`, with a name in front (`x = 42`) or one of the units behind; at most 30 digits. */
const whole = /^(?:[A-Za-z]\w{0,15} ?= ?)?([-+\u2212]?)(\d{1,3}(?:,\d{3}){1,9}|\d{1,30})(?:\.0{1,6})?$/;

function parseWhole(text: string): bigint | null {
  const match = whole.exec(text);
  if (match === null) return null;
  const size = BigInt(match[2]!.replaceAll(",", ""));
  return match[1] === "-" || match[1] === "\u2212" ? -size : size;
}

/** The text without one of the units at its end. */
function withoutUnit(text: string, units: readonly string[]): string {
  const lower = text.toLowerCase();
  for (const unit of units) if (lower.endsWith(unit.toLowerCase())) return text.slice(0, -unit.length).trimEnd();
  return text;
}

export const wholeNumber: Kind<number | bigint> = {
  form: "whole number",
  parse: parseWhole,
  show: String,
};

/** A whole number; units are allowed behind it, the first is named in the prompt. */
export function amount(units: readonly string[], form = `number of ${units[0]}`): Kind<number | bigint> {
  return { form, parse: (text) => parseWhole(withoutUnit(text, units)), show: String };
}

const fractionPattern = /^([-+\u2212]?) ?(?:(\d{1,12}) )?(\d{1,12})(?: ?\/ ?(\d{1,12}))?$/;
const latexFraction = /^([-+\u2212]?)(\d{0,12}) ?\\[dt]?frac\{(\d{1,12})\}\{(\d{1,12})\}$/;

/** `-3/4`, `7`, the mixed `1 3/4`, `\frac{3}{4}`, as it is written: numerator and denominator are not reduced. */
export function parseFraction(text: string): { readonly numerator: bigint; readonly denominator: bigint } | null {
  const bareText = text.replace(/^[A-Za-z] ?= ?/, "");
  const match = fractionPattern.exec(bareText) ?? latexFraction.exec(bareText);
  if (match === null) return null;
  const [, sign, mixed, over, under] = match;
  if (mixed && under === undefined) return null;
  const denominator = BigInt(under ?? 1);
  if (denominator === 0n) return null;
  const numerator = BigInt(over!) + BigInt(mixed || 0) * denominator;
  return { numerator: sign === "-" || sign === "\u2212" ? -numerator : numerator, denominator };
}

/** A decimal `2.75` or a fraction, exact. */
export function parseRational(text: string): Rational | null {
  const decimal = /^(?:[A-Za-z] ?= ?)?([-+\u2212]?)(\d{1,12})\.(\d{1,9})$/.exec(text);
  if (decimal !== null) {
    const size = rational(BigInt(`${decimal[2]}${decimal[3]}`), 10n ** BigInt(decimal[3]!.length));
    return size === null || decimal[1] === "" || decimal[1] === "+"
      ? size
      : { numerator: -size.numerator, denominator: size.denominator };
  }
  const fraction = parseFraction(text.replace(/(\d),(?=\d{3}(?:\D|$))/g, "$1"));
  return fraction && rational(fraction.numerator, fraction.denominator);
}

/** One of a few words, upper and lower case alike; `aliases` maps other words to them. */
export function oneOf(words: readonly string[], aliases: Readonly<Record<string, string>> = {}): Kind<string> {
  return {
    form: words.length <= 4 ? words.join(" or ") : "word",
    parse(text) {
      const lower = text.toLowerCase();
      if (Object.hasOwn(aliases, lower)) return aliases[lower]!;
      return words.find((word) => word.toLowerCase() === lower) ?? null;
    },
    show: (word) => word,
  };
}

export const yesOrNo = oneOf(["yes", "no"], { true: "yes", false: "no" });

/** A text without spaces of these characters, compared to the letter. */
export function text(form: string, allowed: RegExp): Kind<string> {
  return {
    form,
    parse: (written) => (written.length <= longestValue && allowed.test(written) ? written : null),
    show: (value) => value,
  };
}

const brackets: Readonly<Record<string, string>> = { "[": "]", "(": ")", "{": "}" };

/** The parts of `3, 1, 2`, `[3, 1, 2]`, `3 1 2` or `{3, 1, 2}`, "none" for no parts; null where it is too long. */
export function parts(written: string): string[] | null {
  if (written.length > longestValue) return null;
  const close = brackets[written[0] ?? ""];
  const inner = close !== undefined && written.endsWith(close) ? written.slice(1, -1).trim() : written;
  if (inner === "" || inner.toLowerCase() === "none") return [];
  return inner.includes(",") ? inner.split(",").map((part) => part.trim()) : inner.split(/\s+/);
}

/** Values in order. */
export function listOf<V>(item: Kind<V>, form: string): Kind<readonly V[]> {
  return {
    form,
    parse(written) {
      const values = parts(written)?.map((part) => item.parse(part));
      return values === undefined || values.includes(null) ? null : (values as V[]);
    },
    show: (values) => (values.length === 0 ? "none" : values.map((value) => item.show(value)).join(", ")),
  };
}

/** Values without order, each once: one that stands twice makes it no set. */
export function setOf<V>(item: Kind<V>, form: string): Kind<readonly V[]> {
  const list = listOf(item, form);
  const sorted = (values: readonly V[]): string[] =>
    values.map((value) => item.show(value)).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return {
    form,
    parse(written) {
      const values = list.parse(written);
      return values !== null && new Set(sorted(values)).size === values.length ? values : null;
    },
    show: (values) => (values.length === 0 ? "none" : sorted(values).join(", ")),
  };
}

/**
 * A value for each of the names: `Ann = knight, Bob = knave`; `:`, `is` and `is a` do as well. Every name once, no
 * other name.
 */
export function assignment<V>(
  names: readonly string[],
  item: Kind<V>,
  form: string,
): Kind<Readonly<Record<string, V>>> {
  return {
    form,
    parse(written) {
      if (written.length > longestValue) return null;
      const found: Record<string, V> = {};
      const pieces = written.split(/ ?[,;] ?(?:and )?/);
      if (pieces.length !== names.length) return null;
      for (const piece of pieces) {
        const match = /^(\w{1,30}) ?(?:=|:| is an? | is ) ?(\S{1,30})$/.exec(piece.trim());
        const name = match && names.find((one) => one.toLowerCase() === match[1]!.toLowerCase());
        const value = match && item.parse(match[2]!);
        if (!name || value === null || Object.hasOwn(found, name)) return null;
        found[name] = value;
      }
      return found;
    },
    show: (values) => names.map((name) => `${name} = ${item.show(values[name]!)}`).join(", "),
  };
}
