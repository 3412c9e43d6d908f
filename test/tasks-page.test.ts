import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commands } from "../src/cli/commands.ts";
import { families } from "../src/families/families.ts";
import { problems } from "./code-blocks.ts";
import { root } from "./imports.ts";

const page = readFileSync(join(root, "docs", "tasks.md"), "utf8");

test("docs/tasks.md has every family with its own words, in the registry's order, and no other", async () => {
  const listed = [...page.matchAll(/^\| `([\w-]+)` \| (.+) \| (.+) \|$/gm)]
    .map(([, name, asks, grows]) => [name, asks, grows])
    .filter(([name]) => !["accuracy", "format", "drop", "revisit", "memory", "atLeast"].includes(name!));
  const wanted: string[][] = [];
  for (const [name, { load }] of Object.entries(families)) {
    const { asks, grows } = await load();
    wanted.push([name, asks, grows]);
  }
  assert.ok(wanted.length >= 26);
  assert.deepEqual(listed, wanted);
});

test("docs/tasks.md's code compiles and its commands are there", async () => {
  assert.deepEqual(await problems("docs/tasks.md", page, commands), []);
});
