/**
 * A family: endless problems of one kind in five levels, made by a program that also knows the answer. This file has
 * what all families share, so that a family itself is a page: how its problems are drawn, asked, solved and checked.
 */
import { AutodidactError } from "../errors.ts";
import { hashKey, random as keyed, type Random } from "../random.ts";
import { type Answer, defineTask, type Problem, type Split, type Task, type Verdict } from "../tasks/task.ts";
import { finalAnswer, longestValue, strictAnswer } from "./final-answer.ts";
import type { Kind } from "./values.ts";

/** What grows with the level: figures and words, shown by `autodidact task show`. */
export type Size = Readonly<Record<string, number | string | readonly (number | string)[]>>;

export interface FamilyProblem<C = unknown> extends Problem {
  readonly family: string;
  /** What defines the problem; plain JSON. */
  readonly content: C;
}

/** How the problems of a family are made and asked. */
export interface FamilyProblems<S extends Size, C> {
  readonly name: string;
  /** A few words on what is asked. */
  readonly asks: string;
  /** What grows with the level, in words; the figures are in `levels`. */
  readonly grows: string;
  /** Sizes of levels 1 to 5. */
  readonly levels: readonly [S, S, S, S, S];
  /**
   * A problem's content; null where the draw came to nothing and another is to be made. `wanted` tells of a text that
   * `same` would give whether it is of the split asked for: a costly draw can be given up early.
   */
  draw(size: S, random: Random, wanted: (same: string) => boolean): C | null;
  /**
   * Where an answer of few values could be guessed: the class of a content, and the classes of a size. Each class comes
   * as often as the others.
   */
  readonly balance?: { classes(size: S): readonly (string | number)[]; of(content: C): string | number };
  /** What the split goes by: contents that come to the same problem give the same text. @default the content as JSON */
  same?(content: C): string;
  /** The question with its rule. */
  ask(content: C): string;
}

/** A family with one final answer on the last line. */
export interface FamilyDeclaration<S extends Size, C, V> extends FamilyProblems<S, C> {
  /** What kind of value is asked for, how it is read and written. */
  readonly kind: Kind<V> | ((content: C) => Kind<V>);
  /** A right value. */
  solve(content: C): NoInfer<V>;
  /**
   * Where several values are right, or a wrong one deserves a name: the reason code of a value, "correct" for a right
   * one. @default "correct" for what `solve` gives, "wrong-value" for all else
   */
  check?(value: NoInfer<V>, content: C): string;
  /** What votes count by, where different values come to the same. @default the value's normal form */
  vote?(value: NoInfer<V>, content: C): string;
  /** Short reasoning that leads to the answer. */
  steps(content: C): string;
}

/** A family whose answer is something else than a value, a program for instance. */
export interface FreeFamilyDeclaration<S extends Size, C>
  extends FamilyProblems<S, C>,
    Pick<Task<FamilyProblem<C>>, "rewards"> {
  /** Says in the prompt how the answer has to be given. */
  ending(content: C): string;
  /** A whole completion that earns full marks. */
  gold(content: C): string;
}

export interface Family<C = unknown> extends Task<FamilyProblem<C>> {
  readonly asks: string;
  readonly grows: string;
  readonly levels: readonly Size[];
  /** The same family with some of its levels, each as often as it is named. */
  at(levels: readonly number[]): Family<C>;
}

/** One share of the contents in this many is kept for the held-out split. */
const heldOutOneIn = 5;
/** Known problems in a row after which a level is taken to have no others. */
const repeats = 1_000;
/** Draws for one problem after which the family is taken to be broken. */
const draws = 100_000;

/** Declares a family that asks for a value. docs/tasks.md shows how to write one. */
export function defineFamily<S extends Size, C, V>(declaration: FamilyDeclaration<S, C, V>): Family<C> {
  const kindOf = (content: C): Kind<V> =>
    typeof declaration.kind === "function" ? declaration.kind(content) : declaration.kind;
  return defineFreeFamily<S, C>({
    ...declaration,
    rewards: {
      accuracy: { weight: 1, verify: (given, { content }) => grade(given, content, kindOf(content), declaration) },
      // Weight 0: how many keep to the letter of the form is reported and never rewarded.
      format: { weight: 0, verify: (given, { content }) => gradeForm(given, kindOf(content)) },
    },
    ending: (content) => `The last line of your reply must be:\nAnswer: <${kindOf(content).form}>`,
    gold: (content) => `${declaration.steps(content)}\nAnswer: ${kindOf(content).show(declaration.solve(content))}`,
  });
}

/** Declares a family that brings its own way of giving and grading an answer. */
export function defineFreeFamily<S extends Size, C>(declaration: FreeFamilyDeclaration<S, C>): Family<C> {
  return familyAt(declaration, [1, 2, 3, 4, 5]);
}

