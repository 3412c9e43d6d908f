import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/** Text of tokens that come one at a time: what is given out, put together, is what `decode` makes of all of them. */
export interface TextStream {
  /** The text that is certain with this token; "" where it ends inside a character. */
  push(token: number): string;
  /** What is left: of a character that never became whole, U+FFFD. */
  end(): string;
}

/** Bytes of a character that isn't whole: three at most, and a decoder may write one U+FFFD for each or for all. */
const UNFINISHED = /\ufffd{1,3}$/;

export function textStream(tokenizer: Tokenizer, options: DecodeOptions = {}): TextStream {
  // Tokens since the last place where text and tokens ended together. Before them stands a token that is whole
  // characters by itself, since some decoders treat the first token of a text otherwise than the others.
  let window: number[] = [];
  let given = "";
  let anchor: { readonly token: number; readonly text: string } | undefined;
  return {
    push(token) {
      window.push(token);
      const text = tokenizer.decode(window, options);
      const whole = text.replace(UNFINISHED, "");
      const piece = whole.slice(given.length);
      given = whole;
      if (whole === text) {
        const own = tokenizer.decode([token], options);
        if (own !== "" && !own.includes("\ufffd")) anchor = { token, text: own };
        if (anchor !== undefined) {
          window = [anchor.token];
          given = anchor.text;
        }
      }
      return piece;
    },
    end() {
      const piece = tokenizer.decode(window, options).slice(given.length);
      window = [];
      given = "";
      anchor = undefined;
      return piece;
    },
  };
}
