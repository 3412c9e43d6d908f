import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { z } from "zod";
import { fakeEnvironment, fakeReport, fakeSummary } from "../../test/fake-run.ts";
import { summarize, summarySchema } from "./summary.ts";

test("a summary holds the reports' figures and passes its schema", () => {
  const summary = fakeSummary(1, 50);
  assert.deepEqual(summarySchema.parse(JSON.parse(JSON.stringify(summary))), summary);
  const report = fakeReport(50);
  assert.equal(summary.after.pass1, report.pass1.value);
  assert.deepEqual(summary.after.pass1Interval, [report.pass1.low, report.pass1.high]);
  assert.equal(summary.after.majority16, report.majority.value);
  assert.equal(summary.after.byLevel[4]!.meanLength, report.byLevel[4]!.meanLength);
  assert.deepEqual(summary.after.byLevel[0]!.pass1Interval, [
    report.byLevel[0]!.pass1.low,
    report.byLevel[0]!.pass1.high,
  ]);
});

test("a vote of other than sixteen is not called one of sixteen", () => {
  const parts = {
    ...fakeSummary(1, 50),
    before: { ...fakeReport(0), samplesPerProblem: 4 },
    after: { ...fakeReport(50), samplesPerProblem: 4 },
  };
  const summary = summarize(parts);
  assert.equal(summary.before.majority16, null);
  assert.equal(summary.after.byLevel[2]!.majority16, null);
});

test("measurements made differently are not compared", () => {
  const parts = { ...fakeSummary(1, 50), before: fakeReport(0), after: { ...fakeReport(50), temperature: 0.6 } };
  assert.throws(() => summarize(parts), {
    code: "SUMMARY_INCOMPARABLE",
    message: /^temperature: 1 before and 0\.6 after/,
  });
});

test("docs/run-directory.md describes every field of summary.json", async () => {
  const doc = await readFile(new URL("../../../docs/run-directory.md", import.meta.url), "utf8");
  const json = z.toJSONSchema(summarySchema) as object;
  const rows: string[] = [];
  const walk = (schema: object, path: string): void => {
    const node = schema as {
      properties?: Record<string, object>;
      items?: object;
      description?: string;
      anyOf?: object[];
    };
    const inner = node.anyOf?.find((one) => "properties" in one);
    if (inner) walk(inner, path);
    else if (node.properties)
      for (const [field, inner] of Object.entries(node.properties)) walk(inner, path ? `${path}.${field}` : field);
    else if (node.items && !Array.isArray(node.items) && (node.items as { properties?: object }).properties)
      walk(node.items, `${path}[]`);
    else rows.push(path);
  };
  walk(json, "");
  assert.ok(
    rows.includes("after.byLevel[].pass1Interval") && rows.includes("novelSolutions.solved") && rows.length > 40,
  );
  // before and after have the same fields and share their rows.
  const missing = rows
    .map((row) => row.replace(/^(before|after)\./, "before, after: "))
    .filter((row) => !doc.includes(`\`${row.replace("before, after: ", "")}\``));
  assert.deepEqual(missing, []);
  assert.equal(Object.keys(fakeEnvironment).length, 7);
});
