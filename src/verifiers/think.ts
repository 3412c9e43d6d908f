/** Where in a completion the thinking stands and where the answer: the tags of R1-Zero's template (paper, table 1). */

export type TagName = "think" | "/think" | "answer" | "/answer";

export interface Tag {
  readonly name: TagName;
  readonly start: number;
  readonly end: number;
  /** Written exactly as the template has it: no capitals, no spaces, no attributes. */
  readonly exact: boolean;
  /** Inside a fenced code block, where it is quoted text rather than structure. */
  readonly quoted: boolean;
}

/** Anything a reader of tags would take for one of the four, misspelt ones included. The gaps are bounded: no backtracking. */
const tagPattern = /<\s{0,8}(\/?)\s{0,8}(think|answer)\b([^<>]{0,64})>/giu;

/** Every tag of a text in order. Linear in its length. */
export function tagsOf(text: string): Tag[] {
  const fences = fencesOf(text);
  const tags: Tag[] = [];
  let fence = 0;
  for (const match of text.matchAll(tagPattern)) {
    const [whole, slash, word] = match;
    const name = `${slash}${word!.toLowerCase()}` as TagName;
    const start = match.index;
    while (fence < fences.length && fences[fence]![1] <= start) fence++;
    const inside = fence < fences.length && fences[fence]![0] <= start;
    tags.push({ name, start, end: start + whole.length, exact: whole === `<${name}>`, quoted: inside });
  }
  return tags;
}

/**
 * Fenced code blocks as [start, end) in characters, end behind the closing fence. As in CommonMark a block opens with at
 * least three backticks or tildes at the start of a line and closes with at least as many of the same; one that is never
 * closed reaches to the end of the text. A tag ends a line here, since models write "<answer>```python" and "```</answer>".
 */
export function fencesOf(text: string): readonly (readonly [number, number])[] {
  const blocks: [number, number][] = [];
  let open: { readonly mark: string; readonly start: number } | null = null;
  for (const match of text.matchAll(/(?<=^|>) {0,3}(`{3,}|~{3,})([^\n<]*)/gmu)) {
    const mark = match[1]!;
    if (!open) {
      // A backtick fence has no backtick in its info string: "```x```" on one line is inline code.
      if (mark[0] === "`" && match[2]!.includes("`")) continue;
      open = { mark, start: match.index };
    } else if (mark[0] === open.mark[0] && mark.length >= open.mark.length && match[2]!.trim() === "") {
      blocks.push([open.start, match.index + match[0].length]);
      open = null;
    }
  }
  if (open) blocks.push([open.start, text.length]);
  return blocks;
}

export interface ThinkParts {
  /** The thinking, tags left out; null where no tag says where it is. */
  readonly thinking: string | null;
  /** What follows the thinking, `<answer>` tags left out where there is one pair of them. */
  readonly answer: string;
}

/**
 * Splits a completion at its first `</think>`. A missing opening tag is taken as given by the prompt; with an opening tag
 * alone (an answer that was cut off) all behind it is thinking.
 */
export function splitThinking(text: string): ThinkParts {
  const tags = tagsOf(text);
  const close = tags.find((tag) => tag.name === "/think");
  const open = tags.find((tag) => tag.name === "think" && (!close || tag.start < close.start));
  if (!close) return open ? { thinking: text.slice(open.end), answer: "" } : { thinking: null, answer: text };
  const behind = tags.filter((tag) => tag.start >= close.end);
  const from = behind.find((tag) => tag.name === "answer");
  const to = behind.find((tag) => tag.name === "/answer" && tag.start >= (from?.end ?? close.end));
  return {
    thinking: text.slice(open?.end ?? 0, close.start),
    answer: text.slice(from?.end ?? close.end, to?.start ?? text.length),
  };
}
