/** Markup that is safe to put into a page as it is. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return visible(text).replace(/[&<>"']/g, (character) => names[character]!);
}

/** Control characters and direction marks shown as what they are; models emit anything. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

type Value = Markup | string | number | readonly Markup[];

/** Template tag: everything put in is escaped, except Markup. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  const show = (value: Value): string => {
    if (value instanceof Markup) return value.text;
    if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
    return value.map(({ text }) => text).join("");
  };
  return new Markup(parts.reduce((all, part, i) => all + show(values[i - 1]!) + part));
}

/** Text that is known to be markup: charts, the style sheet. */
export const raw = (text: string): Markup => new Markup(text);
