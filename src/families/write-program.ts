import type { Random } from "../random.ts";
import { code } from "../verifiers/code.ts";
import { defineFreeFamily, type FamilyProblem } from "./family.ts";
import { numbersBetween } from "./integers.ts";

/** What a step does to a list, in words, in JavaScript and as a line of Python that changes the list `v`. */
interface Operation {
  readonly says: string;
  readonly python: string;
  run(list: readonly number[]): number[];
}

function operation(kind: string, n: number): Operation {
  const table: Readonly<Record<string, Operation>> = {
    even: {
      says: "keep only the even numbers",
      python: "v = [x for x in v if x % 2 == 0]",
      run: (v) => v.filter((x) => x % 2 === 0),
    },
    above: {
      says: `keep only the numbers greater than ${n}`,
      python: `v = [x for x in v if x > ${n}]`,
      run: (v) => v.filter((x) => x > n),
    },
    add: { says: `add ${n} to each number`, python: `v = [x + ${n} for x in v]`, run: (v) => v.map((x) => x + n) },
    times: {
      says: `multiply each number by ${n}`,
      python: `v = [x * ${n} for x in v]`,
      run: (v) => v.map((x) => x * n),
    },
    square: { says: "square each number", python: "v = [x * x for x in v]", run: (v) => v.map((x) => x * x) },
    negate: { says: "change the sign of each number", python: "v = [-x for x in v]", run: (v) => v.map((x) => 0 - x) },
    sort: {
      says: "sort the numbers in ascending order",
      python: "v = sorted(v)",
      run: (v) => [...v].sort((a, b) => a - b),
    },
    reverse: { says: "reverse the order of the numbers", python: "v = v[::-1]", run: (v) => [...v].reverse() },
    unique: {
      says: "keep only the first of equal numbers",
      python: "v = list(dict.fromkeys(v))",
      run: (v) => [...new Set(v)],
    },
    running: {
      says: "replace each number by the sum of all numbers up to and including it",
      python: "v = [sum(v[:i + 1]) for i in range(len(v))]",
      run: (v) => v.map((_, i) => v.slice(0, i + 1).reduce((a, b) => a + b, 0)),
    },
    differences: {
      says: "replace the list by the differences of neighbours, each number subtracted from the one behind it",
      python: "v = [v[i + 1] - v[i] for i in range(len(v) - 1)]",
      run: (v) => v.slice(1).map((x, i) => x - v[i]!),
    },
    second: {
      says: "keep only every second number, from the first on",
      python: "v = v[::2]",
      run: (v) => v.filter((_, i) => i % 2 === 0),
    },
    rotate: {
      says: "move the first number to the end",
      python: "v = v[1:] + v[:1]",
      run: (v) => [...v.slice(1), ...v.slice(0, 1)],
    },
  };
  return table[kind]!;
}

interface Ending {
  readonly says: string;
  readonly python: string;
  run(list: readonly number[]): string;
}

const endings: Readonly<Record<string, Ending>> = {
  list: {
    says: 'print the numbers on one line with a space between them, or the word "empty" if there are none',
    python: 'print(" ".join(str(x) for x in v) if v else "empty")',
    run: (v) => (v.length > 0 ? v.join(" ") : "empty"),
  },
  sum: {
    says: "print the sum of the numbers, 0 if there are none",
    python: "print(sum(v))",
    run: (v) => String(v.reduce((a, b) => a + b, 0)),
  },
  largest: {
    says: 'print the largest number, or the word "empty" if there are none',
    python: 'print(max(v) if v else "empty")',
    run: (v) => (v.length > 0 ? String(Math.max(...v)) : "empty"),
  },
};

type Step = readonly [kind: string, n: number];
interface Content {
  readonly steps: readonly Step[];
  readonly ending: string;
  /** Lines of numbers shown in the question. */
  readonly shown: readonly (readonly number[])[];
  readonly hidden: readonly (readonly number[])[];
}

