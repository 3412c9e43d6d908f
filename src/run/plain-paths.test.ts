import assert from "node:assert/strict";
import { test } from "node:test";
import { commandWithoutFolders, withoutFolders } from "./plain-paths.ts";

test("absolute paths by their last name, the hub's cache by the id; other words as they are", () => {
  for (const [text, plain] of [
    ["/home/ada/models/base", "base"],
    ["/home/ada/runs/sft/model", "sft"],
    ["C:\\Users\\Ada\\base\\", "base"],
    ["/c/hub/models--Owner--my-name/snapshots/0123abcd", "Owner/my-name"],
    ["/home/ada/one.ts,/home/ada/two.ts", "one.ts,two.ts"],
    ...["Owner/name@main", "../base", "https://host/v1/x", "/end", "Q: {prompt}\nA: 1/2/3"].map((one) => [one, one]),
  ] as const)
    assert.equal(withoutFolders(text!), plain);
  assert.equal(
    commandWithoutFolders(
      "autodidact sft --data '/home/ada/my data/a.jsonl' --out=/home/ada/x --set 'stop=[\"/a/b\"]'",
    ),
    "autodidact sft --data 'a.jsonl' --out=x --set 'stop=[\"/a/b\"]'",
  );
});
