import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseHTML } from "linkedom";
import { fakeAnswers, fakeEnvironment, fakeReport, fakeStep, fakeSummary } from "../../test/fake-run.ts";
import { readRun } from "./reader.ts";
import { writeReport } from "./report.ts";
import { collectReport } from "./report-data.ts";
import { reportHtml } from "./report-html.ts";
import { reportMarkdown } from "./report-markdown.ts";
import { openRun } from "./run-directory.ts";
import type { Measurement } from "./summary.ts";

let path: string;
const hostile = '<script>alert("x")</script> ``` | \u001b[31m \u202e';

before(async () => {
  path = await mkdtemp(join(tmpdir(), "autodidact-report-"));
  const run = await openRun(path, { recipe: { seed: 7 }, environment: fakeEnvironment });
  const spoilt = fakeAnswers(7, 0);
  const [group] = spoilt;
  spoilt[0] = { ...group!, rollouts: group!.rollouts.map((one) => ({ ...one, text: hostile, reason: hostile })) };
  await run.recordEvaluation("before", 0, fakeReport(0), spoilt);
  for (let step = 1; step <= 12; step++) await run.record(fakeStep(7, step, 2));
  await run.recordEvaluation("after", 12, fakeReport(12), fakeAnswers(7, 12));
  await run.close();
});
after(() => rm(path, { recursive: true, force: true }));

test("an unfinished run has no report yet", async () => {
  await assert.rejects(writeReport(path), { code: "REPORT_UNFINISHED", message: /summary\.json.*--resume/ });
});

