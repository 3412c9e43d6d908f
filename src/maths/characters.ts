/** What single characters and LaTeX commands stand for. */

export const greek = new Set(
  (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi omicron rho sigma tau upsilon phi " +
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega ell hbar nabla partial aleph"
  ).split(" "),
);

/** Operators by the commands that write them; the operator stands first in each row. */
const operatorRows = `
* cdot times ast bullet
/ div
± pm
∓ mp
- -
= approx coloneqq
≡ equiv
~ sim
≤ le leq leqslant
≥ ge geq geqslant
< lt
> gt
≠ ne neq
∈ in
∉ notin
⊂ subset subseteq
∥ parallel
⊥ perp
∪ cup
∩ cap
∖ setminus backslash smallsetminus
→ to rightarrow Rightarrow implies mapsto iff
| mid vert lvert rvert
‖ Vert lVert rVert |
⌊ lfloor
⌋ rfloor
⌈ lceil
⌉ rceil
⟨ langle
⟩ rangle
( lparen
) rparen
[ lbrack
] rbrack
\\{ lbrace {
\\} rbrace }
% %
° circ degree
: colon
… ldots dots cdots vdots ddots
' prime
and land wedge
or lor vee
\\\\ \\ cr newline`;

export const operatorCommands: ReadonlyMap<string, string> = new Map(
  operatorRows
    .trim()
    .split("\n")
    .flatMap((row) => {
      const [operator = "", ...commands] = row.split(" ");
      return commands.map((command): [string, string] => [command, operator]);
    }),
);

/** Layout without meaning. */
export const layout = new Set(
  (
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm displaystyle textstyle scriptstyle limits " +
    "nolimits quad qquad , ; ! : > space thinspace enspace hfill hline noindent nonumber $ & # / boldsymbol boxed fbox mathstrut strut bf rm it displaylimits " +
    "mathrm mathbf mathit mathsf mathcal mathscr mathfrak bm operatorname* centering small large Large"
  ).split(" "),
);

export const quotedCommands = new Set(
  "text textbf textit textrm textnormal textsf texttt mbox hbox mathrm operatorname mathbf mathit textup emph".split(
    " ",
  ),
);
export const skippedWithGroup = new Set(
  "phantom hspace vspace hphantom vphantom label tag color textcolor require".split(" "),
);
export const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ";
export const subscripts = "₀₁₂₃₄₅₆₇₈₉";
export const vulgarFractions: ReadonlyMap<string, readonly [number, number]> = new Map(
  "½1/2 ⅓1/3 ⅔2/3 ¼1/4 ¾3/4 ⅕1/5 ⅖2/5 ⅗3/5 ⅘4/5 ⅙1/6 ⅚5/6 ⅛1/8 ⅜3/8 ⅝5/8 ⅞7/8".split(" ").map((one) => {
    const [above, below] = one.slice(1).split("/").map(Number);
    return [one[0]!, [above!, below!]];
  }),
);

/** Characters that are an operator by themselves. */
export const operatorCharacters = "+-*/^_()[]{},;=<>≤≥≠∈∉∪∩∖|!:'%±∓°&…⌊⌋⌈⌉⟨⟩→≡~∥⊥⊂‖";

export const operatorPairs: ReadonlyMap<string, string> = new Map([
  ["**", "^"],
  ["<=", "≤"],
  [">=", "≥"],
  ["!=", "≠"],
  ["==", "="],
  [":=", "="],
  ["=>", "→"],
  ["->", "→"],
  ["+-", "±"],
]);

const pairs = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split(" ").map((one): [string, string] => [one[0]!, one.slice(1)]));

export const commandCharacters = pairs(
  "πpi ∞infty √sqrt ∅emptyset ℝset-R ℤset-Z ℕset-N ℚset-Q ℂset-C ∑sum ∠angle △triangle",
);
export const greekCharacters = pairs(
  "θtheta αalpha βbeta γgamma δdelta λlambda μmu σsigma φphi ωomega ρrho τtau εepsilon ΔDelta",
);

/** A run of plain letters: is it a product of variables, as in `xyz`? */
export function isLetters(run: string): boolean {
  if (/^[A-Z][a-z]/.test(run)) return false;
  if (run.length === 2)
    return !/^(?:is|or|of|to|no|in|by|at|as|up|it|if|so|we|an|am|pm|do|he|me|my|us|be|on|go|cm|km|kg|mm|mg|ml|ft|yd|mi|hr|lb|oz|qt|pt|kJ|kW|Hz|Pa|mL|Rs|dx|NO|No|OK|ok|oh)$/.test(
      run,
    );
  if (run.length === 3 && /^[A-Z]+$/.test(run)) return !/^(?:AND|DNE|USD|EUR|RMB|YES|NOT)$/.test(run);
  if (!/^[a-z]+$/.test(run) || run.length > 6) return false;
  if (
    /^(?:the|all|any|and|add|age|ago|air|ask|art|arm|apt|ant|act|hrs|lbs|mph|kmh|kph|mod|pct|gcd|lcm|pcs|try|why|dry|fly|sky|sqrt)$/.test(
      run,
    )
  )
    return false;
  // In names of variables vowels are rare: e and i at the end (xe^x, abi), a at the start.
  return run.length === 3 ? /^[^eiou][^aeiou][^aou]$/.test(run) : !/[aeiou]/.test(run);
}
