import { defineFamily } from "./family.ts";
import { text } from "./values.ts";

const signs: readonly (readonly [number, string])[] = [
  [1000, "M"],
  [900, "CM"],
  [500, "D"],
  [400, "CD"],
  [100, "C"],
  [90, "XC"],
  [50, "L"],
  [40, "XL"],
  [10, "X"],
  [9, "IX"],
  [5, "V"],
  [4, "IV"],
  [1, "I"],
];

/** 1 to 3,999 as a Roman numeral. */
function roman(n: number): string {
  let rest = n;
  let written = "";
  for (const [value, sign] of signs)
    while (rest >= value) {
      written += sign;
      rest -= value;
    }
  return written;
}

const numeral = text("numeral", /^(?:[1-9]\d{0,6}|\d,\d{3}|[IVXLCDM]{1,20})$/i);

/** What comes of the terms, as a figure. */
function total({ terms, signs: between }: { terms: readonly number[]; signs: readonly string[] }): number {
  return terms.slice(1).reduce((sum, term, i) => (between[i] === "+" ? sum + term : sum - term), terms[0]!);
}

export const romanNumerals = defineFamily({
  name: "roman",
  asks: "Roman numerals read, written, added and subtracted",
  grows: "size of the numbers; sums from level 3 on",
  levels: [
    { largest: 900, terms: 1, answer: ["ordinary digits"] },
    { largest: 3_999, terms: 1, answer: ["ordinary digits", "a Roman numeral"] },
    { largest: 999, terms: 2, answer: ["ordinary digits", "a Roman numeral"] },
    { largest: 2_500, terms: 3, answer: ["a Roman numeral"] },
    { largest: 3_000, terms: 5, answer: ["a Roman numeral"] },
  ],
  draw({ largest, terms: count, answer }, random) {
    const terms = Array.from({ length: count }, () => random.int(1, largest));
    const between = terms.slice(1).map(() => random.pick(["+", "-"]));
    const content = { terms, signs: between, as: random.pick(answer) };
    return total(content) >= 1 && total(content) <= 3_999 ? content : null;
  },
  same: ({ terms }) => terms.join(" "),
  ask({ terms, signs: between, as }) {
    const given = as === "a Roman numeral" && terms.length === 1 ? String(terms[0]) : null;
    const shown = given ?? terms.map((term, i) => `${i === 0 ? "" : `${between[i - 1]} `}${roman(term)}`).join(" ");
    return terms.length === 1
      ? `Write ${shown} as ${as === "a Roman numeral" ? "a Roman numeral" : "an ordinary number"}. 4 is IV, 9 is IX, 40 is XL and so on.`
      : `Work out ${shown} and give the result as ${as}. 4 is IV, 9 is IX, 40 is XL and so on.`;
  },
  kind: { ...numeral, show: (value) => value.toUpperCase().replaceAll(",", "") },
  solve: (content) => (content.as === "a Roman numeral" ? roman(total(content)) : String(total(content))),
  steps(content) {
    const values = content.terms.map((term) => `${roman(term)} is ${term}`).join(", ");
    return `${values}; together that is ${total(content)}, in Roman ${roman(total(content))} .`;
  },
});