test("report.html tells the figures, needs nothing and runs nothing", async () => {
  const run = await openRun(path, { environment: fakeEnvironment, resume: true });
  const summary = fakeSummary(7, 12);
  await run.writeSummary(summary);
  await run.close();
  const paths = await writeReport(path);
  const text = await readFile(paths.html, "utf8");
  const { document } = parseHTML(text);
  assert.equal(document.querySelectorAll("script, link, img, iframe").length, 0);
  assert.doesNotMatch(text.replaceAll(/xmlns(:\w+)?="[^"]*"/g, ""), /https?:\/\//);
  assert.equal(document.querySelectorAll("svg").length, 10);
  const seen = document.documentElement.textContent ?? "";
  const percent = (share: number) => `${(share * 100).toFixed(1)}`;
  const { low, high } = fakeReport(12).passAtKIntervals!["4"]!;
  const passAt4 = `(${percent(low)} to ${percent(high)})`;
  for (const value of [
    percent(summary.before.pass1),
    percent(summary.after.pass1),
    percent(summary.after.pass1Interval[0]),
    passAt4,
    summary.command,
    "Imaginary CPU 3000",
    "61 of 208",
    "18,234",
    "clipHigh",
    "wrong-numbers",
  ]) {
    assert.ok(seen.includes(value), `the page has no ${value}`);
  }
  assert.equal(document.querySelectorAll(".pair").length, 5);
  // An answer is text, whatever it holds.
  assert.ok(seen.includes('<script>alert("x")</script>'));
  assert.ok(seen.includes("\\u001b[31m"));
  assert.ok(!text.includes("\u001b") && !text.includes("\u202e"));
  // No figure was lost on the way: NaN or undefined would show in a chart's path or in the text.
  assert.doesNotMatch(text, /NaN|undefined|\[object/);
});

test("report.md has the same figures, and no answer breaks out of its block", async () => {
  const text = await readFile(join(path, "report.md"), "utf8");
  assert.match(text, /^# Right answers (rose|went) from/);
  assert.match(text, /\n\| 4 \| [\d.]+\u00a0% \([\d.]+ to [\d.]+\) \|/);
  assert.match(text, /\n````text\n<script>[^\n]*\n````\n/);
  assert.doesNotMatch(text, /NaN|undefined/);
  assert.ok(!text.includes("\u001b"));
  for (const line of text.split("\n").filter((one) => one.startsWith("| 3 |")))
    assert.equal(line.match(/(?<!\\)\|/g)?.length, 10);
});

test("only a change beyond the intervals is called a rise or a fall, and one step draws no curve", async () => {
  const run = await readRun(path);
  const say = async (before: [number, number], after: [number, number]): Promise<string> => {
    const at = (one: Measurement, [low, high]: [number, number]): Measurement => ({
      ...one,
      pass1: (low + high) / 2,
      pass1Interval: [low, high],
    });
    const summary = { ...run.summary!, before: at(run.summary!.before, before), after: at(run.summary!.after, after) };
    return reportMarkdown(await collectReport(run, summary));
  };
  assert.match(await say([0.1, 0.2], [0.3, 0.4]), /^# Right answers rose from/);
  assert.match(await say([0.3, 0.4], [0.1, 0.2]), /^# Right answers fell from/);
  assert.match(await say([0.3, 0.5], [0.2, 0.4]), /^# Right answers went from/);
  const data = await collectReport({ ...run, metrics: run.metrics.slice(0, 1) }, { ...run.summary!, steps: 1 });
  const page = reportHtml(data);
  assert.doesNotMatch(page, /step by step/);
  assert.match(page, /in 1 round, and/);
});

test("a task of one level gets the figures in place of charts by level, and no columns of a vote nobody took", async () => {
  const run = await readRun(path);
  const part = (one: Measurement): Measurement => ({
    ...one,
    majority16: null,
    byLevel: one.byLevel.slice(0, 1).map((level) => ({ ...level, majority16: null })),
    byFamily: [{ ...one.byLevel[0]!, family: "gcd-lcm", majority16: null }],
  });
  const summary = { ...run.summary!, before: part(run.summary!.before), after: part(run.summary!.after) };
  const data = await collectReport(run, summary);
  const { document } = parseHTML(reportHtml(data));
  assert.equal(document.querySelectorAll("svg").length, 6); // those step by step
  const headings = [...document.querySelectorAll("h2")].map((one) => one.textContent);
  assert.ok(headings.includes("Before and after") && headings.includes("Before and after, by family"));
  const rows = [...document.querySelectorAll("tr")].map((row) => [...row.children].map((one) => one.textContent));
  const [, before, after] = rows.find(([first]) => first === "mean length, tokens")!;
  assert.equal(before, summary.before.meanLength.toFixed(1));
  assert.equal(after, summary.after.meanLength.toFixed(1));
  assert.equal(rows.find(([first]) => first === "family")?.length, 7);
  const markdown = reportMarkdown(data);
  assert.doesNotMatch(markdown, /By difficulty|vote base/);
  assert.match(markdown, /^\| gcd-lcm \| 52 \|/m);
});

test("the same run gives the same report", async () => {
  const one = await readFile(join(path, "report.html"), "utf8");
  await writeReport(path);
  assert.equal(await readFile(join(path, "report.html"), "utf8"), one);
});

test("several graders stand side by side, with what was only reported", async () => {
  const run = await readRun(path);
  const one = await collectReport(run, run.summary!);
  assert.doesNotMatch(reportMarkdown(one), /each grader/);
  const graders = (accuracy: number, lenient: number) => ({
    accuracy: { weight: 1, mean: accuracy },
    lenient: { weight: 0, mean: lenient },
  });
  const evaluations = run.evaluations.map((line, i) => ({
    ...line,
    rewardParts: i === 0 ? graders(0.125, 0.5) : graders(0.75, 0.5),
  }));
  const data = await collectReport({ ...run, evaluations }, run.summary!);
  const markdown = reportMarkdown(data);
  assert.match(markdown, /\| accuracy \| 1 \| 0\.125 \| 0\.750 \|/);
  assert.match(markdown, /\| lenient \| 0: reported only \| 0\.500 \| 0\.500 \|/);
  const { document } = parseHTML(reportHtml(data));
  assert.match(document.documentElement.textContent ?? "", /What each grader says.*lenient\s*0: reported only/s);
  // What is only reported pays nothing: accuracy was still the whole reward.
  assert.match(markdown, /that one grade was all it was told/);
});

test("first use and doubling of a word are the steps they are defined to be", async () => {
  const run = await readRun(path);
  const uses = [0, 0, 1, 0, 1, 1, 2, 4, 4, 4];
  const line = {
    step: 0,
    problem: "p",
    level: 1,
    prompt: "",
    sample: 0,
    tokens: 1,
    finish: "stop",
    rewards: {},
    reward: 0,
    reason: "",
    reasons: {},
    answer: null,
    advantage: null,
  } as const;
  async function* rollouts() {
    for (const [i, n] of uses.entries()) yield { ...line, step: i + 1, text: "Wait, waiting await ".repeat(n) };
  }
  const answers = [
    { ...line, label: "before", text: "wait" },
    { ...line, label: "before", text: "no" },
  ];
  const data = await collectReport({ ...run, rollouts, answers }, run.summary!, ["wait", "however"]);
  // Base 0.5 an answer. Five-step means: step 7 (1+0+1+1+2)/5 = 1, step 8 (0+1+1+2+4)/5 = 1.6 > 1.
  assert.deepEqual(data.words, [
    { word: "wait", baseRate: 0.5, finalRate: 3, firstStep: 3, doubledStep: 8 },
    { word: "however", baseRate: 0, finalRate: 0, firstStep: null, doubledStep: null },
  ]);
});
