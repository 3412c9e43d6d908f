import { defineFamily } from "./family.ts";
import { lettersOf } from "./letters.ts";
import { oneOf } from "./values.ts";

const ones = (bits: string): number => bits.split("1").length - 1;
const parityOf = ({ bits }: { bits: string }): string => (ones(bits) % 2 === 0 ? "even" : "odd");

export const parity = defineFamily({
  name: "parity",
  asks: "whether the number of ones in a string of bits is even or odd",
  grows: "how many bits",
  levels: [{ bits: 12 }, { bits: 20 }, { bits: 32 }, { bits: 56 }, { bits: 100 }],
  draw: ({ bits }, random) => ({ bits: lettersOf(random, bits, "01") }),
  balance: { classes: () => ["even", "odd"], of: parityOf },
  ask: ({ bits }) => `Is the number of ones in ${bits} even or odd?`,
  kind: oneOf(["even", "odd"]),
  solve: parityOf,
  steps({ bits }) {
    const blocks = bits.match(/.{1,4}/g)!;
    return `In blocks of four: ${blocks.map((block) => `${block} has ${ones(block)}`).join(", ")}; ${ones(bits)} in all.`;
  },
});
