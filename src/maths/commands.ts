/** LaTeX commands by what follows them. */
export const accents = new Set(
  "vec hat bar overline overrightarrow widehat tilde widetilde underline overleftrightarrow overset dot ddot mathring".split(
    " ",
  ),
);
export const fractions = new Set(["frac", "dfrac", "tfrac", "cfrac"]);
export const binomials = new Set(["binom", "dbinom", "tbinom"]);
export const figures = new Set(["angle", "triangle", "measuredangle", "odot", "square"]);
export const primaryCommands = new Set([
  "pi",
  "infty",
  "sqrt",
  "emptyset",
  "varnothing",
  "sum",
  "prod",
  "int",
  "lim",
  "exp",
  "Re",
  "Im",
  "imath",
  "mathring",
]);
