import assert from "node:assert/strict";
import { test } from "node:test";
import { countReflectiveWords } from "./reflection.ts";

test("the paper's ten words and their counterparts are counted as words", () => {
  assert.equal(countReflectiveWords(""), 0);
  assert.equal(countReflectiveWords("9+7=16 no wait 9*7=63 63+2=65 yes"), 1);
  assert.equal(countReflectiveWords("Wait, wait! However"), 3);
  assert.equal(countReflectiveWords("wait mistake however but retry error verify wrong evaluate check"), 10);
  assert.equal(countReflectiveWords("butter awaits checked"), 0);
  assert.equal(countReflectiveWords("不对 等等 9*7=63 不对 但是 再试 检查"), 4);
});
