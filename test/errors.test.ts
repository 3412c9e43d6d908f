import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, sources } from "./imports.ts";

/** Error codes in the source: every text in capitals with an underscore is one, and the one word of a command line's. */
function codesInSource(): Set<string> {
  const codes = new Set<string>(["USAGE"]);
  for (const file of sources("src")) {
    if (file === "src/engine/onnx_pb.ts") continue;
    const text = readFileSync(join(root, file), "utf8");
    // "Q8_0" and the like are tensor types of GGUF, "OPENAI_API_KEY" is a variable of the environment.
    for (const [, code] of text.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g))
      if (!/^[IT]?Q\d|_API_KEY$/.test(code!)) codes.add(code!);
    // A code made of one word would escape the pattern above.
    for (const [, code] of text.matchAll(/new (?:AutodidactError|UsageError)\(\s*"([^"]+)"/g)) codes.add(code!);
  }
  return codes;
}

test("docs/errors.md has every error code of the source, once, and no other", () => {
  const page = readFileSync(join(root, "docs", "errors.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, code]) => code!);
  const codes = codesInSource();
  assert.ok(codes.size > 40);
  assert.deepEqual([...listed].sort(), [...codes].sort());
});
