import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../random.ts";
import { gradeCountdown } from "../tasks/countdown-answer.ts";
import { movesFrom, splitOf } from "../tasks/countdown-levels.ts";
import {
  arithmeticShare,
  corpus,
  corpusAlphabet,
  type Document,
  drillFourNumbersShare,
  drillTwiceShare,
  fourNumbersShare,
  largeNumbersShare,
  listShare,
  pairShare,
  walkShare,
} from "./corpus.ts";
import { operationPath, operationSequences } from "./operations.ts";
import { answer, look, reflectiveShare, walk, walkSteps, written } from "./writers.ts";

function take(seed: number, count: number): Document[] {
  const documents: Document[] = [];
  for (const document of corpus(seed)) {
    if (documents.length === count) break;
    documents.push(document);
  }
  return documents;
}

const documents = take(1, 20_000);

/** The question and the answer of a puzzle document. */
function puzzle({ text }: Document): { numbers: number[]; target: number; answer: string } {
  const [question, answer] = text.split("\n") as [string, string];
  const [numbers, target] = question.split(" make ") as [string, string];
  return { numbers: numbers.split(" ").map(Number), target: Number(target), answer };
}

test("the same seed gives the same text, another seed another", () => {
  assert.deepEqual(take(5, 200), take(5, 200));
  assert.notDeepEqual(take(5, 200), take(6, 200));
});

test("kinds come in the documented shares", () => {
  const share = (kind: string): number =>
    documents.filter((document) => document.kind === kind).length / documents.length;
  const puzzles = 1 - arithmeticShare - listShare - walkShare - pairShare;
  for (const [kind, expected] of [
    ["arithmetic", arithmeticShare],
    ["list", listShare],
    ["walk", walkShare],
    ["pair", pairShare],
    ["reflective", puzzles * reflectiveShare],
    ["careless", puzzles * (1 - reflectiveShare)],
  ] as const) {
    assert.ok(Math.abs(share(kind) - expected) < 0.015, `${kind}: ${share(kind)}`);
  }
});

test("the alphabet is exactly what occurs, below 64 characters", () => {
  assert.equal([...new Set(documents.map(({ text }) => text).join(""))].sort().join(""), corpusAlphabet);
  assert.ok(corpusAlphabet.length < 64);
});

