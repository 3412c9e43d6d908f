import { basedValue } from "./exact.ts";
import { type Budget, type MathsFault, mathsLimits, Refusal } from "./limits.ts";
import { isArithmetic, isScalar, type MathsNode, someNode, type Unit } from "./node.ts";
import { compareRational, formatRational, one, rational } from "./rational.ts";
import { realSetOf, sameSet } from "./real-set.ts";
import { assignedName, assignedValue, type RelationNode, sameRelation } from "./relation.ts";
import { expandPlusMinus, scaledMatrix } from "./rewrite.ts";
import { compareScalars, type Scalar, scalarOf } from "./scalar.ts";

export interface EqualityOptions {
  /**
   * "either": 28% is 0.28, and where one side has no sign also 28, unless the gold is a bare number below 1. "exact": 28% is
   * 0.28 only.
   */
  readonly percent?: "either" | "exact";
}

/** Compares two trees; the first is the gold. One instance for one comparison. */
export class Equality {
  readonly budget: Budget;
  readonly options: EqualityOptions;
  /** What kept a value from being known, for the reason. */
  fault: MathsFault | null = null;

  constructor(budget: Budget, options: EqualityOptions) {
    this.budget = budget;
    this.options = options;
  }

  scalars(a: Scalar | null, b: Scalar | null): boolean {
    if (a === null || b === null) return false;
    const { equal, fault } = compareScalars(a, b, this.budget);
    if (fault !== undefined) this.fault ??= fault;
    return equal;
  }

  scalar(node: MathsNode): Scalar | null {
    try {
      return scalarOf(node, this.budget);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.fault ??= error.fault;
      return null;
    }
  }

  /** Are the whole answers the same? */
  answers(gold: MathsNode, answer: MathsNode): boolean {
    const wide = (node: MathsNode, together: boolean): MathsNode => expandPlusMinus(node, together);
    if (this.same(wide(gold, true), wide(answer, true))) return true;
    const several = [gold, answer].some((node) => wide(node, true) !== wide(node, false));
    return several && this.same(wide(gold, false), wide(answer, false));
  }

  same = (gold: MathsNode, answer: MathsNode): boolean => {
    this.budget.spend(4);
    const [a, b] = [scaledMatrix(gold), scaledMatrix(answer)];
    if (a.kind === "relation" || b.kind === "relation") return this.relations(a, b);
    if (a.kind === "modulo" || b.kind === "modulo") return this.modulo(a, b);
    if (a.kind === "ratio" || b.kind === "ratio") return this.ratios(a, b);
    if (a.kind === "based" || b.kind === "based") return this.based(a, b);
    if (isScalar(a) && isScalar(b)) return this.quantities(a, b);
    if (a.kind === "dots" || b.kind === "dots") return a.kind === b.kind;
    if (a.kind === "named-set" && b.kind === "named-set") return a.name === b.name;
    return this.collections(a, b);
  };

  relations(a: MathsNode, b: MathsNode): boolean {
    if (a.kind === "relation" && b.kind === "relation") {
      if (sameRelation(a, b, this.same, this.budget)) return true;
      if (this.sets(a, b)) return true;
      // S = ab = 6 against S = 6, or a name on one side that the other does without.
      const [x, y] = [assignedValue(a, false), assignedValue(b, true)];
      const names = [assignedName(a), assignedName(b)];
      const named = names[0] !== null && names[1] !== null;
      const chained = a.args.length > 2 || b.args.length > 2;
      const firsts = chained && this.same(a.args[0]!, b.args[0]!);
      return x !== null && y !== null && (firsts || (!named && !chained && isLonger(a, b))) && this.same(x, y);
    }
    const [relation, other] = a.kind === "relation" ? [a, b] : [b as RelationNode, a];
    // An identity that was worked out: (x+1)^2 = x^2+2x+1.
    const steps =
      relation === b &&
      relation.operators.every((operator) => operator === "=") &&
      relation.args.every((arg) => isArithmetic(arg));
    if (steps && this.same(a, relation.args.at(-1)!) && relation.args.every((arg) => this.same(a, arg))) return true;
    const value = assignedValue(relation, relation === b);
    if (value !== null && (a.kind === "relation" ? this.same(value, other) : this.same(other, value))) return true;
    return other.kind === "list" ? this.collections(a, b) : this.sets(a, b);
  }

