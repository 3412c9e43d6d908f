/** The place of the brace that closes the one at `from`, backslashes heeded; -1 where there is none. Linear. */
export function closingBrace(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 92) at++;
    else if (code === 123) depth++;
    else if (code === 125 && --depth === 0) return at;
  }
  return -1;
}

/** A box in a box is looked into this often. */
const deepest = 4;

/** The content of the box that the whole text is, or the text. */
export function unboxed(text: string): string {
  let bare = text.trim();
  for (let depth = 0; depth < deepest; depth++) {
    const open = /^\$?\s*\\(?:boxed|fbox)\s*\{/.exec(bare)?.[0].length;
    if (open === undefined) break;
    const end = closingBrace(bare, open - 1);
    if (end < 0 || !/^[\s$.]*$/.test(bare.slice(end + 1))) break;
    bare = bare.slice(open, end).trim();
  }
  return bare;
}
