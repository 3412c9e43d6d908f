import { defineFamily } from "./family.ts";
import { gcd, lcm, numbersBetween } from "./integers.ts";
import { wholeNumber } from "./values.ts";

export const gcdLcm = defineFamily({
  name: "gcd-lcm",
  asks: "greatest common divisor or least common multiple of two or three numbers",
  grows: "how many numbers, their common part and what is left of each",
  levels: [
    { numbers: 2, common: 12, rest: 12 },
    { numbers: 2, common: 20, rest: 25 },
    { numbers: 2, common: 60, rest: 60 },
    { numbers: 3, common: 60, rest: 40 },
    { numbers: 3, common: 300, rest: 99 },
  ],
  draw({ numbers, common, rest }, random) {
    const shared = random.int(2, common);
    const values = numbersBetween(random, numbers, 2, rest).map((part) => part * shared);
    const least = values.reduce(lcm);
    return new Set(values).size === numbers && least < 1e9
      ? { what: random.pick(["greatest common divisor", "least common multiple"]), values }
      : null;
  },
  same: ({ values }) => [...values].sort((a, b) => a - b).join(" "),
  ask: ({ what, values }) => `What is the ${what} of ${values.slice(0, -1).join(", ")} and ${values.at(-1)}?`,
  kind: wholeNumber,
  solve: ({ what, values }) => values.reduce(what.startsWith("greatest") ? gcd : lcm),
  steps({ what, values }) {
    const [combine, word] = what.startsWith("greatest") ? [gcd, "gcd"] : [lcm, "lcm"];
    let so = values[0]!;
    return values
      .slice(1)
      .map((value) => {
        const line = `${word}(${so}, ${value}) = ${combine(so, value)}`;
        so = combine(so, value);
        return line;
      })
      .join("\n");
  },
});