  sets(a: MathsNode, b: MathsNode): boolean {
    try {
      const [x, y] = [realSetOf(a, this.budget), realSetOf(b, this.budget)];
      return x !== null && y !== null && (!(x.points && y.points) || isComputed(a) || isComputed(b)) && sameSet(x, y);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.fault ??= error.fault;
      return false;
    }
  }

  modulo(a: MathsNode, b: MathsNode): boolean {
    const [x, y] = [a, b].map((node) => (node.kind === "modulo" ? node.arg : node)) as [MathsNode, MathsNode];
    if (a.kind !== "modulo" || b.kind !== "modulo") return this.same(x, y);
    if (!this.same(a.modulus, b.modulus)) return false;
    if (this.same(x, y)) return true;
    const side = (node: MathsNode): Scalar | null => this.scalar(node.kind === "relation" ? node.args.at(-1)! : node);
    const names = [x, y].map((node) => (node.kind === "relation" ? node.args[0]! : null));
    if ((names[0] === null) !== (names[1] === null) || (names[0] && names[1] && !this.same(names[0], names[1])))
      return false;
    const [p, q, m] = [side(x)?.rational, side(y)?.rational, this.scalar(a.modulus)?.rational];
    if (!p || !q || !m || m.n === 0n || p.d !== 1n || q.d !== 1n || m.d !== 1n) return false;
    return (p.n - q.n) % m.n === 0n;
  }

  ratios(a: MathsNode, b: MathsNode): boolean {
    if (a.kind === "ratio" && b.kind === "ratio") {
      if (a.clock !== null || b.clock !== null) {
        if (a.clock === null || b.clock === null) {
          // 5:30 and 5:30 pm: the half of the day may be left out.
          const [clock, plain] = a.clock === null ? [b.clock!, a] : [a.clock, b as typeof a];
          if (plain.parts.some((part) => part.kind !== "number")) return false;
          return sameTime(
            clock,
            `${plain.parts.map((part) => (part.kind === "number" ? formatRational(part.value) : "")).join(":")} `,
          );
        }
        return sameTime(a.clock, b.clock);
      }
      if (a.parts.length !== b.parts.length) return false;
      const proportion = (parts: readonly MathsNode[], other: readonly MathsNode[], i: number): boolean =>
        this.same({ kind: "product", args: [parts[0]!, other[i]!] }, { kind: "product", args: [parts[i]!, other[0]!] });
      if (a.parts.some((part) => part.kind === "dots") || b.parts.some((part) => part.kind === "dots"))
        return a.parts.every((part, i) => this.same(part, b.parts[i]!));
      return a.parts.every((_, i) => i === 0 || proportion(a.parts, b.parts, i));
    }
    const [ratio, other] = a.kind === "ratio" ? [a, b] : [b as MathsNode & { kind: "ratio" }, a];
    if (other.kind === "quantity") return this.ratios(ratio, other.arg);
    if (ratio.clock !== null || ratio.parts.length !== 2 || !isScalar(other) || isTimeOfDay(ratio.parts)) return false;
    return this.quantities({ kind: "quotient", left: ratio.parts[0]!, right: ratio.parts[1]! }, other);
  }

  /** 1010_2 is 1010 where the base is left out; two bases are compared by value. */
  based(a: MathsNode, b: MathsNode): boolean {
    if (a.kind === "based" && b.kind === "based")
      return compareRational(basedValue(a.digits, a.base), basedValue(b.digits, b.base)) === 0;
    const [based, other] = a.kind === "based" ? [a, b] : [b as MathsNode & { kind: "based" }, a];
    return (
      other.kind === "number" &&
      /^\d+$/.test(based.digits) &&
      compareRational(other.value, rational(BigInt(based.digits))) === 0
    );
  }

