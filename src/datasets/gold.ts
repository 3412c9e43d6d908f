/**
 * How a gold answer is read off its column.
 *
 * - "text": the text itself
 * - "number": the text is a number; thousands separators and a dollar sign are dropped
 * - "hashes": the number behind the last "####", as GSM8K has it
 * - "boxed": what is in the last `\boxed{}`, as MATH's solutions have it
 * - "boxed-or-text": that, or the whole text where there is no box
 */
export type GoldForm = "text" | "number" | "hashes" | "boxed" | "boxed-or-text";

export type ReadGold = { readonly gold: string } | { readonly gold: null; readonly problem: string };

export function readGold(text: string, form: GoldForm): ReadGold {
  const trimmed = text.trim();
  if (trimmed === "") return { gold: null, problem: "is empty; fill it or remove the row" };
  switch (form) {
    case "text":
      return { gold: trimmed };
    case "number":
      return number(trimmed);
    case "hashes": {
      const mark = trimmed.lastIndexOf("####");
      if (mark < 0) return { gold: null, problem: 'has no "####"; take another goldForm, "number" or "text"' };
      return number(trimmed.slice(mark + 4).trim());
    }
    case "boxed":
    case "boxed-or-text": {
      const boxed = lastBoxed(trimmed);
      if (boxed !== null && boxed.trim() !== "") return { gold: boxed.trim() };
      if (boxed === null && form === "boxed-or-text") return { gold: trimmed };
      return {
        gold: null,
        problem: 'has no \\boxed{...} with an answer in it; take another goldForm, "text" for instance',
      };
    }
    default:
      return form satisfies never;
  }
}

const plainNumber = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:\/\d+)?(?:e[+-]?\d+)?%?$/i;

function number(text: string): ReadGold {
  const digits = text
    .replace(/^\$\s?/, "")
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, "")
    .replace(/\.$/, "");
  if (!plainNumber.test(digits)) return { gold: null, problem: 'is not a number; correct it, or take goldForm "text"' };
  // AIME's answers have three digits, 025 for 25.
  return { gold: digits.replace(/^([+-]?)0+(?=\d)/, "$1") };
}

/** What stands in the last `\boxed{}` or `\fbox{}`, braces balanced; `\boxed 5` too. null where there is none. */
export function lastBoxed(text: string): string | null {
  const start = Math.max(text.lastIndexOf("\\boxed"), text.lastIndexOf("\\fbox"));
  if (start < 0) return null;
  const rest = text.slice(start).replace(/^\\[a-z]+\s*/, "");
  if (!rest.startsWith("{")) return /^[^\s$.,}]+/.exec(rest)?.[0] ?? "";
  let depth = 0;
  for (let i = 0; i < rest.length; i++) {
    if (rest[i] === "\\") i++;
    else if (rest[i] === "{") depth++;
    else if (rest[i] === "}" && --depth === 0) return rest.slice(1, i);
  }
  return "";
}
