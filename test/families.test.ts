import assert from "node:assert/strict";
import { test } from "node:test";
import { families } from "../src/families/families.ts";
import type { FamilyProblem } from "../src/families/family.ts";
import { taskContract } from "./task.contract.ts";

/** Answers that can only be one of two. */
const binary: readonly string[] = ["parity", "entailment"];
/** Puzzles of which there are not more. */
const few: Readonly<Record<string, number>> = {};

for (const [name, { load, summary }] of Object.entries(families)) {
  taskContract<FamilyProblem>(name, load, {
    perLevel: few[name] ?? 100,
    mostFrequent: binary.includes(name) ? 0.55 : 0.25,
  });
  test(`family ${name} is registered under its name and says what it asks`, async () => {
    const family = await load();
    assert.deepEqual([family.name, family.asks], [name, summary]);
    assert.equal(family.levels.length, 5);
    assert.equal(new Set(family.levels.map((size) => JSON.stringify(size))).size, 5, "every level has its own size");
  });
}