  quantities(a: MathsNode, b: MathsNode): boolean {
    const [x, y] = [peel(a), peel(b)];
    const [p, q] = [this.scalar(x.core), this.scalar(y.core)];
    if (x.percent || y.percent) {
      if (x.percent && y.percent) return this.scalars(p, q);
      const value = (side: Peeled): Scalar | null =>
        this.scalar(side.percent ? { kind: "percent", arg: side.core } : side.core);
      if (this.scalars(value(x), value(y))) return true;
      if (this.options.percent === "exact") return false;
      const size = p?.rational;
      const below = y.percent && size && compareRational({ n: size.n < 0n ? -size.n : size.n, d: size.d }, one) < 0;
      return !below && this.scalars(p, q);
    }
    if (x.unit === null || y.unit === null || x.unit.dimension === y.unit.dimension) {
      if (x.unit !== null && y.unit !== null && compareRational(x.unit.factor, y.unit.factor) !== 0) {
        const inBase = (side: Peeled): Scalar | null =>
          this.scalar({ kind: "product", args: [side.core, { kind: "number", value: side.unit!.factor }] });
        return this.scalars(inBase(x), inBase(y));
      }
      if (this.scalars(p, q)) return true;
      // 90° is π/2, where one side has no unit.
      const angle = (side: Peeled): boolean => side.unit?.dimension === "degrees";
      return angle(x) !== angle(y) && this.scalars(this.scalar(a), this.scalar(b));
    }
    const kinds = [x.unit.dimension, y.unit.dimension];
    if (kinds.includes("degrees") && kinds.includes("radians")) return this.scalars(this.scalar(a), this.scalar(b));
    return (
      kinds.includes("degrees") &&
      kinds.some((kind) => kind === "celsius" || kind === "fahrenheit") &&
      this.scalars(p, q)
    );
  }

  /** Lists, sets, tuples, intervals and matrices. */
  collections(a: MathsNode, b: MathsNode): boolean {
    if (a.kind === "matrix" || b.kind === "matrix" || isRows(a) || isRows(b)) {
      const [x, y] = [rowsOf(a), rowsOf(b)];
      if (x === null || y === null) return false;
      const flat = x.every((row) => row.length === 1) || x.length === 1;
      const shape = x.length === y.length && x.every((row, i) => row.length === y[i]!.length);
      const vectors =
        flat && (y.length === 1 || y.every((row) => row.length === 1)) && (a.kind !== "matrix" || b.kind !== "matrix");
      return (shape || vectors) && this.ordered(x.flat(), y.flat());
    }
    if (a.kind === "group" && b.kind === "group") {
      if (a.items.length !== b.items.length) return false;
      const square = (node: typeof a): string => `${node.open === "[" ? "[" : "("}${node.close === "]" ? "]" : ")"}`;
      if (a.items.length === 2 && square(a) !== square(b)) return false;
      return this.ordered(a.items, b.items) || this.sets(a, b);
    }
    if (a.kind === "group" || b.kind === "group") {
      const [group, other] = a.kind === "group" ? [a, b] : [b as MathsNode & { kind: "group" }, a];
      if (other.kind === "list" && group.open !== "[" && !isAlternative(other)) {
        const items = valuesOf(other);
        if (a.kind === "group" ? this.ordered(group.items, items) : this.ordered(items, group.items)) return true;
      }
      return this.sets(a, b);
    }
    const [x, y] = [itemsOf(a), itemsOf(b)];
    if (x !== null && y !== null) {
      if (x.some((item) => item.kind === "dots")) return this.ordered(x, y);
      if (this.unordered(x, y, a.kind === "set" || b.kind === "set")) return true;
      const [v, w] = [valuesOf(a), valuesOf(b)];
      // n = 1, 2, 3 and x = 1 or x = 2 are lists of values; x = 1, y = 2 is not where the other side has names too.
      const names = (node: MathsNode): string =>
        (node.kind === "list" ? node.items.map((item) => assignedName(item) ?? "") : []).join();
      const bothNamed = names(a).replaceAll(",", "") !== "" && names(b).replaceAll(",", "") !== "";
      if (!bothNamed && (v !== x || w !== y)) {
        const distinct = (node: MathsNode): boolean =>
          new Set(names(node).split(",")).size > 1 && !names(node).split(",").slice(1).includes("");
        if (distinct(a) || distinct(b) ? this.ordered(v, w) : this.unordered(v, w, false)) return true;
      }
    }
    return this.sets(a, b);
  }

  ordered(a: readonly MathsNode[], b: readonly MathsNode[]): boolean {
    return a.length === b.length && a.every((item, i) => this.same(item, b[i]!));
  }

  unordered(a: readonly MathsNode[], b: readonly MathsNode[], distinct: boolean): boolean {
    if (a.length > mathsLimits.items || b.length > mathsLimits.items) {
      this.fault ??= "too-long";
      return false;
    }
    const has = (items: readonly MathsNode[], wanted: MathsNode, goldFirst: boolean): number =>
      items.findIndex((item) => (goldFirst ? this.same(wanted, item) : this.same(item, wanted)));
    if (distinct) return a.every((item) => has(b, item, true) >= 0) && b.every((item) => has(a, item, false) >= 0);
    if (a.length !== b.length) return false;
    const open = [...b];
    return a.every((item) => {
      const found = has(open, item, true);
      if (found >= 0) open.splice(found, 1);
      return found >= 0;
    });
  }
}