function output({ steps, ending }: Pick<Content, "steps" | "ending">, numbers: readonly number[]): string {
  return endings[ending]!.run(
    steps.reduce<readonly number[]>((list, [kind, n]) => operation(kind, n).run(list), numbers),
  );
}

function drawInputs(random: Random, count: number): number[][] {
  return Array.from({ length: count }, () => {
    const numbers = numbersBetween(random, random.int(4, 9), -20, 40);
    // Equal numbers, or a program that forgets about them would pass.
    return random.chance(0.5) ? [...numbers, numbers[0]!, numbers[1]!] : numbers;
  });
}

const judged = code<FamilyProblem<Content>>({
  tests: ({ content }) => ({
    language: "python",
    tests: content.hidden.map((v) => ({ input: `${v.join(" ")}\n`, output: `${output(content, v)}\n` })),
  }),
});

export const writeProgram = defineFreeFamily({
  name: "write-program",
  asks: "a Python program that gives the described outputs, judged by hidden tests",
  grows: "how many steps the program has to take",
  levels: [
    { steps: 1, kinds: ["even", "above", "add", "times", "square", "negate", "sort", "reverse"] },
    { steps: 2, kinds: ["even", "above", "add", "times", "square", "negate", "sort", "reverse", "unique", "second"] },
    {
      steps: 3,
      kinds: ["even", "above", "add", "square", "sort", "reverse", "unique", "running", "differences", "second"],
    },
    {
      steps: 4,
      kinds: ["even", "above", "times", "negate", "sort", "unique", "running", "differences", "second", "rotate"],
    },
    {
      steps: 6,
      kinds: ["even", "above", "times", "negate", "sort", "unique", "running", "differences", "second", "rotate"],
    },
  ],
  draw({ steps: count, kinds }, random): Content | null {
    const steps = Array.from({ length: count }, (): Step => [random.pick(kinds), random.int(2, 9)]);
    const content = {
      steps,
      ending: random.pick(Object.keys(endings)),
      shown: drawInputs(random, 2),
      hidden: [...drawInputs(random, 6), [random.int(-9, 9)], [0, 0, 0]],
    };
    const outputs = (some: Pick<Content, "steps" | "ending">): string =>
      content.hidden.map((v) => output(some, v)).join("\n");
    const whole = outputs(content);
    // Every step has to change what is printed, and most outputs have to say something.
    const idle = steps.some((_, i) => outputs({ ...content, steps: steps.filter((_, k) => k !== i) }) === whole);
    const empty = content.hidden.filter((v) => /^(?:empty|0)$/.test(output(content, v))).length;
    return idle || empty > 3 ? null : content;
  },
  same: ({ steps, ending, shown }) => JSON.stringify([steps, ending, shown[0]]),
  ask: (content) => {
    const { steps, ending, shown } = content;
    const listed = steps.map(([kind, n], i) => `${i + 1}. ${operation(kind, n).says}`);
    const examples = shown.map((v) => `Input: ${v.join(" ")}\nOutput: ${output(content, v)}`);
    return `Write a Python program that reads one line of whole numbers with spaces between them from standard input and does this with the list:\n${[...listed, `${steps.length + 1}. ${endings[ending]!.says}`].join("\n")}\n\n${examples.join("\n")}`;
  },
  ending: () => "The last code block of your reply, between ``` lines, must be the whole program.",
  rewards: {
    accuracy: {
      ...judged,
      async verify(answer, problem) {
        const { extractCode } = await import("../code/extract.ts");
        // The program is what was answered: the same program has the same verdict, whatever stands around it.
        const program = answer.complete ? (extractCode(answer.text, "python")?.code.trim() ?? null) : null;
        return { ...(await judged.verify(answer, problem)), answer: program };
      },
    },
  },
  gold: ({ steps, ending }) =>
    `Each step becomes one line on the list v.\n\`\`\`python\nv = [int(x) for x in input().split()]\n${steps.map(([kind, n]) => operation(kind, n).python).join("\n")}\n${endings[ending]!.python}\n\`\`\``,
});
