import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { families } from "../src/families/families.ts";
import { goldValue, problemsOf } from "./task.contract.ts";

/**
 * Each family's gold against another way to the answer that reads nothing but the question's text: what is asked, what is
 * solved and what is graded have to be one thing.
 */

const checks: Readonly<Record<string, (prompt: string, gold: string, content: never) => void>> = {};

/** `solve` gives the value from the question alone. */
function answers(name: string, solve: (prompt: string) => string | number | bigint): void {
  Object.assign(checks, {
    [name]: (prompt: string, gold: string) => assert.equal(gold, String(solve(prompt)), prompt),
  });
}
const holds = (name: string, check: (prompt: string, gold: string) => void): void => {
  Object.assign(checks, { [name]: check });
};

/** A JavaScript expression; only of texts that this test has made or looked through. */
const compute = <T = number>(expression: string): T => {
  assert.match(expression, /^[\w\s()+\-*/%!&|=<>.,?:[\]{};"'^]*$/);
  return new Function(`"use strict"; return (${expression});`)() as T;
};
const numbersIn = (text: string): number[] => (text.match(/-?\d+/g) ?? []).map(Number);
const lineWith = (prompt: string, word: RegExp): string => prompt.split("\n").find((line) => word.test(line))!;
const question = (prompt: string): string => prompt.split("\n\nThe last line of")[0]!;

for (const name of ["countdown-three", "countdown-four", "twenty-four"])
  holds(name, (prompt, gold) => {
    const [, target, given] = /Make (\d+) out of the numbers ([\d, ]+) with/.exec(prompt)!;
    assert.ok(Math.abs(compute(gold) - Number(target)) < 1e-9, gold);
    const sorted = (text: string): string => String(text.match(/\d+/g)!.sort());
    assert.equal(sorted(gold), sorted(given!));
  });

answers("arithmetic", (prompt) => compute(/Work out (.*?)\. Brackets/.exec(prompt)![1]!));
answers("product", (prompt) => {
  const [a, b] = numbersIn(prompt);
  let sum = 0n;
  for (let bit = 0n; 2n ** bit <= BigInt(b!); bit++) if ((BigInt(b!) >> bit) % 2n === 1n) sum += BigInt(a!) << bit;
  return sum;
});
holds("division", (prompt, gold) => {
  const [a, b] = numbersIn(prompt);
  const [quotient, remainder] = numbersIn(gold);
  assert.equal(quotient! * b! + remainder!, a);
  assert.ok(remainder! >= 0 && remainder! < b!);
});
holds("fractions", (prompt, gold) => {
  const text = /Work out (.*) from left to right/.exec(prompt)![1]!;
  const [first, ...rest] = text.split(/ ([-+*/]) /);
  const value = rest.reduce<number>(
    (sum, part, i) => (i % 2 === 0 ? sum : compute(`${sum < 0 ? `(${sum})` : sum} ${rest[i - 1]} ${part}`)),
    compute(first!),
  );
  const [over, under] = gold.split("/").map(Number);
  assert.ok(Math.abs(over! / under! - value) < 1e-9, `${prompt} ${gold}`);
  for (let d = 2; d <= under!; d++) assert.ok(over! % d !== 0 || under! % d !== 0, `${gold} is not in lowest terms`);
});
holds("percent", (prompt, gold) => {
  let price = Number(/price of (\d+)/.exec(prompt)![1]);
  for (const [, way, by] of prompt.matchAll(/(rises|falls) by (\d+) %/g))
    price *= 1 + (way === "rises" ? 1 : -1) * (Number(by) / 100);
  assert.ok(Math.abs(compute(gold) / price - 1) < 1e-9, `${prompt} ${gold}`);
});
holds("linear-equation", (prompt, gold) => {
  const [left, right] = /Solve for x: (.*) = (.*)/.exec(question(prompt))!.slice(1, 3);
  const at = (side: string, x: number): number =>
    compute(side.replace(/(\d*)x/, (_, n) => `${n === "" ? 1 : n}*(${x})`));
  const x = compute(gold);
  assert.ok(Math.abs(at(left!, x) - at(right!, x)) < 1e-6, `${prompt} ${gold}`);
  assert.ok(Math.abs(at(left!, x + 1) - at(right!, x + 1)) > 1e-6, "not every x solves it");
});
holds("linear-system", (prompt, gold) => {
  const lines = question(prompt).split("\n").slice(1);
  const names = gold.match(/[xyz]/g)!;
  const values = Object.fromEntries(gold.split(", ").map((one) => one.split(" = ")));
  const rows = lines.map((line) => {
    const [left, right] = line.split(" = ") as [string, string];
    const at = (given: Record<string, string | number>): number =>
      compute(
        left
          .replace(/(\d*)([xyz])/g, (_, n, name: string) => `${n === "" ? 1 : n}*(${given[name]})`)
          .replace(/^-/, "0 -"),
      );
    assert.equal(at(values), Number(right));
    return names.map((name) => at({ ...Object.fromEntries(names.map((one) => [one, 0])), [name]: 1 }));
  });
  // Elimination without division: no zero row is left, so there is one solution.
  for (let c = 0; c < names.length; c++) {
    const pivot = rows.findIndex((row, i) => i >= c && row[c] !== 0);
    assert.ok(pivot >= 0, `more than one solution: ${prompt}`);
    [rows[c], rows[pivot]] = [rows[pivot]!, rows[c]!];
    for (let i = c + 1; i < rows.length; i++) {
      const factor = rows[i]![c]!;
      rows[i] = rows[i]!.map((value, k) => value * rows[c]![c]! - factor * rows[c]![k]!);
    }
  }
});
answers("modular", (prompt) => {
  const [, a, e, b, c, m] = /when (\d+)(?:\^(\d+))? \* (\d+) \+ (\d+) is divided by (\d+)/.exec(prompt)!;
  return (BigInt(a!) ** BigInt(e ?? 1) * BigInt(b!) + BigInt(c!)) % BigInt(m!);
});
answers("gcd-lcm", (prompt) => {
  const values = numbersIn(question(prompt));
  let candidate = prompt.includes("divisor") ? Math.min(...values) : Math.max(...values);
  if (prompt.includes("divisor")) while (values.some((value) => value % candidate !== 0)) candidate--;
  else while (values.some((value) => candidate % value !== 0)) candidate += Math.max(...values);
  return candidate;
});
const sieve = new Uint8Array(510_000).fill(1);
for (let n = 2; n < sieve.length; n++) if (sieve[n]) for (let k = 2 * n; k < sieve.length; k += n) sieve[k] = 0;
holds("prime-factors", (prompt, gold) => {
  const factors = numbersIn(gold);
  assert.equal(
    factors.reduce((a, b) => a * b),
    numbersIn(prompt)[0],
  );
  assert.ok(factors.every((factor) => factor > 1 && sieve[factor]));
});
answers("next-prime", (prompt) => {
  let n = numbersIn(prompt)[0]! + 1;
  while (!sieve[n]) n++;
  return n;
});
answers("number-base", (prompt) => {
  const [, written, from, to] = /number (\w+) is written in base (\d+)\. Write it in base (\d+)/.exec(prompt)!;
  const signs = "0123456789abcdefghijklmnop";
  let value = [...written!].reduce((sum, digit) => sum * BigInt(from!) + BigInt(signs.indexOf(digit)), 0n);
  let text = "";
  for (; value > 0n; value /= BigInt(to!)) text = signs[Number(value % BigInt(to!))] + text;
  return text;
});
const romanValue = (text: string): number => {
  const values = [...text].map((sign) => ({ I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 })[sign]!);
  return values.reduce((sum, value, i) => sum + (value < (values[i + 1] ?? 0) ? -value : value), 0);
};
holds("roman", (prompt, gold) => {
  const text = /^(?:Write|Work out) (.*?) (?:as an? |and give)/.exec(prompt)![1]!;
  const value = compute(text.replace(/[IVXLCDM]+/g, (numeral) => String(romanValue(numeral))));
  assert.equal(/^\d+$/.test(gold) ? Number(gold) : romanValue(gold), value, prompt);
  assert.equal(/^\d+$/.test(gold), /ordinary/.test(question(prompt)), prompt);
  assert.doesNotMatch(gold, /IIII|XXXX|CCCC|VV|LL|DD|IM|IC|VX/);
});

/** What each simple rule that fits the shown terms gives next; they have to agree, or the question has two answers. */
answers("sequence", (prompt) => {
  const shown = numbersIn(/one rule: (.*), \.\.\./.exec(prompt)![1]!);
  const found = new Map<string, number>();
  const table = [shown];
  while (table.at(-1)!.length > 1 && table.length < 5)
    table.push(
      table
        .at(-1)!
        .slice(1)
        .map((value, i) => value - table.at(-1)![i]!),
    );
  const flat = table.findIndex((row) => row.length > 1 && row.every((value) => value === row[0]));
  if (flat >= 0)
    found.set(
      "differences",
      table.slice(0, flat + 1).reduce((sum, row) => sum + row.at(-1)!, 0),
    );
  for (let factor = -5; factor <= 5; factor++) {
    const shift = shown[1]! - factor * shown[0]!;
    if (shown.slice(1).every((value, i) => value === factor * shown[i]! + shift))
      found.set(`times ${factor}`, factor * shown.at(-1)! + shift);
  }
  const shift = shown[2]! - shown[1]! - shown[0]!;
  if (shown.slice(2).every((value, i) => value === shown[i]! + shown[i + 1]! + shift))
    found.set("sums", shown.at(-1)! + shown.at(-2)! + shift);
  const steps = [0, 1].map((from) => shown.slice(2).flatMap((value, i) => (i % 2 === from ? value - shown[i]! : [])));
  if (steps.every((row) => row.length > 1 && row.every((value) => value === row[0])))
    found.set("interleaved", shown.at(-2)! + steps[shown.length % 2]![0]!);
  assert.equal(new Set(found.values()).size, 1, `${prompt} ${JSON.stringify([...found])}`);
  return [...found.values()][0]!;
});

const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
/** Weekday by Zeller's congruence, 0 is Saturday. */
const zeller = (day: number, month: string, year: number): number => {
  let [m, y] = [months.indexOf(month) + 1, year];
  if (m < 3) [m, y] = [m + 12, y - 1];
  return (
    (day +
      Math.floor((13 * (m + 1)) / 5) +
      (y % 100) +
      Math.floor((y % 100) / 4) +
      Math.floor(y / 400) +
      5 * Math.floor(y / 100)) %
    7
  );
};
const weekdays = ["Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];
holds("calendar", (prompt, gold) => {
  const dates = [...prompt.matchAll(/(\d+) ([A-Z]\w+) (\d{4})/g)].map(
    ([, d, m, y]) => weekdays[zeller(Number(d), m!, Number(y))],
  );
  const told = /is a (\w+)\./.exec(prompt);
  if (told) assert.equal(dates[0], told[1], prompt);
  assert.equal(dates.at(-1), gold, prompt);
});
answers("clock", (prompt) => {
  const [, hours, minutes] = /shows (\d\d):(\d\d)/.exec(prompt)!;
  const date = new Date(Date.UTC(2000, 0, 15, Number(hours), Number(minutes)));
  for (const [, h, m, way] of prompt.matchAll(/(?:(\d+) h)? ?(?:(\d+) min)? (ahead|back)/g))
    date.setUTCMinutes(date.getUTCMinutes() + (way === "back" ? -1 : 1) * (60 * Number(h ?? 0) + Number(m ?? 0)));
  return date.toISOString().slice(11, 16);
});
const inBase: Readonly<Record<string, number>> = {
  mm: 0.001,
  cm: 0.01,
  m: 1,
  km: 1000,
  mg: 0.001,
  g: 1,
  kg: 1000,
  t: 1e6,
  seconds: 1,
  minutes: 60,
  hours: 3600,
  days: 86400,
  weeks: 604800,
  ml: 0.001,
  cl: 0.01,
  l: 1,
  hl: 100,
  inches: 1 / 12,
  feet: 1,
  yards: 3,
  miles: 5280,
};
answers("unit-conversion", (prompt) => {
  const [, to, sum] = /How many (\w+) are (.*)\?/.exec(prompt)!;
  const total = sum!
    .split(" + ")
    .reduce((all, part) => all + Number(part.split(" ")[0]) * inBase[part.split(" ")[1]!]!, 0);
  return Math.round(total / inBase[to!]!);
});
answers("word-problem", (prompt) => {
  const [, hero, start, thing] = /^(\w+) has (\d+) (\w+)\./.exec(prompt)!;
  let count = Number(start);
  for (const sentence of question(prompt)
    .split(/(?<=\.) /)
    .slice(1)) {
    const n = Number(/\d+/.exec(sentence)?.[0]);
    const mine = sentence.startsWith(`${hero} `);
    if (new RegExp(`^${hero} (buys \\d+ more|finds \\d+) ${thing}`).test(sentence)) count += n;
    else if (new RegExp(` gives ${hero} \\d+ ${thing}`).test(sentence)) count += n;
    else if (mine && new RegExp(`(gives|loses|sells) \\d+ ${thing}`).test(sentence)) count -= n;
    else if (sentence.startsWith("An uncle")) count *= n;
    else if (sentence.includes("in every")) count /= n;
  }
  return count;
});
answers("sorting", (prompt) => {
  const left = numbersIn(question(prompt));
  const sorted: number[] = [];
  while (left.length > 0) sorted.push(...left.splice(left.indexOf(Math.min(...left)), 1));
  return (prompt.includes("descending") ? sorted.reverse() : sorted).join(", ");
});
answers("binary-search", (prompt) => {
  const wanted = numbersIn(prompt)[0]!;
  const list = numbersIn(prompt.split("\n")[1]!);
  const go = (part: number[]): number[] => {
    if (part.length === 0) return [];
    const middle = (part.length - 1) >> 1;
    const value = part[middle]!;
    return [value, ...(value === wanted ? [] : go(value < wanted ? part.slice(middle + 1) : part.slice(0, middle)))];
  };
  return go(list).join(", ");
});
answers("intervals", (prompt) => {
  const ends = numbersIn(/intervals: (.*?)\. Intervals/.exec(prompt)![1]!);
  const covered = (twice: number): boolean =>
    ends.some((low, i) => i % 2 === 0 && 2 * low <= twice && twice <= 2 * ends[i + 1]!);
  const found: string[] = [];
  for (let at = -1, open = 0; at <= 2 * 1000; at++) {
    if (covered(at) && !covered(at - 1)) open = at;
    if (!covered(at) && covered(at - 1)) found.push(`[${open / 2}, ${(at - 1) / 2}]`);
  }
  return found.join(", ");
});
answers("set-operations", (prompt) => {
  const sets = Object.fromEntries(
    [...prompt.matchAll(/^([A-F]) = \{(.*)\}$/gm)].map(([, letter, list]) => [letter!, numbersIn(list!)]),
  );
  const text = /Which elements has (.*?)\? \(/.exec(prompt)![1]!;
  const kept = [...new Set(Object.values(sets).flat())].filter((element) =>
    compute<boolean>(
      text
        .replace(/\b[A-F]\b/g, (letter) => String(sets[letter]!.includes(element)))
        .replaceAll("union", "||")
        .replaceAll("intersect", "&&")
        .replaceAll("minus", "> ")
        .replaceAll("xor", "!=="),
    ),
  );
  return kept.sort((a, b) => a - b).join(", ");
});
holds("subset-sum", (prompt, gold) => {
  const [target, ...numbers] = numbersIn(question(prompt));
  const chosen = numbersIn(gold);
  assert.equal(
    chosen.reduce((a, b) => a + b),
    target,
  );
  assert.equal(new Set(chosen).size, chosen.length);
  assert.ok(chosen.every((one) => numbers.includes(one)));
});
answers("letter-count", (prompt) => {
  const [, letter] = /letter "(.)"/.exec(prompt)!;
  return [...question(prompt).split("\n")[1]!].filter((one) => one === letter).length;
});
answers("string-edit", (prompt) => {
  let word = [.../string (\w+) and do/.exec(prompt)![1]!];
  for (const line of question(prompt)
    .split("\n")
    .filter((one) => /^\d+\. /.test(one))) {
    const n = numbersIn(line.slice(line.indexOf(". ") + 2))[0]!;
    const letters = [...line.matchAll(/"(.)"/g)].map(([, letter]) => letter!);
    if (line.includes("backwards")) word = word.reverse();
    else if (line.includes("to the end")) for (let i = 0; i < n; i++) word.push(word.shift()!);
    else if (line.includes("remove every")) word = word.filter((letter) => letter !== letters[0]);
    else if (line.includes("turn every")) word = word.map((letter) => (letter === letters[0] ? letters[1]! : letter));
    else if (line.includes("swap")) [word[0], word[word.length - 1]] = [word.at(-1)!, word[0]!];
    else if (line.includes("once more")) word.push(word.at(-1)!);
    else if (line.includes("put")) word.splice(n, 0, letters[0]!);
    else if (line.includes("remove letter number")) word.splice(n - 1, 1);
    else assert.fail(line);
  }
  return word.join("");
});
holds("edit-script", (prompt, gold) => {
  const [, from, to, steps] = /Turn (\w+) into (\w+) in (\d+) steps/.exec(prompt)!;
  const known = new Map<string, number>();
  const distance = (a: string, b: string): number => {
    if (a === "" || b === "") return a.length + b.length;
    const key = `${a} ${b}`;
    if (!known.has(key)) {
      const change = distance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
      known.set(key, Math.min(change, distance(a.slice(1), b) + 1, distance(a, b.slice(1)) + 1));
    }
    return known.get(key)!;
  };
  const chain = gold.split(" > ");
  assert.deepEqual([chain[0], chain.at(-1), chain.length - 1], [from, to, Number(steps)]);
  assert.equal(distance(from!, to!), Number(steps));
  for (const [i, word] of chain.slice(1).entries()) assert.equal(distance(chain[i]!, word), 1);
});
answers("cipher", (prompt) => {
  const shifts = numbersIn(/(?:each by|by) ([\d, ]+)/.exec(prompt)![1]!);
  const alphabet = "abcdefghijklmnopqrstuvwxyz";
  let turn = 0;
  return lineWith(question(prompt).split("reads:\n")[1]!, /\w/).replace(/\w/g, (letter) => {
    const place = alphabet.indexOf(letter) - shifts[turn++ % shifts.length]! + 26;
    return alphabet[place % 26]!;
  });
});
holds("brackets", (prompt, gold) => {
  let text = question(prompt).split("\n")[1]! + gold;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/\(\)|\[\]|<>/g, "");
  }
  assert.equal(text, "", prompt);
});
answers("parity", (prompt) =>
  [.../in ([01]+) even/.exec(prompt)![1]!].reduce((odd, bit) => odd !== (bit === "1"), false) ? "odd" : "even",
);
answers("postfix", (prompt) => {
  const stack: string[] = [];
  for (const sign of /notation: (.*)\n/.exec(prompt)![1]!.split(" ")) {
    if (/\d/.test(sign)) stack.push(sign);
    else stack.push(`(${stack.splice(-2).join(` ${sign} `)})`);
  }
  return compute(stack[0]!);
});
answers("robot", (prompt) => {
  let text = /It does: (.*?)\. "left"/.exec(prompt)![1]!;
  // Loops are written out from the inside; then there is a plain list.
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/(\d+) times \(([^()]*)\)/g, (_, n, body: string) => Array(Number(n)).fill(body).join(", "));
  }
  let [x, y, dx, dy] = [0, 0, 0, 1];
  for (const command of text.split(", ")) {
    const n = numbersIn(command)[0] ?? 0;
    if (command === "left") [dx, dy] = [-dy, dx];
    else if (command === "right") [dx, dy] = [dy, -dx];
    else if (command.startsWith("forward")) [x, y] = [x + n * dx, y + n * dy];
    else [x, y] = [x - n * dx, y - n * dy];
  }
  return `${x + 0}, ${y + 0}`;
});
holds("graph-path", (prompt, gold) => {
  const edges = [
    ...question(prompt)
      .split("\n")[1]!
      .matchAll(/([A-Z])-([A-Z])(?: (\d+))?/g),
  ];
  const [, from, to] = /way from ([A-Z]) to ([A-Z])/.exec(prompt)!;
  const lengths = new Map<string, number>();
  for (const [, a, b, length] of edges) for (const pair of [a! + b!, b! + a!]) lengths.set(pair, Number(length ?? 1));
  const path = gold.split(", ");
  const length = path.slice(1).reduce((sum, node, i) => sum + lengths.get(path[i]! + node)!, 0);
  const nodes = [...new Set(edges.flatMap(([, a, b]) => [a!, b!]))];
  for (const middle of nodes)
    for (const a of nodes)
      for (const b of nodes) {
        const around = (lengths.get(a + middle) ?? Infinity) + (lengths.get(middle + b) ?? Infinity);
        if (around < (lengths.get(a + b) ?? Infinity)) lengths.set(a + b, around);
      }
  assert.deepEqual([path[0], path.at(-1), length], [from, to, lengths.get(from! + to!)], prompt);
});
answers("knights-knaves", (prompt) => {
  const said = [...prompt.matchAll(/^(\w+) says: (.*)\.$/gm)].map(([, name, text]) => [name!, text!] as const);
  const names = said.map(([name]) => name);
  const fitting = Array.from({ length: 2 ** names.length }, (_, bits) =>
    names.filter((_, i) => (bits >> i) & 1),
  ).filter((knights) =>
    said.every(([name, text]) => {
      const is = (who: string): boolean => knights.includes(who);
      const [a, b] = names
        .filter((one) => new RegExp(`\\b${one}\\b`).test(text))
        .sort((p, q) => text.indexOf(p) - text.indexOf(q));
      const fact = text.startsWith("exactly")
        ? knights.length === numbersIn(text)[0]
        : text.includes("same kind")
          ? is(a!) === is(b!)
          : text.startsWith("at least")
            ? !(is(a!) && is(b!))
            : text.startsWith("if")
              ? !is(a!) || is(b!)
              : is(a!) === text.endsWith("knight");
      return fact === is(name);
    }),
  );
  assert.equal(fitting.length, 1, prompt);
  return names.map((name) => `${name} = ${fitting[0]!.includes(name) ? "knight" : "knave"}`).join(", ");
});

