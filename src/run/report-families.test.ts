import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseHTML } from "linkedom";
import { fakeAnswers, fakeEnvironment, fakeReport, fakeStep, fakeSummary } from "../../test/fake-run.ts";
import type { EvalReport } from "../eval/report.ts";
import { evalReport } from "../eval/statistics.ts";
import type { Scored } from "../rewards/score.ts";
import type { Group } from "../rollout/rollout.ts";
import { readRun } from "./reader.ts";
import { collectReport } from "./report-data.ts";
import { reportHtml } from "./report-html.ts";
import { reportMarkdown } from "./report-markdown.ts";
import { openRun } from "./run-directory.ts";
import { summarize } from "./summary.ts";

/** Problems that name their family: told apart in every file of a run, and in the report only then. */

const named = (groups: readonly Group<Scored>[]): Group<Scored>[] =>
  groups.map((group, i) => ({ ...group, problem: { ...group.problem, family: i % 3 === 0 ? "zebra" : "gcd-lcm" } }));

const report = (groups: readonly Group<Scored>[]): EvalReport =>
  evalReport(groups, { temperature: 1, maxTokens: 256, countReflectiveWords: () => 0, weights: { accuracy: 1 } });

test("a report by family adds up to the whole, and is not there without families", () => {
  const groups = fakeAnswers(3, 12, 12, 4);
  assert.equal(report(groups).byFamily, undefined);
  const { byFamily, pass1 } = report(named(groups));
  assert.deepEqual(
    byFamily!.map(({ family, problems }) => [family, problems]),
    [
      ["gcd-lcm", 8],
      ["zebra", 4],
    ],
  );
  const [gcd, zebra] = byFamily!.map((one) => one.pass1.value);
  assert.ok(Math.abs((8 * gcd! + 4 * zebra!) / 12 - pass1.value) < 1e-12);
  const alone = report(groups.filter((_, i) => i % 3 === 0));
  assert.equal(zebra, alone.pass1.value);
});

test("metrics, rollouts, evaluations, summary and report tell families apart", async () => {
  const path = await mkdtemp(join(tmpdir(), "autodidact-families-"));
  try {
    const run = await openRun(path, { recipe: { seed: 7 }, environment: fakeEnvironment });
    const [base, trained] = [named(fakeAnswers(7, 0)), named(fakeAnswers(7, 12))];
    await run.recordEvaluation("before", 0, report(base), base);
    const step = fakeStep(7, 1, 2);
    await run.record({ ...step, metrics: { ...step.metrics, pass1ByFamily: { zebra: 0.25 } } });
    await run.recordEvaluation("after", 12, report(trained), trained);
    const whole = fakeSummary(7, 12);
    const summary = summarize({ ...whole, before: report(base), after: report(trained) });
    await run.writeSummary(summary);
    await run.close();
    const { metrics, evaluations } = await readRun(path);
    assert.ok(metrics[0]!.kind === "grpo");
    assert.deepEqual(metrics[0].pass1ByFamily, { zebra: 0.25 });
    assert.deepEqual(evaluations[1]!.byFamily, report(trained).byFamily);
    assert.deepEqual(
      summary.after.byFamily!.map(({ family }) => family),
      ["gcd-lcm", "zebra"],
    );
    const data = await collectReport(await readRun(path), summary);
    const markdown = reportMarkdown(data);
    assert.match(markdown, /## By family\n\n\| family \| problems \|/);
    assert.match(markdown, /^\| zebra \| 4 \|/m);
    const { document } = parseHTML(reportHtml(data));
    const row = [...document.querySelectorAll("tr")].find((one) => one.textContent?.startsWith("gcd-lcm"));
    assert.equal(row?.querySelectorAll("td").length, 7); // two answers each take no vote
    const without = { ...data, summary: summarize({ ...whole, before: fakeReport(0), after: fakeReport(12) }) };
    assert.doesNotMatch(reportMarkdown(without), /By family/);
    assert.doesNotMatch(reportHtml(without), /by family/);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});
