import type { Unit } from "./node.ts";
import { fromDecimal, type Rational, rational } from "./rational.ts";

/** The words an answer is made of, where they mean more than themselves. */

/** Functions of one argument that may stand without brackets: `sin x`, `\ln 2`. */
export const functionNames: ReadonlySet<string> = new Set(
  (
    "sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc asin acos atan " +
    "arcsinh arccosh arctanh asinh acosh atanh log ln lg exp sqrt cbrt abs sgn sign floor ceil det tr dim deg arg Re Im ker rank " +
    "max min gcd lcm mod binom factorial phi conj"
  ).split(" "),
);

/** Spelled-out Greek letters and the like, as people type them without LaTeX. */
export const plainSymbols: ReadonlySet<string> = new Set(
  "alpha beta gamma delta epsilon theta lambda mu sigma omega rho tau psi zeta eta kappa".split(" "),
);

const unitRows: readonly (readonly [dimension: string, factor: string, names: string])[] = [
  ["length", "1", "m meter meters metre metres"],
  ["length", "1000", "km kilometer kilometers kilometre kilometres"],
  ["length", "0.01", "cm centimeter centimeters centimetre centimetres"],
  ["length", "0.001", "mm millimeter millimeters millimetre millimetres"],
  ["length", "0.0254", "in inch inches"],
  ["length", "0.3048", "ft foot feet"],
  ["length", "0.9144", "yd yard yards"],
  ["length", "1609.344", "mi mile miles"],
  ["mass", "1", "g gram grams"],
  ["mass", "1000", "kg kilogram kilograms"],
  ["mass", "0.001", "mg milligram milligrams"],
  ["mass", "453.59237", "lb lbs pound pounds"],
  ["mass", "28.349523125", "oz ounce ounces"],
  ["time", "1", "s sec secs second seconds"],
  ["time", "60", "min mins minute minutes"],
  ["time", "3600", "h hr hrs hour hours"],
  ["time", "86400", "day days"],
  ["time", "604800", "week weeks"],
  ["months", "1", "month months"],
  ["months", "12", "year years yr yrs"],
  ["volume", "1", "L l liter liters litre litres"],
  ["volume", "0.001", "ml mL milliliter milliliters millilitre millilitres"],
  ["gallons", "1", "gal gallon gallons"],
  ["gallons", "0.25", "quart quarts qt"],
  ["gallons", "0.125", "pint pints pt"],
  ["gallons", "0.0625", "cup cups"],
  ["dollars", "1", "dollar dollars usd USD"],
  ["dollars", "0.01", "cent cents"],
  ["euros", "1", "euro euros EUR"],
  ["yuan", "1", "yuan rmb RMB"],
  ["rupees", "1", "rupee rupees Rs"],
  ["pence", "1", "pence"],
  ["degrees", "1", "degree degrees deg"],
  ["degrees", "0.016666666666666666666", "arcmin"],
  ["radians", "1", "radian radians rad rads"],
  ["speed-mph", "1", "mph"],
  ["speed-kmh", "1", "kmh kph"],
  ["energy", "1", "J joule joules"],
  ["energy", "1000", "kJ kilojoule kilojoules"],
  ["force", "1", "newton newtons"],
  ["power", "1", "watt watts"],
  ["power", "1000", "kW kilowatt kilowatts"],
  ["frequency", "1", "Hz hertz"],
  ["amount", "1", "mol mole moles"],
  ["celsius", "1", "Celsius celsius"],
  ["fahrenheit", "1", "Fahrenheit fahrenheit"],
  ["pressure", "1", "Pa pascal pascals"],
  ["potential", "1", "volt volts"],
  ["charge", "1", "coulomb coulombs"],
];

const decimal = (text: string): Rational => {
  const [whole = "", fraction = ""] = text.split(".");
  return fromDecimal(whole, fraction);
};

export const units: ReadonlyMap<string, Unit> = new Map(
  unitRows.flatMap(([dimension, factor, names]) =>
    names.split(" ").map((name): [string, Unit] => [name, { dimension, factor: decimal(factor) }]),
  ),
);

/** Single letters that are a unit only where the text says so (\text{m}) or where a number without a unit is asked for. */
export const letterUnits: ReadonlySet<string> = new Set(["m", "g", "s", "h", "L", "l", "J"]);

export const currency: ReadonlyMap<string, string> = new Map([
  ["€", "euro"],
  ["£", "pound"],
  ["¥", "yuan"],
  ["₹", "rupee"],
]);

/** Two units multiplied or divided: "length/time", "length^2". */
export function combineUnits(a: Unit, b: Unit, power: 1 | -1): Unit {
  const factor =
    power === 1
      ? rational(a.factor.n * b.factor.n, a.factor.d * b.factor.d)
      : rational(a.factor.n * b.factor.d, a.factor.d * b.factor.n);
  return { dimension: `${a.dimension}${power === 1 ? "*" : "/"}${b.dimension}`, factor };
}

const small = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen " +
  "eighteen nineteen twenty"
).split(" ");

/** Number words; larger ones are left as text. */
export const numberWords: ReadonlyMap<string, number> = new Map<string, number>([
  ...small.map((word, value): [string, number] => [word, value]),
  ["thirty", 30],
  ["forty", 40],
  ["fifty", 50],
  ["sixty", 60],
  ["seventy", 70],
  ["eighty", 80],
  ["ninety", 90],
]);

/** Behind a number they are part of it: "5 million". */
export const magnitudes: ReadonlyMap<string, bigint> = new Map([
  ["hundred", 100n],
  ["thousand", 1000n],
  ["million", 10n ** 6n],
  ["billion", 10n ** 9n],
  ["trillion", 10n ** 12n],
]);

/** Words that change what the number beside them means; an answer with one is not cut down to its number. */
export const meaningfulWords: ReadonlySet<string> = new Set(
  (
    "not no or and than more less fewer least most over under between except but if when for all any every other plus minus " +
    "times divided by to from without unless either neither where with only below above before after negative positive " +
    "even odd prime composite rational irrational undefined infinite half double twice is are was mod wrong incorrect instead"
  ).split(" "),
);

/** Different words for one answer. */
export const sameText: ReadonlyMap<string, string> = new Map([
  ["yes", "true"],
  ["correct", "true"],
  ["t", "true"],
  ["no", "false"],
  ["incorrect", "false"],
  ["dne", "undefined"],
  ["does not exist", "undefined"],
  ["doesnt exist", "undefined"],
  ["not defined", "undefined"],
  ["none", "no solution"],
  ["no solutions", "no solution"],
  ["no real solution", "no solution"],
  ["no real solutions", "no solution"],
  ["no such number", "no solution"],
  ["empty set", "no solution"],
  ["null set", "no solution"],
  ["impossible", "no solution"],
  ["all reals", "all real numbers"],
  ["all real number", "all real numbers"],
  ["real numbers", "all real numbers"],
  ["set of all real numbers", "all real numbers"],
  ["是", "true"],
  ["否", "false"],
  ["无解", "no solution"],
]);