function familyAt<S extends Size, C>(declaration: FreeFamilyDeclaration<S, C>, levels: readonly number[]): Family<C> {
  const { name, asks, grows, rewards } = declaration;
  if (levels.length === 0 || levels.some((level) => !Number.isInteger(level) || level < 1 || level > 5))
    throw new AutodidactError(
      "FAMILY_LEVELS",
      `${name}: levels is [${levels.join(", ")}]: name at least one level from 1 to 5, for instance [1, 2]`,
    );
  return {
    ...defineTask<FamilyProblem<C>>({
      name,
      problems: (split, random) => problems(declaration, levels, split, random),
      rewards,
      gold: ({ content }) => declaration.gold(content),
    }),
    asks,
    grows,
    levels: declaration.levels,
    at: (some) => familyAt(declaration, some),
  };
}

/** Levels in turn. "train" never ends; "eval" ends where a level has no new problem, so that each prefix is balanced. */
function* problems<S extends Size, C>(
  declaration: FreeFamilyDeclaration<S, C>,
  levels: readonly number[],
  split: Split,
  random: Random,
): Generator<FamilyProblem<C>> {
  const streams = new Map(
    levels.map((level) => {
      // A level's held-out list is the same whichever other levels are drawn.
      const stream = split === "eval" ? keyed("families", declaration.name, "eval", level) : random;
      return [level, levelStream(declaration, level, split, stream)] as const;
    }),
  );
  const seen = new Set<string>();
  while (true) {
    for (const level of levels) {
      let problem = streams.get(level)!.next().value;
      for (let known = 0; split === "eval" && seen.has(problem.id); known++) {
        if (known === repeats) return;
        problem = streams.get(level)!.next().value;
      }
      if (split === "eval") seen.add(problem.id);
      yield problem;
    }
  }
}

function* levelStream<S extends Size, C>(
  declaration: FreeFamilyDeclaration<S, C>,
  level: number,
  split: Split,
  random: Random,
): Generator<FamilyProblem<C>, never> {
  const { name, balance, same = JSON.stringify } = declaration;
  const size = declaration.levels[level - 1]!;
  const wanted = (text: string): boolean => splitOf(name, text) === split;
  let deck: (string | number)[] = [];
  while (true) {
    if (balance && deck.length === 0) deck = random.shuffle(balance.classes(size));
    const turn = deck.pop();
    let content: C | null = null;
    for (let draw = 0; content === null; draw++) {
      if (draw === draws) throw new Error(`${name}, level ${level}: ${draws} draws gave no problem of class ${turn}`);
      content = declaration.draw(size, random, wanted);
      if (content !== null && balance && balance.of(content) !== turn) content = null;
      if (content !== null && !wanted(same(content))) content = null;
    }
    yield problemOf(declaration, content, level);
  }
}

/** By the content alone, so that no problem, however it is dressed, is in both splits. */
export function splitOf(family: string, content: string): Split {
  return hashKey(["families", family, content]) % heldOutOneIn === 0 ? "eval" : "train";
}

function problemOf<S extends Size, C>(
  { name, ask, ending }: FreeFamilyDeclaration<S, C>,
  content: C,
  level: number,
): FamilyProblem<C> {
  const key = JSON.stringify(content);
  const hash = [1, 2].map((salt) => hashKey([name, key, salt]).toString(16).padStart(8, "0")).join("");
  return { id: `${level}-${hash}`, family: name, level, prompt: `${ask(content)}\n\n${ending(content)}`, content };
}

/** Lenient about wording, exact about the value. */
function grade<S extends Size, C, V>(
  { text, complete }: Answer,
  content: C,
  kind: Kind<V>,
  declaration: FamilyDeclaration<S, C, V>,
): Verdict {
  const nothing = (reason: string): Verdict => ({ reward: 0, reason, answer: null });
  if (!complete) return nothing("truncated");
  const final = finalAnswer(text);
  if (!final.found) return nothing("no-answer");
  if (final.value.length > longestValue) return nothing("too-long");
  const value = kind.parse(final.value);
  if (value === null) return nothing(final.marked ? "malformed" : "no-answer");
  const answer = kind.show(value);
  const reason = declaration.check
    ? declaration.check(value, content)
    : answer === kind.show(declaration.solve(content))
      ? "correct"
      : "wrong-value";
  const vote = declaration.vote ? declaration.vote(value, content) : answer;
  return { reward: reason === "correct" ? 1 : 0, reason, answer: vote };
}

/** Reward 1 for a complete answer that keeps to the letter of the form, right or wrong. */
function gradeForm<V>({ text, complete }: Answer, kind: Kind<V>): Verdict {
  if (!complete) return { reward: 0, reason: "truncated" };
  const value = strictAnswer(text);
  if (value === null) return { reward: 0, reason: "not-the-last-line" };
  if (value.length > longestValue || kind.parse(value) === null) return { reward: 0, reason: "malformed" };
  return { reward: 1, reason: "as-asked" };
}
