import type { Language } from "./tests.ts";

/** The program of an answer. */
export interface ExtractedCode {
  readonly code: string;
  /** What the fence says; null where it has no tag or one that is no language of ours. */
  readonly tagged: Language | null;
}

interface Block {
  readonly tag: string;
  readonly code: string;
}

const tags: Readonly<Record<string, Language>> = {
  python: "python",
  python3: "python",
  py: "python",
  py3: "python",
  javascript: "javascript",
  js: "javascript",
  node: "javascript",
  jsx: "javascript",
  mjs: "javascript",
  typescript: "typescript",
  ts: "typescript",
  mts: "typescript",
};

/**
 * The program in an answer.
 * 1. Only what stands behind the last `</think>` counts; thinking that never ends leaves nothing.
 * 2. Fences are CommonMark's: three or more backticks or tildes, closed by as many of the same or by the end of the text.
 * 3. The last block tagged with a wanted language is the program (TypeScript is wanted where JavaScript is, and the other
 *    way round; without a wanted language any of ours is). An untagged block behind it is taken for sample output.
 * 4. Without such a block the last one without a tag is the program.
 * 5. Without any fence the content of the last `<answer>` is.
 *
 * @returns null where the answer holds no program
 */
export function extractCode(text: string, wanted: Language | null = null): ExtractedCode | null {
  const thinkEnd = text.lastIndexOf("</think>");
  if (thinkEnd < 0 && text.includes("<think>")) return null;
  const answer = thinkEnd < 0 ? text : text.slice(thinkEnd + "</think>".length);
  const blocks = fencedBlocks(answer).filter(({ code }) => code.trim() !== "");
  const family = (language: Language): string => (language === "python" ? "python" : "javascript");
  const tagged = blocks.findLast(({ tag }) => {
    const language = tags[tag];
    return language !== undefined && (wanted === null || family(language) === family(wanted));
  });
  if (tagged !== undefined) return { code: tagged.code, tagged: tags[tagged.tag]! };
  const bare = blocks.findLast(({ tag }) => tag === "");
  if (bare !== undefined) return { code: bare.code, tagged: null };
  if (blocks.length > 0) return null;
  const open = answer.lastIndexOf("<answer>");
  if (open < 0) return null;
  const close = answer.indexOf("</answer>", open);
  const code = answer.slice(open + "<answer>".length, close < 0 ? undefined : close);
  return code.trim() === "" ? null : { code, tagged: null };
}

/** In order of their start. The body keeps its own indentation less the fence's. */
function fencedBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { mark: string; indent: number; tag: string; lines: string[] } | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (open === null) {
      const fence = /^( {0,12})(?:<answer>\s*)?(`{3,}|~{3,})([^`]*)$/.exec(line);
      if (fence === null) continue;
      const tag = fence[3]!
        .trim()
        .split(/[\s{,:]/)[0]!
        .toLowerCase();
      open = { mark: fence[2]!, indent: fence[1]!.length, tag, lines: [] };
      continue;
    }
    const bare = line
      .trim()
      .replace(/<\/answer>$/, "")
      .trimEnd();
    if (bare.length >= open.mark.length && bare === open.mark[0]!.repeat(bare.length)) {
      blocks.push({ tag: open.tag, code: open.lines.join("\n") });
      open = null;
    } else {
      const indent = /^ */.exec(line)![0].length;
      open.lines.push(line.slice(Math.min(indent, open.indent)));
    }
  }
  if (open !== null) blocks.push({ tag: open.tag, code: open.lines.join("\n").replace(/<\/answer>\s*$/, "") });
  return blocks;
}
