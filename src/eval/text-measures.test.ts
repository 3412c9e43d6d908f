import assert from "node:assert/strict";
import { test } from "node:test";
import { textMeasures } from "./text-measures.ts";

test("measures of text are means over answers", () => {
  const loop = "no 9*7=63 ".repeat(8);
  const { repetitionShare, loopShare, languageMixing } = textMeasures(["no wait 不对 check", loop]);
  assert.equal(languageMixing, 0.125);
  assert.equal(loopShare, 0.5);
  assert.ok(repetitionShare > 0.35 && repetitionShare < 0.5, String(repetitionShare));
  assert.ok(Number.isNaN(textMeasures([]).loopShare));
});
