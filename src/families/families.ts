import { AutodidactError } from "../errors.ts";
import type { Task } from "../tasks/task.ts";
import type { Family } from "./family.ts";

export interface FamilyEntry {
  /** What is asked, as the family itself says. */
  readonly summary: string;
  load(): Promise<Family>;
}

/** Every procedural family by name; its file is loaded only when it is asked for. */
export const families: Readonly<Record<string, FamilyEntry>> = {
  "countdown-three": {
    summary: "an expression of three numbers that makes the target",
    load: async () => (await import("./number-puzzle.ts")).countdownThree,
  },
  "countdown-four": {
    summary: "an expression of four numbers that makes the target",
    load: async () => (await import("./number-puzzle.ts")).countdownFour,
  },
  "twenty-four": {
    summary: "an expression of four numbers that makes 24",
    load: async () => (await import("./number-puzzle.ts")).twentyFour,
  },
  arithmetic: {
    summary: "the value of a chain of + - * with brackets",
    load: async () => (await import("./arithmetic.ts")).arithmetic,
  },
  product: {
    summary: "the product of two whole numbers",
    load: async () => (await import("./product.ts")).product,
  },
  division: {
    summary: "quotient and remainder of a division",
    load: async () => (await import("./division.ts")).division,
  },
  fractions: {
    summary: "a sum, difference, product or quotient of fractions in lowest terms",
    load: async () => (await import("./fractions.ts")).fractions,
  },
  percent: {
    summary: "a price after some changes in percent",
    load: async () => (await import("./percent.ts")).percent,
  },
  "linear-equation": {
    summary: "the x that solves a linear equation",
    load: async () => (await import("./linear-equation.ts")).linearEquation,
  },
  "linear-system": {
    summary: "the values of two or three unknowns in as many linear equations",
    load: async () => (await import("./linear-system.ts")).linearSystem,
  },
  modular: {
    summary: "the remainder of a product and sum, or of a power",
    load: async () => (await import("./modular.ts")).modular,
  },
  "gcd-lcm": {
    summary: "greatest common divisor or least common multiple of two or three numbers",
    load: async () => (await import("./gcd-lcm.ts")).gcdLcm,
  },
  "prime-factors": {
    summary: "the prime factors of a number",
    load: async () => (await import("./prime-factors.ts")).primeFactors,
  },
  "next-prime": {
    summary: "the smallest prime above a number",
    load: async () => (await import("./next-prime.ts")).nextPrimeFamily,
  },
  "number-base": {
    summary: "a number written in another base",
    load: async () => (await import("./number-base.ts")).numberBase,
  },
  roman: {
    summary: "Roman numerals read, written, added and subtracted",
    load: async () => (await import("./roman.ts")).romanNumerals,
  },
  sequence: {
    summary: "the next term of a sequence",
    load: async () => (await import("./sequence.ts")).sequence,
  },
  calendar: {
    summary: "the weekday of a date, from another date whose weekday is told",
    load: async () => (await import("./calendar.ts")).calendar,
  },
  clock: {
    summary: "the time after some durations ahead and back",
    load: async () => (await import("./clock.ts")).clock,
  },
  "unit-conversion": {
    summary: "a sum of amounts in one smaller unit",
    load: async () => (await import("./unit-conversion.ts")).unitConversion,
  },
  "word-problem": {
    summary: "a count at the end of a story with sentences that do not matter",
    load: async () => (await import("./word-problem.ts")).wordProblem,
  },
  sorting: {
    summary: "a list of whole numbers in ascending or descending order",
    load: async () => (await import("./sorting.ts")).sorting,
  },
  "binary-search": {
    summary: "the numbers that a binary search looks at",
    load: async () => (await import("./binary-search.ts")).binarySearch,
  },
  intervals: {
    summary: "the union of closed intervals, merged",
    load: async () => (await import("./intervals.ts")).intervals,
  },
  "set-operations": {
    summary: "the elements of a set made of others",
    load: async () => (await import("./set-operations.ts")).setOperations,
  },
  "subset-sum": {
    summary: "some of the given numbers that add up to a target",
    load: async () => (await import("./subset-sum.ts")).subsetSum,
  },
  "letter-count": {
    summary: "how often a letter stands in a text",
    load: async () => (await import("./letter-count.ts")).letterCount,
  },
  "string-edit": {
    summary: "a string after a list of edits",
    load: async () => (await import("./string-edit.ts")).stringEdit,
  },
  "edit-script": {
    summary: "a shortest chain of edits from one string to another",
    load: async () => (await import("./edit-script.ts")).editScript,
  },
  cipher: {
    summary: "a message read back that was written with shifted letters",
    load: async () => (await import("./cipher.ts")).cipher,
  },
  brackets: {
    summary: "the brackets that close what is open",
    load: async () => (await import("./brackets.ts")).brackets,
  },
  parity: {
    summary: "whether the number of ones in a string of bits is even or odd",
    load: async () => (await import("./parity.ts")).parity,
  },
  postfix: {
    summary: "the value of a calculation in postfix notation",
    load: async () => (await import("./postfix.ts")).postfix,
  },
  robot: {
    summary: "where a robot stands after its commands",
    load: async () => (await import("./robot.ts")).robot,
  },
  "graph-path": {
    summary: "a shortest path between two places",
    load: async () => (await import("./graph-path.ts")).graphPath,
  },
  "knights-knaves": {
    summary: "who is a knight and who a knave",
    load: async () => (await import("./knights-knaves.ts")).knightsKnaves,
  },
  zebra: {
    summary: "who lives in which house, from clues",
    load: async () => (await import("./zebra.ts")).zebra,
  },
  ordering: {
    summary: "an order of people from comparisons of two",
    load: async () => (await import("./ordering.ts")).ordering,
  },
  entailment: {
    summary: "whether a conclusion follows from premises of propositional logic",
    load: async () => (await import("./entailment.ts")).entailment,
  },
  "program-output": {
    summary: "what a short Python program prints",
    load: async () => (await import("./program-output.ts")).programOutput,
  },
  "write-program": {
    summary: "a Python program that gives the described outputs, judged by hidden tests",
    load: async () => (await import("./write-program.ts")).writeProgram,
  },
};

/** Tasks that ship and are no family: they keep to a form of their own. */
export const otherTasks: Readonly<Record<string, { readonly summary: string; load(): Promise<Task> }>> = {
  countdown: {
    summary: "Countdown in the short form of the small world, which its base model has read",
    load: async () => (await import("../tasks/countdown.ts")).countdown(),
  },
};

/**
 * The family of this name.
 * @throws AutodidactError TASK_UNKNOWN with the names that there are
 */
export async function loadFamily(name: string): Promise<Family> {
  if (!Object.hasOwn(families, name)) throw unknown(name, Object.keys(families));
  return families[name]!.load();
}

/**
 * The task of this name that ships: a family or another one.
 * @throws AutodidactError TASK_UNKNOWN with the names that there are
 */
export async function loadTask(name: string): Promise<Task> {
  if (Object.hasOwn(otherTasks, name)) return otherTasks[name]!.load();
  if (!Object.hasOwn(families, name)) throw unknown(name, [...Object.keys(families), ...Object.keys(otherTasks)]);
  return families[name]!.load() as Promise<Task>;
}

function unknown(name: string, names: readonly string[]): AutodidactError {
  return new AutodidactError("TASK_UNKNOWN", `${name}: no task of this name ships; there are ${names.join(", ")}`);
}