test("no number set of the held-out split occurs in a puzzle", () => {
  for (const { kind, text } of documents) {
    if (kind === "arithmetic" || kind === "pair") continue;
    if (kind === "list") {
      assert.equal(splitOf(text.split(":")[0]!.split(" ").map(Number)), "train", text);
      continue;
    }
    if (kind === "walk") {
      const [, numbers] = /^then \[([\d ]+):/.exec(text)!;
      assert.equal(splitOf(numbers!.split(" ").map(Number)), "train", text);
      continue;
    }
    const { numbers } = puzzle({ kind, text });
    assert.ok(numbers.length === 3 || numbers.length === 4);
    assert.equal(splitOf(numbers), "train", text);
  }
});

test("puzzles have three or four numbers in the documented shares", () => {
  const puzzles = documents.filter(({ kind }) => kind === "careless" || kind === "reflective").map(puzzle);
  const four = puzzles.filter(({ numbers }) => numbers.length === 4).length / puzzles.length;
  // A set of four is in the training split as often as one of three, and its targets are a little more often above 99.
  assert.ok(Math.abs(four - fourNumbersShare) < 0.04, `${four}`);
});

test("lists and walks have four numbers, and a number twice, in the documented shares", () => {
  const drills = documents.flatMap(({ kind, text }) => {
    const [, numbers] = /^(?:then \[)?([\d ]+):/.exec(kind === "list" || kind === "walk" ? text : "") ?? [];
    return numbers === undefined ? [] : [numbers.split(" ")];
  });
  assert.ok(drills.length > 2000);
  const share = (of: (numbers: readonly string[]) => boolean): number => drills.filter(of).length / drills.length;
  const four = share((numbers) => numbers.length === 4);
  assert.ok(Math.abs(four - drillFourNumbersShare) < 0.03, `${four}`);
  // By chance: of numbers from 1 to `largest`, drawn one after the other.
  const different = (count: number, largest: number): number =>
    Array.from({ length: count }, (_, i) => 1 - i / largest).reduce((product, chance) => product * chance, 1);
  const mixed = (low: number, high: number, share: number): number => low + share * (high - low);
  const allDifferent = mixed(
    mixed(different(3, 9), different(3, 12), largeNumbersShare),
    mixed(different(4, 9), different(4, 12), largeNumbersShare),
    drillFourNumbersShare,
  );
  const twice = share((numbers) => new Set(numbers).size < numbers.length);
  assert.ok(Math.abs(twice - (1 - (1 - drillTwiceShare) * allDifferent)) < 0.03, `${twice}`);
});

test("careless writers mostly fail, nobody's failures are filtered, and marks are honest", () => {
  const solved = { careless: 0, reflective: 0 };
  const written = { careless: 0, reflective: 0 };
  for (const document of documents) {
    const { kind } = document;
    if (kind !== "careless" && kind !== "reflective") continue;
    const { numbers, target, answer } = puzzle(document);
    const { reward, reason } = gradeCountdown({ text: answer, complete: true }, numbers, target);
    written[kind]++;
    solved[kind] += reward;
    assert.ok(reason === "correct" || reason === "wrong-value", `${reason}: ${document.text}`);
    assert.equal(/(yes|(?<!不)对)$/.test(answer), reward === 1, document.text);
  }
  const careless = solved.careless / written.careless;
  const reflective = solved.reflective / written.reflective;
  assert.ok(careless > 0.03 && careless < 0.12, `${careless}`);
  assert.ok(reflective > 0.6 && reflective < 0.85, `${reflective}`);
});

test("sums in drill lines are right", () => {
  for (const { kind, text } of documents) {
    if (kind !== "arithmetic" && kind !== "list") continue;
    for (const line of text.replace(/^[\d ]+: /, "").split(" ")) {
      const [, a, sign, b, result] = /^(\d+)([-+*/])(\d+)=(\d+)$/.exec(line) as unknown as [
        string,
        string,
        string,
        string,
        string,
      ];
      const x = Number(a);
      const y = Number(b);
      assert.equal(Number(result), sign === "+" ? x + y : sign === "-" ? x - y : sign === "*" ? x * y : x / y, line);
    }
  }
});

test("a look goes through the operations and ends at the one that makes the target", () => {
  assert.deepEqual(look([2, 63], 61), {
    note: "[2 63:61 +65 -61]",
    last: { left: 63, operation: "-", right: 2, result: 61 },
  });
  assert.equal(look([30, 2], 7).note, "[30 2:7 +32 -28 *60 /15]");
  assert.equal(look([2, 63], 30).note, "[2 63:30 +65 -61]");
  assert.equal(look([5, 5], 1).note, "[5 5:1 +10 *25 /1]");
});

test("a list goes through the pairs of its numbers in ascending order", () => {
  const lists = documents.filter(({ kind }) => kind === "list").map(({ text }) => text);
  assert.ok(lists.length > 1000);
  const known = lists.find((text) => text.startsWith("2 3 6:"))!;
  assert.equal(known, "2 3 6: 3+2=5 3-2=1 3*2=6 6+2=8 6-2=4 6*2=12 6/2=3 6+3=9 6-3=3 6*3=18 6/3=2");
});

/** The first steps of the tries that begin with this note. */
const firstSteps = (text: string, note: string): string[] =>
  text
    .split(`${note} `)
    .slice(1)
    .map((attempt) => attempt.split(" ")[0]!);

test("reflective writers look behind one first step after the other, in order, and behind none twice", () => {
  const source = random(4);
  const order = movesFrom([2, 7, 11]).map(written);
  for (let i = 0; i < 200; i++) {
    const text = answer([2, 7, 11], 5, true, source);
    const [, ...firsts] = firstSteps(text, "[2 7 11:5]");
    assert.deepEqual(firsts, order.slice(0, firsts.length), text);
  }
});

test("a walk goes through first steps in order from any one on, never mentions a question, and marks are honest", () => {
  const source = random(5);
  const order = movesFrom([2, 7, 11]).map(written);
  const begun = new Set<number>();
  for (let i = 0; i < 300; i++) {
    const text = walk([11, 2, 7], 41, source);
    const firsts = firstSteps(text, "[11 2 7:41]");
    const from = order.indexOf(firsts[0]!);
    begun.add(from);
    assert.deepEqual(firsts, order.slice(from, from + firsts.length), text);
    assert.ok(firsts.length >= walkSteps[0] && firsts.length <= walkSteps[1], text);
    assert.ok(!/make|yes|wait/.test(text), text); // 41 cannot be made of these
  }
  assert.equal(begun.size, order.length - walkSteps[0] + 1);
  assert.match(walk([1, 2, 3], 9, source, [9, 9]), /=9:9 yes$/);
});

test("operation sequences name the steps, not the wording", () => {
  assert.deepEqual(operationSequences("9*7=63 2+63=65 yes"), ["7*9 2+63"]);
  assert.deepEqual(operationSequences("7*9=63 63+2=65"), ["7*9 2+63"]);
  assert.deepEqual(operationSequences("9-7=2 2/2=1 no wait (9*7)+2"), ["9-7 2/2", "(9*7)+2"]);
  assert.deepEqual(operationSequences("yes 65"), []);
  assert.equal(operationPath("9-7=2 2/2=1 no wait 9*7=63 63+2=65 yes"), "-/ *+");
});