answers("zebra", (prompt) => {
  const lists = [...prompt.matchAll(/(?:lives one of|drink:|pet:|house:) ([\w, ]+)\./g)].map(([, list]) =>
    list!.split(", "),
  );
  const all = lists.flat();
  const clues = question(prompt).split("\n").slice(1, -1);
  type Test = (house: ReadonlyMap<string, number>) => boolean;
  const tests = clues.map((clue): { words: string[]; test: Test } => {
    const words = (clue.toLowerCase().match(/\w+/g) ?? []).flatMap((word) =>
      all.filter((item) => item.toLowerCase() === word),
    );
    const [a, b] = words as [string, string];
    const number = Number(/house (\d)/.exec(clue)?.[1]) - 1;
    const test: Test = (house) => {
      const [x, y] = [house.get(a)!, house.get(b) ?? number];
      if (clue.includes("directly to the left")) return x + 1 === y;
      if (clue.includes("somewhere to the left")) return x < y;
      if (clue.includes("next to")) return Math.abs(x - y) === 1;
      return clue.includes("not") ? x !== y : x === y;
    };
    return { words, test };
  });
  const found: Map<string, number>[] = [];
  const place = (house: Map<string, number>): void => {
    const [item] = all
      .filter((one) => !house.has(one))
      .map(
        (one) =>
          [
            one,
            tests.filter(({ words }) => words.includes(one) && words.some((word) => house.has(word))).length,
          ] as const,
      )
      .sort(([, p], [, q]) => q - p)
      .map(([one]) => one);
    if (item === undefined) {
      found.push(new Map(house));
      return;
    }
    const list = lists.find((names) => names.includes(item))!;
    for (let at = 0; at < list.length; at++) {
      if (list.some((other) => house.get(other) === at)) continue;
      house.set(item, at);
      const due = tests.filter(({ words }) => words.includes(item) && words.every((word) => house.has(word)));
      if (due.every(({ test }) => test(house))) place(house);
      house.delete(item);
    }
  };
  place(new Map());
  assert.equal(found.length, 1, prompt);
  return [...lists[0]!].sort((a, b) => found[0]!.get(a)! - found[0]!.get(b)!).join(", ");
});
answers("ordering", (prompt) => {
  const before = [...prompt.matchAll(/(\w+) is (older|taller|faster|younger|shorter|slower) than (\w+)\./g)].map(
    ([, a, word, b]) => (["older", "taller", "faster"].includes(word!) ? [a!, b!] : [b!, a!]),
  );
  const left = new Set(before.flat());
  const order: string[] = [];
  while (left.size > 0) {
    const free = [...left].filter((name) => !before.some(([a, b]) => b === name && left.has(a!)));
    assert.equal(free.length, 1, `two may come next: ${prompt}`);
    order.push(free[0]!);
    left.delete(free[0]!);
  }
  return order.join(", ");
});
answers("entailment", (prompt) => {
  const lines = question(prompt).split("\n");
  const premises = lines.slice(0, -1).map((line) => line.slice(line.indexOf(" ") + 1));
  const conclusion = /these that: (.*?)\? It follows/.exec(prompt)![1]!;
  const value = (text: string): string => {
    if (text.includes("(")) return value(text.replace(/\(([^()]*)\)/, (_, inner: string) => value(inner)));
    const plain = text
      .replaceAll("not true", "false")
      .replaceAll(/not false/g, "TRUE")
      .toLowerCase();
    const [, a, word, b] = /^(?:if )?(true|false)(?: (if and only if|then|and|or) (true|false))?$/.exec(plain)!;
    if (word === undefined) return a!;
    const [p, q] = [a === "true", b === "true"];
    return String(word === "and" ? p && q : word === "or" ? p || q : word === "then" ? !p || q : p === q);
  };
  for (let bits = 0; bits < 64; bits++) {
    const at = (text: string): boolean =>
      value(text.replace(/\b[P-U]\b/g, (letter) => String(((bits >> (letter.charCodeAt(0) - 80)) & 1) === 1))) ===
      "true";
    if (premises.every(at) && !at(conclusion)) return "no";
  }
  return "yes";
});
answers("program-output", (prompt) => {
  // The Python text, line by line, as JavaScript: blocks by their indentation.
  const lines = question(prompt)
    .split("\n")
    .filter((line) => /^ *(?:[a-z] = |for |if |else:|print)/.test(line));
  const script: string[] = ["let a, b, c, i, j, k;"];
  const open: number[] = [];
  for (const line of lines) {
    const indent = line.length - line.trimStart().length;
    while (open.length > 0 && open.at(-1)! >= indent) {
      open.pop();
      script.push("}");
    }
    const code = line
      .trim()
      .replace(/^for (\w) in range\((\d+)\):$/, "for (let n$1 = 0; n$1 < $2; n$1++) { $1 = n$1;")
      .replace(/^if (.*):$/, "if ($1) {")
      .replace("else:", "else {")
      .replace(/^print\((\w)\)$/, "return $1")
      .replace(/(\([^()]*\)|\w+) \/\/ (\w+)/g, "Math.floor($1 / $2)")
      .replace(/(\([^()]*\)|\w+) % (\w+)/g, "((($1 % $2) + $2) % $2)");
    script.push(code.endsWith("{") || code.includes("{ ") ? code : `${code};`);
    if (/:$/.test(line)) open.push(indent);
  }
  return new Function(script.join("\n"))() as number;
});

describe("another way to the answer", () => {
  test("there is one for each family with a value", () => {
    const wanted = Object.keys(families).filter((name) => name !== "write-program");
    assert.deepEqual(Object.keys(checks).sort(), wanted.sort());
  });
  for (const [name, check] of Object.entries(checks))
    test(name, async () => {
      const task = await families[name]!.load();
      for (const problem of [...problemsOf(task, "train", 60), ...problemsOf(task, "eval", 40)])
        check(problem.prompt, goldValue(task.gold(problem)), problem.content as never);
    });
});
