import { stripVTControlCharacters, styleText } from "node:util";

/** Lines of a terminal as styled pieces, so that cutting and wrapping count columns and never cut a control code. */

export type Style = Exclude<Parameters<typeof styleText>[0], readonly unknown[]>;
export interface Span {
  readonly text: string;
  readonly style?: Style | undefined;
}
export type Line = readonly Span[];

export const span = (text: string, style?: Style): Span => ({ text, style });

/** Text that others wrote, without escape sequences, control characters and invisible marks (direction of writing). */
export function clean(text: string): string {
  const lines = stripVTControlCharacters(text).replace(/\r\n?|[\u2028\u2029]/g, "\n");
  return lines.replaceAll("\t", " ").replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, "");
}

const none = /\p{M}/u;
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes: East Asian characters and emoji two, combining marks none. */
export function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += none.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return sum;
}

/** The beginning of a text that fits, with "…" where something was left out. */
export function fit(text: string, width: number): string {
  if (columns(text) <= width) return text;
  if (width < 1) return "";
  let kept = "";
  let used = 0;
  for (const character of text) {
    used += columns(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Lines of at most `width` columns, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    let used = 0;
    for (const word of paragraph.split(/(?<= )/)) {
      if (used > 0 && used + columns(word.trimEnd()) > width) {
        lines.push(line.trimEnd());
        line = "";
        used = 0;
      }
      // A word longer than a line is broken anywhere.
      for (const character of word) {
        const size = columns(character);
        if (used + size > width) {
          if (character === " ") continue;
          lines.push(line);
          line = "";
          used = 0;
        }
        line += character;
        used += size;
      }
    }
    lines.push(line.trimEnd());
  }
  return lines;
}

/** A line as it is written: cut to `width` columns, styled where `color` is true. */
export function render(line: Line, width: number, color: boolean): string {
  let left = width;
  let text = "";
  for (const piece of line) {
    if (left <= 0) break;
    const shown = fit(piece.text, left);
    left -= columns(shown);
    text +=
      color && piece.style !== undefined && shown !== ""
        ? styleText(piece.style, shown, { validateStream: false })
        : shown;
  }
  return text;
}

export const lineColumns = (line: Line): number => line.reduce((sum, { text }) => sum + columns(text), 0);

const blocks = "▁▂▃▄▅▆▇█";

/** A curve in one line, `width` columns at most: each column the mean of the points that fall into it. */
export function sparkline(values: readonly number[], width: number, low: number, high: number): string {
  const count = Math.min(width, values.length);
  return Array.from({ length: Math.max(0, count) }, (_, i) => {
    const from = Math.floor((i * values.length) / count);
    const some = values.slice(from, Math.floor(((i + 1) * values.length) / count)).filter(Number.isFinite);
    if (some.length === 0) return " ";
    const mean = some.reduce((sum, value) => sum + value, 0) / some.length;
    const share = high > low ? (mean - low) / (high - low) : 0;
    return blocks[Math.max(0, Math.min(7, Math.round(share * 7)))]!;
  }).join("");
}

/** "━━━━━───" */
export function bar(fraction: number, width: number): [string, string] {
  const filled = Math.round(Math.max(0, Math.min(1, fraction)) * width);
  return ["━".repeat(filled), "─".repeat(width - filled)];
}