const isComputed = (node: MathsNode): boolean => node.kind === "set-operation" || node.kind === "builder";

/** The gold has a plain name on the left, the answer a longer one ("f(x) = " or "AB = "). */
const isLonger = (a: RelationNode, b: RelationNode): boolean =>
  a.args[0]!.kind !== "symbol" && b.args[0]!.kind === "symbol" && b.args[0]!.name === "y";

/** x = 1 or x = 2: no tuple. */
function isAlternative(list: MathsNode & { kind: "list" }): boolean {
  const names = list.items.map(assignedName).filter((name) => name !== null);
  return list.join === "or" || new Set(names).size < names.length;
}

/** 9:30 may be a ratio beside another ratio, but it is not 3/10. */
function isTimeOfDay([hours, minutes]: readonly MathsNode[]): boolean {
  if (hours?.kind !== "number" || minutes?.kind !== "number") return false;
  const [h, m] = [hours.value.n, minutes.value.n];
  return hours.value.d === 1n && minutes.value.d === 1n && h >= 0n && h < 24n && m >= 10n && m < 60n;
}

function sameTime(a: string, b: string): boolean {
  const minutes = (clock: string): number[] => {
    const [time = "", half = ""] = clock.split(" ");
    const [hours = 0, ...rest] = time.split(":").map(Number);
    const hour = half === "" ? hours : (hours % 12) + (half === "pm" ? 12 : 0);
    return [hour * 60 + (rest[0] ?? 0), rest[1] ?? 0, half === "" ? 0 : 1];
  };
  const [[x, s, p], [y, t, q]] = [minutes(a), minutes(b)] as [number[], number[]];
  if (s !== t) return false;
  // Without am or pm, up to 12 o'clock may be either; 17:30 is not.
  const open = p !== q && (p === 0 ? x! < 780 : y! < 780);
  return x === y || (open && x! % 720 === y! % 720);
}

interface Peeled {
  readonly core: MathsNode;
  readonly percent: boolean;
  readonly unit: Unit | null;
}

/** Percent sign and unit taken off. */
function peel(node: MathsNode): Peeled {
  if (node.kind === "percent") return { core: peel(node.arg).core, percent: true, unit: null };
  if (node.kind === "quantity") return { ...peel(node.arg), unit: node.unit };
  if (node.kind === "negative" && (node.arg.kind === "percent" || node.arg.kind === "quantity")) {
    const inner = peel(node.arg);
    return { ...inner, core: { kind: "negative", arg: inner.core } };
  }
  return { core: node, percent: false, unit: null };
}

function itemsOf(node: MathsNode): readonly MathsNode[] | null {
  if (node.kind === "list" || node.kind === "set") return node.items;
  return node.kind === "matrix" ||
    node.kind === "group" ||
    node.kind === "named-set" ||
    node.kind === "set-operation" ||
    node.kind === "builder"
    ? null
    : [node];
}

/** Items with their names taken off: n = 1, 2, 3; x = 1, y = 2; x = 3 or x = 4. */
function valuesOf(node: MathsNode): readonly MathsNode[] {
  const items = itemsOf(node) ?? [node];
  const values = items.map((item) => (item.kind === "relation" ? assignedValue(item, false) : item));
  if (values.some((value) => value === null) || items.every((item) => item.kind !== "relation")) return items;
  return values as readonly MathsNode[];
}

const isRows = (node: MathsNode): boolean =>
  node.kind === "group" &&
  node.open === "[" &&
  node.items.every((item) => item.kind === "group" && item.open === "[") &&
  node.items.length > 1 &&
  !node.items.some((item) => someNode(item, (one) => one.kind === "constant" && one.name === "infinity"));

function rowsOf(node: MathsNode): readonly (readonly MathsNode[])[] | null {
  if (node.kind === "matrix") return node.rows;
  if (isRows(node))
    return (node as MathsNode & { kind: "group" }).items.map((item) => (item as MathsNode & { kind: "group" }).items);
  if (node.kind === "group" && (node.items.length > 2 || (node.open === "[") === (node.close === "]")))
    return [node.items];
  if (node.kind === "list") return [node.items];
  return isScalar(node) ? [[node]] : null;
}
