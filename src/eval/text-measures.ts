import { scriptMixing } from "../verifiers/words.ts";
import { endsInLoop, repetitionShare } from "./repetition.ts";
import type { TextMeasures } from "./report.ts";

/** Means over answers of what is reported of their text and never rewarded; NaN without answers. */
export function textMeasures(texts: readonly string[]): TextMeasures {
  const average = (measure: (text: string) => number): number =>
    texts.reduce((sum, text) => sum + measure(text), 0) / texts.length;
  return {
    repetitionShare: average(repetitionShare),
    loopShare: average((text) => Number(endsInLoop(text))),
    languageMixing: average(scriptMixing),
  };
}
