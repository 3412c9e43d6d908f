import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { signed } from "./integers.ts";
import { wholeNumber } from "./values.ts";

/** Each rule makes `length` terms and says how it goes on. */
const rules: Readonly<Record<string, (random: Random, length: number) => { terms: number[]; rule: string }>> = {
  arithmetic(random, length) {
    const [start, step] = [random.int(-20, 60), signed(random, 19)];
    return {
      terms: Array.from({ length }, (_, i) => start + i * step),
      rule: `each term is ${step} more than the last`,
    };
  },
  geometric(random, length) {
    const [start, ratio] = [signed(random, 40), random.pick([-3, -2, 2, 3, 4])];
    return {
      terms: Array.from({ length }, (_, i) => start * ratio ** i),
      rule: `each term is ${ratio} times the last`,
    };
  },
  quadratic(random, length) {
    const [start, step, change] = [random.int(-20, 50), signed(random, 12), signed(random, 6)];
    const terms = Array.from({ length }, (_, i) => start + i * step + (change * i * (i - 1)) / 2);
    return { terms, rule: `the differences grow by ${change} each time` };
  },
  affine(random, length) {
    const [factor, shift] = [random.pick([-2, 2, 3]), signed(random, 12)];
    const terms = [random.int(1, 20)];
    while (terms.length < length) terms.push(terms.at(-1)! * factor + shift);
    return { terms, rule: `each term is ${factor} times the last, plus ${shift}` };
  },
  sums(random, length) {
    const [terms, shift] = [[random.int(1, 20), random.int(1, 20)], random.int(-5, 5)];
    while (terms.length < length) terms.push(terms.at(-1)! + terms.at(-2)! + shift);
    return { terms, rule: `each term is the sum of the two before it, plus ${shift}` };
  },
  interleaved(random, length) {
    const [a, b, s, t] = [random.int(-20, 60), random.int(-20, 60), signed(random, 15), signed(random, 15)];
    const terms = Array.from({ length }, (_, i) => (i % 2 === 0 ? a + (i / 2) * s : b + ((i - 1) / 2) * t));
    return { terms, rule: `every second term changes by ${s}, the others by ${t}` };
  },
  cubic(random, length) {
    const [start, step, second, third] = [random.int(-9, 20), signed(random, 9), signed(random, 5), signed(random, 3)];
    const terms = Array.from(
      { length },
      (_, i) => start + i * step + (second * i * (i - 1)) / 2 + (third * i * (i - 1) * (i - 2)) / 6,
    );
    return { terms, rule: `the differences of the differences grow by ${third} each time` };
  },
};

export const sequence = defineFamily({
  name: "sequence",
  asks: "the next term of a sequence",
  grows: "which rules may be at work",
  levels: [
    { rules: ["arithmetic"], shown: 5 },
    { rules: ["geometric", "quadratic"], shown: 5 },
    { rules: ["affine", "quadratic"], shown: 6 },
    { rules: ["sums", "interleaved"], shown: 7 },
    { rules: ["cubic", "interleaved", "sums", "affine"], shown: 8 },
  ],
  draw({ rules: names, shown }, random) {
    const { terms, rule } = rules[random.pick(names)]!(random, shown + 1);
    return { shown: terms.slice(0, -1), next: terms.at(-1)!, rule };
  },
  same: ({ shown }) => shown.join(" "),
  ask: ({ shown }) =>
    `These numbers follow one rule: ${shown.join(", ")}, ...\nEach comes from the one or two before it, or from its place. What is the next number?`,
  kind: wholeNumber,
  solve: ({ next }) => next,
  steps: ({ rule, shown, next }) => `Here ${rule}: behind ${shown.at(-1)} comes ${next} then.`,
});
