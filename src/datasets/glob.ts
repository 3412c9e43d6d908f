/**
 * Patterns of files on a data set's card: `*` within a folder, `**` across folders, `?`, `[abc]`, `[!a-c]`, `{a,b}`. Matched
 * by walking all readings at once, since a card may hold anything: time is the path's length times the pattern's.
 */
export function matchesGlob(path: string, glob: string): boolean {
  return alternatives(glob).some((one) => matchesTokens(path, tokensOf(one)));
}

type Token =
  | { readonly kind: "one"; matches(char: string): boolean }
  /** Any run of characters; `folders`: slashes too. */
  | { readonly kind: "many"; readonly folders: boolean };

/** Longest list of patterns that braces may stand for. */
const most = 256;

/** `a{b,c}d` -> abd, acd; braces don't nest. */
function alternatives(glob: string): string[] {
  const pieces = glob.split(/\{([^{}]*)\}/);
  let all = [pieces[0]!];
  for (let i = 1; i < pieces.length; i += 2) {
    const choices = pieces[i]!.split(",");
    all = all.flatMap((start) => choices.map((choice) => start + choice + pieces[i + 1]!));
    if (all.length > most) return [glob];
  }
  return all;
}

function tokensOf(glob: string): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    if (char === "*") {
      const folders = glob[i + 1] === "*";
      while (glob[i + 1] === "*") i++;
      tokens.push({ kind: "many", folders });
      // "**/x" is x at the top too.
      if (folders && glob[i + 1] === "/") i++;
    } else if (char === "?") {
      tokens.push({ kind: "one", matches: (other) => other !== "/" });
    } else if (char === "[" && glob.indexOf("]", i + 2) > 0) {
      const end = glob.indexOf("]", i + 2);
      tokens.push({ kind: "one", matches: classOf(glob.slice(i + 1, end)) });
      i = end;
    } else {
      tokens.push({ kind: "one", matches: (other) => other === char });
    }
  }
  return tokens;
}

function classOf(text: string): (char: string) => boolean {
  const not = text.startsWith("!") || text.startsWith("^");
  const ranges = [...(not ? text.slice(1) : text).matchAll(/(.)-(.)|(.)/gsu)].map(([, low, high, one]) => [
    low ?? one!,
    high ?? one!,
  ]);
  return (char) => char !== "/" && ranges.some(([low, high]) => low! <= char && char <= high!) !== not;
}

function matchesTokens(path: string, tokens: readonly Token[]): boolean {
  /** Places in the pattern that the path read so far can have come to. */
  let places = reachable(new Set([0]), tokens);
  for (const char of path) {
    const next = new Set<number>();
    for (const place of places) {
      const token = tokens[place];
      if (token?.kind === "many" && (token.folders || char !== "/")) next.add(place);
      if (token?.kind === "one" && token.matches(char)) next.add(place + 1);
    }
    places = reachable(next, tokens);
  }
  return places.has(tokens.length);
}

/** A run of characters may be empty. */
function reachable(places: Set<number>, tokens: readonly Token[]): Set<number> {
  for (const place of places) if (tokens[place]?.kind === "many") places.add(place + 1);
  return places;
}
