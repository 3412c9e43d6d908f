import type { Cursor } from "./cursor.ts";
import { Refusal } from "./limits.ts";
import type { MathsNode, Unit } from "./node.ts";
import { powerRational } from "./rational.ts";
import { combineUnits, currency, letterUnits, magnitudes, meaningfulWords, units } from "./words.ts";

/** What reading a unit needs of the parser. */
interface UnitReader extends Cursor {
  script(below?: boolean): MathsNode | "degrees" | "prime";
}

const percents = new Set(["percent", "pct", "percentage", "percents"]);
/** Longest run of words that may stand behind a number. */
const longestNote = 8;

/** The unit that the word at this place names, without taking it; null for any other word. */
function named(reader: UnitReader, behindSlash = false): Unit | null {
  const token = reader.peek();
  if (behindSlash && token?.type === "symbol" && letterUnits.has(token.name)) return units.get(token.name) ?? null;
  if (token?.type !== "word") return null;
  if (letterUnits.has(token.name) && !token.quoted) return null;
  const name = currency.get(token.name) ?? token.name;
  return units.get(name) ?? units.get(name.toLowerCase()) ?? null;
}

const raise = (unit: Unit, power: number): Unit => ({
  dimension: power === 1 ? unit.dimension : `${unit.dimension}^${power}`,
  factor: powerRational(unit.factor, power),
});

/** A whole exponent behind a unit: `^2`, `^{2}`, `squared`; 1 where there is none. */
function exponent(reader: UnitReader): number {
  const token = reader.peek();
  if (token?.type === "word" && (token.name === "squared" || token.name === "cubed")) {
    reader.at++;
    return token.name === "squared" ? 2 : 3;
  }
  if (!reader.accept("^")) return 1;
  const node = reader.script();
  if (typeof node === "string" || node.kind === "negative") {
    if (typeof node !== "string" && node.kind === "negative" && node.arg.kind === "number" && node.arg.value.n < 5n)
      return -Number(node.arg.value.n);
    throw new Refusal("malformed");
  }
  if (node.kind !== "number" || node.value.d !== 1n || node.value.n > 4n || node.value.n < 1n)
    throw new Refusal("malformed");
  return Number(node.value.n);
}

/** `cm`, `square feet`, `km/h`, `metres per second squared`. */
function compound(reader: UnitReader): Unit | null {
  const token = reader.peek();
  let power = 1;
  const start = reader.at;
  if (token?.type === "word" && /^(?:square|sq|cubic|cu)$/.test(token.name)) {
    power = token.name.startsWith("s") ? 2 : 3;
    reader.at++;
  }
  const first = named(reader);
  if (first === null) {
    reader.at = start;
    return null;
  }
  reader.at++;
  let unit = raise(first, power * exponent(reader));
  while (true) {
    const next = reader.peek();
    const back = reader.at;
    const per = reader.accept("/") || (next?.type === "word" && next.name === "per");
    if (per && next?.type === "word") reader.at++;
    const second = per || reader.accept("*") || named(reader) !== null ? named(reader, per) : null;
    if (second === null) {
      reader.at = back;
      return unit;
    }
    reader.at++;
    unit = combineUnits(unit, raise(second, exponent(reader)), per ? -1 : 1);
  }
}

/**
 * Takes what may stand behind a value: a percent word, a magnitude, a unit, or words that say nothing we know ("apples").
 * Null where no such thing follows. Words that would change the meaning ("5 or more") make the answer unreadable instead.
 */
export function readUnit(reader: UnitReader, value: MathsNode): MathsNode | null {
  if (reader.accept("%")) return { kind: "percent", arg: value };
  const token = reader.peek();
  if (token?.type !== "word" || (reader.integrals > 0 && /^d[a-z]$/.test(token.name))) return null;
  const lower = token.name.toLowerCase();
  if (percents.has(lower)) {
    reader.at++;
    return { kind: "percent", arg: value };
  }
  const magnitude = magnitudes.get(lower);
  if (magnitude !== undefined) {
    reader.at++;
    return { kind: "product", args: [value, { kind: "number", value: { n: magnitude, d: 1n } }] };
  }
  const unit = compound(reader);
  if (unit !== null) return { kind: "quantity", arg: value, unit };
  // "is" and "where" do not follow a value; a unit stays open behind a slash.
  let words = 0;
  for (
    let next = reader.peek();
    next?.type === "word" || (words > 0 && next?.type === "operator" && next.name === "/");
    next = reader.peek()
  ) {
    if (next.type === "word" && meaningfulWords.has(next.name.toLowerCase())) throw new Refusal("malformed");
    if (++words > longestNote) throw new Refusal("malformed");
    reader.at++;
  }
  if (words === 0) return null;
  if (reader.accept("^")) reader.script();
  return { kind: "quantity", arg: value, unit: null };
}
readUnit.names = named;
